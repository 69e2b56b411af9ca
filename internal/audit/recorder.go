package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Times of the recorder.
const (
	flushEvery = 500 * time.Millisecond // between two writes that nobody waits for
	admitTime  = 10 * time.Second       // that a call waits for room in the queue
	awaitTime  = 10 * time.Second       // that a change's answer waits for its event
	closeTime  = 10 * time.Second       // for what is left when a server stops
	writeTime  = 30 * time.Second       // for one segment
	pruneEvery = time.Hour

	leastBackoff = 100 * time.Millisecond
	mostBackoff  = 5 * time.Second

	pruneAtOnce = 200 // segments
)

// ErrFull is Admit's refusal of a call whose event there is no room for.
var ErrFull = errors.New("the audit trail's queue is full")

// ErrNotWritten is what Record answers when an event is in the queue, and not
// yet in the database after the time that a change waits for it.
var ErrNotWritten = errors.New("the event is not written yet")

// Config is what a Recorder needs.
type Config struct {
	Store     Store
	Mode      Mode
	Server    string        // names this process, for people
	Root      string        // the account that events of nobody's belong to
	Retention time.Duration // 0: for ever
	Now       func() time.Time
	Log       *slog.Logger

	QueueBytes int           // 0: 16 MiB
	Await      time.Duration // 0: 10 s, see awaitTime
}

// Recorder takes events and writes them. All methods may be called at once,
// and of a nil Recorder, which records nothing.
type Recorder struct {
	cfg   Config
	queue queue
	chain *Chain // of the writer alone; nil until something is written

	wake   chan struct{} // somebody waits, or a block is full
	stop   chan struct{}
	closed sync.Once
	ended  chan struct{}

	written, segments, failures, turnedAway atomic.Uint64
	compressed                              atomic.Uint64
}

// New returns a Recorder that writes until it is closed. It is nil when the
// mode is Off.
func New(cfg Config) *Recorder {
	if cfg.Mode == Off {
		return nil
	}
	if cfg.QueueBytes == 0 {
		cfg.QueueBytes = queueBytes
	}
	if cfg.Await == 0 {
		cfg.Await = awaitTime
	}
	r := &Recorder{cfg: cfg, wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	r.queue.now, r.queue.limit = cfg.Now, cfg.QueueBytes
	go r.run()
	return r
}

// Admit returns when there is room for the event of one more call, which is to
// be asked before the call does anything. ErrFull refuses the call. Calls that
// were admitted at the same time may go beyond the bound by an event each.
func (r *Recorder) Admit(ctx context.Context) error {
	if r == nil || r.queue.full() == nil { // a timer for every call would cost as much as its event
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, admitTime)
	defer cancel()
	if r.queue.wait(ctx) == nil {
		return nil
	}
	r.turnedAway.Add(1)
	return ErrFull
}

// Keeps reports whether an event would be recorded.
func (r *Recorder) Keeps(e *Event) bool { return r != nil && r.cfg.Mode.keeps(e) }

// Record takes an event and keeps nothing of its memory. That of a call that
// may have changed something is in the database when Record returns nil; after
// ErrNotWritten, or when ctx ended, it is in the queue still, and is tried
// again until it is written. That of a read is always only in the queue.
//
// An event without an account belongs to the root account.
func (r *Recorder) Record(ctx context.Context, e Event) error {
	if !r.Keeps(&e) {
		return nil
	}
	if e.Account == "" {
		e.Account = r.cfg.Root
	}
	l := encode(&e)
	b, full := r.queue.add(l)
	l.release()
	if full || e.lasting() {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	if !e.lasting() {
		return nil
	}
	return r.await(ctx, b)
}

func (r *Recorder) await(ctx context.Context, b *block) error {
	late := time.NewTimer(r.cfg.Await)
	defer late.Stop()
	select {
	case <-b.done:
		return nil
	case <-late.C:
		return ErrNotWritten
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotWritten, ctx.Err())
	case <-r.ended:
		select {
		case <-b.done:
			return nil
		default:
			return ErrNotWritten
		}
	}
}

// Close writes what is there and ends the Recorder. Its error says what could
// not be written.
func (r *Recorder) Close() error {
	if r == nil {
		return nil
	}
	r.closed.Do(func() { close(r.stop) })
	<-r.ended
	if events, _ := r.queue.size(); events > 0 {
		return fmt.Errorf("close audit trail: %d events could not be written", events)
	}
	return nil
}

// run writes blocks until the Recorder is closed.
func (r *Recorder) run() {
	defer close(r.ended)
	tick, prune := time.NewTicker(flushEvery), time.NewTicker(pruneEvery)
	defer tick.Stop()
	defer prune.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // what runs when it is closed may still take a while
		<-r.stop
		time.AfterFunc(closeTime, cancel)
	}()
	r.prune(ctx)
	for {
		select {
		case <-r.stop:
			r.flush(ctx)
			return
		case <-r.wake:
		case <-tick.C:
		case <-prune.C:
			r.prune(ctx)
		}
		r.flush(ctx)
	}
}

