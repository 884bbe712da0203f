package itemguard

import (
	"context"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// identity makes the attributes of a resource fit, and returns its service. A reason means that its identity does not
// fit: the attributes that become job and instance.
func (g guard) identity(attributes pcommon.Map) (service, reason string) {
	if name, ok := attributes.Get("service.name"); ok {
		service = name.AsString()
	}
	for _, key := range []string{"service.name", "service.namespace", "service.instance.id"} {
		if value, ok := attributes.Get(key); ok {
			if n, valid := size(value); n > g.Name {
				return service, "identity_length"
			} else if !valid {
				return service, "invalid_utf8"
			}
		}
	}
	changes, _ := g.tidy(attributes, g.Value)
	g.counters.Cut("resource", service, changes)
	return service, ""
}

func (g guard) metrics(_ context.Context, metrics pmetric.Metrics) (pmetric.Metrics, error) {
	now := time.Now()
	metrics.ResourceMetrics().RemoveIf(func(resource pmetric.ResourceMetrics) bool {
		service, reason := g.identity(resource.Resource().Attributes())
		p := points{guard: g, service: service, now: now, refused: map[string]int{}}
		resource.ScopeMetrics().RemoveIf(func(scope pmetric.ScopeMetrics) bool {
			p.cut += g.scopeOf(scope.Scope()) + cutTo(scope.SchemaUrl(), g.Value, scope.SetSchemaUrl)
			scope.Metrics().RemoveIf(func(metric pmetric.Metric) bool { return p.metric(metric, reason) })
			return scope.Metrics().Len() == 0
		})
		for reason, number := range p.refused {
			g.counters.Refused(reason, service, number)
		}
		g.counters.Cut("metric", service, p.cut)
		return resource.ScopeMetrics().Len() == 0
	})
	if metrics.ResourceMetrics().Len() == 0 {
		return metrics, processorhelper.ErrSkipProcessingData
	}
	return metrics, nil
}

// points checks the points of one resource.
type points struct {
	guard
	service string
	now     time.Time
	refused map[string]int
	cut     int
}

// metric returns true if no point of a metric may pass.
func (p *points) metric(metric pmetric.Metric, reason string) bool {
	if reason == "" && (metric.Name() == "" || !fits(metric.Name(), p.Name)) {
		reason = "name"
	}
	p.cut += cutTo(metric.Description(), p.Description, metric.SetDescription)
	// A unit becomes a part of the name: cut, it might give the name of another metric.
	if reason == "" && !fits(metric.Unit(), p.Unit) {
		reason = "unit"
	}
	metric.Metadata().Clear() // the exporter reads a type from it
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		return numbers(p, metric.Gauge().DataPoints(), reason, false)
	case pmetric.MetricTypeSum:
		sum := metric.Sum()
		if reason == "" && sum.AggregationTemporality() == pmetric.AggregationTemporalityUnspecified {
			reason = "temporality"
		}
		return numbers(p, sum.DataPoints(), reason, sum.IsMonotonic())
	case pmetric.MetricTypeHistogram:
		if reason == "" && metric.Histogram().AggregationTemporality() == pmetric.AggregationTemporalityUnspecified {
			reason = "temporality"
		}
		return histograms(p, metric.Histogram().DataPoints(), reason)
	case pmetric.MetricTypeExponentialHistogram:
		data := metric.ExponentialHistogram()
		if reason == "" && data.AggregationTemporality() == pmetric.AggregationTemporalityUnspecified {
			reason = "temporality"
		}
		return exponentials(p, data.DataPoints(), reason)
	case pmetric.MetricTypeSummary:
		return summaries(p, metric.Summary().DataPoints(), reason)
	default:
		p.refused["no_data"]++
		return true
	}
}

// point is what all kinds of points have.
type point interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	SetTimestamp(pcommon.Timestamp)
	StartTimestamp() pcommon.Timestamp
	SetStartTimestamp(pcommon.Timestamp)
}

// refuse counts a point that may not pass, and makes the time of another plausible.
func (p *points) refuse(one point, reason string) bool {
	if reason == "" {
		reason = p.attributes(one.Attributes())
	}
	if reason != "" {
		p.refused[reason]++
		return true
	}
	// A point of the year 2100 would be the last of its series: the exporter keeps the latest.
	at := one.Timestamp().AsTime()
	if at.Before(p.now.Add(-p.Skew)) || at.After(p.now.Add(p.Skew)) {
		one.SetTimestamp(pcommon.NewTimestampFromTime(p.now))
	}
	if one.StartTimestamp() > one.Timestamp() {
		one.SetStartTimestamp(one.Timestamp())
	}
	return false
}

func (p *points) attributes(attributes pcommon.Map) string {
	if attributes.Len() > p.Attributes {
		return "attributes"
	}
	for key, value := range attributes.All() {
		if key == "" || len(key) > p.Name {
			return "attribute_name"
		}
		n, valid := size(value)
		if n > p.Value {
			return "attribute_value"
		}
		if !valid || !fits(key, p.Name) {
			return "invalid_utf8"
		}
	}
	return ""
}

