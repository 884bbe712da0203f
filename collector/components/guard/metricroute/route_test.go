package metricroute

import (
	"context"
	"testing"

	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func sent(metrics pmetric.Metrics, distro string, names ...string) {
	resource := metrics.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	if distro != "" {
		resource.Resource().Attributes().PutStr("telemetry.distro.name", distro)
	}
	for _, name := range names {
		metric := resource.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		metric.SetName(name)
		metric.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	}
}

// Every point arrives once; only named metrics of other distributions are converted, with their resource.
func TestEachMetricGoesToOnePipeline(t *testing.T) {
	var converted, others consumertest.MetricsSink
	r := &route{distro: "signalscope", names: map[string]bool{"http": true}, converted: &converted, others: &others}
	metrics := pmetric.NewMetrics()
	sent(metrics, "signalscope", "http", "calls")
	sent(metrics, "", "http", "calls", "http")
	sent(metrics, "other", "http")
	if err := r.ConsumeMetrics(context.Background(), metrics); err != nil {
		t.Fatal(err)
	}
	if got := converted.DataPointCount(); got != 3 {
		t.Errorf("converted: %d points", got)
	}
	if got := others.DataPointCount(); got != 3 {
		t.Errorf("others: %d points", got)
	}
	for _, resource := range converted.AllMetrics()[0].ResourceMetrics().All() {
		if name, ok := resource.Resource().Attributes().Get("service.name"); !ok || name.Str() != "shop" {
			t.Error("the resource is lost")
		}
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				if metric.Name() != "http" {
					t.Errorf("%s is converted", metric.Name())
				}
			}
		}
	}
}

// A pipeline without data is not called.
func TestNothingIsSentWhereThereIsNothing(t *testing.T) {
	var converted, others consumertest.MetricsSink
	r := &route{distro: "signalscope", names: map[string]bool{"http": true}, converted: &converted, others: &others}
	metrics := pmetric.NewMetrics()
	sent(metrics, "", "http")
	if err := r.ConsumeMetrics(context.Background(), metrics); err != nil {
		t.Fatal(err)
	}
	if len(converted.AllMetrics()) != 1 || len(others.AllMetrics()) != 0 {
		t.Errorf("%d and %d bodies", len(converted.AllMetrics()), len(others.AllMetrics()))
	}
}

func TestConfigurationIsComplete(t *testing.T) {
	if (&Config{Distro: "signalscope", Names: []string{"http"}}).Validate() == nil {
		t.Error("one pipeline for both is accepted")
	}
}
