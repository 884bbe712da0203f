// Package pageguard is a processor that keeps the page of the Prometheus exporter valid and small enough.
//
// It knows the page: which name belongs to a metric of which type, and which series there are. It refuses points that
// would make the page invalid or displace a series of another service, and new series beyond the limits.
package pageguard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/signalscope/signalscope/collector/components/guard/internal/count"
)

// Config has the limits.
type Config struct {
	// Series is the number of series on the page for each service. A histogram counts as its buckets, sum and count.
	Series int `mapstructure:"series"`
	// TotalSeries is the number of series on the page.
	TotalSeries int `mapstructure:"total_series"`
	// Expiration is how long the exporter keeps a series: metric_expiration.
	Expiration time.Duration `mapstructure:"expiration"`
	// Names are the types of metrics whose name no other type may take, by their Prometheus name.
	Names map[string]string `mapstructure:"names"`
}

// Validate checks the limits.
func (c *Config) Validate() error {
	if c.Series <= 0 || c.TotalSeries <= 0 || c.Expiration <= 0 {
		return errors.New("limits are missing; start the Collector with a second --config=…/limits.yaml, " +
			"which `signalscope generate` writes [SS780]")
	}
	if c.Series > c.TotalSeries {
		return fmt.Errorf("series (%d) exceeds total_series (%d) [SS781]", c.Series, c.TotalSeries)
	}
	for name, kind := range c.Names {
		if suffixes[kind] == nil {
			return fmt.Errorf("names: %s has the type %q; use counter, gauge, histogram or summary [SS781]", name, kind)
		}
	}
	return nil
}

// NewFactory returns the factory of the processor. All pipelines with the same id share one page.
func NewFactory() processor.Factory {
	var mutex sync.Mutex
	pages := map[component.ID]*page{}
	return processor.NewFactory(
		component.MustNewType("page_guard"),
		func() component.Config { return &Config{} },
		processor.WithMetrics(func(
			ctx context.Context, set processor.Settings, config component.Config, next consumer.Metrics,
		) (processor.Metrics, error) {
			counters, err := count.New(set.TelemetrySettings)
			if err != nil {
				return nil, err
			}
			mutex.Lock()
			defer mutex.Unlock()
			shared := pages[set.ID]
			if shared == nil {
				shared = newPage(config.(*Config))
				pages[set.ID] = shared
			}
			g := guard{shared, counters}
			return processorhelper.NewMetrics(ctx, set, config, next, g.process,
				processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}))
		}, component.StabilityLevelBeta),
	)
}

type guard struct {
	page     *page
	counters *count.Counters
}

func (g guard) process(_ context.Context, metrics pmetric.Metrics) (pmetric.Metrics, error) {
	g.page.mutex.Lock()
	defer g.page.mutex.Unlock()
	now := time.Now()
	g.page.expire(now)
	metrics.ResourceMetrics().RemoveIf(func(resource pmetric.ResourceMetrics) bool {
		s := g.page.sender(resource.Resource().Attributes(), now)
		resource.ScopeMetrics().RemoveIf(func(scope pmetric.ScopeMetrics) bool {
			s.scope = g.page.scopeHash(scope)
			scope.Metrics().RemoveIf(func(metric pmetric.Metric) bool { return g.metric(&s, metric) })
			return scope.Metrics().Len() == 0
		})
		for reason, number := range s.refused {
			g.counters.Refused(reason, s.service, number)
		}
		for reason, number := range s.overflow {
			g.counters.Overflow(reason, s.service, number)
		}
		return resource.ScopeMetrics().Len() == 0
	})
	if metrics.ResourceMetrics().Len() == 0 {
		return metrics, processorhelper.ErrSkipProcessingData
	}
	return metrics, nil
}

// metric returns true if no point of a metric may pass.
func (g guard) metric(s *sender, metric pmetric.Metric) bool {
	name, kind := g.page.name(metric)
	reason := ""
	switch {
	case kind == "":
		reason = "name"
	case isReserved(name):
		reason = "reserved_name"
	case !g.page.claim(name, kind, s.now):
		g.counters.Conflict(name, s.service, points(metric))
		return true
	}
	s.name, s.kind = name, kind
	s.metric = g.page.hash(metric.Name()) ^ s.scope
	if reason != "" {
		s.refused[reason] += points(metric)
		return true
	}
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		data := metric.Gauge().DataPoints()
		data.RemoveIf(func(one pmetric.NumberDataPoint) bool { return g.page.refuses(s, one.Attributes(), 1) })
		return data.Len() == 0
	case pmetric.MetricTypeSum:
		data := metric.Sum().DataPoints()
		data.RemoveIf(func(one pmetric.NumberDataPoint) bool {
			// Points that were added up on the way can have overflowed.
			if kind == "counter" && (one.IntValue() < 0 || one.DoubleValue() < 0) {
				s.refused["negative_counter"]++
				return true
			}
			return g.page.refuses(s, one.Attributes(), 1)
		})
		return data.Len() == 0
	case pmetric.MetricTypeHistogram:
		data := metric.Histogram().DataPoints()
		data.RemoveIf(func(one pmetric.HistogramDataPoint) bool {
			return g.page.refuses(s, one.Attributes(), one.ExplicitBounds().Len()+3)
		})
		return data.Len() == 0
	case pmetric.MetricTypeExponentialHistogram:
		data := metric.ExponentialHistogram().DataPoints()
		data.RemoveIf(func(one pmetric.ExponentialHistogramDataPoint) bool { return g.page.refuses(s, one.Attributes(), 3) })
		return data.Len() == 0
	default:
		data := metric.Summary().DataPoints()
		data.RemoveIf(func(one pmetric.SummaryDataPoint) bool {
			return g.page.refuses(s, one.Attributes(), one.QuantileValues().Len()+2)
		})
		return data.Len() == 0
	}
}

func points(metric pmetric.Metric) int {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		return metric.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return metric.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return metric.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return metric.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return metric.Summary().DataPoints().Len()
	default:
		return 1
	}
}
