package console

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"

	"reeve/internal/audit"
	"reeve/internal/iam"
)

// The codes of sign-ins that were refused. CloudTrail's ConsoleLogin has a
// message alone.
const (
	codeFailed    = "AccessDeniedException"
	codeThrottled = "ThrottlingException"
	codeInvalid   = "ValidationException"
)

// record writes the event of an attempt to sign in, before it is answered. The
// number of its request is in the answer's header.
func (c *console) record(v *visit, who audit.Identity, region, code, message string) {
	e := audit.Event{
		Type: audit.TypeSignIn, Source: audit.SourceSignIn, Name: "ConsoleLogin", Identity: who, Account: who.Account, Region: region,
		SourceIP: c.from(v.Request).SourceIP, UserAgent: v.UserAgent(), RequestID: requestID(),
		ErrorCode: code, ErrorMessage: message, Response: []byte(`{"ConsoleLogin":"Success"}`),
	}
	if code != "" {
		e.Response = []byte(`{"ConsoleLogin":"Failure"}`)
	}
	v.w.Header().Set("X-Amzn-Requestid", e.RequestID)
	if err := c.Audit.Record(v.Context(), e); err != nil && v.Context().Err() == nil {
		c.Log.Error("a sign-in is answered before its event is written; the event stays in the queue", "error", err, "request_id", e.RequestID)
	}
}

// admit refuses a sign-in that could not be recorded.
func (c *console) admit(v *visit) error {
	if c.Audit.Admit(v.Context()) != nil {
		return refuse(http.StatusServiceUnavailable, "The server cannot record sign-ins at the moment, because its database does not take them. Try again in a minute.")
	}
	return nil
}

// person is somebody of whom only an identity provider has said who it is.
func personOf(name string) audit.Identity {
	return audit.Identity{Type: "WebIdentityUser", UserName: name}
}

func (c *console) recordKey(v *visit, who *iam.Identity, form *signInForm, code, message string) {
	id := audit.Identity{AccessKeyID: claimedKey(form.AccessKeyID)}
	if who != nil {
		id = audit.IdentityOf(who, form.AccessKeyID)
	}
	region := form.Region.Value
	if !isRegion(region) {
		region = c.Region // what was written there may be anything
	}
	c.record(v, id, region, code, message)
}

// claimedKey is what was given as the ID of a key, unless it may be a secret
// that was put there by mistake.
func claimedKey(id string) string {
	const longest = 32
	if len(id) > longest {
		return ""
	}
	return id
}

func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:4]) + "-" + hex.EncodeToString(b[4:6]) + "-" + hex.EncodeToString(b[6:8]) + "-" + hex.EncodeToString(b[8:10]) + "-" + hex.EncodeToString(b[10:])
}
