// Package console is the pages that people open in a browser, at /console/.
//
// A page calls operations of the API in this process, as the person who is
// signed in: the permissions, rules and records of the API hold unchanged, and
// there is nothing that a page can do and a program cannot. Pages are rendered
// here with html/template, work without JavaScript and load nothing from
// elsewhere; what little JavaScript there is makes them quicker to use.
//
// Files: routes.go is the table of pages; visit.go what a page may use; page.go
// how one is rendered; session.go who is signed in. Every other file is one page
// or one thing that pages show, with a template of the same name.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"reeve/internal/iam"
	"reeve/internal/server"
)

// Home is the path that the console is at.
const Home = "/console/"

// Config is what the console needs; every member must be set.
type Config struct {
	API       API
	Directory *iam.Directory
	Region    string // where a person looks first
	Now       func() time.Time
	Log       *slog.Logger
}

// API answers operations for somebody who is signed in; see [server.API.Call].
type API interface {
	Call(ctx context.Context, who server.Caller, operation string, in, out any) error
}

// console is the handler behind its middleware.
type console struct {
	Config
	templates templates
	assets    assets
	sessions  sessions
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
	for _, r := range c.routes() {
		c.mux.HandleFunc(r.pattern, c.serve(r))
	}
	c.mux.HandleFunc("GET "+assetPath+"{file}", c.assets.serve)
	return guarded(c.mux), nil
}
