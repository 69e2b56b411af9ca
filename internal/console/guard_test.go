package console

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"reeve/internal/iam"
	"reeve/internal/licensetest"
)

// placeholder is a part of a pattern that stands for anything.
var placeholder = regexp.MustCompile(`\{[a-z]*(\.\.\.)?\}`)

// address is an address that a route's pattern takes.
func address(r route) (method, path string) {
	method, path, _ = strings.Cut(r.pattern, " ")
	return method, placeholder.ReplaceAllString(strings.TrimSuffix(path, "{$}"), "x")
}

// bareConsole is a console over a server of tests, with its table of routes.
func bareConsole(t *testing.T) (*console, http.Handler) {
	t.Helper()
	s := licensetest.Start(t, licensetest.Options{})
	cfg := Config{
		API: s.API(), Directory: s.Directory, Key: make([]byte, 32), Region: licensetest.Region, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Sessions: iam.NewSessions(s.Store, iam.SessionOptions{Idle: time.Hour, Lifetime: time.Hour, Now: time.Now}),
	}
	handler, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &console{Config: cfg}, handler
}

func TestAStrangerIsSentToTheSignInFromEveryRouteThatIsNotOpen(t *testing.T) {
	c, handler := bareConsole(t)
	open := map[string]bool{
		"GET " + signInPath: true, "POST " + signInPath: true, "GET " + ssoPath: true, "GET " + callbackPath: true, "POST " + rolePath: true,
	}
	for _, r := range c.routes() {
		if r.open != open[r.pattern] {
			t.Errorf("%s: open is %t; say here which routes are", r.pattern, r.open)
		}
		if r.open {
			continue
		}
		method, path := address(r)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
		to := answer.Header().Get("Location")
		if answer.Code != http.StatusSeeOther || to != signInPath && !strings.HasPrefix(to, signInPath+"?next=") {
			t.Errorf("%s answers a stranger with %d, to %q\n%s", r.pattern, answer.Code, to, answer.Body)
		}
		if len(answer.Result().Cookies()) > 0 {
			t.Errorf("%s gives a stranger cookies", r.pattern)
		}
	}
}

func TestEveryAnswerTellsTheBrowserWhatAPageMayDo(t *testing.T) {
	c, handler := bareConsole(t)
	paths := []string{"/console/no-such-page", c.assetPath(t, "style.css"), assetPath + "none.css"}
	for _, r := range c.routes() {
		_, path := address(r)
		paths = append(paths, path)
	}
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff",
				"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "",
			} {
				if got := answer.Header().Get(name); got == "" || !strings.Contains(got, want) {
					t.Errorf("%s %s: %s is %q", method, path, name, got)
				}
			}
		}
	}
}

func (c *console) assetPath(t *testing.T, name string) string {
	t.Helper()
	a, err := readAssets()
	if err != nil {
		t.Fatal(err)
	}
	return a[name].url
}

func TestNoFormOfAnotherSiteReachesARoute(t *testing.T) {
	c, handler := bareConsole(t)
	for _, r := range c.routes() {
		method, path := address(r)
		if method != http.MethodPost {
			continue
		}
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"} {
			request := httptest.NewRequest(method, path, nil)
			request.Header.Set(name, value)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			if answer.Code != http.StatusForbidden {
				t.Errorf("%s with %s: %s is answered with %d", r.pattern, name, value, answer.Code)
			}
		}
	}
}

func TestAFormThatIsTooLargeIsRefused(t *testing.T) {
	_, handler := bareConsole(t)
	request := httptest.NewRequest(http.MethodPost, signInPath, io.LimitReader(endless('a'), maxForm+10))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if answer.Code < 400 {
		t.Errorf("answered with %d", answer.Code)
	}
}

// endless is a text of one letter.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}
