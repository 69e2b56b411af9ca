package chaos_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
)

// TestASecondProcessOnADirectoryIsRefused starts a second server, and a
// verification of the files, where a server runs. Both must say what is in
// the way; the first server must not notice.
func TestASecondProcessOnADirectoryIsRefused(t *testing.T) {
	data := t.TempDir()
	s := start(t, data, rootEnvironment()...)
	a := s.root()
	arn, err := a.configure(t.Context(), "kept", types.LicenseCountingTypeVcpu, 7)
	must(t, "create configuration", err)
	endpoint := readFile(t, data, "endpoint")
	for _, args := range [][]string{
		{"serve", "--data", data, "--listen", "127.0.0.1:0"},
		{"verify", "--data", data},
	} {
		code, out := run(t, rootEnvironment(), args...)
		if code != 1 {
			t.Errorf("reeve %s ends with the exit code %d, want 1", args[0], code)
		}
		if want := fmt.Sprintf("another Reeve (process %d) is running on it; stop that one first", s.cmd.Process.Pid); !strings.Contains(out, want) {
			t.Errorf("reeve %s says\n%s\nwant %q in it", args[0], out, want)
		}
	}
	s.checkHealthy()
	if now := readFile(t, data, "endpoint"); now != endpoint {
		t.Errorf("the endpoint that the first server left became %s", now)
	}
	_, err = a.usage(t.Context(), arn, "", 10)
	must(t, "list usage after that", err)
	_, err = a.configure(t.Context(), "also", types.LicenseCountingTypeVcpu, 7)
	must(t, "create configuration after that", err)
	s.checkLedgers()
}

// TestAStoppingServerFinishesWhatIsInFlight holds requests in flight whose
// bodies are still to come, stops the server, and only then sends the bodies.
func TestAStoppingServerFinishesWhatIsInFlight(t *testing.T) {
	data := t.TempDir()
	s := start(t, data, rootEnvironment()...)
	a := s.root()
	const held = 8
	var conns []net.Conn
	var bodies []string
	for n := range held {
		body := fmt.Sprintf(`{"Resources":[{"ResourceArn":%q,"Status":"running"}]}`, a.machine(fmt.Sprint(n)))
		head, rest := s.signed(t, rootKey, "Reeve.PutResources", body, "Expect: 100-continue")
		conn := s.dial(t)
		fmt.Fprint(conn, head)
		line, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
			t.Fatalf("the server does not ask for the body: %q, %v", line, err)
		}
		conns, bodies = append(conns, conn), append(bodies, rest)
	}
	s.terminate()
	s.waitRefused()
	for n, conn := range conns {
		fmt.Fprint(conn, bodies[n])
		if status, body, err := answer(conn); status != 200 || err != nil {
			t.Errorf("a request in flight got %d %s, %v", status, body, err)
		}
	}
	if code := s.exited(); code != 0 {
		t.Errorf("the server ended with the exit code %d:\n%s", code, s.log)
	}
	s = start(t, data)
	list, err := s.root().inventory(t.Context())
	must(t, "list inventory", err)
	if len(list) != held {
		t.Errorf("%d machines are there, want the %d that were reported while the server stopped", len(list), held)
	}
}

// TestAServerThatIsStoppedUnderLoadLosesNothing is the kill's gentle sister:
// the same writers, the same bookkeeping, and a good end. Here every change
// that was made has its answer, too.
func TestAServerThatIsStoppedUnderLoadLosesNothing(t *testing.T) {
	dice := chance(t)
	data := t.TempDir()
	s := start(t, data, rootEnvironment()...)
	a := s.root()
	shared := sharedConfigurations(t, a)
	models := make([]*world, writers)
	for i := range models {
		models[i] = &world{name: fmt.Sprintf("w%d", i), shared: shared, state: newState()}
	}
	for range shorter(5, 2) {
		writeUntilStopped(t, s, a, models, dice)
		verifyCommand(t, "--data", data)
		s = start(t, data)
		a = s.root()
		for _, m := range models {
			m.inFlight = nil // came too late, or it had been answered
		}
		checkWorlds(t, a, models)
	}
	s.checkLedgers()
}

func writeUntilStopped(t *testing.T, s *process, a *account, models []*world, dice *rand.Rand) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	enough := make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	for _, m := range models {
		own, n := fork(dice), 0
		all.Go(func() {
			m.write(ctx, a, own, func() {
				if n++; n == 20 {
					once.Do(func() { close(enough) })
				}
			})
		})
	}
	select {
	case <-enough:
	case <-time.After(patience):
		t.Fatal("the writers do not write")
	}
	s.stop()
	cancel()
	all.Wait()
	for _, m := range models {
		if m.fault != nil {
			t.Errorf("%s: %v", m.name, m.fault)
		}
	}
}
