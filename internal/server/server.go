// Package server answers the operations of AWS License Manager's API and of
// Reeve's own: it holds the table of operations, turns wire shapes into values
// of package license and back, and maps every error to the API's.
//
// It decides nothing. Who signed is package sigv4's to say, who may do what
// package iam's, and everything about licences package license's.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/sigv4"
	"reeve/internal/source/schedule"
)

// signingService is the service that requests are signed for. Reeve's own
// operations use the same, so that one set of client settings reaches both.
const signingService = "license-manager"

// requestTime bounds the work for one request. It ends before the connection's
// own limit does, so that the client still gets an answer.
const requestTime = 45 * time.Second

// Config is what the API needs; every member must be set.
type Config struct {
	Manager   *license.Manager
	Directory *iam.Directory
	Sources   *schedule.Sources
	TokenKey  []byte           // authenticates page tokens; the same on every server of a deployment
	Now       func() time.Time // the clock that signatures are checked against
	Log       *slog.Logger

	PageCacheBytes int64       // memory for pages of usage that are asked for again; 0 keeps none
	PageCacheStats *CacheStats // counts what becomes of them; nil when nobody asks
}

// server holds what the operations work with.
type server struct {
	manager   *license.Manager
	directory *iam.Directory
	sources   *schedule.Sources
	tokens    *tokenKey
	pages     *pageCache
}

// API is the whole API: over HTTP as a handler of "POST /", and within this
// process, see [API.Call].
type API struct{ handler *awsjson.Handler }

// ServeHTTP answers one signed request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// New returns the API.
func New(cfg Config) *API {
	s := &server{manager: cfg.Manager, directory: cfg.Directory, sources: cfg.Sources, tokens: newTokenKey(cfg.TokenKey), pages: newPageCache(cfg.PageCacheBytes, cfg.PageCacheStats)}
	verifier := &sigv4.Verifier{Service: signingService, Lookup: lookup(cfg.Directory), Now: cfg.Now}
	return &API{&awsjson.Handler{
		Operations: targets(s.table()),
		Authenticate: func(r *http.Request, body []byte) (any, error) {
			return verifier.Verify(r, body)
		},
		Fault: func(err error) *awsjson.Fault { return fault(err, nil) },
		Log:   cfg.Log,
	}}
}

// lookup finds the secret and the owner of an access key.
func lookup(directory *iam.Directory) func(context.Context, string) (string, any, error) {
	return func(ctx context.Context, accessKeyID string) (string, any, error) {
		secret, who, err := directory.Lookup(ctx, accessKeyID)
		if errors.Is(err, iam.ErrUnknownAccessKey) {
			err = sigv4.ErrUnknownKey
		}
		return secret, who, err
	}
}

// callerOf says who asks, from what the signature proved.
func callerOf(c awsjson.Call, operation string) (license.Caller, error) {
	signer, ok := c.Identity.(sigv4.Identity)
	who, known := signer.Value.(iam.Identity)
	if !ok || !known {
		return license.Caller{}, fmt.Errorf("caller has the identity %T of %T", c.Identity, signer.Value)
	}
	return license.Caller{
		Account:   who.Account,
		Region:    signer.Region,
		Principal: who.Principal,
		Root:      who.Root,
		Operation: operation,
	}, nil
}

// identityOf is the caller as package iam knows it.
func identityOf(who license.Caller) iam.Identity {
	return iam.Identity{Account: who.Account, Root: who.Root, Principal: who.Principal}
}
