package awsjson_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"reeve/internal/awsjson"
)

// narrow is a gate that lets nobody in, or no body.
type narrow struct {
	shut, full      bool
	inside, largest atomic.Int64
	held            atomic.Int64
}

var errNarrow = errors.New("no room")

func (g *narrow) Enter(_ context.Context, change bool) error {
	if g.shut && change {
		return errNarrow
	}
	g.inside.Add(1)
	return nil
}

func (g *narrow) Leave(bool) { g.inside.Add(-1) }

func (g *narrow) Hold(bytes int64) error {
	if g.full {
		return errNarrow
	}
	g.largest.Store(max(g.largest.Load(), g.held.Add(bytes)))
	return nil
}

func (g *narrow) Free(bytes int64) { g.held.Add(-bytes) }

// gated serves an operation of either kind behind a gate.
func gated(t *testing.T, g awsjson.Gate) string {
	t.Helper()
	h := newHandler(io.Discard)
	h.Gate = g
	answer := func(context.Context, awsjson.Call) (awsjson.Response, error) { return nil, nil }
	h.Operations = map[string]awsjson.Operation{"S.Read": {Serve: answer, MaxBody: 8 << 20}, "S.Change": {Serve: answer, Change: true}}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func post(t *testing.T, url, target string, body io.Reader) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", awsjson.ContentType)
	r.Header.Set("X-Amz-Target", target)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestWhoIsNotLetInIsAskedToSlowDown(t *testing.T) {
	g := &narrow{shut: true}
	url := gated(t, g)
	resp, text := post(t, url, "S.Change", strings.NewReader("{}"))
	if resp.StatusCode != 400 || !strings.HasPrefix(text, `{"__type":"ThrottlingException","Message":"Rate exceeded`) || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("a change is answered with %d %v %s", resp.StatusCode, resp.Header, text)
	}
	if resp, text := post(t, url, "S.Read", strings.NewReader("{}")); resp.StatusCode != 200 {
		t.Errorf("a read is answered with %d %s", resp.StatusCode, text)
	}
	if n := g.inside.Load(); n != 0 {
		t.Errorf("%d are inside still", n)
	}
}

func TestBodiesHoldWhatTheyTakeAndGiveItBack(t *testing.T) {
	const size = 3_000_000 // more than a buffer keeps from the request before
	body := `{"a":"` + strings.Repeat("a", size) + `"}`
	g := &narrow{}
	url := gated(t, g)
	for name, r := range map[string]io.Reader{"announced": strings.NewReader(body), "in pieces": io.MultiReader(strings.NewReader(body))} {
		if resp, text := post(t, url, "S.Read", r); resp.StatusCode != 200 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
		}
	}
	if held, largest := g.held.Load(), g.largest.Load(); held != 0 || largest < size-2<<20 || largest > 4*size {
		t.Errorf("a body of %d bytes held %d, and holds %d", size, largest, held)
	}
	g = &narrow{full: true}
	url = gated(t, g)
	if resp, text := post(t, url, "S.Read", strings.NewReader(body)); resp.StatusCode != 400 || !strings.Contains(text, "ThrottlingException") {
		t.Errorf("without memory: %d %s", resp.StatusCode, text)
	}
	if resp, text := post(t, url, "S.Read", strings.NewReader("{}")); resp.StatusCode != 200 {
		t.Errorf("a small body without memory: %d %s", resp.StatusCode, text)
	}
}
