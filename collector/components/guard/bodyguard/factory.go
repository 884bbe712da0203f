// Package bodyguard is an extension that refuses hostile OTLP bodies before they are decoded, over HTTP and gRPC.
package bodyguard

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"golang.org/x/sync/semaphore"

	"github.com/signalscope/signalscope/collector/components/guard/internal/count"
	"github.com/signalscope/signalscope/collector/components/guard/internal/scan"
)

// Config has the limits of a body. The size is that of the receiver: max_request_body_size, max_recv_msg_size_mib.
type Config struct {
	// Nesting is the number of lists and maps within each other in an attribute value.
	Nesting int `mapstructure:"nesting"`
	// Messages is the number of messages of any kind in a body: an empty message has two bytes, and a hundred in memory.
	Messages int `mapstructure:"messages"`
	// InFlightMiB is the memory for bodies that are decoded and processed at the same time. Others wait.
	InFlightMiB int `mapstructure:"in_flight_mib"`
	// Wait is how long a body waits for that memory before the sender is told to retry.
	Wait time.Duration `mapstructure:"wait"`
}

// Validate checks that each limit is set.
func (c *Config) Validate() error {
	if c.Nesting <= 0 || c.Messages <= 0 || c.InFlightMiB <= 0 || c.Wait <= 0 {
		return errors.New("limits are missing; start the Collector with a second --config=…/limits.yaml, " +
			"which `signalscope generate` writes [SS780]")
	}
	return nil
}

// NewFactory returns the factory of the extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(
		component.MustNewType("body_guard"),
		func() component.Config { return &Config{} },
		func(_ context.Context, set extension.Settings, config component.Config) (extension.Extension, error) {
			return newGuard(set.TelemetrySettings, config.(*Config))
		},
		component.StabilityLevelBeta,
	)
}

type guard struct {
	component.StartFunc
	component.ShutdownFunc

	limits   scan.Limits
	wait     time.Duration
	room     *semaphore.Weighted
	most     int64
	counters *count.Counters
}

func newGuard(set component.TelemetrySettings, config *Config) (*guard, error) {
	counters, err := count.New(set)
	most := int64(config.InFlightMiB) << 20
	return &guard{
		limits:   scan.Limits{Nesting: config.Nesting, Messages: config.Messages},
		wait:     config.Wait,
		room:     semaphore.NewWeighted(most),
		most:     most,
		counters: counters,
	}, err
}

// messageBytes is the memory of a decoded message beside its text.
const messageBytes = 128

// enter waits for the memory that a body needs, and returns the weight to release; 0 if there is none in time.
func (g *guard) enter(ctx context.Context, size int, found scan.Result) int64 {
	weight := min(int64(2*size+messageBytes*found.Messages)+1, g.most)
	waiting, cancel := context.WithTimeout(ctx, g.wait)
	defer cancel()
	if g.room.Acquire(waiting, weight) != nil {
		return 0
	}
	return weight
}

// reason returns the label of a refusal.
func reason(err error) string {
	switch {
	case errors.Is(err, scan.ErrNesting):
		return "nesting"
	case errors.Is(err, scan.ErrMessages):
		return "messages"
	default:
		return "malformed"
	}
}
