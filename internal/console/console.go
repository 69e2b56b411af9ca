// Package console is the pages that people open in a browser, at /console/.
//
// A page calls operations of the API in this process, as the person who is
// signed in: the permissions, rules and records of the API hold unchanged, and
// but for who is signed in, there is nothing that a page can do and a program
// cannot. Pages are rendered
// here with html/template, work without JavaScript and load nothing from
// elsewhere; what little JavaScript there is makes them quicker to use.
//
// Files: routes.go is the table of pages and bodies.go what each is given;
// visit.go what a page may use; page.go how one is rendered; session.go who is
// signed in, sign_in.go and sign_sso.go how. What several pages share: form.go is
// what was typed into a form, pages.go lists in pages, resource.go links to
// machines, moment.go moments, words.go words. Every other file is one page or one
// thing that pages show, with a template of the same name.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"reeve/internal/audit"
	"reeve/internal/console/sso"
	"reeve/internal/iam"
	"reeve/internal/server"
)

// Home is the path that the console is at.
const Home = "/console/"

// Config is what the console needs; every member must be set but those of
// single sign-on.
type Config struct {
	API       API
	Directory *iam.Directory
	Sessions  *iam.Sessions
	Key       []byte // 32 bytes that short-lived cookies are sealed by; the same on every server
	Region    string // where a person looks first
	Now       func() time.Time
	Log       *slog.Logger

	// TrustProxy believes a proxy in front what it says of the browser:
	// X-Forwarded-Proto, X-Forwarded-Host and the last of X-Forwarded-For.
	TrustProxy bool

	Audit *audit.Recorder // records sign-ins; nil records none

	SSO     *sso.Provider // nil for none
	SSOName string        // what people call it
}

// API answers operations for somebody who is signed in; see [server.API.Call] and
// [server.API.Allows].
type API interface {
	Call(ctx context.Context, who server.Caller, operation string, in, out any) error
	Allows(ctx context.Context, who server.Caller, operation string, in any) bool
}

// console is the handler behind its middleware.
type console struct {
	Config
	templates templates
	assets    assets
	sealer    *sealer
	tries     tries
	mux       *http.ServeMux
}

// New returns the handler of everything below [Home]. It fails only where a
// template or an asset of ours is broken.
func New(cfg Config) (http.Handler, error) {
	c := &console{Config: cfg, mux: http.NewServeMux()}
	var err error
	if c.assets, err = readAssets(); err != nil {
		return nil, err
	}
	if c.templates, err = readTemplates(c.assets); err != nil {
		return nil, err
	}
	if c.sealer, err = newSealer(cfg.Key); err != nil {
		return nil, err
	}
	for _, r := range c.routes() {
		c.mux.HandleFunc(r.pattern, c.serve(r))
	}
	c.mux.HandleFunc("GET "+assetPath+"{file}", c.assets.serve)
	return guarded(c.mux), nil
}
