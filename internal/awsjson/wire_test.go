package awsjson_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"reeve/internal/awsjson"
)

// patience bounds a test that waits for a server which hangs.
const patience = 5 * time.Minute

// exchange sends raw bytes, ends the sending side if told to, and returns the
// answer or "" when the server only closed the connection.
func exchange(t *testing.T, server *httptest.Server, raw string, end bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	// The server may answer and close before it has read everything.
	_, _ = io.WriteString(conn, raw)
	if end {
		conn.(*net.TCPConn).CloseWrite()
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if netErr, ok := err.(net.Error); ok && netErr.Timeout() {
		t.Fatalf("the server hangs on %.80q", raw)
	}
	return strings.TrimSpace(answer)
}

const head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: Test.Echo\r\n"

func TestServerSurvivesMalformedRequests(t *testing.T) {
	server := start(t, io.Discard)
	for _, tc := range []struct {
		name, raw string
		want      string // the status line, or its start
	}{
		{"body ends early", head + "Content-Length: 100\r\n\r\n{}", "HTTP/1.1 400"},
		{"chunks end early", head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "HTTP/1.1 400"},
		{"chunk without a size", head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 400"},
		{"body longer than said", head + "Content-Length: 2\r\n\r\n{}trailing rubbish", "HTTP/1.1 200"},
		{"two lengths", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "HTTP/1.1 400"},
		{"negative length", head + "Content-Length: -1\r\n\r\n{}", "HTTP/1.1 400"},
		{"length is no number", head + "Content-Length: two\r\n\r\n{}", "HTTP/1.1 400"},
		{"length beyond the limit, no body", head + "Content-Length: 1048577\r\n\r\n", "HTTP/1.1 400"},
		{"absurd length", head + "Content-Length: 9223372036854775807\r\n\r\n", "HTTP/1.1 400"},
		{"unknown transfer encoding", head + "Transfer-Encoding: gzip\r\n\r\n{}", "HTTP/1.1 501"},
		{"no host", strings.Replace(head, "Host: localhost\r\n", "", 1) + "Content-Length: 2\r\n\r\n{}", "HTTP/1.1 400"},
		{"two hosts", head + "Host: elsewhere\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 400"},
		{"space in a header name", head + "X-Amz-Target : Test.Fail\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 400"},
		{"huge header", head + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "HTTP/1.1 431"},
		{"many headers", head + strings.Repeat("X: y\r\n", 10<<10) + "\r\n", "HTTP/1.1 431"},
		{"not HTTP", "\x16\x03\x01\x00\xff", "HTTP/1.1 400"},
		{"headers end early", head, "HTTP/1.1 400"},
		{"nothing", "", ""},
		{"HTTP/1.0 without a body", "POST / HTTP/1.0\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: Test.Echo\r\n\r\n", "HTTP/1.0 200"},
		{"whole URL", strings.Replace(head, "POST /", "POST http://localhost/", 1) + "Content-Length: 2\r\n\r\n{}", "HTTP/1.1 200"},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404"},
		{"tunnel", "CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n", "HTTP/1.1 404"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := exchange(t, server, tc.raw, true)
			if !strings.HasPrefix(got, tc.want) || tc.want == "" && got != "" {
				t.Errorf("answer is %q, want %q", got, tc.want)
			}
		})
	}
	send(t, request(t, server, strings.NewReader("{}"), nil)) // and it still serves
}

// A client that stops in the middle of its body gets an answer or a closed
// connection when the time for reading is over, and does not hold on for ever.
func TestServerGivesUpOnSlowBodies(t *testing.T) {
	config := awsjson.NewServer(newHandler(io.Discard))
	config.ReadTimeout = 100 * time.Millisecond
	server := startLimited(t, config)
	got := exchange(t, server, head+"Content-Length: 100\r\n\r\n{", false)
	if got != "" && !strings.HasPrefix(got, "HTTP/1.1 400") {
		t.Errorf("answer is %q", got)
	}
}

func TestServerGivesUpOnSlowHeaders(t *testing.T) {
	config := awsjson.NewServer(newHandler(io.Discard))
	config.ReadHeaderTimeout = 100 * time.Millisecond
	server := startLimited(t, config)
	if got := exchange(t, server, head, false); strings.HasPrefix(got, "HTTP/1.1 2") {
		t.Errorf("answer is %q", got)
	}
}

// A SDK retries a RequestTimeoutException; it must be told that code.
func TestSlowBodyIsATimeout(t *testing.T) {
	config := awsjson.NewServer(newHandler(io.Discard))
	config.ReadTimeout = 100 * time.Millisecond
	server := startLimited(t, config)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, head+"Content-Length: 100\r\n\r\n{")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	reply{response.StatusCode, response.Header, string(body)}.expect(t, 400, "RequestTimeoutException", "did not arrive in time")
}

func TestServerKeepsConnectionsAlive(t *testing.T) {
	server := start(t, io.Discard)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	reader := bufio.NewReader(conn)
	for _, body := range []string{"{}", "{", "{}"} { // a refusal does not cost the connection either
		io.WriteString(conn, head+"Content-Length: "+string(rune('0'+len(body)))+"\r\n\r\n"+body)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, response.Body)
	}
}

// A client that asks whether it may send is spared a body that is too large.
func TestServerRefusesLargeBodiesBeforeTheyAreSent(t *testing.T) {
	server := start(t, io.Discard)
	got := exchange(t, server, head+"Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n", false)
	if !strings.HasPrefix(got, "HTTP/1.1 400") {
		t.Errorf("answer is %q", got)
	}
	got = exchange(t, server, head+"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", false)
	if !strings.HasPrefix(got, "HTTP/1.1 100") {
		t.Errorf("answer is %q", got)
	}
}
