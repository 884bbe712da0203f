package pageguard

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// cached is the number of names whose translation is kept.
const cached = 10_000

// page is what the exporter serves.
type page struct {
	config *Config
	mutex  sync.Mutex
	seed   maphash.Seed

	named    map[source]named
	labels   map[string]string
	families map[string]*family
	lines    map[string]string

	services map[string]*service
	total    int // series of all services
	swept    time.Time
}

// service has the series of one service.
type service struct {
	series map[uint64]*series
	size   int
}

// series is one point of the exporter, which is several lines if it is a histogram.
type series struct {
	from uint64 // what it was made from: two sources of one series would take turns on the page
	size int
	seen time.Time
}

func newPage(config *Config) *page {
	p := &page{
		config:   config,
		seed:     maphash.MakeSeed(),
		named:    map[source]named{},
		labels:   map[string]string{},
		families: map[string]*family{},
		lines:    map[string]string{},
		services: map[string]*service{},
	}
	p.keep("target_info", "gauge") // the exporter's own
	for name, kind := range config.Names {
		p.keep(name, kind)
	}
	return p
}

// keep reserves a name for a type.
func (p *page) keep(name, kind string) {
	p.claim(name, kind, time.Time{})
	if known := p.families[name]; known != nil {
		known.kept = true
	}
}

// sender is the resource whose points are being checked, with its metric at hand.
type sender struct {
	service    string
	identity   uint64 // of job and instance
	scope      uint64
	metric     uint64
	name, kind string
	now        time.Time
	refused    map[string]int
	overflow   map[string]int
}

func (p *page) sender(attributes pcommon.Map, now time.Time) sender {
	text := func(key string) string {
		if value, ok := attributes.Get(key); ok {
			return value.AsString()
		}
		return ""
	}
	s := sender{service: text("service.name"), now: now, refused: map[string]int{}, overflow: map[string]int{}}
	s.identity = p.hash(text("service.namespace") + "\x00" + s.service + "\x00" + text("service.instance.id"))
	// The exporter makes a label of target_info from each key, and drops the whole metric for one bad key.
	attributes.RemoveIf(func(key string, _ pcommon.Value) bool {
		label := p.label(key)
		return label == "" || strings.HasPrefix(label, "__")
	})
	return s
}

func (p *page) hash(text string) uint64 { return maphash.String(p.seed, text) }

func (p *page) scopeHash(scope pmetric.ScopeMetrics) uint64 {
	h := p.hash(scope.Scope().Name()+"\x00"+scope.Scope().Version()) ^ p.hash(scope.SchemaUrl())<<1
	for key, value := range scope.Scope().Attributes().All() {
		h += p.hash(key+"\x00"+value.AsString()) | 1
	}
	return h
}

var labelNamer = otlptranslator.LabelNamer{PreserveMultipleUnderscores: true}

// label returns the label that the exporter makes from the key of an attribute; "" if there is none.
func (p *page) label(key string) string {
	if known, ok := p.labels[key]; ok {
		return known
	}
	label, err := labelNamer.Build(key)
	if err != nil {
		label = ""
	}
	if len(p.labels) >= cached {
		clear(p.labels)
	}
	p.labels[strings.Clone(key)] = label
	return label
}

// refuses returns true for a point that may not be on the page, and counts why.
func (p *page) refuses(s *sender, attributes pcommon.Map, size int) bool {
	id, from, reason := p.identity(s, attributes)
	if reason != "" {
		s.refused[reason]++
		return true
	}
	own := p.services[s.service]
	if own == nil {
		own = &service{series: map[uint64]*series{}}
	}
	known := own.series[id]
	switch {
	case known == nil:
		known = &series{from: from}
		if own.size+size > p.config.Series {
			s.overflow["service"]++
			return true
		}
		if p.total+size > p.config.TotalSeries {
			s.overflow["total"]++
			return true
		}
		own.series[id] = known
		if len(own.series) == 1 {
			p.services[strings.Clone(s.service)] = own
		}
	case known.from != from:
		s.refused["duplicate_series"]++
		return true
	case size > known.size && (own.size+size-known.size > p.config.Series || p.total+size-known.size > p.config.TotalSeries):
		s.overflow["service"]++
		return true
	}
	own.size += size - known.size
	p.total += size - known.size
	known.size, known.seen = size, s.now
	return false
}

// identity returns the hash of a series and the hash of what it was made from, or why the page cannot have it.
// Attributes have no order, so their hashes are added.
func (p *page) identity(s *sender, attributes pcommon.Map) (id, from uint64, reason string) {
	id, from = p.hash(s.name)+s.identity, s.metric
	var seen [16]string
	labels := seen[:0]
	for key, value := range attributes.All() {
		label := p.label(key)
		switch {
		case label == "" || strings.HasPrefix(label, "__"), label == "job", label == "instance",
			label == "le" && s.kind == "histogram", label == "quantile" && s.kind == "summary":
			return 0, 0, "reserved_label"
		}
		for _, other := range labels {
			if label == other {
				return 0, 0, "duplicate_label"
			}
		}
		labels = append(labels, label)
		text := p.hash(value.AsString())
		id += mix(p.hash(label), text)
		from += mix(p.hash(key), text)
	}
	return id, from, ""
}

// mix joins two hashes such that their order matters.
func mix(a, b uint64) uint64 {
	h := (a ^ b<<31 ^ b>>33) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

// expire forgets what the exporter has forgotten. A metric's type stays known longer than its series: the exporter
// keeps it until a further expiration has passed.
func (p *page) expire(now time.Time) {
	if now.Sub(p.swept) < p.config.Expiration/10 {
		return
	}
	p.swept = now
	for name, own := range p.services {
		for id, one := range own.series {
			if now.Sub(one.seen) > p.config.Expiration {
				delete(own.series, id)
				own.size -= one.size
				p.total -= one.size
			}
		}
		if len(own.series) == 0 {
			delete(p.services, name)
		}
	}
	for name, one := range p.families {
		if !one.kept && now.Sub(one.seen) > 2*p.config.Expiration+time.Minute {
			p.release(name)
		}
	}
}
