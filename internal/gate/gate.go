// Package gate bounds what a server takes on: connections, requests that are
// worked on at once, those that wait for their turn, the memory of bodies that
// arrive, and the requests of one access key. It knows neither what a request
// asks nor how a refusal is worded.
//
// What is beyond a bound is refused at once or after a short wait, before
// anything was done for it, so that what is accepted is served as if nobody
// else had come.
package gate

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// The refusals. Whoever gets one may come again.
var (
	ErrQueueFull = errors.New("too many requests wait already")
	ErrWaited    = errors.New("the request has waited for its turn in vain")
	ErrBodies    = errors.New("the bodies of requests fill their memory")
)

// Options are the bounds of a Gate.
type Options struct {
	Requests int           // changes at once; of what only reads, a quarter of it besides
	Wait     time.Duration // that one more waits; 0: not at all
	Bodies   int64         // bytes of bodies above 4 KiB
}

// How many may wait for each that is worked on, and how many more are kept
// waiting for their refusal. Who is refused at once is back at once, and so are
// all the others: refusing them would be all that the server does.
const (
	waiting  = 4
	keptBack = 32
)

// Gate lets requests through. Changes and reads have places of their own, so
// that neither waits behind the other. Its methods may be called at once.
type Gate struct {
	reads, changes lane
	room           int64
	held           atomic.Int64
	bodies         atomic.Uint64 // refused
}

// lane is a number of places and a line before them.
type lane struct {
	places       chan struct{}
	line, crowd  int64 // most that wait for a place, and for their refusal
	patience     time.Duration
	waits, kept  atomic.Int64
	full, waited atomic.Uint64 // refused
}

// New returns a Gate that nobody has entered.
func New(o Options) *Gate {
	g := &Gate{room: o.Bodies}
	for l, places := range map[*lane]int{&g.changes: o.Requests, &g.reads: max(1, o.Requests/4)} {
		l.places = make(chan struct{}, places)
		l.line, l.crowd, l.patience = int64(waiting*o.Requests), int64(keptBack*o.Requests), o.Wait
	}
	return g
}

func (g *Gate) lane(change bool) *lane {
	if change {
		return &g.changes
	}
	return &g.reads
}

// Enter returns when a request may be worked on. The error is ErrQueueFull,
// ErrWaited or ctx's; after nil, Leave has to be called with the same change.
func (g *Gate) Enter(ctx context.Context, change bool) error {
	l := g.lane(change)
	select {
	case l.places <- struct{}{}:
		return nil
	default:
		return l.wait(ctx)
	}
}

// Leave makes room for the next.
func (g *Gate) Leave(change bool) { <-g.lane(change).places }

func (l *lane) wait(ctx context.Context) error {
	if l.waits.Add(1) > l.line || l.patience <= 0 {
		l.waits.Add(-1)
		return l.refuse(ctx)
	}
	defer l.waits.Add(-1)
	late := time.NewTimer(l.patience)
	defer late.Stop()
	select {
	case l.places <- struct{}{}:
		return nil
	case <-late.C:
		l.waited.Add(1)
		return ErrWaited
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refuse refuses one for whom there is no place in the line, after as long as
// it would have waited there.
func (l *lane) refuse(ctx context.Context) error {
	l.full.Add(1)
	defer l.kept.Add(-1)
	if l.kept.Add(1) > l.crowd || l.patience <= 0 {
		return ErrQueueFull
	}
	late := time.NewTimer(l.patience)
	defer late.Stop()
	select {
	case <-late.C:
		return ErrQueueFull
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Hold takes memory for a body, at once or with ErrBodies. What was held has to
// be given back with Free.
func (g *Gate) Hold(bytes int64) error {
	if g.held.Add(bytes) > g.room {
		g.held.Add(-bytes)
		g.bodies.Add(1)
		return ErrBodies
	}
	return nil
}

// Free gives memory back.
func (g *Gate) Free(bytes int64) { g.held.Add(-bytes) }

// LaneStats are the numbers of reads or of changes: now, and refused since the
// start.
type LaneStats struct {
	Working, Waiting int64
	Full, Waited     uint64
}

// Stats are the numbers of a Gate.
type Stats struct {
	Reads, Changes LaneStats
	Held           int64  // bytes of bodies
	Bodies         uint64 // refused since the start
}

// Stats returns the numbers as they are.
func (g *Gate) Stats() Stats {
	return Stats{g.reads.stats(), g.changes.stats(), g.held.Load(), g.bodies.Load()}
}

func (l *lane) stats() LaneStats {
	return LaneStats{int64(len(l.places)), l.waits.Load(), l.full.Load(), l.waited.Load()}
}
