package browser_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTheWatchSeesWhatNoPageMayDo shows a page to the browser that does all of
// it, so that the silence of the other tests says something.
func TestTheWatchSeesWhatNoPageMayDo(t *testing.T) {
	t.Parallel()
	need(t)
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bad.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte(`console.error("a complaint"); alert("hello"); missing();`))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "script-src 'self'; style-src 'self'")
		_, _ = w.Write([]byte(`<!doctype html><p style="color: red">bad<img src="` + elsewhere.URL + `/x.png"><img src="/gone.png"><script>inline()</script><script src="/bad.js"></script>`))
	})
	running := httptest.NewServer(mux)
	t.Cleanup(running.Close)
	w := &watch{home: running.URL}
	p := &person{&server{url: running.URL}, t, newTab(t, w), w}
	p.open("/")
	for _, want := range []string{"asks elsewhere: " + elsewhere.URL, "/gone.png is answered with 404", "a complaint", "dialog: hello", "missing is not defined", "inline script", "inline style"} {
		must(t, "wait for "+want, awaited("the watch has seen "+want, func() bool { return w.saw(want) }))
	}
}

func (w *watch) saw(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(strings.Join(w.faults, "\n"), text)
}
