package console

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// freeTries of one access key from one network may fail before the first
	// wait, and freeTriesOfAll of all keys from one network, which many people may
	// share. Each failure after them doubles the wait, from firstWait up to
	// longestWait.
	freeTries      = 5
	freeTriesOfAll = 50
	firstWait      = time.Second
	longestWait    = 5 * time.Minute

	// forgetTries is after which time failures no longer count.
	forgetTries = time.Hour

	// maxTries bounds how many access keys and networks are remembered.
	maxTries = 20_000
)

// tries slow down who guesses. They count the sign-ins that failed: of an access
// key from a network, and from a network. A key alone is not counted, so that
// nobody elsewhere can keep its owner out. Nothing waits here; a sign-in that
// comes too early is refused. Each server counts on its own.
type tries struct {
	mu   sync.Mutex
	seen map[string]try
}

type try struct {
	failed int
	last   time.Time
}

// guesser is who is counted: an access key from a network.
type guesser struct{ network, key string }

// counts are what a guesser is counted by, each with how many may fail.
func (g guesser) counts() map[string]int {
	return map[string]int{g.pair(): freeTries, g.network: freeTriesOfAll}
}

func (g guesser) pair() string { return g.network + " " + g.key }

// begin counts an attempt as failed until it is taken back, so that many at once
// are not one. It returns how long to wait instead where it is too early; that
// attempt does not count.
func (t *tries) begin(now time.Time, by guesser) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, free := range by.counts() {
		one := t.of(name, now)
		wait = max(wait, one.last.Add(waitAfter(one.failed-free)).Sub(now))
	}
	if wait > 0 {
		return wait
	}
	for name := range by.counts() {
		t.put(name, try{t.of(name, now).failed + 1, now})
	}
	return 0
}

// takeBack takes back an attempt that was none: nobody could say whether the
// secret was right.
func (t *tries) takeBack(by guesser) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name := range by.counts() {
		if one := t.seen[name]; one.failed > 1 {
			t.seen[name] = try{one.failed - 1, one.last}
		} else {
			delete(t.seen, name)
		}
	}
}

// succeed takes back an attempt that was right, and forgets the failures of its
// key; those of others from the network stay, so that one known key is no way to
// guess others.
func (t *tries) succeed(by guesser) {
	t.takeBack(by)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, by.pair())
}

// of is what is remembered, which is nothing after forgetTries.
func (t *tries) of(name string, now time.Time) try {
	if one := t.seen[name]; now.Sub(one.last) < forgetTries {
		return one
	}
	return try{last: now}
}

// waitAfter is how long to wait after so many failures more than are free.
func waitAfter(beyond int) time.Duration {
	if beyond < 0 {
		return 0
	}
	wait := firstWait
	for range beyond {
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
