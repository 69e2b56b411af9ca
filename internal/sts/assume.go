package sts

import (
	"encoding/xml"
	"regexp"

	"reeve/internal/iam"
)

type assumedRoleUser struct {
	AssumedRoleID string `xml:"AssumedRoleId"`
	Arn           string
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

type assumedRole struct {
	XMLName        xml.Name        `xml:"AssumeRoleResult"`
	User           assumedRoleUser `xml:"AssumedRoleUser"`
	Credentials    credentials
	SourceIdentity string `xml:",omitempty"`
	room
}

// room is how much of what it may a session's token takes.
type room struct {
	Packed      int `xml:"PackedPolicySize,omitempty"` // per cent, of the policies and tags alone
	Size        int `xml:"SessionTokenSize"`           // bytes
	Utilization int `xml:"SessionTokenUtilization"`    // per cent
}

func roomOf(t *iam.Temporary) room {
	size := len(t.Token.Reveal())
	return room{Packed: t.Packed, Size: size, Utilization: size * 100 / iam.MaxToken}
}

func (*assumedRole) name() string { return "AssumeRole" }

func (h *Handler) assumeRole(c *call) (result, error) {
	who, region, err := h.signer(c)
	if err != nil {
		return nil, err
	}
	a, err := c.assumption()
	if err != nil {
		return nil, err
	}
	if a.Terms, err = c.terms(); err != nil {
		return nil, err
	}
	a.Action, a.Principal, a.By = "sts:AssumeRole", who.Principal, who
	a.Keys = who.Keys(c.origin, region, h.Now())
	if err := h.addKeys(c, a); err != nil {
		return nil, err
	}
	t, err := h.Directory.Assume(c.Context(), *a)
	if err != nil {
		return nil, err
	}
	h.Log.Info("role assumed", "role", a.ARN(), "session", a.Session, "principal", who.Principal)
	user, creds := shown(t)
	return &assumedRole{User: user, Credentials: creds, SourceIdentity: t.Who.Terms.Source, room: roomOf(t)}, nil
}

// addKeys adds the condition keys of the request and of the role.
func (h *Handler) addKeys(c *call, a *iam.Assumption) error {
	a.Keys["sts:rolesessionname"] = []string{a.Session}
	if external := c.form.Get("ExternalId"); external != "" {
		a.Keys["sts:externalid"] = []string{external}
	}
	a.Keys["aws:resourceaccount"] = []string{a.Account}
	for name, account := range map[string]string{"aws:principalorgid": a.By.Account, "aws:resourceorgid": a.Account} {
		if id, err := h.Organization(c.Context(), account); err != nil {
			return err
		} else if id != "" {
			a.Keys[name] = []string{id}
		}
	}
	return nil
}

// shown is what the caller gets, secrets included.
func shown(t *iam.Temporary) (assumedRoleUser, credentials) {
	return assumedRoleUser{AssumedRoleID: t.Who.ID, Arn: t.Who.Principal}, credentialsOf(t)
}

var roleARN = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}):role/([\w+=,.@-]{1,64})$`)

// assumption reads the parameters that both operations have.
func (c *call) assumption() (*iam.Assumption, error) {
	duration, err := c.validate()
	if err != nil {
		return nil, err
	}
	parts := roleARN.FindStringSubmatch(c.form.Get("RoleArn"))
	if parts == nil {
		return nil, invalid(clip(c.form.Get("RoleArn")) + " is invalid: give RoleArn as arn:aws:iam::ACCOUNT:role/NAME.")
	}
	return &iam.Assumption{Account: parts[1], Role: parts[2], Session: c.form.Get("RoleSessionName"), Duration: duration}, nil
}

func invalid(message string) error { return &fault{"ValidationError", message, 400} }
