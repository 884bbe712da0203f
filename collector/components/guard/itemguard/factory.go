// Package itemguard is a processor that bounds what a metric point or span may contain.
//
// A point's name and attributes are its identity: to cut them would merge two series. So a point over a limit is
// refused and counted. Descriptions, units and the texts of spans are cut and counted.
package itemguard

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/signalscope/signalscope/collector/components/guard/internal/count"
)

// Config has the limits; lengths are in bytes.
type Config struct {
	Attributes  int           `mapstructure:"attributes"`  // of a point, span, event, link or resource
	Name        int           `mapstructure:"name"`        // of a metric, an attribute, a span or an event
	Value       int           `mapstructure:"value"`       // of an attribute of a point or resource
	SpanText    int           `mapstructure:"span_text"`   // of an attribute of a span, and of a status message
	Description int           `mapstructure:"description"` // of a metric
	Unit        int           `mapstructure:"unit"`        // of a metric
	Buckets     int           `mapstructure:"buckets"`     // of a histogram; also the quantiles of a summary
	SpanItems   int           `mapstructure:"span_items"`  // events, and links, of a span
	Exemplars   int           `mapstructure:"exemplars"`   // of a point
	Skew        time.Duration `mapstructure:"skew"`        // between a point's time and the Collector's
	// SpanKinds and TotalSpanKinds limit the span metrics of a service, and of all: distinct names, kinds and statuses
	// of spans in each process. Expiration is that of span_metrics: series_expiration.
	SpanKinds      int           `mapstructure:"span_kinds"`
	TotalSpanKinds int           `mapstructure:"total_span_kinds"`
	Expiration     time.Duration `mapstructure:"expiration"`
}

// Validate checks that each limit is set.
func (c *Config) Validate() error {
	for _, limit := range []int{
		c.Attributes, c.Name, c.Value, c.SpanText, c.Description, c.Unit, c.Buckets, c.SpanItems, c.Exemplars, int(c.Skew),
		c.SpanKinds, c.TotalSpanKinds, int(c.Expiration),
	} {
		if limit <= 0 {
			return errors.New("limits are missing; start the Collector with a second --config=…/limits.yaml, " +
				"which `signalscope generate` writes [SS780]")
		}
	}
	return nil
}

// NewFactory returns the factory of the processor.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		component.MustNewType("item_guard"),
		func() component.Config { return &Config{} },
		processor.WithMetrics(createMetrics, component.StabilityLevelBeta),
		processor.WithTraces(createTraces, component.StabilityLevelBeta),
	)
}

var changes = processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})

func createMetrics(
	ctx context.Context, set processor.Settings, config component.Config, next consumer.Metrics,
) (processor.Metrics, error) {
	g, err := newGuard(set.TelemetrySettings, config)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewMetrics(ctx, set, config, next, g.metrics, changes)
}

func createTraces(
	ctx context.Context, set processor.Settings, config component.Config, next consumer.Traces,
) (processor.Traces, error) {
	g, err := newGuard(set.TelemetrySettings, config)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewTraces(ctx, set, config, next, g.traces, changes)
}

type guard struct {
	*Config
	counters *count.Counters
	kinds    *kinds
}

func newGuard(set component.TelemetrySettings, config component.Config) (guard, error) {
	counters, err := count.New(set)
	return guard{config.(*Config), counters, newKinds(config.(*Config))}, err
}
