package gate

import (
	"strconv"
	"testing"
	"time"
)

func TestTheKeysThatAreRememberedAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	k := NewKeys(1, 1)
	k.most = 100
	for i := range 1000 { // all at work
		if !k.Allow(strconv.Itoa(i), now) {
			t.Fatalf("the first request of key %d is refused", i)
		}
		if n, _ := k.Stats(); n > 100 {
			t.Fatalf("%d keys are remembered", n)
		}
	}
	busy := now.Add(500 * time.Millisecond)
	k.Allow("busy", busy)
	now = now.Add(1200 * time.Millisecond) // all others have rested
	k.Allow("new", now)
	if n, _ := k.Stats(); n != 2 {
		t.Errorf("%d keys are remembered, want the busy one and the new one", n)
	}
	if k.Allow("busy", busy) {
		t.Error("the busy key was forgotten")
	}
}
