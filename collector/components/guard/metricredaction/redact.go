package metricredaction

import (
	"context"
	"hash/maphash"
	"iter"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	mask = "****"
	// most is the number of remembered results, and longest the bytes of a value that is remembered: at most 8 MiB.
	most, longest = 32_768, 128
	// Merge is in the metadata of a metric in which points may have become one series, because an attribute was deleted
	// here, or changed before. Afterwards it is in the metadata if there are such points.
	Merge = "signalscope.merge"
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
	mutex sync.Mutex
	seed  maphash.Seed
	fates memory[fate]
	texts memory[string]
}

func newRedactor(p patterns) *redactor {
	return &redactor{patterns: p, seed: maphash.MakeSeed(), fates: memory[fate]{}, texts: memory[string]{}}
}

// memory has results by text. When it is full it begins again, so that no client can fill it for ever.
type memory[T any] map[string]T

func (m memory[T]) get(text string, compute func(string) T) T {
	if result, known := m[text]; known {
		return result
	}
	result := compute(text)
	if len(text) <= longest {
		if len(m) >= most {
			clear(m)
		}
		m[text] = result
	}
	return result
}

func (r *redactor) metrics(_ context.Context, metrics pmetric.Metrics) (pmetric.Metrics, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, resource := range metrics.ResourceMetrics().All() {
		r.attributes(resource.Resource().Attributes())
		for _, scope := range resource.ScopeMetrics().All() {
			r.attributes(scope.Scope().Attributes())
			for _, metric := range scope.Metrics().All() {
				r.metric(metric)
			}
		}
	}
	return metrics, nil
}

func (r *redactor) metric(metric pmetric.Metric) {
	_, merge := metric.Metadata().Get(Merge)
	marked := merge
	for attributes := range points(metric) {
		merge = r.attributes(attributes) || merge
	}
	if !merge {
		return
	}
	if r.repeats(metric) {
		metric.Metadata().PutBool(Merge, true)
	} else if marked {
		metric.Metadata().Remove(Merge)
	}
}

// repeats returns true if two points of a metric have the same attributes.
func (r *redactor) repeats(metric pmetric.Metric) bool {
	seen := map[uint64]struct{}{}
	for attributes := range points(metric) {
		// A sum does not depend on the order of the attributes.
		var sum uint64
		for key, value := range attributes.All() {
			sum += maphash.String(r.seed, key+"\x00"+value.AsString())
		}
		if _, known := seen[sum]; known {
			return true
		}
		seen[sum] = struct{}{}
	}
	return false
}

// points yields the attributes of each point.
func points(metric pmetric.Metric) iter.Seq[pcommon.Map] {
	return func(yield func(pcommon.Map) bool) {
		switch metric.Type() {
		case pmetric.MetricTypeGauge:
			each(metric.Gauge().DataPoints().All(), yield)
		case pmetric.MetricTypeSum:
			each(metric.Sum().DataPoints().All(), yield)
		case pmetric.MetricTypeHistogram:
			each(metric.Histogram().DataPoints().All(), yield)
		case pmetric.MetricTypeExponentialHistogram:
			each(metric.ExponentialHistogram().DataPoints().All(), yield)
		case pmetric.MetricTypeSummary:
			each(metric.Summary().DataPoints().All(), yield)
		}
	}
}

func each[P interface{ Attributes() pcommon.Map }](points iter.Seq2[int, P], yield func(pcommon.Map) bool) {
	for _, point := range points {
		if !yield(point.Attributes()) {
			return
		}
	}
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
		text = pattern.ReplaceAllLiteralString(text, mask)
	}
	return text
}
