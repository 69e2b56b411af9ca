package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"reeve/internal/console"
	"reeve/internal/iam"
	"reeve/internal/licensetest"
)

// cookieOf signs in with some headers and returns the session's cookie.
func (d *desk) cookieOf(header http.Header) *http.Cookie {
	d.t.Helper()
	key := d.Credentials(licensetest.Root)
	form := url.Values{"access_key_id": {key.AccessKeyID}, "secret_access_key": {key.SecretAccessKey}, "region": {licensetest.Region}}
	r, err := http.NewRequest(http.MethodPost, d.url+"/console/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header = header.Clone()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	for _, cookie := range answer.Cookies() {
		if cookie.Name == "reeve-session" {
			return cookie
		}
	}
	d.t.Fatalf("the sign-in is answered with %d and %v", answer.StatusCode, answer.Cookies())
	return nil
}

func TestTheSessionsCookieIsForTheConsoleAlone(t *testing.T) {
	for name, c := range map[string]struct{ trust, tls, secure bool }{
		"in the clear": {}, "a proxy that is not trusted": {false, true, false}, "behind TLS": {true, true, true}, "a proxy in the clear": {true, false, false},
	} {
		d := openDeskWith(t, func(_ *licensetest.Server, cfg *console.Config) { cfg.TrustProxy = c.trust })
		header := http.Header{"X-Forwarded-Proto": {map[bool]string{true: "https", false: "http"}[c.tls]}}
		got := d.cookieOf(header)
		if !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != console.Home || got.Domain != "" || got.MaxAge != 0 || got.Secure != c.secure {
			t.Errorf("%s: the cookie is %s", name, got)
		}
	}
}

// A session is listed with the browser's address, and never with one that the
// browser itself wrote.
func TestASessionIsListedWithWhereItIsFrom(t *testing.T) {
	for forwarded, want := range map[string]string{"203.0.113.9, 198.51.100.7:5678": "198.51.100.7", "203.0.113.9, [2001:db8::2]:443": "2001:db8::2"} {
		for trust, want := range map[bool]string{true: want, false: "127.0.0.1"} {
			var sessions *iam.Sessions
			d := openDeskWith(t, func(_ *licensetest.Server, cfg *console.Config) { cfg.TrustProxy, sessions = trust, cfg.Sessions })
			d.cookieOf(http.Header{"X-Forwarded-For": {forwarded}})
			_, who, err := d.Directory.Lookup(t.Context(), d.Credentials(licensetest.Root).AccessKeyID)
			if err != nil {
				t.Fatal(err)
			}
			list, _, err := sessions.List(t.Context(), who, iam.SessionPlace{}, 10)
			if err != nil || len(list) != 1 || list[0].Address != want {
				t.Errorf("%s, trusted %t: the sessions are %+v, %v; want one from %s", forwarded, trust, list, err, want)
			}
		}
	}
}

// What a browser held before a sign-in opens nothing after it.
func TestASignInMakesANewSession(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	before := d.copied()
	d.signIn(d.Credentials(licensetest.Root))
	if _, text := before.get("/console/"); !strings.Contains(text, "Your session is over") {
		t.Errorf("the session from before the sign-in goes on\n%s", text)
	}
	planted := openDesk(t)
	at, err := url.Parse(planted.url + console.Home)
	if err != nil {
		t.Fatal(err)
	}
	known := &http.Cookie{Name: "reeve-session", Value: strings.Repeat("A", 43), Path: console.Home}
	planted.client.Jar.SetCookies(at, []*http.Cookie{known})
	planted.signIn(planted.Credentials(licensetest.Root))
	for _, cookie := range planted.client.Jar.Cookies(at) {
		if cookie.Name == known.Name && cookie.Value == known.Value {
			t.Error("a token that somebody else chose is the session's")
		}
	}
}

// A session that was revoked on one server is over on the others at once.
func TestARevokedSessionIsOverOnEveryServer(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	cfg := deskConfig(t, d.Server)
	handler, err := console.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	second := httptest.NewServer(handler)
	t.Cleanup(second.Close)
	other := d.copied()
	other.url = second.URL
	at, err := url.Parse(second.URL + console.Home)
	if err != nil {
		t.Fatal(err)
	}
	here, err := url.Parse(d.url + console.Home)
	if err != nil {
		t.Fatal(err)
	}
	other.client.Jar.SetCookies(at, d.client.Jar.Cookies(here))
	if _, text := other.get("/console/"); !strings.Contains(text, "<h1>Overview</h1>") {
		t.Fatalf("another server does not know the session\n%s", text)
	}
	_, who, err := d.Directory.Lookup(t.Context(), d.Credentials(licensetest.Root).AccessKeyID)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := cfg.Sessions.List(t.Context(), who, iam.SessionPlace{}, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d sessions, %v", len(list), err)
	}
	if err := cfg.Sessions.Revoke(t.Context(), who, list[0].ID); err != nil {
		t.Fatal(err)
	}
	for _, each := range []*desk{d, other} {
		if _, text := each.get("/console/"); !strings.Contains(text, "Your session is over") {
			t.Errorf("a revoked session goes on\n%s", text)
		}
	}
}

// Messages between pages cannot be made by others, nor come from another cookie
// of ours, nor last.
func TestAMessageIsOursAndIsShownOnce(t *testing.T) {
	now := licensetest.Epoch
	d := openDeskWith(t, func(_ *licensetest.Server, cfg *console.Config) { cfg.Now = func() time.Time { return now } })
	d.signIn(d.Credentials(licensetest.Root))
	d.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	d.post("/console/sign-out", nil)
	at, err := url.Parse(d.url + console.Home)
	if err != nil {
		t.Fatal(err)
	}
	var message string
	for _, cookie := range d.client.Jar.Cookies(at) {
		if cookie.Name == "reeve-flash" {
			message = cookie.Value
		}
	}
	shows := func(cookie, value string) bool {
		d.client.Jar.SetCookies(at, []*http.Cookie{{Name: cookie, Value: value, Path: console.Home}})
		_, text := d.get("/console/sign-in")
		return strings.Contains(text, `role="status"`)
	}
	if !shows("reeve-flash", message) {
		t.Fatalf("the message %q is not shown", message)
	}
	if _, text := d.get("/console/sign-in"); strings.Contains(text, `role="status"`) {
		t.Error("the message is shown twice")
	}
	for name, forged := range map[string]string{"plain": "Pay+here", "changed": string(message[0]^1) + message[1:], "cut": message[:20], "nothing": ""} {
		if shows("reeve-flash", forged) {
			t.Errorf("%s: a message of somebody else is shown", name)
		}
	}
	d.client.Jar.SetCookies(at, []*http.Cookie{{Name: "reeve-flow", Value: message, Path: console.Home}})
	if status, _ := d.get("/console/sign-in/callback?code=c"); status != http.StatusBadRequest {
		t.Errorf("a message is taken for a sign-in: %d", status)
	}
	now = now.Add(time.Hour)
	if shows("reeve-flash", message) {
		t.Error("the message is shown an hour later")
	}
}
