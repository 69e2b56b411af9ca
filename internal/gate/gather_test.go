package gate_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"reeve/internal/gate"
)

// answering is a server whose answers are written by write.
func answering(t *testing.T, encrypted bool, write http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(gate.Handler(write))
	s.Config.ConnContext = gate.Context
	s.Listener = gate.NewConnections(100).Listener(s.Listener)
	if encrypted {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// bodyOf is the answer to a path that is its size.
func bodyOf(path string) []byte {
	size, _ := strconv.Atoi(path[1:])
	return bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
}

func get(t *testing.T, s *httptest.Server, path string) []byte {
	t.Helper()
	answer, err := s.Client().Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestAGatheredAnswerIsWhole asks for answers around the sizes of the buffers on
// the way, several over one connection, and for some that the handler writes
// otherwise than it said.
func TestAGatheredAnswerIsWhole(t *testing.T) {
	pieces := map[string]func(w http.ResponseWriter, body []byte){
		"at once": func(w http.ResponseWriter, body []byte) { _, _ = w.Write(body) },
		"in two": func(w http.ResponseWriter, body []byte) {
			_, _ = w.Write(body[:len(body)/2])
			_, _ = w.Write(body[len(body)/2:])
		},
		"flushed": func(w http.ResponseWriter, body []byte) {
			_, _ = w.Write(body[:len(body)/2])
			w.(http.Flusher).Flush()
			_, _ = w.Write(body[len(body)/2:])
		},
		"shorter than it said": func(w http.ResponseWriter, body []byte) { _, _ = w.Write(body[:10]) },
	}
	for name, write := range pieces {
		for _, encrypted := range []bool{false, true} {
			s := answering(t, encrypted, func(w http.ResponseWriter, r *http.Request) {
				body := bodyOf(r.URL.Path)
				gate.Gather(r.Context(), len(body))
				if name != "shorter than it said" {
					w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				}
				write(w, body)
			})
			for _, size := range []int{10, 4095, 4096, 4097, 8191, 8192, 8193, 100_000, 4 << 20, 5000} {
				path := "/" + strconv.Itoa(size)
				want := bodyOf(path)
				if name == "shorter than it said" {
					want = want[:10]
				}
				if got := get(t, s, path); !bytes.Equal(got, want) {
					t.Fatalf("%s, TLS %v: an answer of %d bytes has %d", name, encrypted, len(want), len(got))
				}
			}
		}
	}
}
