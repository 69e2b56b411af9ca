package chaos_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"reeve/internal/client"
	"reeve/internal/sigv4"
)

// dial opens a connection of its own to a server. It ends with the test, and
// nothing on it takes longer than our patience.
func (s *process) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.address(), patience)
	must(t, "connect", err)
	t.Cleanup(func() { conn.Close() })
	must(t, "set deadline", conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// signed is the text of a signed request, headers and body, as it goes over
// the wire. Further headers, which are not signed, are whole lines.
func (s *process) signed(t *testing.T, key client.Credentials, target, body string, headers ...string) (head, wireBody string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.endpoint+"/", bytes.NewReader([]byte(body)))
	must(t, "make request", err)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	must(t, "sign", sigv4.Sign(r, []byte(body), key, region, "license-manager", time.Now()))
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", s.address(), len(body))
	must(t, "write headers", r.Header.Write(&b))
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	return b.String() + "\r\n", body
}

// request is the whole text of a signed request.
func (s *process) request(t *testing.T, key client.Credentials, target, body string, headers ...string) []byte {
	t.Helper()
	head, rest := s.signed(t, key, target, body, headers...)
	return []byte(head + rest)
}

// answer reads one answer of HTTP with its body.
func answer(r io.Reader) (status int, body string, err error) {
	response, err := http.ReadResponse(bufio.NewReader(r), nil)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// send signs and sends one body as it is, and returns what came back.
func (a *account) send(ctx context.Context, target, body string) (status int, text string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.reeve.Endpoint(), strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	if err := sigv4.Sign(r, []byte(body), a.key, region, "license-manager", time.Now()); err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	return response.StatusCode, string(all), err
}
