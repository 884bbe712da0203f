// Package queuestorage is the file storage of an exporter's queue. It refuses a directory that cannot be used when the
// Collector starts, and sets a corrupted file aside: the stock extension would fail at each start.
package queuestorage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// The variables of collector/config.yaml that choose the queue.
const (
	directoryVariable = "TRACES_QUEUE_DIRECTORY"
	storageVariable   = "TRACES_QUEUE_STORAGE"
	wayOut            = "mount a volume there that the Collector's user may write to, or unset " + storageVariable +
		" and " + directoryVariable + " for a queue in memory"
)

// Config has the directory of the queue. Its size is that of the exporter's sending_queue.
type Config struct {
	Directory string `mapstructure:"directory"`
}

// Validate checks that the directory can be written to, if there is one.
func (c *Config) Validate() error {
	if c.Directory == "" {
		return nil // nothing uses the storage; otherwise GetClient refuses
	}
	probe, err := os.CreateTemp(c.Directory, probePrefix)
	if err == nil {
		_, err = probe.WriteString("writable")
		err = errors.Join(err, probe.Close(), os.Remove(probe.Name()))
	}
	var full *os.PathError
	if errors.As(err, &full) && isFull(full.Err) {
		return nil // the queue delivers what it has; that makes room
	}
	if err != nil {
		return fmt.Errorf("%s=%s: %w; %s [SS790]", directoryVariable, c.Directory, err, wayOut)
	}
	return nil
}

// NewFactory returns the factory of the extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(
		component.MustNewType("queue_storage"),
		func() component.Config { return &Config{} },
		func(ctx context.Context, set extension.Settings, config component.Config) (extension.Extension, error) {
			return newQueue(ctx, set, config.(*Config))
		},
		component.StabilityLevelBeta,
	)
}

type queue struct {
	storage.Extension
	id        component.ID
	directory string
	logger    *zap.Logger
	aside     metric.Int64Counter
	reserve   *reserve
}

func newQueue(ctx context.Context, set extension.Settings, config *Config) (*queue, error) {
	meter := set.MeterProvider.Meter("github.com/signalscope/signalscope/collector/components/guard")
	aside, err := meter.Int64Counter(
		"signalscope_collector_queue_files_set_aside_total",
		metric.WithDescription("Corrupted files of a persistent queue that were set aside at a start."),
	)
	if err != nil {
		return nil, err
	}
	aside.Add(ctx, 0)
	stock := filestorage.NewFactory()
	options := stock.CreateDefaultConfig().(*filestorage.Config)
	options.Directory = config.Directory
	options.Timeout = lockTimeout
	options.Compaction.Directory = config.Directory
	options.Compaction.CleanupOnStart = config.Directory != ""
	options.Compaction.OnRebound = true
	id := set.ID
	set.ID = component.NewIDWithName(stock.Type(), set.ID.Name())
	made, err := stock.Create(ctx, set, options)
	if err != nil {
		return nil, err
	}
	room := &reserve{path: filepath.Join(config.Directory, reserveName), logger: set.Logger}
	return &queue{made.(storage.Extension), id, config.Directory, set.Logger, aside, room}, nil
}

// lockTimeout is how long a file may be locked by a Collector that is ending.
const lockTimeout = 2 * time.Second

// Start sets corrupted files aside, before an exporter opens them.
func (q *queue) Start(ctx context.Context, host component.Host) error {
	if q.directory != "" {
		if err := q.setAside(ctx); err != nil {
			return err
		}
		q.reserve.take() // without it on a full volume, until there is room
	}
	return q.Extension.Start(ctx, host)
}

// GetClient returns the storage of an exporter.
func (q *queue) GetClient(
	ctx context.Context, kind component.Kind, id component.ID, name string,
) (storage.Client, error) {
	if q.directory == "" {
		return nil, fmt.Errorf("%s is set, but %s is empty; %s [SS790]", storageVariable, directoryVariable, wayOut)
	}
	stock, err := q.Extension.GetClient(ctx, kind, id, name)
	if err != nil {
		return nil, err
	}
	return &client{stock, q.reserve}, nil
}

// NotifyConfigSnapshot refuses a directory that no exporter uses: its queue would be in memory.
func (q *queue) NotifyConfigSnapshot(_ context.Context, config extensioncapabilities.ConfigSnapshot) error {
	if q.directory == "" {
		return nil
	}
	exporters, err := config.Effective().Sub("exporters")
	if err != nil {
		return err
	}
	for name := range exporters.ToStringMap() {
		if exporters.Get(name+"::sending_queue::storage") == q.id.String() {
			return nil
		}
	}
	return fmt.Errorf("%s is set, but %s is empty: set it to %s, or unset both for a queue in memory [SS790]",
		directoryVariable, storageVariable, q.id)
}
