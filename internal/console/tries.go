package console

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// freeTries may fail before the first wait. Each one after them doubles it,
	// from firstWait up to longestWait.
	freeTries   = 5
	firstWait   = time.Second
	longestWait = 5 * time.Minute

	// forgetTries is after which time failures no longer count.
	forgetTries = time.Hour

	// maxTries bounds how many access keys and networks are remembered.
	maxTries = 20_000
)

// tries slow down who guesses. They count the sign-ins that failed by what they
// have in common: an access key, a network. Nothing waits here; a sign-in that
// comes too early is refused. Each server counts on its own.
type tries struct {
	mu   sync.Mutex
	seen map[string]try
}

type try struct {
	failed int
	last   time.Time
}

// begin counts an attempt as failed for each of its properties, until succeed
// takes that back, so that many at once are not one. It returns how long to
// wait instead where it is too early; that attempt does not count.
func (t *tries) begin(now time.Time, of ...string) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range of {
		one := t.of(name, now)
		wait = max(wait, one.last.Add(waitAfter(one.failed)).Sub(now))
	}
	if wait > 0 {
		return wait
	}
	for _, name := range of {
		t.put(name, try{t.of(name, now).failed + 1, now})
	}
	return 0
}

// of is what is remembered, which is nothing after forgetTries.
func (t *tries) of(name string, now time.Time) try {
	if one := t.seen[name]; now.Sub(one.last) < forgetTries {
		return one
	}
	return try{last: now}
}

func waitAfter(failed int) time.Duration {
	if failed < freeTries {
		return 0
	}
	wait := firstWait
	for range failed - freeTries {
		if wait *= 2; wait >= longestWait {
			return longestWait
		}
	}
	return wait
}

func (t *tries) put(name string, one try) {
	if t.seen == nil {
		t.seen = make(map[string]try)
	}
	if _, known := t.seen[name]; !known && len(t.seen) >= maxTries {
		t.makeRoom(one.last)
	}
	t.seen[name] = one
}

// makeRoom drops what is forgotten, or else a tenth of all: those that failed
// the least.
func (t *tries) makeRoom(now time.Time) {
	for failed := 0; len(t.seen) > maxTries*9/10; failed++ {
		for name, one := range t.seen {
			if len(t.seen) > maxTries*9/10 && (one.failed <= failed || now.Sub(one.last) >= forgetTries) {
				delete(t.seen, name)
			}
		}
	}
}

// succeed forgets the failures.
func (t *tries) succeed(of ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range of {
		delete(t.seen, name)
	}
}

// network is what addresses are counted by: whoever has one address of IPv6
// has all that begin with its first 64 bits.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return clipped(address)
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return ip.String()
	}
	return prefix.String()
}
