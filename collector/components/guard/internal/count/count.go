// Package count counts what the guards refuse, cut and merge, by reason and by the service that sent it.
package count

import (
	"context"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// Others is the offender once Offenders names are known, and the name of a metric once as many are.
const Others = "other"

// Unknown is the offender of a body that is refused before its service is known.
const Unknown = "unknown"

// Offenders is the number of names that get their own series.
const Offenders = 100

// nameBytes is the length of an offender's name in a label and in the log.
const nameBytes = 128

// Counters of the Collector about the guards. One set serves all guards of a process.
type Counters struct {
	refused, bodies, cut, overflow, conflicts metric.Int64Counter

	logger    *zap.Logger
	mutex     sync.Mutex
	offenders map[string]string
	metrics   map[string]string
	logged    map[[2]string]bool
}

var (
	shared      = map[metric.MeterProvider]*Counters{}
	sharedMutex sync.Mutex
)

// New returns the counters of a Collector.
func New(set component.TelemetrySettings) (*Counters, error) {
	sharedMutex.Lock()
	defer sharedMutex.Unlock()
	if known := shared[set.MeterProvider]; known != nil {
		return known, nil
	}
	c := &Counters{
		logger:    set.Logger,
		offenders: map[string]string{},
		metrics:   map[string]string{},
		logged:    map[[2]string]bool{},
	}
	meter := set.MeterProvider.Meter("github.com/signalscope/signalscope/collector/components/guard")
	for _, one := range []struct {
		counter           *metric.Int64Counter
		name, description string
	}{
		{&c.refused, "refused_points", "Metric points and spans that a limit refused."},
		{&c.bodies, "refused_bodies", "Requests that were refused before they were decoded."},
		{&c.cut, "cut_texts", "Texts and lists that were cut to their limit."},
		{&c.overflow, "overflow_series", "Points and spans of new series beyond the limit of series."},
		{&c.conflicts, "type_conflicts", "Points refused because their name belongs to a metric of another type."},
	} {
		var err error
		if *one.counter, err = meter.Int64Counter(
			"signalscope_collector_"+one.name+"_total", metric.WithDescription(one.description),
		); err != nil {
			return nil, err
		}
	}
	shared[set.MeterProvider] = c
	return c, nil
}

// Refused counts points or spans.
func (c *Counters) Refused(reason, service string, number int) {
	c.add(c.refused, reason, service, number)
}

// Body counts a refused request.
func (c *Counters) Body(reason, service string) { c.add(c.bodies, reason, service, 1) }

// Cut counts texts.
func (c *Counters) Cut(reason, service string, number int) { c.add(c.cut, reason, service, number) }

// Overflow counts points and spans of series that are too many.
func (c *Counters) Overflow(reason, service string, number int) {
	c.add(c.overflow, reason, service, number)
}

// Conflict counts points of a metric whose name has another type.
func (c *Counters) Conflict(name, service string, number int) {
	c.conflicts.Add(context.Background(), int64(number), metric.WithAttributes(
		attribute.String("metric", c.bounded(c.metrics, name)),
		attribute.String("offender", c.bounded(c.offenders, service)),
	))
	c.add(c.refused, "type_conflict", service, number)
}

func (c *Counters) add(counter metric.Int64Counter, reason, service string, number int) {
	if number == 0 {
		return
	}
	offender := c.bounded(c.offenders, service)
	counter.Add(context.Background(), int64(number),
		metric.WithAttributes(attribute.String("reason", reason), attribute.String("offender", offender)))
	c.mutex.Lock()
	first := !c.logged[[2]string{reason, offender}]
	c.logged[[2]string{reason, offender}] = true
	c.mutex.Unlock()
	if first {
		c.logger.Warn("a limit of the pipeline was exceeded; later events are only counted",
			zap.String("reason", reason), zap.String("offender", offender))
	}
}

// bounded returns a name for a label: valid UTF-8, short, and one of a limited number.
func (c *Counters) bounded(names map[string]string, name string) string {
	if len(name) > nameBytes {
		name = name[:nameBytes]
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if known, ok := names[name]; ok {
		return known
	}
	if len(names) >= Offenders {
		return Others
	}
	label := strings.ToValidUTF8(name, "\uFFFD")
	if label == "" {
		label = Unknown
	}
	names[strings.Clone(name)] = label
	return label
}
