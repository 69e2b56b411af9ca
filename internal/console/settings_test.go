package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"reeve/internal/iam"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

var secretShown = regexp.MustCompile(`<code class="secret">([^<]+)</code>`)

// shownOnce posts a form whose answer shows secrets, and returns them.
func (d *desk) shownOnce(path string, form url.Values) []string {
	d.t.Helper()
	status, text := d.post(path, form)
	var found []string
	for _, match := range secretShown.FindAllStringSubmatch(text, -1) {
		found = append(found, html.UnescapeString(match[1]))
	}
	if status != http.StatusOK || len(found) < 2 {
		d.t.Fatalf("%s: %d\n%s", path, status, text)
	}
	return found
}

func (d *desk) has(what, text string, want ...string) {
	d.t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			d.t.Errorf("%s does not show %q\n%s", what, w, text)
		}
	}
}

func TestAKeyOfANewUserSignsInUntilItIsSwitchedOff(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	_, text := d.post("/console/settings/users", url.Values{"name": {"ana"}})
	d.has("the page after the new user", text, "User ana is there", "Access keys of user ana")
	shown := d.shownOnce("/console/settings/keys", url.Values{"user": {"ana"}})
	key := sigv4.Credentials{AccessKeyID: shown[0], SecretAccessKey: shown[1]}
	_, text = d.get("/console/settings/keys?user=ana")
	d.has("the list", text, key.AccessKeyID)
	if strings.Contains(text, key.SecretAccessKey) {
		t.Error("the secret is shown a second time")
	}
	ana := d.copied()
	ana.client.Jar = d.emptyJar() // a sign-in ends what the browser held before
	ana.signIn(key)
	_, text = ana.get("/console/settings")
	ana.has("the settings", text, "user/ana")
	_, text = d.post("/console/settings/keys/"+key.AccessKeyID+"/status", url.Values{"user": {"ana"}, "status": {"Inactive"}})
	d.has("the page after the switch", text, "no longer works", "inactive")
	if _, text := ana.get("/console/settings"); !strings.Contains(text, "Your session is over") {
		t.Errorf("the session outlives its key\n%s", text)
	}
	_, text = d.get("/console/settings/keys/" + key.AccessKeyID + "/delete?user=ana")
	d.has("the confirmation", text, "for ever", `name="user" value="ana"`)
	_, text = d.post("/console/settings/keys/"+key.AccessKeyID+"/delete", url.Values{"user": {"ana"}})
	d.has("the page after the deletion", text, "is deleted", "There are no access keys")
}

func TestAnAgentTokenIsShownOnceAndRevokedAfterAConfirmation(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	shown := d.shownOnce("/console/settings/agents", url.Values{"name": {"Zürich"}})
	if want := d.url + "/agent/" + shown[1]; shown[0] != want {
		t.Errorf("the URL is %s, want %s", shown[0], want)
	}
	_, text := d.get("/console/settings/agents")
	d.has("the list", text, "Zürich", shown[2])
	if strings.Contains(text, shown[1]) {
		t.Error("the token is shown a second time")
	}
	path := "/console/settings/agents/" + shown[2] + "/revoke"
	_, text = d.get(path)
	d.has("the confirmation", text, "Revoke the token")
	_, text = d.post(path, nil)
	d.has("the page after the revocation", text, "is revoked.", "revoked <time")
}

func TestASessionCanBeEndedFromAnotherOne(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	other := d.copied()
	other.client.Jar = d.emptyJar()
	other.signIn(d.Credentials(licensetest.Root))
	_, text := d.get("/console/settings")
	d.has("the settings", text, "this one", licensetest.Root)
	paths := regexp.MustCompile(`/console/settings/sessions/cs-[0-9a-f]{16}/end`).FindAllString(text, -1)
	if len(paths) != 1 {
		t.Fatalf("sessions to end: %q", paths)
	}
	_, text = d.get(paths[0])
	d.has("the confirmation", text, "End the session")
	_, text = d.post(paths[0], nil)
	d.has("the page afterwards", text, "is over.")
	if _, text := other.get("/console/"); !strings.Contains(text, "Your session is over") {
		t.Errorf("the session goes on\n%s", text)
	}
	if status, _ := d.post(paths[0], nil); status != http.StatusNotFound {
		t.Errorf("a session that is over is ended with %d", status)
	}
}

func TestNobodyEndsASessionOfAnotherAccount(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	other := d.copied()
	other.client.Jar = d.emptyJar()
	other.signIn(d.Credentials("222222222222"))
	rows, err := d.Store.Sessions(t.Context(), licensetest.Root, "", iam.SessionPlace{}, 10)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d sessions, %v", len(rows), err)
	}
	if status, _ := other.post("/console/settings/sessions/"+rows[0].ID+"/end", nil); status != http.StatusNotFound {
		t.Errorf("answered with %d", status)
	}
	if _, text := d.get("/console/settings"); !strings.Contains(text, rows[0].ID) {
		t.Error("the session is over")
	}
}

func TestMoreSessionsThanAPageHoldsArePaged(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	for n := range 60 {
		session := iam.Session{Account: licensetest.Root, Principal: fmt.Sprintf("arn:%d", n), Person: fmt.Sprintf("person-%d-", n), Region: licensetest.Region}
		if _, _, err := iam.NewSessions(d.Store, iam.SessionOptions{Idle: time.Hour, Lifetime: time.Hour, Now: time.Now}).Open(t.Context(), session); err != nil {
			t.Fatal(err)
		}
	}
	first := d.page("/console/settings")
	second := d.page(d.linkOf(first, "Next"))
	for n := range 60 {
		person := fmt.Sprintf("person-%d-", n)
		if strings.Count(first+second, person) != 1 {
			t.Errorf("%s is listed %d times", person, strings.Count(first+second, person))
		}
	}
	d.says(second, "this one", "← Previous")
	d.silent(second, "Next →")
}
