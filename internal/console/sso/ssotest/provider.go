// Package ssotest is an OpenID Connect provider for tests: a real one, at which
// everybody is signed in already, as the same person.
package ssotest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// What a console says of itself at the provider.
const (
	ClientID = "reeve"
	Secret   = "secret"
)

// Provider tells groups only when it is asked for the user info, in the claim
// "groups".
type Provider struct {
	*storage.Storage
	URL string

	clients map[string]*storage.Client
	state   sync.Mutex // of what follows
	console string     // the address of the one that it serves
	groups  []string
	away    bool
	holds   bool // browsers back
}

// Open starts a provider, which ends with the test.
func Open(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{clients: map[string]*storage.Client{}}
	mux := http.NewServeMux()
	running := httptest.NewServer(p.willing(mux))
	t.Cleanup(running.Close)
	p.URL = running.URL
	p.Storage = storage.NewStorageWithClients(storage.NewUserStore(p.URL), p.clients)
	provider, err := op.NewProvider(&op.Config{CodeMethodS256: true}, p, op.StaticIssuer(p.URL), op.WithAllowInsecure())
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

// willing answers as the provider does at the moment.
func (p *Provider) willing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.state.Lock()
		away, holds := p.away, p.holds
		p.state.Unlock()
		switch {
		case away:
			http.Error(w, "away", http.StatusBadGateway)
		case holds && strings.HasPrefix(r.URL.Path, "/end_session"):
			w.WriteHeader(http.StatusNoContent)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// Serve lets people of the console at an address sign in here.
func (p *Provider) Serve(console string) {
	p.state.Lock()
	defer p.state.Unlock()
	p.console = console
	p.clients[ClientID] = storage.WebClient(ClientID, Secret, console+"/console/sign-in/callback")
}

// Tell sets the groups of the person.
func (p *Provider) Tell(groups ...string) {
	p.state.Lock()
	defer p.state.Unlock()
	p.groups = groups
}

// Leave has every request answered with an error, or not any more.
func (p *Provider) Leave(away bool) {
	p.state.Lock()
	defer p.state.Unlock()
	p.away = away
}

// Hold has the browser of who signs out stay on the page that sent it here.
func (p *Provider) Hold() {
	p.state.Lock()
	defer p.state.Unlock()
	p.holds = true
}

// SetUserinfoFromToken adds the groups.
func (p *Provider) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	p.state.Lock()
	info.AppendClaims("groups", p.groups)
	p.state.Unlock()
	return p.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
}

// GetClientByClientID lets browsers come back after the sign-out.
func (p *Provider) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	p.state.Lock()
	defer p.state.Unlock()
	client, err := p.Storage.GetClientByClientID(ctx, id)
	return returning{client, p.console + "/console/sign-in"}, err
}

type returning struct {
	op.Client
	back string
}

func (r returning) PostLogoutRedirectURIs() []string { return []string{r.back} }
