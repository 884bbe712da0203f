package pageguard

import (
	"strings"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// suffixes are those of a metric's own lines in OpenMetrics, by its type; "" is the name itself.
var suffixes = map[string][]string{
	"counter":   {"", "_total", "_created"},
	"gauge":     {""},
	"histogram": {"", "_bucket", "_count", "_sum", "_created"},
	"summary":   {"", "_count", "_sum", "_created"},
}

var metricNamer = otlptranslator.MetricNamer{WithMetricSuffixes: true} // UnderscoreEscapingWithSuffixes

// isReserved returns true for names of Prometheus, of the exporter and of the pipeline's own parts. Scraped with
// honor_labels, they would stand beside the real ones.
func isReserved(name string) bool {
	switch name {
	case "up", "target_info", "ALERTS", "ALERTS_FOR_STATE":
		return true
	}
	for _, prefix := range []string{"scrape_", "otelcol_", "prometheus_", "alertmanager_", "signalscope_collector_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// named is what a metric is called on the page.
type named struct{ name, kind string }

// source is what the name of a metric on the page depends on.
type source struct {
	name, unit string
	kind       otlptranslator.MetricType
}

// name returns the name of a metric on the page, and its type there; "" if it cannot have a name.
func (p *page) name(metric pmetric.Metric) (name, kind string) {
	from := source{name: metric.Name(), unit: metric.Unit()}
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		from.kind, kind = otlptranslator.MetricTypeGauge, "gauge"
	case pmetric.MetricTypeSum:
		from.kind, kind = otlptranslator.MetricTypeNonMonotonicCounter, "gauge"
		if metric.Sum().IsMonotonic() {
			from.kind, kind = otlptranslator.MetricTypeMonotonicCounter, "counter"
		}
	case pmetric.MetricTypeHistogram:
		from.kind, kind = otlptranslator.MetricTypeHistogram, "histogram"
	case pmetric.MetricTypeExponentialHistogram:
		from.kind, kind = otlptranslator.MetricTypeExponentialHistogram, "histogram"
	case pmetric.MetricTypeSummary:
		from.kind, kind = otlptranslator.MetricTypeSummary, "summary"
	}
	if known, ok := p.named[from]; ok {
		return known.name, known.kind
	}
	name, err := metricNamer.Build(otlptranslator.Metric{Name: from.name, Unit: from.unit, Type: from.kind})
	if err != nil {
		name, kind = "", ""
	}
	if len(p.named) >= cached {
		clear(p.named)
	}
	p.named[from] = named{name, kind}
	return name, kind
}

// family is a metric on the page.
type family struct {
	kind string
	seen time.Time
	kept bool // a name of the contract, which does not expire
}

// lines returns the names of the lines of a metric.
func lines(name, kind string) []string {
	base := name
	if kind == "counter" {
		base = strings.TrimSuffix(name, "_total")
	}
	all := make([]string, 0, 5)
	for _, suffix := range suffixes[kind] {
		all = append(all, base+suffix)
	}
	return all
}

// claim notes that a metric is on the page, and returns false if one of its lines belongs to another metric.
func (p *page) claim(name, kind string, now time.Time) bool {
	if known := p.families[name]; known != nil {
		if known.kind != kind {
			return false
		}
		known.seen = now
		return true
	}
	all := lines(name, kind)
	for _, line := range all {
		if _, taken := p.lines[line]; taken {
			return false
		}
	}
	p.families[name] = &family{kind: kind, seen: now}
	for _, line := range all {
		p.lines[line] = name
	}
	return true
}

// release forgets a metric.
func (p *page) release(name string) {
	for _, line := range lines(name, p.families[name].kind) {
		delete(p.lines, line)
	}
	delete(p.families, name)
}
