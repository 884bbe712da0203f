package settingguard

import (
	"strings"
	"testing"
)

func TestWrongSettingsAreNamedByTheirVariable(t *testing.T) {
	good := Config{MemoryLimit: 700, MemorySpike: 150, InFlight: 128}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for named, change := range map[string]func(*Config){
		"MEMORY_SPIKE_MIB=-1":         func(c *Config) { c.MemorySpike = -1 },
		"MEMORY_LIMIT_MIB=341":        func(c *Config) { c.MemoryLimit = 341 },
		"SIGNALSCOPE_HASH_SALT has 0": func(c *Config) { c.Profile, c.HashSalt = "production", "   " },
		"SIGNALSCOPE_HASH_SALT has 1": func(c *Config) { c.Profile, c.HashSalt = "production", "x" },
		"SIGNALSCOPE_PROFILE":         func(c *Config) { c.Profile = "prod" },
	} {
		wrong := good
		change(&wrong)
		if err := wrong.Validate(); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("%s: %v", named, err)
		}
	}
	good.Profile, good.HashSalt = "production", "0123456789abcdef"
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}
