package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"reeve/internal/console"
	"reeve/internal/console/sso"
	"reeve/internal/console/sso/ssotest"
	"reeve/internal/iam"
	"reeve/internal/licensetest"
)

const anybody = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + licensetest.Root + `"},"Action":"sts:AssumeRole"}]}`

// ssoDesk is a desk with single sign-on at a provider, and with roles Auditor
// and Owner; a group may act as a third one, which does not exist.
func ssoDesk(t *testing.T, groups ...string) (*desk, *ssotest.Provider) {
	t.Helper()
	p := ssotest.Open(t)
	p.Tell(groups...)
	d := openDeskWith(t, func(_ *licensetest.Server, cfg *console.Config) {
		cfg.SSOName = "Example ID"
		cfg.SSO = sso.New(sso.Settings{
			Issuer: p.URL, ClientID: ssotest.ClientID, ClientSecret: ssotest.Secret, Scopes: []string{"profile", "email"}, SubjectClaim: "sub", GroupsClaim: "groups", Now: time.Now,
			Grants: []sso.Grant{
				{Group: "auditors", Role: sso.Role{Account: licensetest.Root, Name: "Auditor"}},
				{Group: "owners", Role: sso.Role{Account: licensetest.Root, Name: "Owner"}},
				{Group: "ghosts", Role: sso.Role{Account: licensetest.Root, Name: "Ghost"}},
			},
		})
	})
	p.Serve(d.url)
	root := iam.Identity{Account: licensetest.Root, Root: true, Principal: iam.PrincipalOf(licensetest.Root)}
	for _, name := range []string{"Auditor", "Owner"} {
		if _, err := d.Directory.CreateRole(t.Context(), root, licensetest.Root, name, anybody, 0); err != nil {
			t.Fatal(err)
		}
		h := iam.Holder{Account: licensetest.Root, Type: iam.OfRole, Name: name}
		if err := d.Directory.AttachPolicy(t.Context(), root, h, iam.ManagedARN("ReadOnly")); err != nil {
			t.Fatal(err)
		}
	}
	return d, p
}

func TestAMemberOfOneGroupIsSignedInAsItsRole(t *testing.T) {
	d, _ := ssoDesk(t, "staff", "auditors")
	if _, text := d.get("/console/"); !strings.Contains(text, "Sign in with Example ID") {
		t.Fatalf("the sign-in page does not offer the provider\n%s", text)
	}
	status, text := d.get("/console/sign-in/sso?next=/console/%3Fseen")
	if status != http.StatusOK || !strings.Contains(text, "<h1>Overview</h1>") || !strings.Contains(text, "assumed-role/Auditor/id2") {
		t.Errorf("%d\n%s", status, text)
	}
}

func TestAMemberOfSeveralGroupsChoosesARole(t *testing.T) {
	d, _ := ssoDesk(t, "owners", "auditors")
	_, text := d.get("/console/sign-in/sso")
	if !strings.Contains(text, "<h1>Choose a role</h1>") || !strings.Contains(text, "role/Owner") || strings.Contains(text, "Ghost") {
		t.Fatalf("the choice is\n%s", text)
	}
	ghost := url.Values{"role": {"arn:aws:iam::" + licensetest.Root + ":role/Ghost"}}
	if status, _ := d.post("/console/sign-in/role", ghost); status != http.StatusForbidden {
		t.Errorf("a role that was not offered is answered with %d", status)
	}
	owner := url.Values{"role": {"arn:aws:iam::" + licensetest.Root + ":role/Owner"}}
	if _, text := d.post("/console/sign-in/role", owner); !strings.Contains(text, "assumed-role/Owner/id2") {
		t.Errorf("the chosen role is not in force\n%s", text)
	}
}

func TestNobodyIsSignedInWithoutARole(t *testing.T) {
	for name, groups := range map[string][]string{"no group": nil, "group of no role": {"staff"}, "role that is not there": {"ghosts"}} {
		d, _ := ssoDesk(t, groups...)
		if status, _ := d.get("/console/sign-in/sso"); status != http.StatusForbidden {
			t.Errorf("%s: %d", name, status)
		}
		if _, text := d.get("/console/"); !strings.Contains(text, "Sign in to Reeve") {
			t.Errorf("%s: signed in\n%s", name, text)
		}
	}
}

