package console_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/console"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

// loginEvent is what the trail has of a sign-in.
type loginEvent struct {
	EventName, EventSource, EventType, ErrorCode string
	SourceIPAddress, UserAgent, RequestID        string
	ReadOnly                                     bool
	ResponseElements                             map[string]string
	UserIdentity                                 struct{ Type, AccessKeyID, ARN, UserName string }
	RecipientAccountID                           string
}

// logins closes the trail and returns its sign-ins, and all of it as text.
func (d *desk) logins() (all []loginEvent, text string) {
	d.t.Helper()
	must := func(err error) {
		if err != nil {
			d.t.Fatal(err)
		}
	}
	must(d.Audit.Close())
	trail := d.Store.Audit()
	chains, err := trail.Chains(d.t.Context(), 0, 10)
	must(err)
	for _, c := range chains {
		segments, err := trail.Segments(d.t.Context(), c.Num, 0, 1000)
		must(err)
		for _, s := range segments {
			lines, err := s.Lines()
			must(err)
			for _, line := range lines {
				text += string(line) + "\n"
				if e := (loginEvent{}); strings.Contains(string(line), `"ConsoleLogin"`) {
					must(json.Unmarshal(line, &e))
					all = append(all, e)
				}
			}
		}
	}
	return all, text
}

// TestEverySignInLeavesAnEvent: with a key, with a wrong one, after too many, and
// to what is no region.
func TestEverySignInLeavesAnEvent(t *testing.T) {
	now := licensetest.Epoch
	d := openDeskWith(t, func(_ *licensetest.Server, cfg *console.Config) { cfg.Now = func() time.Time { return now } })
	key := d.Credentials(licensetest.Root)
	region := licensetest.Region
	try := func(secret string) string {
		t.Helper()
		noRedirect := *d.client
		noRedirect.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		answer, err := noRedirect.PostForm(d.url+"/console/sign-in", url.Values{
			"access_key_id": {key.AccessKeyID}, "secret_access_key": {secret}, "region": {region}})
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.Header.Get("X-Amzn-Requestid")
	}
	requests := []string{try(key.SecretAccessKey)}
	for range 6 {
		requests = append(requests, try("a wrong secret"))
	}
	region = "a wrong secret\u00a0"
	requests = append(requests, try(key.SecretAccessKey))
	got, text := d.logins()
	if len(got) != len(requests) {
		t.Fatalf("%d sign-ins left %d events", len(requests), len(got))
	}
	for i, e := range got {
		code, who, outcome := "AccessDeniedException", "Unknown", "Failure"
		switch i {
		case 0:
			code, who, outcome = "", "Root", "Success"
		case 6:
			code = "ThrottlingException"
		case 7:
			code = "ValidationException"
		}
		want := loginEvent{EventName: "ConsoleLogin", EventSource: "signin.amazonaws.com", EventType: "AwsConsoleSignIn", ErrorCode: code,
			SourceIPAddress: "127.0.0.1", UserAgent: "Go-http-client/1.1", RequestID: requests[i],
			ResponseElements: map[string]string{"ConsoleLogin": outcome}, RecipientAccountID: licensetest.Root}
		want.UserIdentity.Type, want.UserIdentity.AccessKeyID = who, key.AccessKeyID
		if i == 0 {
			want.UserIdentity.ARN = "arn:aws:iam::" + licensetest.Root + ":root"
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("sign-in %d (-want +got):\n%s", i, diff)
		}
	}
	if strings.Contains(text, key.SecretAccessKey) || strings.Contains(text, "a wrong secret") {
		t.Error("the trail has a secret")
	}
}

// TestSingleSignOnLeavesAnEvent: of who has a role, and of who has none.
func TestSingleSignOnLeavesAnEvent(t *testing.T) {
	for name, c := range map[string]struct {
		groups         []string
		code, who, arn string
	}{
		"one role": {[]string{"auditors"}, "", "AssumedRole", "assumed-role/Auditor/id2"},
		"no role":  {[]string{"staff"}, "AccessDeniedException", "WebIdentityUser", ""},
		"no such":  {[]string{"ghosts"}, "AccessDeniedException", "WebIdentityUser", ""},
	} {
		d, _ := ssoDesk(t, c.groups...)
		d.get("/console/sign-in/sso")
		got, _ := d.logins()
		if len(got) != 1 || got[0].ErrorCode != c.code || got[0].UserIdentity.Type != c.who || !strings.Contains(got[0].UserIdentity.ARN, c.arn) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestASecretInThePlaceOfAKeyIsNotKept: people mix the two fields up.
func TestASecretInThePlaceOfAKeyIsNotKept(t *testing.T) {
	d := openDesk(t)
	key := d.Credentials(licensetest.Root)
	d.signIn(sigv4.Credentials{AccessKeyID: key.SecretAccessKey, SecretAccessKey: key.AccessKeyID})
	if got, text := d.logins(); len(got) != 1 || strings.Contains(text, key.SecretAccessKey) {
		t.Errorf("%d events: %s", len(got), text)
	}
}
