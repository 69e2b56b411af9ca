//go:build unix

package cluster_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
)

const (
	clients     = 6
	machinesOf  = 2 // each client's own
	poolLimit   = 5 // of the clients * machinesOf that want a licence
	mostCallsOf = 2000
)

// traffic is clients that take and give back licences of one pool, through
// the balancer, and write down what they were told.
type traffic struct {
	t       *testing.T
	account *account
	arn     string
	names   []string // of the machines
	began   time.Time
	ending  chan struct{}
	all     sync.WaitGroup
	told    atomic.Int64 // calls that had an answer

	mu      sync.Mutex
	history []porcupine.Operation
}

var pools atomic.Int64

// startTraffic makes a pool and lets the clients begin.
func startTraffic(t *testing.T, d *deployment) *traffic {
	t.Helper()
	w := &traffic{t: t, account: through(t, d.balancer.URL), began: time.Now(), ending: make(chan struct{})}
	name := fmt.Sprintf("pool%d", pools.Add(1))
	var err error
	w.arn, err = w.account.pool(t.Context(), name, poolLimit)
	must(t, "create configuration", err)
	for n := range clients * machinesOf {
		w.names = append(w.names, fmt.Sprintf("%s-%d", name, n))
	}
	must(t, "report machines", w.account.report(t.Context(), w.names...))
	for n := range clients {
		w.all.Go(func() { w.work(n) })
	}
	return w
}

// work is one client, which knows of its machines what it was told last.
func (w *traffic) work(client int) {
	dice := rand.New(rand.NewPCG(uint64(client), uint64(w.began.UnixNano())))
	var holds [machinesOf]bool
	for range mostCallsOf {
		select {
		case <-w.ending:
			return
		default:
		}
		own := dice.IntN(machinesOf)
		c := call{kind: "take", machine: client*machinesOf + own}
		switch dice.IntN(8) {
		case 0:
			c = call{kind: "count"}
		case 1:
			c = call{kind: "list"}
		default:
			if holds[own] {
				c.kind = "give"
			}
		}
		a := w.call(client, c)
		if c.kind == "take" || c.kind == "give" {
			holds[own] = c.kind == "take" && !a.refused && !a.unknown
		}
	}
}

// call makes a call and writes it down.
func (w *traffic) call(client int, c call) answer {
	from := time.Since(w.began)
	a, err := w.ask(w.t.Context(), c)
	to := time.Since(w.began)
	if err != nil {
		a = answer{unknown: true}
		w.t.Errorf("%s had no answer after %v, however often it was tried: %v", c.kind, to-from, err)
	} else {
		w.told.Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history = append(w.history, porcupine.Operation{ClientId: client, Input: c, Output: a, Call: int64(from), Return: int64(to)})
	return a
}

func (w *traffic) ask(ctx context.Context, c call) (a answer, err error) {
	switch c.kind {
	case "take":
		err = w.account.take(ctx, w.arn, w.names[c.machine])
		if a.refused = isRefused(err); a.refused {
			err = nil
		}
	case "give":
		err = w.account.give(ctx, w.arn, w.names[c.machine])
	case "count":
		a.count, err = w.account.consumed(ctx, w.arn)
	case "list":
		a.set, err = w.list(ctx)
	}
	return a, err
}

// list is the machines that use the pool, in several pages of one revision.
func (w *traffic) list(ctx context.Context) (set uint64, err error) {
	rows, err := usage(ctx, w.arn, 2, func(int) *account { return w.account })
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		set |= w.bit(row)
	}
	return set, nil
}

// bit is the place of a machine; what is not ours is a machine that no state
// of the model has.
func (w *traffic) bit(row types.LicenseConfigurationUsage) uint64 {
	for i, name := range w.names {
		if machine(name) == *row.ResourceArn {
			return 1 << i
		}
	}
	return 1 << 63
}

// advance waits until so many more calls have had an answer.
func (w *traffic) advance(calls int64) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	target := w.told.Load() + calls
	for deadline := time.Now().Add(patience); w.told.Load() < target; <-tick.C {
		if time.Now().After(deadline) {
			w.t.Fatalf("the clients make no progress: %d of %d calls", w.told.Load(), target)
		}
	}
}

// finish ends the traffic and holds what is there against what was told.
func (w *traffic) finish() {
	t := w.t
	t.Helper()
	close(w.ending)
	w.all.Wait()
	for _, kind := range []string{"list", "count"} { // the last calls of the history
		w.call(0, call{kind: kind})
	}
	rows, err := usage(t.Context(), w.arn, 100, func(int) *account { return w.account })
	must(t, "list usage", err)
	consumed, err := w.account.consumed(t.Context(), w.arn)
	must(t, "get configuration", err)
	if consumed != int64(len(rows)) {
		t.Errorf("the counter says %d, the usage has %d machines", consumed, len(rows))
	}
	peak, err := w.account.peak(t.Context(), w.arn)
	must(t, "get history", err)
	if peak != poolLimit {
		t.Errorf("at most %d licences were in use at a time, want the limit of %d", peak, poolLimit)
	}
	checkLinearizable(t, poolLimit, w.history)
	w.account.verify(t)
}
