package agent

import (
	"context"
	"sync"
	"time"
)

// room bounds the memory of the reports that are in the server. Who finds no
// place waits in line, the first first, and is sent away after admitTime. A
// quarter is kept for reports that turn out to be larger than their messages:
// they do not wait, as those that hold places would then wait for each other.
type room struct {
	meter          Meter
	most, mostMore int64 // what one may take of free and of reserve

	mu      sync.Mutex
	free    int64 // for those that come
	reserve int64 // for those that grow
	line    []*waiting
}

// waiting is one that waits for so many bytes.
type waiting struct {
	bytes int64
	ready chan struct{} // closed when it has them
}

// maxWaiting bounds the line: each costs its connection alone.
const maxWaiting = 20_000

func newRoom(bytes int64, meter Meter) *room {
	more := bytes / 4
	return &room{meter: meter, most: bytes - more, mostMore: more, free: bytes - more, reserve: more}
}

// place is a share of the room.
type place struct {
	room  *room
	bytes int64
	grown int64 // of the reserve
}

// enter waits for a place of so many bytes. What is larger than the room waits
// until it is alone. The error is errBusy or ctx's.
func (r *room) enter(ctx context.Context, bytes int64) (*place, error) {
	bytes = min(bytes, r.most)
	p := &place{room: r, bytes: bytes}
	r.mu.Lock()
	if len(r.line) == 0 && r.free >= bytes {
		r.free -= bytes
		r.mu.Unlock()
		return p, nil
	}
	if len(r.line) >= maxWaiting {
		r.mu.Unlock()
		return nil, errBusy
	}
	w := &waiting{bytes: bytes, ready: make(chan struct{})}
	r.line = append(r.line, w)
	r.mu.Unlock()
	r.meter.Waiting(1)
	defer r.meter.Waiting(-1)
	if err := w.await(ctx, r); err != nil {
		return nil, err
	}
	return p, nil
}

// grow makes a place as large as it has to be, at once or with errBusy.
func (p *place) grow(bytes int64) error {
	r := p.room
	more := min(bytes-p.bytes-p.grown, r.mostMore)
	r.mu.Lock()
	defer r.mu.Unlock()
	if more > r.reserve {
		return errBusy
	}
	if more > 0 {
		r.reserve -= more
		p.grown += more
	}
	return nil
}

func (w *waiting) await(ctx context.Context, r *room) error {
	patience := time.NewTimer(admitTime)
	defer patience.Stop()
	select {
	case <-w.ready:
		return nil
	case <-patience.C:
		return r.giveUp(w, errBusy)
	case <-ctx.Done():
		return r.giveUp(w, ctx.Err())
	}
}

// giveUp takes one out of the line, and gives back what it got meanwhile.
func (r *room) giveUp(w *waiting, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.line {
		if other == w {
			r.line = append(r.line[:i], r.line[i+1:]...)
			r.admit()
			return err
		}
	}
	r.free += w.bytes
	r.admit()
	return err
}

// leave gives the place back.
func (p *place) leave() {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free += p.bytes
	r.reserve += p.grown
	p.bytes, p.grown = 0, 0
	r.admit()
}

// admit lets in the first of the line, as many as there is room for.
func (r *room) admit() {
	for len(r.line) > 0 && r.line[0].bytes <= r.free {
		w := r.line[0]
		r.line = r.line[1:]
		r.free -= w.bytes
		close(w.ready)
	}
}
