package schedule

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"reeve/internal/license"
)

// Options are the choices of a Scheduler; zero times mean the defaults.
type Options struct {
	// NewManager returns the rules over a store, with the deployment's settings.
	NewManager func(license.Store) *license.Manager

	Server string // what runs name this server
	Log    *slog.Logger

	Poll    time.Duration // between two looks at what is due; 5 s
	Lease   time.Duration // a server that is silent for so long has lost its run; 1 min
	Timeout time.Duration // of a run; 1 h
}

// atOnce is how many sources a server runs at the same time.
const atOnce = 4

// stopWithin bounds the last word of a run whose server is stopping.
const stopWithin = 5 * time.Second

// Scheduler runs sources that are due. Every server of a deployment has one.
type Scheduler struct {
	sources *Sources
	store   Store
	options Options
	slots   chan struct{} // holds one for each run that goes on
	runs    sync.WaitGroup
}

// Scheduler returns a scheduler of the sources. Only one of a process's
// schedulers is woken by Put and Ask; others look once a poll.
func (s *Sources) Scheduler(o Options) *Scheduler {
	o.Poll = orElse(o.Poll, 5*time.Second)
	o.Lease = orElse(o.Lease, time.Minute)
	o.Timeout = orElse(o.Timeout, time.Hour)
	return &Scheduler{sources: s, store: s.store, options: o, slots: make(chan struct{}, atOnce)}
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Run runs what is due until ctx ends, and then stops what is going on: such
// runs begin again on whichever server comes first.
func (s *Scheduler) Run(ctx context.Context) {
	defer s.runs.Wait()
	for {
		if err := s.beginDue(ctx); err != nil && ctx.Err() == nil {
			s.options.Log.Warn("looking for sources that are due failed", "error", err)
		}
		pause := time.NewTimer(s.options.Poll/2 + rand.N(s.options.Poll)) // servers do not look all at once
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-s.sources.wake:
		case <-pause.C:
		}
		pause.Stop()
	}
}

// beginDue begins as many due runs as there are free slots.
func (s *Scheduler) beginDue(ctx context.Context) error {
	free := cap(s.slots) - len(s.slots)
	if free == 0 {
		return nil
	}
	var due []int64
	err := s.store.View(ctx, func(tx Tx) error {
		now, err := tx.Now()
		if err != nil {
			return err
		}
		due, err = tx.DueSources(now, free)
		return err
	})
	if err != nil {
		return err
	}
	for _, num := range due {
		if err := s.begin(ctx, num); err != nil {
			return err
		}
	}
	return nil
}

// begin begins a run of a source, unless another server was faster.
func (s *Scheduler) begin(ctx context.Context, num int64) error {
	r, err := s.claim(ctx, num)
	if err != nil || r == nil {
		return err
	}
	s.slots <- struct{}{}
	s.runs.Go(func() {
		defer func() {
			<-s.slots
			s.sources.poke() // a slot is free again
		}()
		r.run(ctx)
	})
	return nil
}

// claim takes the lease of a source that is due; nil means that it is not, or
// that it is not to be run yet.
func (s *Scheduler) claim(ctx context.Context, num int64) (*run, error) {
	var claimed *run
	err := s.store.Update(ctx, func(tx Tx) error {
		claimed = nil
		now, err := tx.Now()
		if err != nil {
			return err
		}
		src, err := tx.LockSource(num)
		if err != nil || src == nil || !src.ready(now) {
			return err
		}
		if src.Running() {
			if err := s.takeOver(tx, src, now); err != nil {
				return err
			}
		}
		if src.ready(now) {
			claimed, err = s.take(tx, src, now)
		}
		return err
	})
	return claimed, err
}

// takeOver ends the run of a server that has gone. It begins again at once the
// first time; a run that ends its server again and again does not.
func (s *Scheduler) takeOver(tx Tx, src *Source, now license.Time) error {
	s.options.Log.Warn("a source's run was lost", "source", src.Name, "run", src.Run)
	if err := end(tx, src, Lost, "the server that ran it did not answer any more", now); err != nil {
		return err
	}
	src.Failed++
	if src.Failed > 1 {
		src.Due = later(now, backOff(src.Every, src.Failed-1))
	}
	return tx.SaveSource(src)
}

// take begins the next run of a source.
func (s *Scheduler) take(tx Tx, src *Source, now license.Time) (*run, error) {
	asked := src.Asked
	src.Run++
	src.Lease = later(now, s.options.Lease)
	src.Asked = NotAsked
	if err := tx.SaveSource(src); err != nil {
		return nil, err
	}
	record := Run{Number: src.Run, Status: Running, Server: s.options.Server, Started: now}
	if err := tx.SaveRun(src.Num, &record); err != nil {
		return nil, err
	}
	memory, err := tx.Memory(src.Num)
	if err != nil {
		return nil, err
	}
	return newRun(s, *src, record, memory, asked), nil
}

// backOff is the pause after a number of failures in a row: a minute, doubled
// each time, up to an hour or the source's interval, whichever is longer. What
// runs more often than once a minute begins with its interval.
func backOff(every time.Duration, failures int64) time.Duration {
	most := max(every, time.Hour)
	pause := min(every, time.Minute)
	for ; failures > 1 && pause < most; failures-- {
		pause *= 2
	}
	return min(pause, most)
}

// jitter moves a pause by up to a tenth, so that sources do not keep step.
func jitter(pause time.Duration) time.Duration {
	return pause - pause/10 + rand.N(pause/5+1)
}
