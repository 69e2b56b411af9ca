package console_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"reeve/internal/audit"
	"reeve/internal/console"
	"reeve/internal/iam"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

// desk is a browser without a screen, at a console over a server of its own.
type desk struct {
	*licensetest.Server
	t      testing.TB
	url    string
	client *http.Client
}

// openDesk starts a server and a console over it; nobody is signed in.
func openDesk(t testing.TB) *desk {
	t.Helper()
	return openDeskWith(t, func(*licensetest.Server, *console.Config) {})
}

// openDeskWith is openDesk with another configuration of the console.
func openDeskWith(t testing.TB, change func(*licensetest.Server, *console.Config)) *desk {
	t.Helper()
	s := licensetest.Start(t, licensetest.Options{Audit: audit.All})
	cfg := deskConfig(t, s)
	change(s, &cfg)
	handler, err := console.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	running := httptest.NewServer(handler)
	t.Cleanup(running.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{s, t, running.URL, &http.Client{Jar: jar}}
}

// deskConfig is the console's configuration over a server of tests.
func deskConfig(t testing.TB, s *licensetest.Server) console.Config {
	t.Helper()
	key, err := s.Directory.TokenKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sessions := iam.NewSessions(s.Store, iam.SessionOptions{Idle: time.Hour, Lifetime: 8 * time.Hour, Now: time.Now})
	return console.Config{
		API: s.API(), Directory: s.Directory, Sessions: sessions, Key: key, Region: licensetest.Region,
		Now: time.Now, Log: slog.New(slog.DiscardHandler), Audit: s.Audit,
	}
}

// signedIn is openDesk with somebody of an account signed in.
func signedIn(t testing.TB, account string) *desk {
	t.Helper()
	d := openDesk(t)
	d.signIn(d.Credentials(account))
	return d
}

// signIn sends the form of the sign-in page.
func (d *desk) signIn(key sigv4.Credentials) (int, string) {
	d.t.Helper()
	return d.post("/console/sign-in", url.Values{"access_key_id": {key.AccessKeyID}, "secret_access_key": {key.SecretAccessKey}, "region": {licensetest.Region}})
}

// get returns a page's status and text, after redirects.
func (d *desk) get(path string) (int, string) {
	d.t.Helper()
	answer, err := d.client.Get(d.url + path)
	return d.read(answer, err)
}

// post sends a form and returns what is shown afterwards.
func (d *desk) post(path string, form url.Values) (int, string) {
	d.t.Helper()
	answer, err := d.client.PostForm(d.url+path, form)
	return d.read(answer, err)
}

func (d *desk) read(answer *http.Response, err error) (int, string) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestAStrangerSeesTheSignInPageAlone(t *testing.T) {
	d := openDesk(t)
	for _, path := range []string{"/console/", "/console/configurations/lic-1", "/console/no-such-page"} {
		if _, text := d.get(path); !strings.Contains(text, "Sign in to Reeve") {
			t.Errorf("%s shows a stranger\n%s", path, text)
		}
	}
}

func TestWhoSignsInSeesThePageThatWasAskedFor(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	if status, text := d.get("/console/"); status != http.StatusOK || !strings.Contains(text, "<h1>Overview</h1>") {
		t.Errorf("%d\n%s", status, text)
	}
}

func TestAFormFromAnotherSiteIsRefused(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	r, err := http.NewRequest(http.MethodPost, d.url+"/console/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if status, _ := d.read(d.client.Do(r)); status != http.StatusForbidden {
		t.Errorf("answered with %d", status)
	}
}
