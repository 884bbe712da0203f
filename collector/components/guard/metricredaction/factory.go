// Package metricredaction is a processor that removes identities and masks secrets in the attributes of metrics.
//
// It gives the results of the redaction processor and of delete_matching_keys, and remembers them: the same attributes
// arrive with each export, so that the regular expressions run once for each key and value.
package metricredaction

import (
	"context"
	"fmt"
	"regexp"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Config has the patterns.
type Config struct {
	// DeletedKeys matches the keys of attributes that are removed.
	DeletedKeys string `mapstructure:"deleted_keys"`
	// BlockedKeyPatterns match the keys of attributes whose value is masked.
	BlockedKeyPatterns []string `mapstructure:"blocked_key_patterns"`
	// BlockedValues match what is masked in a value.
	BlockedValues []string `mapstructure:"blocked_values"`
}

// Validate checks the patterns.
func (c *Config) Validate() error {
	_, err := c.compiled()
	return err
}

type patterns struct {
	deleted     *regexp.Regexp
	keys, texts []*regexp.Regexp
}

func (c *Config) compiled() (patterns, error) {
	var result patterns
	for _, one := range []struct {
		key    string
		source []string
		add    func(*regexp.Regexp)
	}{
		{"deleted_keys", []string{c.DeletedKeys}, func(p *regexp.Regexp) { result.deleted = p }},
		{"blocked_key_patterns", c.BlockedKeyPatterns, func(p *regexp.Regexp) { result.keys = append(result.keys, p) }},
		{"blocked_values", c.BlockedValues, func(p *regexp.Regexp) { result.texts = append(result.texts, p) }},
	} {
		for _, source := range one.source {
			if source == "" {
				return result, fmt.Errorf("%s is empty; it would match everything [SS784]", one.key)
			}
			pattern, err := regexp.Compile(source)
			if err != nil {
				return result, fmt.Errorf("%s: %w [SS784]", one.key, err)
			}
			one.add(pattern)
		}
	}
	return result, nil
}

// NewFactory returns the factory of the processor.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		component.MustNewType("metric_redaction"),
		func() component.Config { return &Config{} },
		processor.WithMetrics(func(
			ctx context.Context, set processor.Settings, config component.Config, next consumer.Metrics,
		) (processor.Metrics, error) {
			patterns, err := config.(*Config).compiled()
			if err != nil {
				return nil, err
			}
			return processorhelper.NewMetrics(ctx, set, config, next, newRedactor(patterns).metrics,
				processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}))
		}, component.StabilityLevelBeta),
	)
}
