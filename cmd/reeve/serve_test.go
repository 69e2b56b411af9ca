package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"reeve/internal/awsjson"
	"reeve/internal/config"
	"reeve/internal/license"
	"reeve/internal/store/testdb"
)

// patience bounds every wait, so that a test that hangs ends. It is far more than
// any needs on a busy machine.
const patience = 5 * time.Minute

// openTestServer opens a server with a database of its own (package testdb).
func openTestServer(t *testing.T, change func(*config.Config)) *serverProcess {
	t.Helper()
	cfg := config.Default()
	cfg.Data, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	cfg.Database = config.Secret(testdb.New(t).URL)
	if change != nil {
		change(&cfg)
	}
	s, err := openServer(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs a server until stop, and passes on what run returned.
func start(t *testing.T, s *serverProcess) (stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	p := quiet(io.Discard)
	go func() {
		err := s.run(ctx, p)
		s.close()
		done <- err
	}()
	t.Cleanup(cancel)
	return cancel, done
}

// halfRequest opens a request whose body is not complete. Once the server has
// begun with it (it asks for the body), it is in flight.
func halfRequest(t *testing.T, s *serverProcess) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: reeve\r\nContent-Type: %s\r\nX-Amz-Target: Reeve.VerifyLedgers\r\n"+
		"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", awsjson.ContentType)
	answer := make([]byte, 256)
	n, err := conn.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 100") {
		t.Fatalf("the server did not ask for the body: %q, %v", answer[:n], err)
	}
	return conn
}

func TestAStoppingServerFinishesWhatItBegan(t *testing.T) {
	s := openTestServer(t, func(c *config.Config) { c.ShutdownTimeout = patience })
	stop, ended := start(t, s)
	conn := halfRequest(t, s)
	stop()
	waitRefused(t, s.listener.Addr().String())
	fmt.Fprint(conn, "{}")
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.Contains(answer, []byte("MissingAuthenticationTokenException")) {
		t.Errorf("the request in flight got %q, %v", answer, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestAStoppingServerDoesNotWaitForEver(t *testing.T) {
	s := openTestServer(t, func(c *config.Config) { c.ShutdownTimeout = 10 * time.Millisecond })
	stop, ended := start(t, s)
	conn := halfRequest(t, s)
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	_, _ = io.ReadAll(conn) // returns only because the connection was closed
}

// waitRefused waits until nobody listens at the address.
func waitRefused(t *testing.T, address string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); time.Now().Before(late); {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
		<-tick.C
	}
	t.Fatal("the server still listens")
}

func TestHealthNeedsTheDatabase(t *testing.T) {
	s := openTestServer(t, nil)
	status := func() int {
		w := httptest.NewRecorder()
		s.http.Handler.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		return w.Code
	}
	if got := status(); got != http.StatusOK {
		t.Errorf("status %d with an open database", got)
	}
	s.close()
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("status %d with a closed database", got)
	}
}

func TestATakenPortIsNamedBeforeAnythingIsMade(t *testing.T) {
	first := openTestServer(t, nil)
	defer first.close()
	cfg := first.cfg
	cfg.Data, cfg.Listen = t.TempDir()+"/new", first.listener.Addr().String()
	_, err := openServer(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "choose another address with --listen") {
		t.Errorf("got %v", err)
	}
}

func TestEndpointReachesTheServerFromThisMachine(t *testing.T) {
	for listen, want := range map[string]string{"127.0.0.1:0": "http://127.0.0.1:", ":0": "http://127.0.0.1:", "0.0.0.0:0": "http://127.0.0.1:"} {
		l, err := net.Listen("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		s := &serverProcess{listener: l}
		if got := s.endpoint(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", listen, got)
		}
		l.Close()
	}
}

// quiet is a process in an empty environment.
func quiet(stdout io.Writer) *process {
	return &process{stdout: stdout, stderr: io.Discard, lookupEnv: func(string) (string, bool) { return "", false }}
}

func greeting(t *testing.T, s *serverProcess, p *process, out *bytes.Buffer) string {
	t.Helper()
	out.Reset()
	s.greet(t.Context(), p)
	return out.String()
}

func TestGreetingQuotesTheDirectory(t *testing.T) {
	s := openTestServer(t, func(c *config.Config) { c.Data += "/it's here" })
	defer s.close()
	var out bytes.Buffer
	if got := greeting(t, s, quiet(&out), &out); !strings.Contains(got, `it'\''s here'`) {
		t.Errorf("greeting:\n%s", got)
	}
}

func TestGreetingMakesSomethingAndThenShowsIt(t *testing.T) {
	s := openTestServer(t, nil)
	defer s.close()
	var out bytes.Buffer
	p := quiet(&out)
	if got := greeting(t, s, p, &out); !strings.Contains(got, "create-license-configuration") || strings.Contains(got, "list-usage") || strings.Contains(got, "--region") {
		t.Errorf("greeting of an empty server:\n%s", got)
	}
	who := s.rootCaller(p, "CreateLicenseConfiguration")
	made := map[string]string{}
	for _, name := range []string{"twice", "twice", "it's mine"} {
		c, err := s.manager.CreateConfiguration(t.Context(), who, license.ConfigurationSpec{Terms: license.Terms{Name: name, CountingType: license.VCPU}})
		if err != nil {
			t.Fatal(err)
		}
		made[name] = c
	}
	got := greeting(t, s, p, &out)
	if !strings.Contains(got, "--license-configuration-arn "+made["it's mine"]) || !strings.Contains(got, ` history 'it'\''s mine'`) || strings.Contains(got, "create-") {
		t.Errorf("greeting:\n%s", got)
	}
	p.lookupEnv = func(name string) (string, bool) { return "eu-west-1", name == "AWS_REGION" }
	if got := greeting(t, s, p, &out); !strings.Contains(got, "--region eu-west-1") || strings.Contains(got, "it's mine") {
		t.Errorf("greeting in another region:\n%s", got)
	}
}
