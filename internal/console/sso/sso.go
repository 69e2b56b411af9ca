// Package sso signs people in at an OpenID Connect provider: the authorization
// code flow with PKCE, and what groups of the provider mean here.
//
// It keeps nothing about a person. What a sign-in that has begun must remember
// is its [Flow], which the caller binds to the browser.
package sso

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Settings say which provider, and what its groups may do.
type Settings struct {
	Issuer       string // URL, exactly as the provider writes it
	ClientID     string
	ClientSecret string   // "" for a public client
	Scopes       []string // besides openid
	SubjectClaim string   // what names a person in records: sub, or one that the provider never gives to somebody else
	GroupsClaim  string   // a claim, or the way to it through objects: realm_access.roles
	Grants       []Grant
	Now          func() time.Time
}

// Grant lets the members of a group act as a role.
type Grant struct {
	Group string
	Role  Role
}

// Role is a role of an account of ours.
type Role struct{ Account, Name string }

// Flow is what a sign-in that has begun must remember until it ends.
type Flow struct{ State, Nonce, Verifier string }

// Person is who signed in, by the provider's word.
type Person struct {
	Session string   // names the person in records; of the characters that an ARN may have
	Name    string   // for people
	Groups  []string // in the provider's order
	Hint    string   // that the provider knows them by when they sign out
}

// Kind says whose trouble an Error is.
type Kind int

// The kinds of errors.
const (
	Refused Kind = iota + 1 // the sign-in was not right; another attempt may be
	Away                    // the provider does not answer, or not as it must
)

// Error is why somebody is not signed in. Text is for them, and Cause, which
// may be nil, for the log.
type Error struct {
	Kind  Kind
	Text  string
	Cause error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Text + " " + e.Cause.Error()
	}
	return e.Text
}

func (e *Error) Unwrap() error { return e.Cause }

func refused(cause error, text string) error { return &Error{Refused, text, cause} }

// Begin returns the provider's page to send a browser to, which will send it
// to redirect afterwards.
func (p *Provider) Begin(ctx context.Context, redirect string) (string, *Flow, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", nil, err
	}
	flow := &Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return p.oauth(found, redirect).AuthCodeURL(flow.State, oidc.Nonce(flow.Nonce), oauth2.S256ChallengeOption(flow.Verifier)), flow, nil
}

func (p *Provider) oauth(found *oidc.Provider, redirect string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: redirect, Scopes: append([]string{oidc.ScopeOpenID}, p.Scopes...),
	}
}

// Finish turns what the provider sent the browser back with into who it is.
// redirect must be the one that the flow began with. A refusal is an *[Error].
func (p *Provider) Finish(ctx context.Context, flow Flow, redirect string, answer url.Values) (*Person, error) {
	if flow.State == "" || subtle.ConstantTimeCompare([]byte(flow.State), []byte(answer.Get("state"))) != 1 {
		return nil, refused(nil, "This answer belongs to another sign-in. Sign in again.")
	}
	if issuer := answer.Get("iss"); issuer != "" && issuer != p.Issuer {
		return nil, refused(nil, "This answer comes from another identity provider. Sign in again.")
	}
	if code := answer.Get("error"); code != "" {
		return nil, refused(nil, "The identity provider did not sign you in: "+clip(code+" "+answer.Get("error_description"))+".")
	}
	found, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), patience)
	defer cancel()
	token, err := p.oauth(found, redirect).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(flow.Verifier))
	if err != nil {
		return nil, exchangeError(err)
	}
	claims, err := p.proven(ctx, found, flow.Nonce, token)
	if err != nil {
		return nil, err
	}
	if err := p.ask(ctx, found, token, claims); err != nil {
		return nil, err
	}
	person, err := p.person(claims)
	if err == nil {
		person.Hint, _ = token.Extra("id_token").(string)
	}
	return person, err
}

// exchangeError tells a code that the provider does not take from a provider
// that does not answer.
func exchangeError(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.ErrorCode != "" && answer.ErrorCode != "server_error" && answer.ErrorCode != "temporarily_unavailable" {
		return refused(err, "The identity provider did not confirm the sign-in ("+clip(answer.ErrorCode)+"). Sign in again; if that does not help, ask whoever runs this server to look into its log.")
	}
	return &Error{Away, "The identity provider did not confirm the sign-in. Try again in a moment.", err}
}

