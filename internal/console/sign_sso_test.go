package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"reeve/internal/console"
	"reeve/internal/console/sso"
	"reeve/internal/iam"
	"reeve/internal/licensetest"
)

// identityProvider is an OpenID Connect provider at which everybody is signed
// in already, as the same person. It tells groups only when it is asked.
type identityProvider struct {
	*storage.Storage
	url     string
	clients map[string]*storage.Client
	groups  []string
	back    string // where browsers go after the sign-out
	away    bool
}

func (p *identityProvider) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	info.AppendClaims("groups", p.groups)
	return p.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
}

// GetClientByClientID lets browsers come back after the sign-out.
func (p *identityProvider) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	client, err := p.Storage.GetClientByClientID(ctx, id)
	return returning{client, p.back}, err
}

type returning struct {
	op.Client
	back string
}

func (r returning) PostLogoutRedirectURIs() []string { return []string{r.back} }

func openProvider(t *testing.T) *identityProvider {
	t.Helper()
	p := &identityProvider{clients: map[string]*storage.Client{}}
	mux := http.NewServeMux()
	running := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.away {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(running.Close)
	p.url = running.URL
	p.Storage = storage.NewStorageWithClients(storage.NewUserStore(p.url), p.clients)
	provider, err := op.NewProvider(&op.Config{CodeMethodS256: true}, p, op.StaticIssuer(p.url), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	back := op.AuthCallbackURL(provider)
	mux.Handle("/", provider)
	mux.Handle("GET /login/username", op.NewIssuerInterceptor(provider.IssuerFromRequest).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.FormValue("authRequestID")
		if err := p.CheckUsernamePassword("test-user2", "verysecure", id); err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, back(r.Context(), id), http.StatusFound)
	}))
	return p
}

const anybody = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + licensetest.Root + `"},"Action":"sts:AssumeRole"}]}`

// ssoDesk is a desk with single sign-on at a provider, and with roles Auditor
// and Owner; a group may act as a third one, which does not exist.
func ssoDesk(t *testing.T, groups ...string) (*desk, *identityProvider) {
	t.Helper()
	p := openProvider(t)
	p.groups = groups
	d := openDeskWith(t, func(_ *licensetest.Server, cfg *console.Config) {
		cfg.SSOName = "Example ID"
		cfg.SSO = sso.New(sso.Settings{
			Issuer: p.url, ClientID: "reeve", ClientSecret: "secret", Scopes: []string{"profile", "email"}, SubjectClaim: "sub", GroupsClaim: "groups", Now: time.Now,
			Grants: []sso.Grant{
				{Group: "auditors", Role: sso.Role{Account: licensetest.Root, Name: "Auditor"}},
				{Group: "owners", Role: sso.Role{Account: licensetest.Root, Name: "Owner"}},
				{Group: "ghosts", Role: sso.Role{Account: licensetest.Root, Name: "Ghost"}},
			},
		})
	})
	p.back = d.url + "/console/sign-in"
	p.clients["reeve"] = storage.WebClient("reeve", "secret", d.url+"/console/sign-in/callback")
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
	if !strings.HasPrefix(there, p.url+"/end_session?") || !strings.Contains(there, "id_token_hint=ey") {
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
	p.away = true
	if status, text := d.get("/console/sign-in/sso"); status != http.StatusServiceUnavailable || !strings.Contains(text, "sign in with an access key") {
		t.Errorf("%d\n%s", status, text)
	}
	if _, text := d.signIn(d.Credentials(licensetest.Root)); !strings.Contains(text, "<h1>Overview</h1>") {
		t.Errorf("an access key does not work\n%s", text)
	}
}

func TestAProviderOfAnotherNameIsNotBelieved(t *testing.T) {
	p := openProvider(t)
	provider := sso.New(sso.Settings{Issuer: p.url + "/", ClientID: "reeve", SubjectClaim: "sub", GroupsClaim: "groups", Now: time.Now})
	if _, _, err := provider.Begin(t.Context(), "http://127.0.0.1/"); err == nil {
		t.Error("a provider that calls itself by another name is believed")
	}
}
