package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/client"
)

// writers is how many write at the same time.
const writers = 8

// crashRounds is how often the server is killed.
func crashRounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("REEVE_CHAOS_ROUNDS")
	if text == "" {
		return shorter(50, 5)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("REEVE_CHAOS_ROUNDS is %q: give a number of rounds", text)
	}
	return n
}

// TestAKilledServerKeepsWhatItAcknowledged kills the server at random moments
// while eight writers change everything there is to change, and starts it
// again on the same directory. What was acknowledged is then there; what was
// not is there as a whole or not at all.
func TestAKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	dice := chance(t)
	data := t.TempDir()
	s := start(t, data, rootEnvironment()...)
	owner := s.newAccount("222222222222")
	shared := sharedConfigurations(t, owner)
	credentials := readFile(t, data, "credentials")
	models := make([]*world, writers)
	for i := range models {
		models[i] = &world{name: fmt.Sprintf("w%d", i), shared: shared, state: newState()}
	}
	var changes int64
	for round := range crashRounds(t) {
		changes += writeUntilKilled(t, s, owner, models, dice)
		if round%10 == 9 {
			verifyCommand(t, "--data", data) // what a dead process left behind
		}
		s = restart(t, data, round)
		owner = s.as(owner.id, owner.key) // a key that was made over the network
		s.checkLedgers()
		checkWorlds(t, owner, models)
		if t.Failed() {
			t.Fatalf("after the kill of round %d", round)
		}
	}
	if now := readFile(t, data, "credentials"); now != credentials {
		t.Error("the root account's credentials have changed")
	}
	t.Logf("%d changes were acknowledged", changes)
	verifyCommand(t, "--endpoint", s.endpoint)
}

// restart starts a server on the directory of a dead one. The environment
// names the root key only every other time: the directory knows it as well.
func restart(t *testing.T, data string, round int) *process {
	t.Helper()
	if round%2 == 0 {
		return start(t, data)
	}
	return start(t, data, rootEnvironment()...)
}

func readFile(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	must(t, "read "+name, err)
	return string(content)
}

// sharedConfigurations makes the configurations that all writers associate
// with: two without a limit, and one that is too small for all.
func sharedConfigurations(t *testing.T, a *account) []string {
	t.Helper()
	var arns []string
	for _, c := range []struct {
		name     string
		counting types.LicenseCountingType
		count    int64
	}{
		{"shared-vcpus", types.LicenseCountingTypeVcpu, 0},
		{"shared-instances", types.LicenseCountingTypeInstance, 0},
		{"shared-scarce", types.LicenseCountingTypeInstance, 2 * writers},
	} {
		arn, err := a.configure(t.Context(), c.name, c.counting, c.count)
		must(t, "create configuration", err)
		arns = append(arns, arn)
	}
	return arns
}

// writeUntilKilled lets all writers write, kills the server after a random
// number of acknowledged changes, and returns how many there were.
func writeUntilKilled(t *testing.T, s *process, owner *account, models []*world, dice *rand.Rand) int64 {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	var done atomic.Int64
	enough := make(chan struct{})
	target := 40 + dice.Int64N(300)
	for _, m := range models {
		own := fork(dice)
		all.Go(func() {
			m.write(ctx, owner, own, func() {
				if done.Add(1) == target {
					close(enough)
				}
			})
		})
	}
	select {
	case <-enough:
	case <-time.After(patience):
		t.Fatalf("only %d changes were acknowledged", done.Load())
	}
	<-time.After(time.Duration(dice.Int64N(int64(10 * time.Millisecond)))) // any moment between two changes
	s.kill()
	cancel()
	all.Wait()
	for _, m := range models {
		if m.fault != nil {
			t.Errorf("%s: %v", m.name, m.fault)
		}
	}
	return done.Load()
}

// checkWorlds compares what the server has with what the writers know. A
// change without an answer may have been made or not; which of the two, is
// what the writers know from then on.
func checkWorlds(t *testing.T, owner *account, models []*world) {
	t.Helper()
	seen, err := observe(t.Context(), owner, models[0].shared)
	must(t, "look at the server", err)
	for _, m := range models {
		got := seen.of(m.name)
		before, after := m.state.facts(m.shared), m.state.facts(m.shared)
		if m.inFlight != nil {
			after = m.inFlight.facts(m.shared)
		}
		switch {
		case cmp.Equal(got, before):
		case cmp.Equal(got, after):
			m.state = *m.inFlight
		default:
			t.Errorf("%s: the server has neither what was acknowledged (-) \n%s\nnor that and the change %q that was not (-)\n%s",
				m.name, cmp.Diff(before, got), m.doing, cmp.Diff(after, got))
		}
		m.inFlight = nil
		m.state.learn(seen.own[m.name])
	}
}

// TestAServerThatIsKilledWhileItStartsStartsAgain kills the very first starts
// of a deployment, in which it makes its keys and its tables.
func TestAServerThatIsKilledWhileItStartsStartsAgain(t *testing.T) {
	dice := chance(t)
	for n := range shorter(5, 2) {
		data := filepath.Join(t.TempDir(), "data")
		for range 5 {
			s := launch(t, data)
			select {
			case <-time.After(time.Duration(dice.Int64N(int64(60 * time.Millisecond)))): // any moment of the start
			case <-s.ended:
				t.Fatalf("the server ended by itself:\n%s", s.log)
			}
			s.kill()
		}
		s := start(t, data)
		key, err := client.ReadCredentials(filepath.Join(data, "credentials"), "default")
		must(t, "read credentials", err)
		if _, err := s.as("", key).configure(t.Context(), fmt.Sprintf("first-%d", n), types.LicenseCountingTypeVcpu, 1); err != nil {
			t.Errorf("the credentials that it left do not work: %v", err)
		}
		s.kill()
	}
}