// proven returns the claims of the ID token after every check of it.
func (p *Provider) proven(ctx context.Context, found *oidc.Provider, nonce string, token *oauth2.Token) (map[string]any, error) {
	const text = "The identity provider's word could not be verified. Sign in again; if that does not help, ask whoever runs this server to look into its log."
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, refused(errors.New("the token answer has no id_token"), text)
	}
	verified, err := found.Verifier(&oidc.Config{ClientID: p.ClientID, Now: p.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, refused(fmt.Errorf("verify ID token: %w", err), text)
	}
	if nonce == "" || subtle.ConstantTimeCompare([]byte(nonce), []byte(verified.Nonce)) != 1 {
		return nil, refused(errors.New("the ID token has the nonce of another sign-in"), text)
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		return nil, refused(fmt.Errorf("read claims: %w", err), text)
	}
	return claims, nil
}

// ask adds what the provider says of a person only when it is asked: many keep
// groups out of ID tokens.
func (p *Provider) ask(ctx context.Context, found *oidc.Provider, token *oauth2.Token, claims map[string]any) error {
	if claim(claims, p.GroupsClaim) != nil && claim(claims, p.SubjectClaim) != nil || found.UserInfoEndpoint() == "" {
		return nil
	}
	const text = "The identity provider did not say who you are. Try again in a moment."
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return &Error{Away, text, err}
	}
	if info.Subject != claims["sub"] {
		return refused(errors.New("the user info is of somebody else"), text)
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return &Error{Away, text, err}
	}
	for name, value := range more {
		if _, known := claims[name]; !known {
			claims[name] = value
		}
	}
	return nil
}

// person reads the claims.
func (p *Provider) person(claims map[string]any) (*Person, error) {
	subject, _ := claim(claims, p.SubjectClaim).(string)
	if verified, said := claims["email_verified"].(bool); subject == "" || p.SubjectClaim == "email" && said && !verified {
		return nil, refused(fmt.Errorf("the claim %s is absent or not verified", p.SubjectClaim),
			"The identity provider does not name you in a way that this server can record: the claim "+p.SubjectClaim+" is absent or not verified.")
	}
	person := &Person{Session: sessionName(subject), Name: subject, Groups: texts(claim(claims, p.GroupsClaim))}
	for _, name := range []string{"name", "email", "preferred_username"} { // the last that is there
		if text, _ := claims[name].(string); text != "" {
			person.Name = text
		}
	}
	return person, nil
}

// claim finds a claim by its name, or else by the way to it through objects.
func claim(claims map[string]any, name string) any {
	if value, ok := claims[name]; ok {
		return value
	}
	first, rest, nested := strings.Cut(name, ".")
	inner, ok := claims[first].(map[string]any)
	if !nested || !ok {
		return nil
	}
	return claim(inner, rest)
}

// texts reads a list of texts, or one text.
func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, one := range value {
			if text, ok := one.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

// plainSession is what the ARN of an assumed role may end with, as AWS has it.
var (
	plainSession = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	notPlain     = regexp.MustCompile(`[^\w+=,.@-]+`)
)

// sessionName is a subject as an ARN may hold it. One that does not fit gets
// the beginning of its hash, so that no two people have the same.
func sessionName(subject string) string {
	if plainSession.MatchString(subject) {
		return subject
	}
	sum := sha256.Sum256([]byte(subject))
	plain := notPlain.ReplaceAllString(subject, "-")
	return plain[:min(len(plain), 40)] + "=" + hex.EncodeToString(sum[:8])
}

// Roles are those that somebody of these groups may act as, each once, in the
// order of accounts and names.
func (p *Provider) Roles(groups []string) []Role {
	var roles []Role
	for _, g := range p.Grants {
		if slices.Contains(groups, g.Group) && !slices.Contains(roles, g.Role) {
			roles = append(roles, g.Role)
		}
	}
	slices.SortFunc(roles, func(a, b Role) int { return strings.Compare(a.Account+a.Name, b.Account+b.Name) })
	return roles
}

// Granted says whether some group may act as a role.
func (p *Provider) Granted(role Role) bool {
	return slices.ContainsFunc(p.Grants, func(g Grant) bool { return g.Role == role })
}

// clip bounds what a text repeats of a provider's answer.
func clip(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
