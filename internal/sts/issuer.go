package sts

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// algorithms that tokens may be signed with: public keys only.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// clockSkew is how far an identity provider's clock may be from ours.
const clockSkew = time.Minute

// Issuers are the identity providers whose tokens prove who a workload is. They
// are the operator's choice, since the server fetches their keys.
type Issuers struct {
	audiences []string
	byURL     map[string]*keys
}

// NewIssuers trusts the tokens of issuers, by their URLs, for any of the
// audiences. Nothing is fetched before it is needed. A root of nil bytes trusts the
// system's certificate authorities.
func NewIssuers(urls, audiences []string, root []byte) (*Issuers, error) {
	client, err := newClient(root)
	if err != nil {
		return nil, err
	}
	i := &Issuers{audiences: audiences, byURL: map[string]*keys{}}
	for _, text := range urls {
		if err := checkIssuer(text); err != nil {
			return nil, err
		}
		i.byURL[text] = &keys{issuer: text, client: client}
	}
	return i, nil
}

// checkIssuer refuses what cannot be an issuer. Over plain HTTP anybody on the
// way could put their own keys in, so it is for this machine alone.
func checkIssuer(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("issuer %q is no URL such as https://token.actions.githubusercontent.com", clip(text))
	}
	local := u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost"
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return fmt.Errorf("issuer %q is not https", clip(text))
	}
	return nil
}

// claims are what a verified token says.
type claims struct {
	jwt.Claims
	AuthorizedParty string `json:"azp"`

	provider string // the issuer as policies name it: without its scheme
	audience string // the one that counts
}

// keys are the condition keys that a trust policy may ask for.
func (c *claims) keys() map[string][]string {
	aud := []string(c.Audience)
	if c.AuthorizedParty != "" { // as AWS reads it
		aud = []string{c.AuthorizedParty}
	}
	prefix := strings.ToLower(c.provider) + ":"
	keys := map[string][]string{prefix + "sub": {c.Subject}, prefix + "aud": aud}
	if c.AuthorizedParty != "" {
		keys[prefix+"oaud"] = c.Audience
	}
	return keys
}

// webTokenText is what the compact form of a token consists of. The library
// also takes line breaks within, so that one token would have many spellings.
const webTokenText = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

func badToken(format string, args ...any) error {
	return &fault{"InvalidIdentityToken", fmt.Sprintf(format, args...), 400}
}

// verify reads a token that one of the issuers has signed for one of the
// audiences, and that holds now.
func (i *Issuers) verify(ctx context.Context, token string, now time.Time) (*claims, error) {
	if i == nil || len(i.byURL) == 0 {
		return nil, badToken("This server trusts no identity provider: its operator names them with --web-identity-issuers.")
	}
	token = strings.TrimSpace(token) // of the file that it was mounted as
	signed, err := jwt.ParseSigned(token, algorithms)
	if err != nil || len(signed.Headers) != 1 || strings.Trim(token, webTokenText) != "" {
		return nil, badToken("The token is no JSON Web Token that is signed with a public key.")
	}
	var c claims
	if err := signed.UnsafeClaimsWithoutVerification(&c); err != nil {
		return nil, badToken("The token's claims cannot be read.")
	}
	set := i.byURL[c.Issuer]
	if set == nil {
		return nil, badToken("No OpenIDConnect provider found in your account for %s", clip(c.Issuer))
	}
	key, err := set.find(ctx, signed.Headers[0].KeyID, now)
	if err != nil {
		return nil, err
	}
	c = claims{} // what was read before proves nothing
	if err := signed.Claims(key, &c); err != nil {
		return nil, badToken("Couldn't verify the token's signature with the provider's keys.")
	}
	return &c, i.check(&c, set.issuer, now)
}

// check holds the claims of a token whose signature is right against what is
// expected.
func (i *Issuers) check(c *claims, issuer string, now time.Time) error {
	_, c.provider, _ = strings.Cut(issuer, "://")
	at := slices.IndexFunc(i.audiences, func(a string) bool { return slices.Contains(c.Audience, a) })
	switch {
	case c.Issuer != issuer || c.Subject == "" || c.Expiry == nil:
		return badToken("The token needs the claims iss, sub and exp.")
	case at < 0:
		return badToken("Incorrect token audience")
	case !now.Before(c.Expiry.Time().Add(clockSkew)):
		return &fault{"ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time", 400}
	case c.NotBefore != nil && now.Add(clockSkew).Before(c.NotBefore.Time()):
		return badToken("The token does not hold yet.")
	}
	c.audience = i.audiences[at]
	return nil
}
