package chaos_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/client"
)

// TestAnAcknowledgedChangeHasItsEventAfterAKill kills the server at random
// moments while clients create configurations. Each that was acknowledged has
// one event then, and the trail is unbroken.
func TestAnAcknowledgedChangeHasItsEventAfterAKill(t *testing.T) {
	dice := chance(t)
	data := t.TempDir()
	s := start(t, data, rootEnvironment()...)
	var acknowledged []string
	for round := range shorter(10, 3) {
		acknowledged = append(acknowledged, s.createUntilKilled(t, round, 10+dice.Int64N(40))...)
		<-time.After(time.Duration(dice.Int64N(int64(5 * time.Millisecond)))) // so that a start meets any state of the disk
		s = restart(t, data, round)
		events := s.creations(t)
		for _, name := range acknowledged {
			if events[name] != 1 {
				t.Errorf("round %d: %s was acknowledged, and has %d events", round, name, events[name])
			}
		}
		out, err := client.Call[api.VerifyEventsInput, api.VerifyEventsOutput](t.Context(), s.root().reeve, "Reeve.VerifyEvents", &api.VerifyEventsInput{})
		must(t, "verify events", err)
		if len(out.Faults) > 0 {
			t.Errorf("round %d: the trail has the faults %v", round, out.Faults)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d changes were acknowledged", len(acknowledged))
}

// createUntilKilled has clients create configurations, kills the server after
// so many answers, and returns the names of those that were acknowledged.
func (s *process) createUntilKilled(t *testing.T, round int, target int64) (names []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	var done atomic.Int64
	enough := make(chan struct{})
	root := s.root()
	for writer := range writers {
		all.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("r%d-w%d-%d.", round, writer, i)
				if _, err := root.configure(ctx, name, types.LicenseCountingTypeVcpu, 0); err != nil {
					return // the server was killed
				}
				mu.Lock()
				names = append(names, name)
				mu.Unlock()
				if done.Add(1) == target {
					close(enough)
				}
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(patience):
		t.Fatalf("only %d changes were acknowledged", done.Load())
	}
	s.kill()
	all.Wait()
	return names
}

// creations counts the events of created configurations by name.
func (s *process) creations(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	in := api.LookupEventsInput{EventName: new("CreateLicenseConfiguration")}
	for {
		out, err := client.Call[api.LookupEventsInput, api.LookupEventsOutput](t.Context(), s.root().reeve, "Reeve.LookupEvents", &in)
		must(t, "look events up", err)
		for _, e := range out.Events {
			_, rest, _ := strings.Cut(*e.CloudTrailEvent, `"requestParameters":`)
			_, rest, _ = strings.Cut(rest, `"name":"`)
			name, _, _ := strings.Cut(rest, `"`)
			counts[name]++
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return counts
		}
	}
}
