package gate_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"reeve/internal/gate"
)

// TestAGatheredAnswerLeavesInOnePiece counts the segments that an answer comes
// in, which on the loopback interface are what was written at once.
func TestAGatheredAnswerLeavesInOnePiece(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 2000)
	for gathered, want := range map[bool]uint32{false: 2, true: 1} {
		s := answering(t, false, func(w http.ResponseWriter, r *http.Request) {
			if gathered {
				gate.Gather(r.Context(), len(body))
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body)
		})
		conn := dial(t, s.Listener.Addr().String(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, answer.Body); err != nil || int(n) != len(body) {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if got := segments(t, conn); got != want {
			t.Errorf("gathered %v: %d segments, want %d", gathered, got, want)
		}
	}
}

// segments is how many with data have come over a connection.
func segments(t *testing.T, conn net.Conn) (n uint32) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if controlErr := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	return info.Data_segs_in
}