func TestAnAnswerOfTheProviderCountsOnceAndInOneBrowser(t *testing.T) {
	d, _ := ssoDesk(t, "auditors")
	var answer string
	d.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/console/sign-in/callback" {
			answer = r.URL.RequestURI()
			return http.ErrUseLastResponse
		}
		return nil
	}
	d.get("/console/sign-in/sso")
	stranger := d.copied()
	stranger.client.Jar = nil
	if status, _ := stranger.get(answer); status != http.StatusBadRequest {
		t.Errorf("in another browser it is answered with %d", status)
	}
	forged := strings.Replace(answer, "state=", "state=A", 1)
	if status, _ := d.copied().get(forged); status != http.StatusForbidden {
		t.Errorf("with another state it is answered with %d", status)
	}
	thief := d.copied()
	if _, text := d.get(answer); !strings.Contains(text, "<h1>Overview</h1>") {
		t.Fatalf("the answer itself does not count\n%s", text)
	}
	if status, _ := thief.get(answer); status != http.StatusForbidden {
		t.Errorf("a second time it is answered with %d", status)
	}
}

func TestSigningOutAlsoSignsOutAtTheProvider(t *testing.T) {
	d, p := ssoDesk(t, "auditors")
	d.get("/console/sign-in/sso")
	status, text := d.post("/console/sign-out", nil)
	if status != http.StatusOK || !strings.Contains(text, "You are signed out here") || strings.Contains(text, "assumed-role") {
		t.Fatalf("%d\n%s", status, text)
	}
	there := d.linkOf(text, "Sign out of Example ID")
	if !strings.HasPrefix(there, p.URL+"/end_session?") || !strings.Contains(there, "id_token_hint=ey") {
		t.Fatalf("it leads to %s", there)
	}
	answer, err := d.client.Get(there)
	if _, text := d.read(answer, err); !strings.Contains(text, "Sign in to Reeve") {
		t.Errorf("from the provider the way leads to\n%s", text)
	}
	if _, text := d.get("/console/"); !strings.Contains(text, "Sign in to Reeve") {
		t.Error("the session goes on")
	}
}

func TestWhoSignedInWithAKeySignsOutHereAlone(t *testing.T) {
	d, _ := ssoDesk(t)
	d.signIn(d.Credentials(licensetest.Root))
	if _, text := d.post("/console/sign-out", nil); !strings.Contains(text, "You are signed out.") {
		t.Errorf("the page says\n%s", text)
	}
}

func TestTheRoleEndsTheSession(t *testing.T) {
	d, _ := ssoDesk(t, "auditors")
	d.get("/console/sign-in/sso")
	root := iam.Identity{Account: licensetest.Root, Root: true, Principal: iam.PrincipalOf(licensetest.Root)}
	h := iam.Holder{Account: licensetest.Root, Type: iam.OfRole, Name: "Auditor"}
	if err := d.Directory.DetachPolicy(t.Context(), root, h, iam.ManagedARN("ReadOnly")); err != nil {
		t.Fatal(err)
	}
	if err := d.Directory.DeletePrincipal(t.Context(), root, h); err != nil {
		t.Fatal(err)
	}
	if _, text := d.get("/console/"); !strings.Contains(text, "Your session is over") {
		t.Errorf("a session outlives its role\n%s", text)
	}
}

func TestWhileTheProviderIsAwayAccessKeysWork(t *testing.T) {
	d, p := ssoDesk(t, "auditors")
	p.Leave(true)
	if status, text := d.get("/console/sign-in/sso"); status != http.StatusServiceUnavailable || !strings.Contains(text, "sign in with an access key") {
		t.Errorf("%d\n%s", status, text)
	}
	if _, text := d.signIn(d.Credentials(licensetest.Root)); !strings.Contains(text, "<h1>Overview</h1>") {
		t.Errorf("an access key does not work\n%s", text)
	}
}

func TestAProviderOfAnotherNameIsNotBelieved(t *testing.T) {
	p := ssotest.Open(t)
	provider := sso.New(sso.Settings{Issuer: p.URL + "/", ClientID: ssotest.ClientID, SubjectClaim: "sub", GroupsClaim: "groups", Now: time.Now})
	if _, _, err := provider.Begin(t.Context(), "http://127.0.0.1/"); err == nil {
		t.Error("a provider that calls itself by another name is believed")
	}
}
