// Package metricroute is a connector that sends the metrics of other SDKs which must be converted to a pipeline of their
// own, so that all other points do not pay for the conversion.
//
// It decides for each metric by its name. Only the SDK whose distribution is named in the configuration sends the
// converted names itself.
package metricroute

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pipeline"
)

// Config has the names and the pipelines.
type Config struct {
	// Distro is the telemetry.distro.name of the SDK whose metrics are not converted.
	Distro string `mapstructure:"distro"`
	// Names are the metrics that go to Converted; all others go to Others.
	Names     []string    `mapstructure:"names"`
	Converted pipeline.ID `mapstructure:"converted"`
	Others    pipeline.ID `mapstructure:"others"`
}

// Validate checks that nothing is missing.
func (c *Config) Validate() error {
	if c.Distro == "" || len(c.Names) == 0 || c.Converted == c.Others {
		return errors.New("distro, names and two pipelines, converted and others, are needed [SS785]")
	}
	return nil
}

// NewFactory returns the factory of the connector.
func NewFactory() connector.Factory {
	return connector.NewFactory(
		component.MustNewType("metric_route"),
		func() component.Config { return &Config{} },
		connector.WithMetricsToMetrics(create, component.StabilityLevelBeta),
	)
}

func create(
	_ context.Context, _ connector.Settings, config component.Config, next consumer.Metrics,
) (connector.Metrics, error) {
	router, ok := next.(connector.MetricsRouterAndConsumer)
	if !ok {
		return nil, errors.New("the pipelines after the connector cannot be told apart [SS785]")
	}
	c := config.(*Config)
	r := &route{distro: c.Distro, names: map[string]bool{}}
	for _, name := range c.Names {
		r.names[name] = true
	}
	var err error
	if r.converted, err = router.Consumer(c.Converted); err != nil {
		return nil, fmt.Errorf("%s: %w [SS785]", c.Converted, err)
	}
	if r.others, err = router.Consumer(c.Others); err != nil {
		return nil, fmt.Errorf("%s: %w [SS785]", c.Others, err)
	}
	return r, nil
}

type route struct {
	component.StartFunc
	component.ShutdownFunc
	distro            string
	names             map[string]bool
	converted, others consumer.Metrics
}

// Capabilities says that metrics are moved out of the data.
func (*route) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// ConsumeMetrics sends each metric to its pipeline.
func (r *route) ConsumeMetrics(ctx context.Context, metrics pmetric.Metrics) error {
	moved := r.split(metrics)
	var err error
	if moved.ResourceMetrics().Len() > 0 {
		err = r.converted.ConsumeMetrics(ctx, moved)
	}
	if metrics.ResourceMetrics().Len() > 0 {
		err = errors.Join(err, r.others.ConsumeMetrics(ctx, metrics))
	}
	return err
}

// split moves the metrics that must be converted, and returns them with their resources and scopes.
func (r *route) split(metrics pmetric.Metrics) pmetric.Metrics {
	moved := pmetric.NewMetrics()
	metrics.ResourceMetrics().RemoveIf(func(resource pmetric.ResourceMetrics) bool {
		if name, ok := resource.Resource().Attributes().Get("telemetry.distro.name"); ok && name.Str() == r.distro {
			return false
		}
		target, began := pmetric.ResourceMetrics{}, false
		resource.ScopeMetrics().RemoveIf(func(scope pmetric.ScopeMetrics) bool {
			into, inScope := pmetric.MetricSlice{}, false
			scope.Metrics().RemoveIf(func(metric pmetric.Metric) bool {
				if !r.names[metric.Name()] {
					return false
				}
				if !began {
					target, began = moved.ResourceMetrics().AppendEmpty(), true
					resource.Resource().CopyTo(target.Resource())
					target.SetSchemaUrl(resource.SchemaUrl())
				}
				if !inScope {
					copied := target.ScopeMetrics().AppendEmpty()
					scope.Scope().CopyTo(copied.Scope())
					copied.SetSchemaUrl(scope.SchemaUrl())
					into, inScope = copied.Metrics(), true
				}
				metric.MoveTo(into.AppendEmpty())
				return true
			})
			return scope.Metrics().Len() == 0
		})
		return resource.ScopeMetrics().Len() == 0
	})
	return moved
}
