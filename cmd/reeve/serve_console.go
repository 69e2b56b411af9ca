package main

import (
	"errors"
	"net/http"
	"time"

	"reeve/internal/client"
	"reeve/internal/config"
	"reeve/internal/console"
	"reeve/internal/console/sso"
	"reeve/internal/iam"
	"reeve/internal/server"
)

// openConsole adds the pages for people, and sends a browser that opens the
// server's own address there.
func (s *serverProcess) openConsole(mux *http.ServeMux, api *server.API, key []byte) error {
	provider, err := openProvider(&s.cfg)
	if err != nil {
		return err
	}
	s.sessions = iam.NewSessions(s.store, iam.SessionOptions{Idle: s.cfg.ConsoleSessionIdle, Lifetime: s.cfg.ConsoleSessionLifetime, Now: time.Now})
	pages, err := console.New(console.Config{
		API: api, Directory: s.directory, Sessions: s.sessions, Key: key, Region: client.DefaultRegion, Now: time.Now, Log: s.log,
		TrustProxy: s.cfg.TrustProxy, SSO: provider, SSOName: s.cfg.OIDCName, Audit: s.audit,
	})
	if err != nil {
		return err
	}
	mux.Handle(console.Home, s.counted(pages, always("console")))
	return nil
}

// openProvider returns the identity provider that people sign in with, nil for
// none. It is asked for nothing yet.
func openProvider(cfg *config.Config) (*sso.Provider, error) {
	if cfg.OIDCIssuer == "" {
		return nil, nil
	}
	if cfg.OIDCClientID == "" || len(cfg.OIDCGroups) == 0 {
		return nil, errors.New("single sign-on with --oidc-issuer also needs --oidc-client-id and --oidc-groups")
	}
	settings := sso.Settings{
		Issuer: cfg.OIDCIssuer, ClientID: cfg.OIDCClientID, ClientSecret: string(cfg.OIDCClientSecret),
		Scopes: cfg.OIDCScopes, SubjectClaim: "sub", GroupsClaim: cfg.OIDCGroupsClaim, Now: time.Now,
	}
	for _, g := range cfg.OIDCGroups {
		settings.Grants = append(settings.Grants, sso.Grant{Group: g.Group, Role: sso.Role{Account: g.Account, Name: g.Role}})
	}
	return sso.New(settings), nil
}

// browsersToConsole sends who opens the server's own address there; all else is
// the API's, which answers no GET.
func browsersToConsole(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			http.Redirect(w, r, console.Home, http.StatusSeeOther)
			return
		}
		api.ServeHTTP(w, r)
	})
}
