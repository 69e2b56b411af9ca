package console_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"reeve/internal/console"
	"reeve/internal/iam"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

const notTogether = "do not belong together"

func TestAWrongSecretAndAnUnknownKeyAreRefusedInTheSameWords(t *testing.T) {
	d := openDesk(t)
	key := d.Credentials(licensetest.Root)
	for name, wrong := range map[string]sigv4.Credentials{
		"wrong secret": {AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey + "x"},
		"no secret":    {AccessKeyID: key.AccessKeyID},
		"unknown key":  {AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: key.SecretAccessKey},
		"nothing":      {},
	} {
		status, text := d.signIn(wrong)
		if status != http.StatusForbidden || !strings.Contains(text, notTogether) {
			t.Errorf("%s: %d\n%s", name, status, text)
		}
	}
	if status, text := d.signIn(key); status != http.StatusOK || !strings.Contains(text, "<h1>Overview</h1>") {
		t.Errorf("right secret: %d\n%s", status, text)
	}
}

func TestASignInNeedsARegion(t *testing.T) {
	d := openDesk(t)
	key := d.Credentials(licensetest.Root)
	for _, region := range []string{"", "europe", "EU-WEST-1", "eu-west-1\nx", "eu-" + strings.Repeat("west", 20) + "-1", "<b>-x-1"} {
		status, text := d.post("/console/sign-in", url.Values{"access_key_id": {key.AccessKeyID}, "secret_access_key": {key.SecretAccessKey}, "region": {region}})
		if status != http.StatusBadRequest || !strings.Contains(text, "This is no region") || !strings.Contains(text, `value="`+key.AccessKeyID+`"`) || strings.Contains(text, key.SecretAccessKey) {
			t.Errorf("region %q: %d\n%s", region, status, text)
		}
		d.has("the refused form", text, `id="field-region"`, `role="alert" tabindex="-1" autofocus`)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	now := licensetest.Epoch
	d := openDeskWith(t, func(_ *licensetest.Server, cfg *console.Config) { cfg.Now = func() time.Time { return now } })
	key := d.Credentials(licensetest.Root)
	wrong := sigv4.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: "guess"}
	for range 5 {
		if status, _ := d.signIn(wrong); status != http.StatusForbidden {
			t.Fatalf("one of the first guesses was answered with %d", status)
		}
	}
	if status, text := d.signIn(key); status != http.StatusTooManyRequests || !strings.Contains(text, "Wait a second") {
		t.Errorf("the sixth attempt was answered with %d\n%s", status, text)
	}
	now = now.Add(time.Second)
	if status, _ := d.signIn(key); status != http.StatusOK {
		t.Errorf("after the wait the right secret is answered with %d", status)
	}
}

func TestWhatNobodyCouldDecideIsNoGuess(t *testing.T) {
	d := openDesk(t)
	key := d.Credentials(licensetest.Root)
	if err := d.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if status, _ := d.signIn(sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: key.SecretAccessKey}); status < 500 {
			t.Fatalf("without a database a sign-in is answered with %d", status)
		}
	}
}

func TestTheNextPageIsOneOfOurs(t *testing.T) {
	d := openDesk(t)
	d.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	key := d.Credentials(licensetest.Root)
	for next, want := range map[string]string{
		"":                             "/console/",
		"/console/configurations?q=a":  "/console/configurations?q=a",
		"https://elsewhere.example/":   "/console/",
		"//elsewhere.example/console/": "/console/",
		`/console/\elsewhere.example`:  "/console/",
		"/console/sign-out":            "/console/",
	} {
		answer, err := d.client.PostForm(d.url+"/console/sign-in", url.Values{
			"access_key_id": {key.AccessKeyID}, "secret_access_key": {key.SecretAccessKey}, "region": {licensetest.Region}, "next": {next},
		})
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if got := answer.Header.Get("Location"); got != want {
			t.Errorf("next %q goes to %q, want %q", next, got, want)
		}
	}
}

