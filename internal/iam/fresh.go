package iam

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// trust is how long what is in memory is believed without asking the database
// whether users, roles, policies or keys have changed: how long a permission
// that was taken away may still hold on another server.
const trust = 2 * time.Second

// freshness knows when the database was last asked. Every change of users,
// roles, policies and keys draws another generation, so one small read a
// second tells of all of them, however many callers there are.
type freshness struct {
	asked atomic.Pointer[time.Time] // nil for never

	turn       chan struct{} // holds one: whoever has it may change what follows
	generation string
	err        error     // of the last attempt to ask
	failed     time.Time // when that came back
}

func newFreshness() *freshness {
	f := &freshness{turn: make(chan struct{}, 1)}
	f.turn <- struct{}{}
	return f
}

// check makes sure that the generation was read less than trust ago. In the
// second half of that time one caller reads it while the others go on; after
// it everyone waits for that one. changed is called, under the lock, when it is
// another one.
func (f *freshness) check(ctx context.Context, read func(context.Context) ([]byte, error), changed func()) error {
	age, arrived := f.age(), time.Now()
	if age < trust/2 {
		return nil
	}
	if ok, err := f.take(ctx, age >= trust); !ok {
		return err
	}
	defer f.give()
	switch {
	case f.age() < trust/2: // another caller has just asked
		return nil
	case f.err != nil && f.failed.After(arrived): // or has just waited for a database that is away
		return f.err
	}
	at := time.Now() // the database is asked after this, so trust ends in time
	text, err := read(ctx)
	if err != nil {
		err = fmt.Errorf("read whether permissions have changed: %w", err)
		if ctx.Err() == nil { // else it was this caller who left
			f.err, f.failed = err, time.Now()
		}
		return err
	}
	if string(text) != f.generation {
		changed()
		f.generation = string(text)
	}
	f.err = nil
	f.asked.Store(&at)
	return nil
}

// take takes the turn, if need be by waiting for it.
func (f *freshness) take(ctx context.Context, wait bool) (taken bool, err error) {
	select {
	case <-f.turn:
		return true, nil
	default:
	}
	if !wait {
		return false, nil
	}
	select {
	case <-f.turn:
		return true, nil
	case <-ctx.Done():
		return false, fmt.Errorf("wait for whether permissions have changed: %w", ctx.Err())
	}
}

func (f *freshness) give() { f.turn <- struct{}{} }

func (f *freshness) age() time.Duration {
	if asked := f.asked.Load(); asked != nil {
		return time.Since(*asked)
	}
	return trust
}

// forget has the next caller ask: this server has changed something itself. A
// caller who is asking may have asked before that, so it is waited for.
func (f *freshness) forget() {
	<-f.turn
	defer f.give()
	f.asked.Store(nil)
}
