package audit

import (
	"context"
	"sync"
	"time"
)

// Bounds of the queue.
const (
	blockBytes = 1 << 20         // of a block, before compression
	blockSpan  = 5 * time.Second // between a block's first event and its last
	queueBytes = 16 << 20        // of all blocks; whoever comes then waits
	spareBytes = 2 * blockBytes  // memory of written blocks above this is not kept
)

// queue holds the events that are not written yet, in blocks. A block is
// sealed when it is full or old, or when it is about to be written.
type queue struct {
	now func() time.Time

	mu     sync.Mutex
	open   *block
	sealed []*block
	bytes  int
	events int
	limit  int
	last   int64 // time of the last event
	clock  clockText
	spare  []byte
	room   chan struct{} // not nil while the queue is full; closed when it is not any more
}

// block is events that are written together.
type block struct {
	lines       []byte
	first, last int64
	events      int64
	done        chan struct{} // closed when it is written
	segment     *Segment      // once it was tried
}

// add takes an event at its time and returns the block that it is in, and
// whether the one before it is full now, which should be written soon.
func (q *queue) add(l *line) (b *block, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = max(q.now().UnixMicro(), q.last+1)
	l.stamp(q.last, &q.clock)
	b, full = q.blockFor(len(l.bytes))
	if b.events == 0 {
		b.first = q.last
	}
	b.lines, b.last = append(b.lines, l.bytes...), q.last
	b.events++
	q.bytes += len(l.bytes)
	q.events++
	if q.bytes >= q.limit && q.room == nil {
		q.room = make(chan struct{})
	}
	return b, full
}

// blockFor returns the open block, a new one if that has no room.
func (q *queue) blockFor(size int) (_ *block, full bool) {
	if b := q.open; b != nil && (len(b.lines)+size > blockBytes || q.last-b.first > blockSpan.Microseconds()) {
		q.sealed, q.open, full = append(q.sealed, b), nil, true
	}
	if q.open == nil {
		q.open = &block{lines: q.spare[:0], done: make(chan struct{})}
		q.spare = nil
	}
	return q.open, full
}

// seal ends the open block, so that all events that are here now can be
// written.
func (q *queue) seal() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open != nil {
		q.sealed, q.open = append(q.sealed, q.open), nil
	}
}

// next returns the sealed block to be written next, or nil. It stays the next
// one until it is written.
func (q *queue) next() *block {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.sealed) == 0 {
		return nil
	}
	return q.sealed[0]
}

// written takes the next block off and tells everybody who waits.
func (q *queue) written(b *block) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sealed[0] = nil
	q.sealed = q.sealed[1:]
	q.bytes -= len(b.lines)
	q.events -= int(b.events)
	if cap(b.lines) <= spareBytes {
		q.spare, b.lines = b.lines, nil
	}
	if q.room != nil && q.bytes < q.limit {
		close(q.room)
		q.room = nil
	}
	close(b.done)
}

// wait returns when there is room, or when ctx ends.
func (q *queue) wait(ctx context.Context) error {
	for {
		room := q.full()
		if room == nil {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// full is closed when there is room again; nil while there is.
func (q *queue) full() chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.room
}

// size is what waits.
func (q *queue) size() (events, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.events, q.bytes
}