func TestSigningOutEndsTheSessionAndNotOnlyTheCookie(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	thief := d.copied()
	if _, text := thief.get("/console/"); !strings.Contains(text, "<h1>Overview</h1>") {
		t.Fatal("the copied cookie does not work while the session lasts")
	}
	if _, text := d.post("/console/sign-out", nil); !strings.Contains(text, "You are signed out.") {
		t.Errorf("after the sign-out the page says\n%s", text)
	}
	if _, text := thief.get("/console/"); !strings.Contains(text, "Your session is over") {
		t.Errorf("a cookie works after the sign-out\n%s", text)
	}
}

// copied is another browser with the same cookies.
func (d *desk) copied() *desk {
	d.t.Helper()
	at, err := url.Parse(d.url + console.Home)
	if err != nil {
		d.t.Fatal(err)
	}
	jar := d.emptyJar()
	jar.SetCookies(at, d.client.Jar.Cookies(at))
	other := *d
	other.client = &http.Client{Jar: jar}
	return &other
}

func (d *desk) emptyJar() http.CookieJar {
	d.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return jar
}

func TestASessionEndsByTime(t *testing.T) {
	for name, steps := range map[string][]time.Duration{
		"idle": {61 * time.Minute},
		"old":  {50 * time.Minute, 50 * time.Minute, 25 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			now := licensetest.Epoch
			d := openDeskWith(t, func(s *licensetest.Server, cfg *console.Config) {
				cfg.Now = func() time.Time { return now }
				cfg.Sessions = iam.NewSessions(s.Store, iam.SessionOptions{Idle: time.Hour, Lifetime: 2 * time.Hour, Now: cfg.Now})
			})
			d.signIn(d.Credentials(licensetest.Root))
			for i, step := range steps {
				now = now.Add(step)
				_, text := d.get("/console/")
				if over := strings.Contains(text, "Your session is over"); over != (i == len(steps)-1) {
					t.Errorf("step %d: the session is over: %t", i, over)
				}
			}
		})
	}
}

func TestASessionEndsWithItsAccessKey(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	key := d.Credentials(licensetest.Root).AccessKeyID
	root := iam.Identity{Account: licensetest.Root, Root: true, Principal: iam.PrincipalOf(licensetest.Root)}
	// A second key, since the last one of the root account cannot be switched off.
	if _, _, err := d.Directory.CreateAccessKey(t.Context(), root, licensetest.Root, ""); err != nil {
		t.Fatal(err)
	}
	if err := d.Directory.SetAccessKey(t.Context(), root, licensetest.Root, "", key, true); err != nil {
		t.Fatal(err)
	}
	if _, text := d.get("/console/"); !strings.Contains(text, "Your session is over") {
		t.Errorf("a session outlives its access key\n%s", text)
	}
}

func TestAnotherRegionIsRememberedInTheSession(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	_, text := d.post("/console/region", url.Values{"region": {"us-east-2"}, "next": {"/console/"}})
	for _, want := range []string{"us-east-2</summary>", `<option value="us-east-2">`, `<option value="eu-west-1">`} {
		if !strings.Contains(text, want) {
			t.Errorf("after the switch the page lacks %q\n%s", want, text)
		}
	}
	status, text := d.post("/console/region", url.Values{"region": {"nowhere"}})
	if status != http.StatusBadRequest {
		t.Errorf("a region that is none is answered with %d", status)
	}
	d.has("the page afterwards", text, `value="nowhere"`, `id="field-region"`, "<details class=\"menu who noprint\" open>")
}

func TestColoursAreRemembered(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	if _, text := d.post("/console/theme", url.Values{"theme": {"dark"}}); !strings.Contains(text, `<html lang="en" data-theme="dark">`) {
		t.Errorf("dark is not remembered\n%s", text)
	}
	if _, text := d.post("/console/theme", url.Values{"theme": {"system"}}); !strings.Contains(text, `<html lang="en">`) {
		t.Errorf("the system's colours do not come back\n%s", text)
	}
}
