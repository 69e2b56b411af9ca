package sts

import (
	"encoding/xml"
	"errors"

	"reeve/internal/iam"
)

type assumedByToken struct {
	XMLName     xml.Name `xml:"AssumeRoleWithWebIdentityResult"`
	Subject     string   `xml:"SubjectFromWebIdentityToken"`
	Audience    string
	User        assumedRoleUser `xml:"AssumedRoleUser"`
	Credentials credentials
	Provider    string
	room
}

func (*assumedByToken) name() string { return "AssumeRoleWithWebIdentity" }

// maxWebToken bounds the token of an identity provider, in characters, as AWS
// does.
const maxWebToken = 20_000

// errNotTrusted is AWS's sentence: it tells no stranger which roles there are.
var errNotTrusted = &fault{"AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403}

// assumeRoleWithWebIdentity is not signed: the token proves who asks.
func (h *Handler) assumeRoleWithWebIdentity(c *call) (result, error) {
	a, err := c.assumption()
	if err != nil {
		return nil, err
	}
	if a.Terms, err = c.webTerms(); err != nil {
		return nil, err
	}
	token := c.form.Get("WebIdentityToken")
	if len(token) < 4 || len(token) > maxWebToken {
		return nil, invalid("WebIdentityToken is invalid: give 4 to 20000 characters.")
	}
	claims, err := h.Issuers.verify(c.Context(), token, h.Now())
	if err != nil {
		return nil, err
	}
	provider := "arn:aws:iam::" + a.Account + ":oidc-provider/" + claims.provider
	a.Action, a.Principal, a.Keys = "sts:AssumeRoleWithWebIdentity", provider, claims.keys()
	c.origin.AddKeys(a.Keys, "", h.Now())
	a.Keys["aws:federatedprovider"] = []string{provider}
	a.Keys["sts:rolesessionname"] = []string{a.Session}
	t, err := h.Directory.Assume(c.Context(), *a)
	var refusal *iam.Error
	if errors.As(err, &refusal) && refusal.Kind == iam.Denied {
		return nil, errNotTrusted
	}
	if err != nil {
		return nil, err
	}
	h.Log.Info("role assumed", "role", a.ARN(), "session", a.Session, "principal", claims.provider+":"+clip(claims.Subject))
	user, creds := shown(t)
	return &assumedByToken{Subject: claims.Subject, Audience: claims.audience, User: user, Credentials: creds, Provider: provider, room: roomOf(t)}, nil
}
