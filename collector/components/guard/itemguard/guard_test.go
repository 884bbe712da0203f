package itemguard

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"
)

var limits = &Config{
	Attributes: 3, Name: 10, Value: 20, SpanText: 30, Description: 8, Unit: 5, Buckets: 4, SpanItems: 2, Exemplars: 2,
	Skew: time.Minute, SpanKinds: 10, TotalSpanKinds: 15, Expiration: time.Minute,
}

func testGuard(t *testing.T) guard {
	set := component.TelemetrySettings{MeterProvider: noop.NewMeterProvider(), Logger: zap.NewNop()}
	g, err := newGuard(set, limits)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func one(name string, fill func(pmetric.Metric)) (pmetric.Metrics, pmetric.Metric) {
	metrics := pmetric.NewMetrics()
	resource := metrics.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	metric := resource.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName(name)
	fill(metric)
	return metrics, metric
}

func gauge(attributes map[string]any) func(pmetric.Metric) {
	return func(metric pmetric.Metric) {
		point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
		point.SetIntValue(1)
		_ = point.Attributes().FromRaw(attributes)
	}
}

func sum(value float64) func(pmetric.Metric) {
	return func(metric pmetric.Metric) {
		sum := metric.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		sum.DataPoints().AppendEmpty().SetDoubleValue(value)
	}
}

func histogram(count uint64, counts []uint64, bounds ...float64) func(pmetric.Metric) {
	return func(metric pmetric.Metric) {
		data := metric.SetEmptyHistogram()
		data.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		point := data.DataPoints().AppendEmpty()
		point.SetCount(count)
		point.BucketCounts().FromRaw(counts)
		point.ExplicitBounds().FromRaw(bounds)
	}
}

func exponential(count uint64, scale, offset int32, counts ...uint64) func(pmetric.Metric) {
	return func(metric pmetric.Metric) {
		data := metric.SetEmptyExponentialHistogram()
		data.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		point := data.DataPoints().AppendEmpty()
		point.SetCount(count)
		point.SetScale(scale)
		point.Positive().SetOffset(offset)
		point.Positive().BucketCounts().FromRaw(counts)
	}
}

func summary(quantiles ...float64) func(pmetric.Metric) {
	return func(metric pmetric.Metric) {
		point := metric.SetEmptySummary().DataPoints().AppendEmpty()
		for _, quantile := range quantiles {
			point.QuantileValues().AppendEmpty().SetQuantile(quantile)
		}
	}
}

func TestPoints(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, test := range map[string]struct {
		metric string
		fill   func(pmetric.Metric)
		passes bool
	}{
		"at every limit":         {"0123456789", gauge(map[string]any{"0123456789": strings.Repeat("v", 20)}), true},
		"long name":              {"0123456789a", gauge(nil), false},
		"no name":                {"", gauge(nil), false},
		"name of invalid UTF-8":  {"a\xff", gauge(nil), false},
		"three attributes":       {"m", gauge(map[string]any{"a": 1, "b": 1, "c": 1}), true},
		"four attributes":        {"m", gauge(map[string]any{"a": 1, "b": 1, "c": 1, "d": 1}), false},
		"long key":               {"m", gauge(map[string]any{"0123456789a": 1}), false},
		"empty key":              {"m", gauge(map[string]any{"": 1}), false},
		"long value":             {"m", gauge(map[string]any{"a": strings.Repeat("v", 21)}), false},
		"long list":              {"m", gauge(map[string]any{"a": []any{"0123456789", "0123456789"}}), false},
		"long map":               {"m", gauge(map[string]any{"a": map[string]any{"0123456789": "012345"}}), false},
		"long bytes":             {"m", gauge(map[string]any{"a": make([]byte, 21)}), false},
		"value of invalid UTF-8": {"m", gauge(map[string]any{"a": "\xff"}), false},
		"no data":                {"m", func(pmetric.Metric) {}, false},
		"no value":               {"m", func(m pmetric.Metric) { m.SetEmptyGauge().DataPoints().AppendEmpty() }, false},
		"long unit":              {"m", func(m pmetric.Metric) { gauge(nil)(m); m.SetUnit("123456") }, false},
		"counter":                {"m", sum(1), true},
		"negative counter":       {"m", sum(-1), false},
		"counter NaN":            {"m", sum(nan), false},
		"no temporality": {"m", func(m pmetric.Metric) {
			sum(1)(m)
			m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityUnspecified)
		}, false},
		"histogram":                       {"m", histogram(3, []uint64{1, 2}, 0.5), true},
		"histogram without buckets":       {"m", histogram(3, nil), true},
		"bounds descend":                  {"m", histogram(3, []uint64{1, 1, 1}, 2, 1), false},
		"bounds repeat":                   {"m", histogram(3, []uint64{1, 1, 1}, 1, 1), false},
		"bound NaN":                       {"m", histogram(2, []uint64{1, 1}, nan), false},
		"bound +Inf":                      {"m", histogram(2, []uint64{1, 1}, inf), false},
		"a count too few":                 {"m", histogram(1, []uint64{1}, 1), false},
		"counts without bounds":           {"m", histogram(2, []uint64{1, 1}), false},
		"count is not the sum":            {"m", histogram(9, []uint64{1, 1}, 1), false},
		"counts overflow":                 {"m", histogram(1, []uint64{math.MaxUint64, 2}, 1), false},
		"too many events":                 {"m", histogram(mostEvents+1, nil), false},
		"too many buckets":                {"m", histogram(0, make([]uint64, 6), 1, 2, 3, 4, 5), false},
		"exponential":                     {"m", exponential(3, 3, -4, 1, 2), true},
		"exponential of too high a scale": {"m", exponential(1, 21, 0, 1), false},
		"exponential of too low a scale":  {"m", exponential(1, -5, 0, 1), false},
		"exponential far away":            {"m", exponential(1, 3, math.MaxInt32, 1), false},
		"exponential, wrong count":        {"m", exponential(9, 3, 0, 1), false},
		"exponential, many buckets":       {"m", exponential(0, 3, 0, make([]uint64, 5)...), false},
		"summary":                         {"m", summary(0, 0.5, 1), true},
		"quantile above 1":                {"m", summary(1.5), false},
		"quantile NaN":                    {"m", summary(nan), false},
		"quantile twice":                  {"m", summary(0.5, 0.5), false},
	} {
		metrics, _ := one(test.metric, test.fill)
		_, err := testGuard(t).metrics(context.Background(), metrics)
		if passes := err == nil; passes != test.passes {
			t.Errorf("%s: passes is %v", name, passes)
		}
	}
}

