package gate

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// maxKeys bounds the keys that are remembered. Only keys whose signature was
// right are, so nobody fills this with inventions.
const maxKeys = 10_000

// Keys bounds the requests per second of each key. A nil Keys allows all; its
// methods may be called at once.
type Keys struct {
	rate    rate.Limit
	burst   int
	most    int // keys that are remembered
	refused atomic.Uint64

	mu   sync.Mutex
	keys map[string]*rate.Limiter
}

// NewKeys returns a bound of so many requests per second, and a burst of them
// after a pause: 0 for twice as many. It is nil for a rate of 0.
func NewKeys(perSecond, burst int) *Keys {
	if perSecond <= 0 {
		return nil
	}
	if burst <= 0 {
		burst = 2 * perSecond
	}
	return &Keys{rate: rate.Limit(perSecond), burst: burst, most: maxKeys, keys: make(map[string]*rate.Limiter)}
}

// Allow counts a request of a key at a time, and tells whether it is within the
// bound. One that is not costs the key nothing.
func (k *Keys) Allow(key string, now time.Time) bool {
	if k == nil {
		return true
	}
	k.mu.Lock()
	l, known := k.keys[key]
	if !known {
		k.makeRoom(now)
		l = rate.NewLimiter(k.rate, k.burst)
		k.keys[key] = l
	}
	k.mu.Unlock()
	if l.AllowN(now, 1) {
		return true
	}
	k.refused.Add(1)
	return false
}

// makeRoom forgets keys that have their whole burst again, which is what an
// unknown key has; and should there be none, any one key, to its advantage.
func (k *Keys) makeRoom(now time.Time) {
	if len(k.keys) < k.most {
		return
	}
	for key, l := range k.keys {
		if l.TokensAt(now) >= float64(k.burst) {
			delete(k.keys, key)
		}
	}
	for key := range k.keys {
		if len(k.keys) < k.most {
			return
		}
		delete(k.keys, key)
	}
}

// Stats returns how many keys are remembered, and how many requests were
// refused since the start.
func (k *Keys) Stats() (keys int, refused uint64) {
	if k == nil {
		return 0, 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.keys), k.refused.Load()
}
