package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reeve/internal/sigv4"
)

const (
	recordedKey    = "AKIDEXAMPLE00000001"
	recordedSecret = "wJalrXUtnFEMIEXAMPLEKEY"
	service        = "license-manager"
)

// newVerifier knows the given keys and secrets and stands still at now. The
// value of an identity is "owner of <key>", a session token "token of <key>".
func newVerifier(now time.Time, secrets map[string]string) *sigv4.Verifier {
	return &sigv4.Verifier{
		Service: service,
		Now:     func() time.Time { return now },
		Lookup: func(_ context.Context, id, token string) (string, any, error) {
			secret, ok := secrets[id]
			switch {
			case token == "ended":
				return "", nil, sigv4.ErrExpiredToken
			case !ok, token != "" && token != "token of "+id:
				return "", nil, sigv4.ErrUnknownKey
			}
			return secret, "owner of " + id, nil
		},
	}
}

// readRecorded parses a request as a server would.
func readRecorded(t testing.TB, path string) (*http.Request, []byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parseRequest(t, raw)
}

func parseRequest(t testing.TB, raw []byte) (*http.Request, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatalf("parse request: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return r, body
}

func amzTime(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func recordings(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.http")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recorded requests: %v", err)
	}
	return paths
}

func TestVerifyAcceptsWhatRealClientsSent(t *testing.T) {
	for _, path := range recordings(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".http"), func(t *testing.T) {
			r, body := readRecorded(t, path)
			now := amzTime(t, r.Header.Get("X-Amz-Date"))
			v := newVerifier(now, map[string]string{recordedKey: recordedSecret})
			for range 2 { // the second time with a cached key
				got, err := v.Verify(r, body)
				want := sigv4.Identity{AccessKeyID: recordedKey, Region: "us-east-1", Value: "owner of " + recordedKey}
				if err != nil || got != want {
					t.Fatalf("Verify = %+v, %v; want %+v", got, err, want)
				}
			}
		})
	}
}

// A live server keeps other headers out of the map than http.ReadRequest may.
func TestVerifyAcceptsRecordedRequestsOverTheWire(t *testing.T) {
	for _, path := range recordings(t) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		recorded, _ := parseRequest(t, raw)
		v := newVerifier(amzTime(t, recorded.Header.Get("X-Amz-Date")), map[string]string{recordedKey: recordedSecret})
		verified := errors.New("no request arrived")
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, verified = v.Verify(r, body)
		}))
		exchange(t, server, raw)
		server.Close()
		if verified != nil {
			t.Errorf("%s: %v", path, verified)
		}
	}
}

// exchange sends raw bytes and waits for the answer.
func exchange(t *testing.T, server *httptest.Server, raw []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(raw); err != nil {
		t.Fatal(err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
}