func (p *points) exemplars(exemplars pmetric.ExemplarSlice) {
	number := 0
	exemplars.RemoveIf(func(one pmetric.Exemplar) bool {
		number++
		one.FilteredAttributes().Clear() // the exporter does not use them
		return number > p.Exemplars
	})
	p.cut += max(number-p.Exemplars, 0)
}

func numbers(p *points, data pmetric.NumberDataPointSlice, reason string, counter bool) bool {
	data.RemoveIf(func(one pmetric.NumberDataPoint) bool {
		why := reason
		value := one.DoubleValue()
		if one.ValueType() == pmetric.NumberDataPointValueTypeInt {
			value = float64(one.IntValue())
		}
		if why == "" && !one.Flags().NoRecordedValue() {
			if one.ValueType() == pmetric.NumberDataPointValueTypeEmpty {
				why = "no_data"
			} else if counter && (math.IsNaN(value) || value < 0) {
				why = "negative_counter"
			}
		}
		p.exemplars(one.Exemplars())
		return p.refuse(one, why)
	})
	return data.Len() == 0
}

func histograms(p *points, data pmetric.HistogramDataPointSlice, reason string) bool {
	data.RemoveIf(func(one pmetric.HistogramDataPoint) bool {
		why := reason
		if why == "" && !one.Flags().NoRecordedValue() {
			why = p.buckets(one)
		}
		p.exemplars(one.Exemplars())
		return p.refuse(one, why)
	})
	return data.Len() == 0
}

// mostEvents is the largest count of a histogram or summary. Added up, or as a signed number, more would overflow.
const mostEvents = 1 << 46

// buckets returns why the buckets of a histogram cannot be served.
func (p *points) buckets(one pmetric.HistogramDataPoint) string {
	bounds, counts := one.ExplicitBounds(), one.BucketCounts()
	if counts.Len() > p.Buckets+1 || bounds.Len() > p.Buckets {
		return "buckets"
	}
	if one.Count() > mostEvents {
		return "count"
	}
	if counts.Len() == 0 && bounds.Len() == 0 {
		return ""
	}
	last := math.Inf(-1)
	for i := 0; i < bounds.Len(); i++ {
		if bound := bounds.At(i); !(bound > last) || math.IsInf(bound, 1) {
			return "inconsistent_buckets"
		}
		last = bounds.At(i)
	}
	if counts.Len() != bounds.Len()+1 || !adds(one.Count(), counts) {
		return "inconsistent_buckets"
	}
	return ""
}

// adds returns true if counts have a total, also when their sum would not fit into 64 bits.
func adds(total uint64, more ...pcommon.UInt64Slice) bool {
	for _, counts := range more {
		for i := 0; i < counts.Len(); i++ {
			if counts.At(i) > total {
				return false
			}
			total -= counts.At(i)
		}
	}
	return total == 0
}

func exponentials(p *points, data pmetric.ExponentialHistogramDataPointSlice, reason string) bool {
	// The limits of OTLP's own scale, and of what the exporter can convert.
	const lowest, highest, far = -4, 20, 1 << 30
	data.RemoveIf(func(one pmetric.ExponentialHistogramDataPoint) bool {
		why, positive, negative := reason, one.Positive(), one.Negative()
		if why == "" && !one.Flags().NoRecordedValue() {
			switch {
			case positive.BucketCounts().Len() > p.Buckets || negative.BucketCounts().Len() > p.Buckets:
				why = "buckets"
			case one.Count() > mostEvents:
				why = "count"
			case one.Scale() < lowest || one.Scale() > highest || !(one.ZeroThreshold() >= 0),
				max(positive.Offset(), negative.Offset()) > far || min(positive.Offset(), negative.Offset()) < -far,
				one.ZeroCount() > one.Count(),
				!adds(one.Count()-one.ZeroCount(), positive.BucketCounts(), negative.BucketCounts()):
				why = "inconsistent_buckets"
			}
		}
		p.exemplars(one.Exemplars())
		return p.refuse(one, why)
	})
	return data.Len() == 0
}

func summaries(p *points, data pmetric.SummaryDataPointSlice, reason string) bool {
	data.RemoveIf(func(one pmetric.SummaryDataPoint) bool {
		why := reason
		if why == "" && !one.Flags().NoRecordedValue() {
			if why = p.quantiles(one.QuantileValues()); one.Count() > mostEvents {
				why = "count"
			}
		}
		return p.refuse(one, why)
	})
	return data.Len() == 0
}

// quantiles returns why the quantiles of a summary cannot be served.
func (p *points) quantiles(quantiles pmetric.SummaryDataPointValueAtQuantileSlice) string {
	if quantiles.Len() > p.Buckets {
		return "buckets"
	}
	last := math.Inf(-1)
	for i := 0; i < quantiles.Len(); i++ {
		one := quantiles.At(i)
		if quantile := one.Quantile(); !(quantile > last) || !(quantile >= 0 && quantile <= 1) || one.Value() < 0 {
			return "inconsistent_quantiles"
		}
		last = one.Quantile()
	}
	return ""
}
