package sso

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// patience bounds every exchange with the provider.
	patience = 10 * time.Second

	// freshness is for how long the provider's description of itself is
	// believed, and retry when one that failed is asked for again.
	freshness = time.Hour
	retry     = 2 * time.Second

	// maxAnswer bounds an answer of the provider, in bytes.
	maxAnswer = 1 << 20
)

// Provider is the OpenID Connect provider of a deployment. It is asked for the
// description of itself when somebody signs in, so a server starts, and goes on,
// while the provider is away. It is safe for concurrent use.
type Provider struct {
	Settings
	client *http.Client

	mu     sync.Mutex
	found  *oidc.Provider
	at     time.Time // when found was found
	failed error     // of the last attempt; nil when it succeeded
	tried  time.Time // when that ended
}

// New returns a provider without asking it anything.
func New(settings Settings) *Provider {
	return &Provider{Settings: settings, client: &http.Client{Timeout: patience, Transport: bounded{http.DefaultTransport}}}
}

// discover returns the provider's description of itself. An old one is better
// than none.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Now()
	fresh := p.found != nil && now.Sub(p.at) < freshness
	if !fresh && (p.failed == nil || now.Sub(p.tried) >= retry) {
		p.look(ctx)
	}
	if p.found == nil {
		return nil, &Error{Away, "The identity provider does not answer. Try again in a moment, or sign in with an access key.", p.failed}
	}
	return p.found, nil
}

// EndSession returns the provider's page that ends somebody's session there and
// sends the browser to back afterwards, as OpenID Connect RP-Initiated Logout has
// it. hint is that of the [Person], "" where it is not known any more. The page is
// "" where the provider has none, or does not answer.
func (p *Provider) EndSession(ctx context.Context, hint, back string) string {
	found, err := p.discover(ctx)
	if err != nil {
		return ""
	}
	var also struct {
		Endpoint string `json:"end_session_endpoint"`
	}
	if found.Claims(&also) != nil {
		return ""
	}
	page, err := url.Parse(also.Endpoint)
	if err != nil || page.Host == "" || page.Scheme != "https" && !strings.HasPrefix(p.Issuer, page.Scheme+"://") {
		return ""
	}
	q := page.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", back)
	if hint != "" {
		q.Set("id_token_hint", hint)
	}
	page.RawQuery = q.Encode()
	return page.String()
}

// look asks the provider; that who happens to wait first goes away is no failure.
func (p *Provider) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(context.WithoutCancel(ctx), p.client), patience)
	defer cancel()
	found, err := oidc.NewProvider(ctx, p.Issuer)
	p.failed, p.tried = err, p.Now()
	if err == nil {
		p.found, p.at = found, p.tried
	}
}

// bounded ends every answer after maxAnswer.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = limited{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}

type limited struct {
	io.Reader
	io.Closer
}
