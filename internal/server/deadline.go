package server

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends at a time, as one of context.WithDeadline
// does, and whose timer is only made once somebody asks whether it has ended.
// An answer that comes from memory never asks, and the timer would be a good
// part of what such an answer costs.
type deadline struct {
	context.Context // ends earlier, when it does
	at              time.Time

	once   sync.Once
	armed  context.Context
	cancel context.CancelFunc
}

func withDeadline(parent context.Context, after time.Duration) *deadline {
	return &deadline{Context: parent, at: time.Now().Add(after)}
}

func (d *deadline) arm() context.Context {
	d.once.Do(func() { d.armed, d.cancel = context.WithDeadline(d.Context, d.at) })
	return d.armed
}

// Deadline returns when it ends at the latest.
func (d *deadline) Deadline() (time.Time, bool) {
	if at, ok := d.Context.Deadline(); ok && at.Before(d.at) {
		return at, true
	}
	return d.at, true
}

// Done returns a channel that is closed when it ends.
func (d *deadline) Done() <-chan struct{} { return d.arm().Done() }

// Err returns why it has ended, or nil.
func (d *deadline) Err() error { return d.arm().Err() }

// stop ends it: whoever asks later finds it ended.
func (d *deadline) stop() {
	d.once.Do(func() { d.armed, d.cancel = ended, func() {} })
	d.cancel()
}

// ended is a context that has ended.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
