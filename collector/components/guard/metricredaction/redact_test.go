package metricredaction

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

var config = &Config{
	DeletedKeys:        "^user[.]id$",
	BlockedKeyPatterns: []string{"password"},
	BlockedValues:      []string{"secret-[0-9]+"},
}

func redacted(t *testing.T, metrics pmetric.Metrics, times int) {
	t.Helper()
	patterns, err := config.compiled()
	if err != nil {
		t.Fatal(err)
	}
	r := newRedactor(patterns)
	for range times {
		if _, err := r.metrics(context.Background(), metrics); err != nil {
			t.Fatal(err)
		}
	}
}

func counter(attributes ...map[string]any) (pmetric.Metrics, pmetric.Metric) {
	metrics := pmetric.NewMetrics()
	metric := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	points := metric.SetEmptySum().DataPoints()
	for _, values := range attributes {
		if err := points.AppendEmpty().Attributes().FromRaw(values); err != nil {
			panic(err)
		}
	}
	return metrics, metric
}

func isMarked(metric pmetric.Metric) bool {
	_, marked := metric.Metadata().Get(Merge)
	return marked
}

// The first time the patterns decide, and later the memory: both give the same.
func TestAttributesAreDeletedAndMasked(t *testing.T) {
	for _, times := range []int{1, 2} {
		metrics, metric := counter(map[string]any{
			"user.id": "7", "db.password": "x", "url": "a?secret-12&secret-3", "number": int64(3), "route": "/a",
		})
		redacted(t, metrics, times)
		got := metric.Sum().DataPoints().At(0).Attributes().AsRaw()
		want := map[string]any{"db.password": mask, "url": "a?****&****", "number": int64(3), "route": "/a"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestOnlyMetricsWithPointsOfOneSeriesAreMarked(t *testing.T) {
	user := func(id, route string) map[string]any { return map[string]any{"user.id": id, "route": route} }
	for _, test := range []struct {
		points []map[string]any
		before bool
		marked bool
	}{
		{[]map[string]any{user("1", "/a"), user("2", "/a")}, false, true},
		{[]map[string]any{user("1", "/a"), user("1", "/b")}, false, false},
		{[]map[string]any{{"route": "/a"}, {"route": "/b"}}, true, false},
		{[]map[string]any{{"route": "/a"}, {"route": "/a"}}, true, true},
		{[]map[string]any{{"route": "/a"}, {"route": "/a"}}, false, false},
	} {
		metrics, metric := counter(test.points...)
		if test.before {
			metric.Metadata().PutBool(Merge, true)
		}
		redacted(t, metrics, 1)
		if isMarked(metric) != test.marked {
			t.Errorf("%v, marked before: %v: got %v", test.points, test.before, isMarked(metric))
		}
	}
}

// A client that always sends new values costs the others nothing but time.
func TestMemoryIsBounded(t *testing.T) {
	patterns, _ := config.compiled()
	r := newRedactor(patterns)
	attributes := pcommon.NewMap()
	for number := range 3 * most {
		attributes.PutStr("value", fmt.Sprint(number))
		r.attributes(attributes)
	}
	attributes.PutStr("value", string(make([]byte, longest+1)))
	r.attributes(attributes)
	if len(r.texts) > most {
		t.Fatalf("%d results are remembered", len(r.texts))
	}
}

func TestPatternsAreChecked(t *testing.T) {
	for _, wrong := range []*Config{{}, {DeletedKeys: "("}, {DeletedKeys: "a", BlockedValues: []string{""}}} {
		if wrong.Validate() == nil {
			t.Errorf("%+v is accepted", wrong)
		}
	}
}
