package itemguard

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// other is the name of a span whose own would be one too many.
const other = "other"

// kinds are the kinds of spans of each service: span_metrics keeps a histogram for each, whatever the page can hold.
type kinds struct {
	*Config
	mutex    sync.Mutex
	seed     maphash.Seed
	services map[string]map[uint64]time.Time // when each was last seen
	total    int
	swept    time.Time
}

func newKinds(config *Config) *kinds {
	return &kinds{Config: config, seed: maphash.MakeSeed(), services: map[string]map[uint64]time.Time{}}
}

// rename gives a span of a kind too many the name `other`, and returns false if even that would be too many.
func (k *kinds) rename(service, instance string, span ptrace.Span, now time.Time) (renamed, fits bool) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.expire(now)
	if k.admit(service, instance, span, now, 1) {
		return false, true
	}
	span.SetName(other)
	// Some room is left for `other` itself, which each process has.
	return true, k.admit(service, instance, span, now, 1.1)
}

func (k *kinds) admit(service, instance string, span ptrace.Span, now time.Time, factor float64) bool {
	var h maphash.Hash
	h.SetSeed(k.seed)
	for _, text := range []string{instance, span.Name()} {
		_, _ = h.WriteString(text)
		_ = h.WriteByte(0)
	}
	_, _ = h.Write([]byte{byte(span.Kind()), byte(span.Status().Code())})
	id, own := h.Sum64(), k.services[service]
	if _, known := own[id]; !known {
		if float64(len(own)) >= float64(k.SpanKinds)*factor || float64(k.total) >= float64(k.TotalSpanKinds)*factor {
			return false
		}
		if own == nil {
			own = map[uint64]time.Time{}
			k.services[strings.Clone(service)] = own
		}
		k.total++
	}
	own[id] = now
	return true
}

// expire forgets what span_metrics has forgotten.
func (k *kinds) expire(now time.Time) {
	if now.Sub(k.swept) < k.Expiration/10 {
		return
	}
	k.swept = now
	for service, own := range k.services {
		for id, seen := range own {
			if now.Sub(seen) > k.Expiration {
				delete(own, id)
				k.total--
			}
		}
		if len(own) == 0 {
			delete(k.services, service)
		}
	}
}
