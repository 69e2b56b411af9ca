package gate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"reeve/internal/gate"
)

func TestWhoFindsNoPlaceWaitsForOne(t *testing.T) {
	g := gate.New(gate.Options{Requests: 4, Wait: time.Minute})
	enter := func(change bool) error { return g.Enter(t.Context(), change) }
	for range 4 {
		if err := enter(true); err != nil {
			t.Fatal(err)
		}
	}
	if err := enter(false); err != nil { // a quarter of 4
		t.Fatalf("changes keep a read out: %v", err)
	}
	entered := make(chan error, 1)
	go func() { entered <- enter(true) }()
	await(t, func() bool { return g.Stats().Changes.Waiting == 1 })
	g.Leave(true)
	if err := <-entered; err != nil {
		t.Error(err)
	}
	if s := g.Stats(); s.Changes.Working != 4 || s.Changes.Waiting != 0 || s.Reads.Working != 1 {
		t.Errorf("%+v", s)
	}
}

func TestTheLineIsBounded(t *testing.T) {
	g := gate.New(gate.Options{Requests: 1, Wait: time.Minute})
	if err := g.Enter(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	for range 4 {
		go func() { left <- g.Enter(ctx, true) }()
	}
	await(t, func() bool { return g.Stats().Changes.Waiting == 4 })
	for range 32 { // refused, and kept from coming back at once
		go func() { left <- g.Enter(ctx, true) }()
	}
	await(t, func() bool { return g.Stats().Changes.Full == 32 })
	if err := g.Enter(t.Context(), true); !errors.Is(err, gate.ErrQueueFull) {
		t.Errorf("who comes then gets %v", err)
	}
	cancel()
	for range 36 {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who goes gets %v", err)
		}
	}
	if s := g.Stats().Changes; s.Waiting != 0 || s.Full != 33 {
		t.Errorf("%+v", s)
	}
}

func TestNobodyWaitsForEver(t *testing.T) {
	g := gate.New(gate.Options{Requests: 1, Wait: time.Millisecond})
	if err := g.Enter(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := g.Enter(t.Context(), false); !errors.Is(err, gate.ErrWaited) {
		t.Errorf("got %v", err)
	}
	if s := g.Stats().Reads; s.Waited != 1 || s.Working != 1 {
		t.Errorf("%+v", s)
	}
}

func TestBodiesShareTheirMemory(t *testing.T) {
	g := gate.New(gate.Options{Requests: 1, Bodies: 100})
	if g.Hold(60) != nil || !errors.Is(g.Hold(41), gate.ErrBodies) || g.Hold(40) != nil {
		t.Error("100 bytes are not 60 and 40")
	}
	g.Free(60)
	if g.Hold(60) != nil || g.Stats().Held != 100 || g.Stats().Bodies != 1 {
		t.Errorf("%+v", g.Stats())
	}
}

func TestAKeyHasItsRateAndItsBurst(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	k := gate.NewKeys(10, 3)
	allowed := func(key string, tries int) (n int) {
		for range tries {
			if k.Allow(key, now) {
				n++
			}
		}
		return n
	}
	if a, b := allowed("a", 10), allowed("b", 1); a != 3 || b != 1 {
		t.Errorf("of 10 at once %d are allowed, of another key's %d", a, b)
	}
	now = now.Add(200 * time.Millisecond)
	if n := allowed("a", 10); n != 2 {
		t.Errorf("of 10 after a fifth of a second %d are allowed", n)
	}
	if keys, refused := k.Stats(); keys != 2 || refused != 15 {
		t.Errorf("%d keys and %d refusals", keys, refused)
	}
	var none *gate.Keys
	if !none.Allow("a", now) || gate.NewKeys(0, 5) != nil {
		t.Error("without a rate there is a limit")
	}
}

// patience bounds every wait, so that a test that hangs ends. It is far more than
// any needs on a busy machine.
const patience = 5 * time.Minute

// await waits until something is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); time.Now().Before(late); {
		if so() {
			return
		}
		<-tick.C
	}
	t.Fatal("it does not come to that")
}

func BenchmarkEnter(b *testing.B) {
	g := gate.New(gate.Options{Requests: 256, Wait: time.Second})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if g.Enter(context.Background(), false) == nil {
				g.Leave(false)
			}
		}
	})
}

func BenchmarkAllow(b *testing.B) {
	k := gate.NewKeys(1_000_000_000, 0)
	now := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			k.Allow("AKIA", now)
		}
	})
}
