package pageguard

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"

	"github.com/signalscope/signalscope/collector/components/guard/internal/count"
)

func testGuard(t *testing.T, config Config) guard {
	counters, err := count.New(component.TelemetrySettings{MeterProvider: noop.NewMeterProvider(), Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	config.Expiration = time.Minute
	return guard{newPage(&config), counters}
}

var roomy = Config{Series: 100, TotalSeries: 1000, Names: map[string]string{"kept_total": "counter"}}

// passes sends one point, and returns true if it gets through.
func passes(g guard, service, kind, name string, labels map[string]any) bool {
	metrics := pmetric.NewMetrics()
	resource := metrics.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	resource.Resource().Attributes().PutStr("service.instance.id", service)
	metric := resource.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName(name)
	var attributes pcommon.Map
	switch kind {
	case "gauge":
		attributes = metric.SetEmptyGauge().DataPoints().AppendEmpty().Attributes()
	case "counter":
		metric.SetEmptySum().SetIsMonotonic(true)
		attributes = metric.Sum().DataPoints().AppendEmpty().Attributes()
	case "histogram":
		point := metric.SetEmptyHistogram().DataPoints().AppendEmpty()
		point.ExplicitBounds().FromRaw([]float64{1, 2})
		attributes = point.Attributes()
	case "summary":
		attributes = metric.SetEmptySummary().DataPoints().AppendEmpty().Attributes()
	case "exponential":
		attributes = metric.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes()
	}
	_ = attributes.FromRaw(labels)
	_, err := g.process(context.Background(), metrics)
	return err == nil
}

func TestNames(t *testing.T) {
	for name, test := range map[string]struct {
		kind, metric string
		passes       bool
	}{
		"the same":                        {"histogram", "x", true},
		"the same, as exponential":        {"exponential", "x", true},
		"another type":                    {"gauge", "x", false},
		"a gauge of its count":            {"gauge", "x_count", false},
		"a gauge of its sum":              {"gauge", "x.sum", false},
		"a gauge of its buckets":          {"gauge", "x_bucket", false},
		"a summary":                       {"summary", "x", false},
		"a counter of its name":           {"counter", "x", false},
		"another name":                    {"gauge", "y", true},
		"a counter's total":               {"gauge", "c_total", false},
		"a counter's name":                {"gauge", "c", false},
		"a reserved name of a counter":    {"counter", "kept", true},
		"a reserved name of a gauge":      {"gauge", "kept_total", false},
		"up":                              {"gauge", "up", false},
		"a metric of Prometheus":          {"gauge", "scrape_duration_seconds", false},
		"a metric of the Collector":       {"counter", "otelcol_exporter_sent_spans", false},
		"a metric of the guards":          {"counter", "signalscope_collector_refused_points", false},
		"the exporter's own":              {"gauge", "target.info", false},
		"a counter of the exporter's own": {"counter", "target.info", false},
		"only underscores":                {"gauge", "...", false},
		"a name with characters of both":  {"gauge", "日本.metric", true},
	} {
		g := testGuard(t, roomy)
		if !passes(g, "good", "histogram", "x", nil) || !passes(g, "good", "counter", "c", nil) {
			t.Fatal("a good metric was refused")
		}
		if got := passes(g, "bad", test.kind, test.metric, nil); got != test.passes {
			t.Errorf("%s: passes is %v", name, got)
		}
		if !passes(g, "good", "histogram", "x", nil) {
			t.Errorf("%s: the series that was there first was displaced", name)
		}
	}
}

func TestLabels(t *testing.T) {
	for _, test := range []struct {
		kind, key string
		passes    bool
	}{
		{"histogram", "le", false}, {"exponential", "le", false}, {"gauge", "le", true}, {"summary", "quantile", false},
		{"gauge", "quantile", true}, {"gauge", "job", false}, {"gauge", "instance", false}, {"gauge", "__name__", false},
		{"gauge", "..", false}, {"gauge", "1st", true}, {"gauge", "日本", false},
	} {
		if got := passes(testGuard(t, roomy), "a", test.kind, "m", map[string]any{test.key: "v"}); got != test.passes {
			t.Errorf("%s of a %s: passes is %v", test.key, test.kind, got)
		}
	}
	if passes(testGuard(t, roomy), "a", "gauge", "m", map[string]any{"a.b": "v", "a_b": "w"}) {
		t.Error("two attributes of one label passed")
	}
}

func TestOneSourceForASeries(t *testing.T) {
	g := testGuard(t, roomy)
	if !passes(g, "a", "gauge", "a.b", map[string]any{"k.1": "v"}) {
		t.Fatal("the first was refused")
	}
	if passes(g, "a", "gauge", "a_b", map[string]any{"k.1": "v"}) || passes(g, "a", "gauge", "a.b", map[string]any{"k_1": "v"}) {
		t.Error("a second source of the series passed")
	}
	if !passes(g, "a", "gauge", "a.b", map[string]any{"k.1": "v"}) || !passes(g, "b", "gauge", "a_b", map[string]any{"k.1": "v"}) {
		t.Error("the first source, or another service, was refused")
	}
}

func TestSeriesLimits(t *testing.T) {
	g := testGuard(t, Config{Series: 10, TotalSeries: 15})
	count := func(service, kind string, number int) (passed int) {
		for i := range number {
			if passes(g, service, kind, "m_"+kind, map[string]any{"k": fmt.Sprint(i)}) {
				passed++
			}
		}
		return passed
	}
	if got := count("a", "gauge", 12); got != 10 {
		t.Errorf("%d of 12 gauges passed", got)
	}
	if got := count("a", "gauge", 10); got != 10 {
		t.Errorf("%d of 10 known series passed", got)
	}
	if got := count("b", "histogram", 3); got != 1 {
		t.Errorf("%d histograms of five series passed, with room for five", got)
	}
	if got := count("c", "gauge", 1); got != 0 {
		t.Errorf("%d series passed above the total", got)
	}
	g.page.expire(time.Now().Add(2 * time.Minute))
	if got := count("c", "gauge", 12); got != 10 || g.page.total != 10 || len(g.page.services) != 1 {
		t.Errorf("%d passed after the others had expired; %d in total", got, g.page.total)
	}
}

func TestATypeOutlivesItsSeries(t *testing.T) {
	g := testGuard(t, roomy)
	passes(g, "a", "gauge", "m", nil)
	g.page.expire(time.Now().Add(2 * time.Minute))
	if passes(g, "b", "counter", "m", nil) {
		t.Error("the exporter still has the name")
	}
	g.page.expire(time.Now().Add(5 * time.Minute))
	if !passes(g, "b", "counter", "m", nil) {
		t.Error("the name was not released")
	}
	g.page.expire(time.Now().Add(time.Hour))
	if passes(g, "b", "gauge", "kept_total", nil) {
		t.Error("a reserved name was released")
	}
}

func TestResourceKeysThatSpoilTargetInfo(t *testing.T) {
	g := testGuard(t, roomy)
	attributes := pcommon.NewMap()
	_ = attributes.FromRaw(map[string]any{"service.name": "a", "..": "v", "__name__": "v", "host.name": "h"})
	g.page.sender(attributes, time.Now())
	if attributes.Len() != 2 {
		t.Errorf("left: %v", attributes.AsRaw())
	}
}

func TestConfig(t *testing.T) {
	for _, bad := range []Config{
		{}, {Series: 2, TotalSeries: 1, Expiration: 1},
		{Series: 1, TotalSeries: 1, Expiration: 1, Names: map[string]string{"a": "thing"}},
	} {
		if bad.Validate() == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}
