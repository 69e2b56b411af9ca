package gate_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"reeve/internal/gate"
)

// serve starts a server with so many connections. A request of /slow is
// answered when the test says so; begun counts those that have arrived, for
// which no connection is closed any more.
func serve(t *testing.T, most int) (c *gate.Connections, address string, begun *atomic.Int64, slow chan struct{}) {
	t.Helper()
	c, begun, slow = gate.NewConnections(most), new(atomic.Int64), make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ConnContext: gate.Context, Handler: gate.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/slow" {
			begun.Add(1)
			<-slow
		}
	}))}
	bounded := c.Listener(l)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(bounded) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		await(t, func() bool { open, _ := c.Stats(); return open == 0 })
	})
	return c, l.Addr().String(), begun, slow
}

func dial(t *testing.T, address, said string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_, err = io.WriteString(conn, said)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// TestWhoWaitsForNobodyIsServed fills a server with connections at every stage
// at which it waits for the client, and asks for something.
func TestWhoWaitsForNobodyIsServed(t *testing.T) {
	const most = 20
	c, address, begun, slow := serve(t, most)
	working := dial(t, address, "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	await(t, func() bool { return begun.Load() == 1 })
	stages := []string{"", "GET", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"}
	for n := range most - 1 {
		dial(t, address, stages[n%len(stages)])
	}
	await(t, func() bool { open, _ := c.Stats(); return open == most })
	for n := range 5 {
		conn := dial(t, address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Fatalf("request %d gets %q, %v", n, answer, err)
		}
	}
	if open, closed := c.Stats(); open > most || closed == 0 {
		t.Errorf("%d are open, and %d were closed", open, closed)
	}
	close(slow)
	if answer, err := io.ReadAll(working); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("whom the server worked for gets %q, %v", answer, err)
	}
}

// TestAServerThatIsFullOfWorkLetsTheNextWait wants nobody cut off who is worked
// for, and the next let in when one has ended.
func TestAServerThatIsFullOfWorkLetsTheNextWait(t *testing.T) {
	const most = 3
	c, address, begun, slow := serve(t, most)
	var conns []net.Conn
	for n := range int64(most + 2) {
		conns = append(conns, dial(t, address, "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
		await(t, func() bool { return begun.Load() == min(n+1, most) })
	}
	for range most + 2 {
		slow <- struct{}{}
	}
	for n, conn := range conns {
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("connection %d gets %q, %v", n, answer, err)
		}
	}
	if _, closed := c.Stats(); closed != 0 {
		t.Errorf("%d were closed", closed)
	}
}

// TestAFullServerCanBeStopped stops one that waits for room.
func TestAFullServerCanBeStopped(t *testing.T) {
	c := gate.NewConnections(1)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := c.Listener(inner)
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				ended <- err
				return
			}
		}
	}()
	dial(t, inner.Addr().String(), "")
	await(t, func() bool { open, _ := c.Stats(); return open == 1 })
	dial(t, inner.Addr().String(), "")
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestARefusalDoesNotWaitForTheBody: who is refused by the headers alone hears
// of it before the body was sent, and all of it before the connection ends.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	s := httptest.NewUnstartedServer(gate.Handler(http.NotFoundHandler()))
	s.Config.ConnContext = gate.Context
	s.Listener = gate.NewConnections(100).Listener(s.Listener)
	s.Start()
	t.Cleanup(s.Close) // after the connections, which end first
	for name, test := range map[string]struct {
		said string
		want int
		ends bool
	}{
		"a long body":     {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 404, true},
		"one to be asked": {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n", 404, false},
		"long headers":    {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1<<20+100_000) + "\r\n\r\n", 431, true},
	} {
		conn := dial(t, s.Listener.Addr().String(), test.said)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != test.want {
			t.Errorf("%s: got %v, %v; want an answer %d", name, answer, err, test.want)
			continue
		}
		if _, err := io.Copy(io.Discard, answer.Body); test.ends && err != nil {
			t.Errorf("%s: %v, and not the end", name, err)
		}
	}
}
