package sts

import (
	"context"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"reeve/internal/audit"
	"reeve/internal/iam"
)

// record writes one call to the audit trail before it is answered. A session
// that was made is one, whatever becomes of its event, so a trail that is late
// changes no answer.
func (h *Handler) record(ctx context.Context, c *call, id string, done result, refused *fault) {
	e := audit.Event{
		Source: audit.SourceSTS, Name: clip(c.form.Get("Action")), Region: c.region, SourceIP: c.origin.SourceIP, UserAgent: c.UserAgent(),
		RequestID: id, Request: c.parameters(), ReadOnly: true,
	}
	if c.who != nil {
		e.Account, e.Identity = c.who.Account, audit.IdentityOf(c.who, c.accessKeyID)
	} else {
		e.Identity.AccessKeyID, e.Region = audit.Claimed(c.Header.Get("Authorization"))
	}
	switch made := done.(type) {
	case *assumedRole:
		e.Response = made.elements()
	case *sessionToken:
		e.Response = made.elements()
	case *assumedByToken:
		e.Response = (&assumedRole{User: made.User, Credentials: made.Credentials}).elements()
		e.Identity = audit.Identity{Type: "WebIdentityUser", PrincipalID: made.Provider + ":" + made.Subject, UserName: made.Subject}
		e.Account = strings.Split(made.User.Arn, ":")[4]
	}
	if refused != nil {
		e.ErrorCode, e.ErrorMessage = refused.Code, refused.Message
	}
	err := h.Audit.Record(ctx, e)
	if errors.Is(err, audit.ErrNotWritten) && ctx.Err() == nil {
		h.Log.Error("a call is answered before its event is written; the event stays in the queue", "error", err, "request_id", id, "target", Service)
	}
}

// parameters are those that the trail keeps: never a token, and nothing that
// no operation knows.
func (c *call) parameters() []byte {
	given := map[string]any{}
	for _, name := range []string{"RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "Policy", "SourceIdentity"} {
		if c.form.Has(name) {
			given[name] = valid(c.form.Get(name))
		}
	}
	terms, _ := c.terms() // what of them can be read
	for _, arn := range terms.PolicyARNs {
		add(given, "policyArns", map[string]string{"arn": valid(arn)})
	}
	for _, tag := range terms.Tags {
		add(given, "tags", map[string]string{"key": valid(tag.Key), "value": valid(tag.Value)})
	}
	for _, key := range terms.Transitive {
		add(given, "transitiveTagKeys", valid(key))
	}
	text, _ := json.Marshal(given, json.Deterministic(true)) // texts of valid UTF-8: cannot fail
	return text
}

func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// add appends to a list of parameters.
func add(given map[string]any, name string, value any) {
	list, _ := given[name].([]any)
	given[name] = append(list, value)
}

// elements is what of a new session the trail keeps.
func (a *assumedRole) elements() []byte {
	text, _ := json.Marshal(map[string]map[string]string{ // likewise
		"credentials":     {"accessKeyId": a.Credentials.AccessKeyID, "expiration": a.Credentials.Expiration},
		"assumedRoleUser": {"assumedRoleId": a.User.AssumedRoleID, "arn": a.User.Arn},
	}, json.Deterministic(true))
	return text
}

// noted keeps who signed a call, for the trail.
func (c *call) noted(who *iam.Identity, accessKeyID, region string) {
	c.who, c.accessKeyID, c.region = who, accessKeyID, region
}
