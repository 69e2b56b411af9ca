// Package sts answers the operations of AWS STS that clients' credential chains
// need: GetCallerIdentity, GetSessionToken, AssumeRole and
// AssumeRoleWithWebIdentity. They are of AWS's query protocol: a form is posted,
// and XML comes back.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
package sts

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"reeve/internal/audit"
	"reeve/internal/gate"
	"reeve/internal/iam"
	"reeve/internal/sigv4"
)

const (
	// Service is the name that requests are signed for.
	Service = "sts"

	version   = "2011-06-15"
	namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

	// maxBody bounds a request, in bytes: a token of an identity provider is
	// the longest part.
	maxBody = 64 << 10
)

// Config is what the handler needs.
type Config struct {
	Directory *iam.Directory
	Issuers   *Issuers         // of AssumeRoleWithWebIdentity; nil trusts none
	Now       func() time.Time // the clock that signatures are checked against
	Log       *slog.Logger

	Gate *gate.Gate // bounds what is done at once; nil bounds nothing
	Keys *gate.Keys // bounds the requests of each access key; nil bounds none

	Audit *audit.Recorder // records every call; nil records none

	TrustProxy bool // believes a proxy in front where requests come from

	// Organization is the ID of the organization that an account is in; "" for
	// none.
	Organization func(ctx context.Context, account string) (string, error)
}

// Handler answers requests of the query protocol on "POST /".
type Handler struct {
	Config
	verifier *sigv4.Verifier
}

// New returns the handler.
func New(cfg Config) *Handler {
	return &Handler{cfg, &sigv4.Verifier{Service: Service, Lookup: Lookup(cfg.Directory), Now: cfg.Now}}
}

// Claims tells whether a request is of the query protocol.
func Claims(r *http.Request) bool {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return r.Method == http.MethodPost && r.URL.Path == "/" &&
		strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded")
}

// call is one request.
type call struct {
	*http.Request
	body   []byte
	form   url.Values
	origin iam.Origin

	who         *iam.Identity // once proven by a signature
	accessKeyID string
	region      string
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID()
	c := &call{Request: r, origin: iam.OriginOf(r, h.TrustProxy)}
	if h.Audit.Admit(r.Context()) != nil { // before a session is made that could not be recorded
		h.refuse(w, id, errTrailFull)
		return
	}
	answer, err := h.serve(c)
	if err == errTooFast || err == errBusy {
		h.refuse(w, id, err.(*fault)) // and not recorded: metrics count them
		return
	}
	if err != nil {
		f := h.explain(r, id, err)
		h.record(r.Context(), c, id, nil, f)
		h.refuse(w, id, f)
		return
	}
	h.record(r.Context(), c, id, answer, nil)
	write(w, http.StatusOK, id, response{
		XMLName: xml.Name{Local: answer.name() + "Response", Space: namespace},
		Result:  answer, Metadata: &metadata{id},
	})
}

// result is the answer of an operation.
type result interface{ name() string }

var errTrailFull = &fault{"ServiceUnavailable", "The server cannot record more calls at the moment, because its database does not take them. Nothing was done. Try again.", http.StatusServiceUnavailable}

// What a client may try again, and AWS's SDKs do.
var (
	errTooFast = &fault{"Throttling", "Rate exceeded: this access key makes more requests per second than the server's rate-limit.", 400}
	errBusy    = &fault{"Throttling", "Rate exceeded: the server has more to do than it can.", 400}
)

func (h *Handler) serve(c *call) (result, error) {
	if err := c.read(); err != nil {
		return nil, err
	}
	if h.Gate != nil {
		if h.Gate.Enter(c.Context(), false) != nil {
			return nil, errBusy
		}
		defer h.Gate.Leave(false)
	}
	action := c.form.Get("Action")
	if v := c.form.Get("Version"); v != version {
		return nil, &fault{"InvalidAction", "Could not find operation " + clip(action) + " for version " + clip(v), 400}
	}
	switch action {
	case "GetCallerIdentity":
		return h.getCallerIdentity(c)
	case "GetSessionToken":
		return h.getSessionToken(c)
	case "AssumeRole":
		return h.assumeRole(c)
	case "AssumeRoleWithWebIdentity":
		return h.assumeRoleWithWebIdentity(c)
	}
	return nil, &fault{"InvalidAction", "Could not find operation " + clip(action) + " for version " + version, 400}
}

func (c *call) read() (err error) {
	c.body, err = io.ReadAll(io.LimitReader(c.Body, maxBody+1))
	switch {
	case err != nil:
		return &fault{"IncompleteBody", "The request's body ended before its announced length.", 400}
	case len(c.body) > maxBody:
		return &fault{"RequestEntityTooLarge", "The request's body is larger than 65536 bytes.", 413}
	}
	if c.form, err = url.ParseQuery(string(c.body)); err != nil {
		return &fault{"MalformedInput", "The request's body is no form.", 400}
	}
	return nil
}

// signer finds out who signed a request.
func (h *Handler) signer(c *call) (*iam.Identity, string, error) {
	proven, err := h.verifier.Verify(c.Request, c.body)
	if err != nil {
		return nil, "", err
	}
	who, ok := proven.Value.(*iam.Identity)
	if !ok {
		return nil, "", errors.New("caller has no identity")
	}
	if !h.Keys.Allow(LimitedAs(who, proven.AccessKeyID), time.Now()) {
		return nil, "", errTooFast
	}
	c.noted(who, proven.AccessKeyID, proven.Region)
	h.Directory.NoteUse(c.Context(), who)
	return who, proven.Region, nil
}

type callerIdentity struct {
	XMLName xml.Name `xml:"GetCallerIdentityResult"`
	Arn     string
	UserID  string `xml:"UserId"`
	Account string
}

func (*callerIdentity) name() string { return "GetCallerIdentity" }

// getCallerIdentity needs no permission, as AWS's does not.
func (h *Handler) getCallerIdentity(c *call) (result, error) {
	who, _, err := h.signer(c)
	if err != nil {
		return nil, err
	}
	return &callerIdentity{Arn: who.Principal, UserID: who.ID, Account: who.Account}, nil
}

func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	t := hex.EncodeToString(b[:])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}

// clip bounds what a message repeats of a request.
func clip(s string) string {
	const most = 128
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}