func TestTextsAreCut(t *testing.T) {
	metrics, metric := one("m", gauge(nil))
	metric.SetDescription("seven é and more")
	if _, err := testGuard(t).metrics(context.Background(), metrics); err != nil || metric.Description() != "seven é" {
		t.Errorf("%q, %v", metric.Description(), err)
	}
	for _, text := range []string{"\xff\xfe\xfd", "aaaaaaa\xc3\xa9", strings.Repeat("\xff", 40), "日本語日本語"} {
		if got := cut(text, 8); len(got) > 8 || !utf8.ValidString(got) || got == "" {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

func TestTimesBecomePlausible(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)} {
		metrics, metric := one("m", gauge(nil))
		point := metric.Gauge().DataPoints().At(0)
		point.SetTimestamp(pcommon.NewTimestampFromTime(at))
		point.SetStartTimestamp(math.MaxUint64)
		_, _ = testGuard(t).metrics(context.Background(), metrics)
		if off := time.Since(point.Timestamp().AsTime()); off < 0 || off > time.Minute || point.StartTimestamp() != point.Timestamp() {
			t.Errorf("%v becomes %v", at, point.Timestamp())
		}
	}
	metrics, metric := one("m", gauge(nil))
	near := pcommon.NewTimestampFromTime(time.Now().Add(-30 * time.Second))
	metric.Gauge().DataPoints().At(0).SetTimestamp(near)
	_, _ = testGuard(t).metrics(context.Background(), metrics)
	if metric.Gauge().DataPoints().At(0).Timestamp() != near {
		t.Error("a time within the limit was changed")
	}
}

func TestIdentityIsNotCut(t *testing.T) {
	for _, key := range []string{"service.name", "service.namespace", "service.instance.id"} {
		for _, value := range []string{strings.Repeat("x", 11), "\xff"} {
			metrics, _ := one("m", gauge(nil))
			metrics.ResourceMetrics().At(0).Resource().Attributes().PutStr(key, value)
			if _, err := testGuard(t).metrics(context.Background(), metrics); err == nil {
				t.Errorf("%s = %q passed", key, value)
			}
		}
	}
}

func TestSpans(t *testing.T) {
	traces := ptrace.NewTraces()
	span := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName(strings.Repeat("n", 99))
	span.SetStartTimestamp(9)
	span.Status().SetMessage(strings.Repeat("m", 99) + "\xff")
	for _, key := range []string{"a", "b", "c", "d"} {
		span.Attributes().PutStr(key, strings.Repeat("v", 99))
		span.Events().AppendEmpty().SetName(strings.Repeat("e", 99))
		span.Links().AppendEmpty().TraceState().FromRaw(strings.Repeat("t", 99))
	}
	if _, err := testGuard(t).traces(context.Background(), traces); err != nil {
		t.Fatal(err)
	}
	got := []int{
		len(span.Name()), len(span.Status().Message()), span.Attributes().Len(), span.Events().Len(), span.Links().Len(),
		int(span.DroppedAttributesCount()), int(span.DroppedEventsCount()), int(span.DroppedLinksCount()),
		len(span.Events().At(0).Name()), len(span.Links().At(0).TraceState().AsRaw()), int(span.EndTimestamp()),
	}
	for i, want := range []int{10, 30, 3, 2, 2, 1, 2, 2, 10, 20, 9} {
		if got[i] != want {
			t.Errorf("number %d is %d, not %d", i, got[i], want)
		}
	}
	if value, _ := span.Attributes().Get("a"); len(value.Str()) != 30 {
		t.Errorf("an attribute has %d bytes", len(value.Str()))
	}
}

func TestSpanKinds(t *testing.T) {
	k := newKinds(limits)
	send := func(service, instance string, number int, at time.Time) (kept, renamed int) {
		for i := range number {
			span := ptrace.NewSpan()
			span.SetName(strings.Repeat("x", i))
			isOther, fits := k.rename(service, instance, span, at)
			if fits && !isOther {
				kept++
			} else if fits && span.Name() == other {
				renamed++
			}
		}
		return kept, renamed
	}
	now := time.Now()
	for _, test := range []struct {
		service, instance string
		kept, renamed     int
	}{
		{"a", "1", 10, 10}, {"a", "1", 10, 10}, {"a", "2", 0, 0}, // the eleventh kind of a is `other` of its first process
		{"b", "1", 4, 16}, {"c", "1", 0, 20}, {"d", "1", 0, 0}, // `other` of b and c fills the rest
	} {
		if kept, renamed := send(test.service, test.instance, 20, now); kept != test.kept || renamed != test.renamed {
			t.Errorf("%v: %d kept, %d renamed", test, kept, renamed)
		}
	}
	if kept, _ := send("c", "1", 10, now.Add(2*time.Minute)); kept != 10 || len(k.services) != 1 {
		t.Errorf("%d kept after the others had expired", kept)
	}
}

func TestLimitsAreRequired(t *testing.T) {
	if (&Config{}).Validate() == nil || limits.Validate() != nil {
		t.Error("limits that are missing were accepted, or good ones refused")
	}
}
