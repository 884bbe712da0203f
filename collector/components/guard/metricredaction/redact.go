package metricredaction

import (
	"context"
	"regexp"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	mask = "****"
	// most is the number of remembered results, and longest the bytes of a value that is remembered: at most 8 MiB.
	most, longest = 32_768, 128
	// Merged is set in the metadata of a metric that has lost an attribute: points may have become one series.
	Merged = "signalscope.redaction.merged"
)

// fate is what happens to an attribute, by its key.
type fate uint8

const (
	kept fate = iota + 1
	masked
	deleted
)

type redactor struct {
	patterns
	fates memory[fate]
	texts memory[string]
}

func newRedactor(p patterns) *redactor {
	return &redactor{patterns: p, fates: newMemory[fate](), texts: newMemory[string]()}
}

// memory has results by text. When it is full it begins again, so that no client can fill it for ever.
type memory[T any] struct {
	mutex   *sync.RWMutex
	results map[string]T
}

func newMemory[T any]() memory[T] {
	return memory[T]{&sync.RWMutex{}, map[string]T{}}
}

func (m memory[T]) get(text string, compute func(string) T) T {
	m.mutex.RLock()
	result, known := m.results[text]
	m.mutex.RUnlock()
	if known {
		return result
	}
	result = compute(text)
	if len(text) <= longest {
		m.mutex.Lock()
		defer m.mutex.Unlock()
		if len(m.results) >= most {
			clear(m.results)
		}
		m.results[text] = result
	}
	return result
}

func (r *redactor) metrics(_ context.Context, metrics pmetric.Metrics) (pmetric.Metrics, error) {
	for _, resource := range metrics.ResourceMetrics().All() {
		r.attributes(resource.Resource().Attributes())
		for _, scope := range resource.ScopeMetrics().All() {
			r.attributes(scope.Scope().Attributes())
			for _, metric := range scope.Metrics().All() {
				if r.metric(metric) {
					metric.Metadata().PutBool(Merged, true)
				}
			}
		}
	}
	return metrics, nil
}

// metric returns true if a point has lost an attribute.
func (r *redactor) metric(metric pmetric.Metric) bool {
	lost := false
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		for _, point := range metric.Gauge().DataPoints().All() {
			lost = r.attributes(point.Attributes()) || lost
		}
	case pmetric.MetricTypeSum:
		for _, point := range metric.Sum().DataPoints().All() {
			lost = r.attributes(point.Attributes()) || lost
		}
	case pmetric.MetricTypeHistogram:
		for _, point := range metric.Histogram().DataPoints().All() {
			lost = r.attributes(point.Attributes()) || lost
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, point := range metric.ExponentialHistogram().DataPoints().All() {
			lost = r.attributes(point.Attributes()) || lost
		}
	case pmetric.MetricTypeSummary:
		for _, point := range metric.Summary().DataPoints().All() {
			lost = r.attributes(point.Attributes()) || lost
		}
	}
	return lost
}

// attributes returns true if one was deleted.
func (r *redactor) attributes(attributes pcommon.Map) bool {
	lost := false
	for key, value := range attributes.All() {
		switch r.fates.get(key, r.fate) {
		case deleted:
			lost = true
		case masked:
			value.SetStr(mask)
		default:
			if value.Type() == pcommon.ValueTypeStr {
				text := value.Str()
				if shown := r.texts.get(text, r.masked); shown != text {
					value.SetStr(shown)
				}
			}
		}
	}
	if lost {
		attributes.RemoveIf(func(key string, _ pcommon.Value) bool { return r.fates.get(key, r.fate) == deleted })
	}
	return lost
}

func (r *redactor) fate(key string) fate {
	if r.deleted.MatchString(key) {
		return deleted
	}
	for _, pattern := range r.keys {
		if pattern.MatchString(key) {
			return masked
		}
	}
	return kept
}

func (r *redactor) masked(text string) string {
	for _, pattern := range r.patterns.texts {
		text = replaced(pattern, text)
	}
	return text
}

func replaced(pattern *regexp.Regexp, text string) string {
	return pattern.ReplaceAllLiteralString(text, mask)
}
