// Package server answers the operations of AWS License Manager's API and of
// Reeve's own: it holds the table of operations, turns wire shapes into values
// of package license and back, and maps every error to the API's.
//
// It decides nothing. Who signed is package sigv4's to say, who may do what
// package iam's, and everything about licences package license's.
package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"reeve/internal/audit"
	"reeve/internal/awsjson"
	"reeve/internal/evidence/notary"
	"reeve/internal/gate"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/sigv4"
	"reeve/internal/source/schedule"
	"reeve/internal/sts"
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
	Notary    *notary.Notary
	TokenKey  []byte           // authenticates page tokens; the same on every server of a deployment
	Now       func() time.Time // the clock that signatures are checked against
	Log       *slog.Logger

	Gate *gate.Gate // bounds what is done at once; nil bounds nothing
	Keys *gate.Keys // bounds the requests of each access key; nil bounds none

	Audit *audit.Recorder // records every call; nil records none
	Trail audit.Store     // where events are looked up

	Issuers *sts.Issuers // whose tokens let workloads assume roles; nil trusts none

	// TrustProxy believes a proxy in front where requests come from: the last of
	// X-Forwarded-For, and X-Forwarded-Proto.
	TrustProxy bool

	PageCacheBytes int64       // memory for pages of usage that are asked for again; 0 keeps none
	PageCacheStats *CacheStats // counts what becomes of them; nil when nobody asks
}

// server holds what the operations work with.
type server struct {
	now        func() time.Time
	trustProxy bool
	manager    *license.Manager
	directory  *iam.Directory
	keys       *gate.Keys
	sources    *schedule.Sources
	notary     *notary.Notary
	tokens     *tokenKey
	pages      *pageCache
	trail      audit.Store
}

// API is the whole API: over HTTP as a handler of "POST /", and within this
// process, see [API.Call].
type API struct {
	handler *awsjson.Handler
	sts     *sts.Handler
	server  *server
}

// ServeHTTP answers one signed request: of License Manager's protocol, or of
// STS's.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if sts.Claims(r) {
		a.sts.ServeHTTP(w, r)
		return
	}
	a.handler.ServeHTTP(w, r)
}

// New returns the API.
func New(cfg Config) *API {
	s := &server{now: cfg.Now, trustProxy: cfg.TrustProxy, manager: cfg.Manager, directory: cfg.Directory, keys: cfg.Keys, sources: cfg.Sources, notary: cfg.Notary, tokens: newTokenKey(cfg.TokenKey), pages: newPageCache(cfg.PageCacheBytes, cfg.PageCacheStats), trail: cfg.Trail}
	verifier := &sigv4.Verifier{Service: signingService, Lookup: sts.Lookup(cfg.Directory), Now: cfg.Now}
	credentials := sts.New(sts.Config{Directory: cfg.Directory, Issuers: cfg.Issuers, Now: cfg.Now, Log: cfg.Log, Gate: cfg.Gate, Keys: cfg.Keys, Audit: cfg.Audit, TrustProxy: cfg.TrustProxy, Organization: s.organizationOf})
	handler := &awsjson.Handler{
		Operations: s.targets(s.table()),
		Authenticate: func(r *http.Request, body []byte) (any, error) {
			return s.authenticate(verifier, r, body)
		},
		Fault:   func(err error) *awsjson.Fault { return fault(err, nil) },
		Observe: observer(&cfg),
		Gather:  gate.Gather,
		Log:     cfg.Log,
	}
	if cfg.Gate != nil {
		handler.Gate = cfg.Gate
	}
	return &API{sts: credentials, handler: handler, server: s}
}

// authenticate finds out who signed a request, and from where it came.
func (s *server) authenticate(verifier *sigv4.Verifier, r *http.Request, body []byte) (*signer, error) {
	proven, err := verifier.Verify(r, body)
	if err != nil {
		return nil, err
	}
	who, ok := proven.Value.(*iam.Identity)
	if !ok {
		return nil, fmt.Errorf("caller has the identity %T", proven.Value)
	}
	if !s.keys.Allow(sts.LimitedAs(who, proven.AccessKeyID), time.Now()) {
		return nil, errTooFast
	}
	s.directory.NoteUse(r.Context(), who)
	return &signer{Identity: who, Region: proven.Region, Origin: iam.OriginOf(r, s.trustProxy), AccessKeyID: proven.AccessKeyID}, nil
}

// errTooFast refuses a request of a key that has made too many.
var errTooFast = &awsjson.Fault{
	Code:    awsjson.CodeThrottling,
	Message: "Rate exceeded: this access key makes more requests per second than the server's rate-limit. Nothing was done. Try again a little later.",
}

// signer is who calls, in which region, and from where.
type signer struct {
	*iam.Identity
	Region string
	Origin iam.Origin

	AccessKeyID string // for the audit trail
}

// signerOf returns what authenticate, or a caller within this process, has
// proven.
func signerOf(c awsjson.Call) (*signer, error) {
	who, ok := c.Identity.(*signer)
	if !ok || who.Identity == nil {
		return nil, fmt.Errorf("caller has the identity %T", c.Identity)
	}
	return who, nil
}

// callerOf is a signer as the rules know it.
func callerOf(who *signer, operation string) license.Caller {
	return license.Caller{
		Account:   who.Account,
		Region:    who.Region,
		Principal: who.Principal,
		Root:      who.Root,
		Operation: operation,
	}
}

// identityOf is the caller as package iam knows it.
func identityOf(who license.Caller) iam.Identity {
	return iam.Identity{Account: who.Account, Root: who.Root, Principal: who.Principal}
}
