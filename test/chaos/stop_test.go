package chaos_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// holdRequest begins a request whose body is still to come, when the server
// has begun with it too.
func (s *process) holdRequest(t *testing.T) (conn net.Conn, rest string) {
	t.Helper()
	head, rest := s.signed(t, rootKey, readTarget, readBody, "Expect: 100-continue")
	conn = s.dial(t)
	say(conn, head)
	line, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("the server does not ask for the body: %q, %v", line, err)
	}
	return conn, rest
}

// TestAStoppingServerSendsEverybodyElsewhere looks at what becomes of
// connections while a server drains: the request in flight is answered and told
// that it was the last, an idle connection is closed without a word, and nobody
// new is let in. All of it is what clients try again elsewhere.
func TestAStoppingServerSendsEverybodyElsewhere(t *testing.T) {
	s := start(t, t.TempDir(), rootEnvironment()...)
	kept := s.dial(t)
	say(kept, string(s.request(t, rootKey, readTarget, readBody)))
	if status, _, err := answer(kept); status != 200 || err != nil {
		t.Fatalf("got %d, %v", status, err)
	}
	held, rest := s.holdRequest(t)
	s.terminate()
	s.waitRefused()
	if text, err := io.ReadAll(kept); err != nil || len(text) > 0 {
		t.Errorf("an idle connection hears %q, %v", text, err)
	}
	fmt.Fprint(held, rest)
	response, err := http.ReadResponse(bufio.NewReader(held), nil)
	must(t, "read the answer of the request in flight", err)
	response.Body.Close()
	if response.StatusCode != 200 || !response.Close {
		t.Errorf("the request in flight gets %d, and the last one of its connection: %v", response.StatusCode, response.Close)
	}
	if code := s.exited(); code != 0 {
		t.Errorf("the server ended with the exit code %d:\n%s", code, s.log)
	}
}

// TestASecondSignalEndsAtOnce does not wait for a request that would take as
// long as the server lets it.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	data := t.TempDir()
	s := start(t, data, append(rootEnvironment(), "REEVE_SHUTDOWN_TIMEOUT=1h")...)
	s.holdRequest(t)
	s.terminate()
	s.waitRefused()
	select {
	case <-s.ended:
		t.Fatalf("the server did not wait for the request in flight:\n%s", s.log)
	case <-time.After(50 * time.Millisecond): // it would be over by then
	}
	s.terminate()
	if code := s.exited(); code != -1 {
		t.Errorf("the server ended with the exit code %d, not by the signal", code)
	}
	start(t, data).checkHealthy()
}
