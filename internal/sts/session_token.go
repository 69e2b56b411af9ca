package sts

import (
	"encoding/xml"
	"time"

	"github.com/go-json-experiment/json"

	"reeve/internal/iam"
)

type sessionToken struct {
	XMLName     xml.Name `xml:"GetSessionTokenResult"`
	Credentials credentials
}

func (*sessionToken) name() string { return "GetSessionToken" }

// elements is what of the credentials the trail keeps.
func (s *sessionToken) elements() []byte {
	text, _ := json.Marshal(map[string]map[string]string{ // texts of our own: cannot fail
		"credentials": {"accessKeyId": s.Credentials.AccessKeyID, "expiration": s.Credentials.Expiration},
	}, json.Deterministic(true))
	return text
}

// getSessionToken needs no permission, as AWS's does not.
func (h *Handler) getSessionToken(c *call) (result, error) {
	who, _, err := h.signer(c)
	if err != nil {
		return nil, err
	}
	duration, wrong := durationOf(c.form["DurationSeconds"], iam.MaxSessionToken)
	if len(wrong) > 0 {
		return nil, invalid(wrong.Error())
	}
	unknown := &termReader{form: c.form, read: map[string]bool{}}
	if err := unknown.rest(); err != nil {
		return nil, err
	}
	t, err := h.Directory.SessionToken(who, duration)
	if err != nil {
		return nil, err
	}
	return &sessionToken{Credentials: credentialsOf(t)}, nil
}

// credentialsOf is what the caller gets, secrets included.
func credentialsOf(t *iam.Temporary) credentials {
	return credentials{t.AccessKeyID, t.Secret.Reveal(), t.Token.Reveal(), t.Expires.UTC().Format(time.RFC3339)}
}
