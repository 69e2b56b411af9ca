package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestRoom: those that find no place wait in the order in which they came.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(400, noMeter{}) // 300 for those that come, 100 for growth
		first, err := r.enter(t.Context(), 300)
		if err != nil {
			t.Fatal(err)
		}
		order := make(chan int, 2)
		for i, bytes := range []int64{250, 100} {
			go func() {
				p, err := r.enter(t.Context(), bytes)
				if err != nil {
					t.Error(err)
					return
				}
				order <- i
				p.leave()
			}()
			synctest.Wait()
		}
		if len(order) != 0 {
			t.Error("somebody came in without a place")
		}
		first.leave()
		if a, b := <-order, <-order; a != 0 || b != 1 {
			t.Errorf("they came in as %d, %d", a, b)
		}
		synctest.Wait()
		if r.free != 300 || r.reserve != 100 || len(r.line) != 0 {
			t.Errorf("%d bytes and %d of the reserve came back, %d wait", r.free, r.reserve, len(r.line))
		}
	})
}

// TestFullRoom: who waits too long, or goes away, leaves nothing behind.
func TestFullRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(400, noMeter{})
		p, err := r.enter(t.Context(), 300)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.enter(t.Context(), 1); !errors.Is(err, errBusy) {
			t.Errorf("waiting ended with %v", err)
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := r.enter(gone, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("going away ended with %v", err)
		}
		if err := errors.Join(p.grow(100), p.grow(350), p.grow(400)); err != nil {
			t.Errorf("growing into the reserve: %v", err)
		}
		if err := p.grow(401); !errors.Is(err, errBusy) {
			t.Errorf("growing beyond the reserve: %v", err)
		}
		p.leave()
		if r.free != 300 || r.reserve != 100 || len(r.line) != 0 {
			t.Errorf("%d bytes and %d of the reserve came back, %d wait", r.free, r.reserve, len(r.line))
		}
	})
}

func TestBusyIsToldWithATime(t *testing.T) {
	if got := errBusy.answer(); got.status != 503 || got.header["Retry-After"] == "" {
		t.Errorf("answered %d with %v", got.status, got.header)
	}
}

// TestALargeMessageHasTheRoomToItself: what is larger than the room comes in
// all the same, alone.
func TestALargeMessageHasTheRoomToItself(t *testing.T) {
	r := newRoom(400, noMeter{})
	p, err := r.enter(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.grow(5000); err != nil || r.free != 0 || r.reserve != 0 {
		t.Errorf("it has all but %d and %d bytes, error %v", r.free, r.reserve, err)
	}
	p.leave()
	if r.free != 300 || r.reserve != 100 {
		t.Errorf("%d and %d bytes came back", r.free, r.reserve)
	}
}