// flush writes all events that are here when it begins, and tries each block
// until it is written or ctx ends. Those that come meanwhile make a block for
// the next time, or for now only if it gets full: while many come, a segment
// for the few that came during the last write would cost more than all else.
func (r *Recorder) flush(ctx context.Context) {
	r.queue.seal()
	backoff := leastBackoff
	for {
		b := r.queue.next()
		if b == nil {
			return
		}
		err := r.write(ctx, b)
		if err == nil {
			r.queue.written(b)
			backoff = leastBackoff
			continue
		}
		r.failures.Add(1)
		events, bytes := r.queue.size()
		r.cfg.Log.Error("audit trail cannot be written", "error", err, "events_waiting", events, "bytes_waiting", bytes)
		wait := time.NewTimer(backoff)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
		backoff = min(2*backoff, mostBackoff)
	}
}

// write writes one block as the next segment of this process's chain.
func (r *Recorder) write(ctx context.Context, b *block) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if r.chain == nil {
		c, err := r.cfg.Store.BeginChain(ctx, r.cfg.Server, b.first)
		if err != nil {
			return fmt.Errorf("begin chain: %w", err)
		}
		r.chain, b.segment = &c, nil
	}
	if b.segment == nil {
		b.segment = b.seal(r.chain)
	}
	err := r.cfg.Store.Append(ctx, *b.segment)
	if errors.Is(err, ErrForked) {
		r.chain = nil // what is left goes on in a new one
	}
	if err != nil {
		return err
	}
	r.chain.Head = Link{b.segment.Number, b.segment.Hash}
	r.written.Add(uint64(b.events))
	r.segments.Add(1)
	r.compressed.Add(uint64(len(b.segment.Data)))
	return nil
}

// seal makes the segment of a block.
func (b *block) seal(c *Chain) *Segment {
	s := &Segment{Chain: c.Num, Number: c.Head.Number + 1, First: b.first, Last: b.last, Events: b.events,
		Previous: c.end().Hash, Data: compressor.EncodeAll(b.lines, nil)}
	s.Hash = hashOf(s)
	return s
}

// prune removes what is older than the retention.
func (r *Recorder) prune(ctx context.Context) {
	if r.cfg.Retention <= 0 {
		return
	}
	before := r.cfg.Now().Add(-r.cfg.Retention).UnixMicro()
	total := 0
	for ctx.Err() == nil {
		n, err := r.cfg.Store.Remove(ctx, before, pruneAtOnce)
		if err != nil {
			r.cfg.Log.Error("old segments of the audit trail cannot be removed", "error", err)
			return
		}
		if total += n; n == 0 {
			break
		}
	}
	if total > 0 {
		r.cfg.Log.Info("old segments of the audit trail removed", "segments", total)
	}
}

// Stats are a Recorder's numbers: what waits now, and what was done since the
// start.
type Stats struct {
	Events, Bytes int // in the queue

	Written    uint64 // events
	Segments   uint64
	Compressed uint64 // bytes of the segments
	Failures   uint64 // writes that did not succeed, and were tried again
	TurnedAway uint64 // calls that were refused because the queue was full
}

// Stats returns the numbers as they are.
func (r *Recorder) Stats() Stats {
	if r == nil {
		return Stats{}
	}
	events, bytes := r.queue.size()
	return Stats{events, bytes, r.written.Load(), r.segments.Load(), r.compressed.Load(), r.failures.Load(), r.turnedAway.Load()}
}
