// Package settingguard is an extension that checks settings of the Collector's environment when it starts.
//
// The components that use them name a key of the configuration file in their errors, or accept a value with which the
// Collector fails later.
package settingguard

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
)

const (
	// emptyMiB is the memory of a Collector without data.
	emptyMiB = 64
	// saltLength is the least number of characters of a salt: shorter ones can be guessed together with a user's id.
	saltLength = 16
)

// MiB is a number of mebibytes. A text is an error with the name of the variables: that of the memory limiter, which has
// the same value, only names its own key.
type MiB int

// UnmarshalText is called for a value that is not a number.
func (*MiB) UnmarshalText(text []byte) error {
	return fmt.Errorf("%q in MEMORY_LIMIT_MIB or MEMORY_SPIKE_MIB is not a number of MiB; "+
		"write for example MEMORY_LIMIT_MIB=700 [SS788]", text)
}

// Config has the settings.
type Config struct {
	MemoryLimit MiB    `mapstructure:"memory_limit_mib"` // MEMORY_LIMIT_MIB
	MemorySpike MiB    `mapstructure:"memory_spike_mib"` // MEMORY_SPIKE_MIB
	InFlight    int    `mapstructure:"in_flight_mib"`    // of body_guard
	Profile     string `mapstructure:"profile"`          // SIGNALSCOPE_PROFILE
	HashSalt    string `mapstructure:"hash_salt"`        // SIGNALSCOPE_HASH_SALT
}

// Validate checks all settings, and names the variables.
func (c *Config) Validate() error {
	return errors.Join(c.memory(), c.salt())
}

func (c *Config) memory() error {
	limit, spike := int(c.MemoryLimit), int(c.MemorySpike)
	if needed := c.InFlight + max(spike, 1) + emptyMiB; limit < needed || spike <= 0 {
		return fmt.Errorf("MEMORY_LIMIT_MIB=%d is too low, or MEMORY_SPIKE_MIB is not above 0: bodies that are processed (%d, limits.in_flight_mib), "+
			"MEMORY_SPIKE_MIB=%d and the Collector itself (%d) need %d; raise it, or lower the others [SS788]",
			limit, c.InFlight, spike, emptyMiB, needed)
	}
	return nil
}

func (c *Config) salt() error {
	switch c.Profile {
	case "", "local":
		return nil
	case "production":
		if length := len(strings.TrimSpace(c.HashSalt)); length < saltLength {
			return fmt.Errorf("SIGNALSCOPE_HASH_SALT has %d characters, and SIGNALSCOPE_PROFILE=production needs %d: "+
				"without a secret salt, users can be found from their hashes; set it to a random text, for example "+
				"from `openssl rand -hex 16` [SS789]", length, saltLength)
		}
		return nil
	default:
		return fmt.Errorf("SIGNALSCOPE_PROFILE=%q is unknown; use production or local [SS789]", c.Profile)
	}
}

type guard struct {
	component.StartFunc
	component.ShutdownFunc
}

// NewFactory returns the factory of the extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(
		component.MustNewType("setting_guard"),
		func() component.Config { return &Config{} },
		func(context.Context, extension.Settings, component.Config) (extension.Extension, error) {
			return guard{}, nil
		},
		component.StabilityLevelBeta,
	)
}
