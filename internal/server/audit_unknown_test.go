package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"reeve/internal/awsjson"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

// stray is a request that no operation answers.
type stray struct {
	method, path, media, target, body string
	signed                            bool

	name, code string // of its event; "" for none
}

const form = "application/x-www-form-urlencoded"

// strays ask for operations that nobody has, or speak no protocol of the API.
var strays = map[string]stray{
	"an operation that nobody has": {"POST", "/", awsjson.ContentType, "AWSLicenseManager.DeleteEverything", `{"a":1}`, false, "DeleteEverything", "UnknownOperationException"},
	"the same, signed":             {"POST", "/", awsjson.ContentType, "AWSLicenseManager.DeleteEverything", `{}`, true, "DeleteEverything", "UnknownOperationException"},
	"one of Reeve's":               {"POST", "/", awsjson.ContentType, "Reeve.Nothing", `{}`, false, "Nothing", "UnknownOperationException"},
	"one of another service":       {"POST", "/", awsjson.ContentType, "DynamoDB_20120810.GetItem", `{}`, false, "DynamoDB_20120810.GetItem", "UnknownOperationException"},
	"none":                         {"POST", "/", awsjson.ContentType, "", `{}`, false, "Unknown", "UnknownOperationException"},
	"a body that is no JSON":       {"POST", "/", awsjson.ContentType, "Reeve.Nothing", `{`, false, "Nothing", "SerializationException"},
	"one that STS has not":         {"POST", "/", form, "", "Action=GetEverything&Version=2011-06-15", false, "GetEverything", "InvalidAction"},
	"no form":                      {"POST", "/", form, "", "%zz", false, "Unknown", "MalformedInput"},

	"another path":     {"POST", "/nothing", awsjson.ContentType, "Reeve.VerifyLedgers", `{}`, true, "", ""},
	"another method":   {"PUT", "/", awsjson.ContentType, "Reeve.VerifyLedgers", `{}`, false, "", ""},
	"another protocol": {"POST", "/", "application/json", "Reeve.VerifyLedgers", `{}`, false, "", ""},
}

// TestUnknownOperationsLeaveAnEvent as every call does; a request that calls
// nothing leaves none.
func TestUnknownOperationsLeaveAnEvent(t *testing.T) {
	s := newSweep(t)
	key := s.Credentials(licensetest.Root)
	ids := map[string]string{}
	for what, c := range strays {
		ids[what] = s.stray(c, key)
	}
	events, _ := s.events()
	for what, c := range strays {
		found := events[ids[what]]
		if c.name == "" {
			if len(found) != 0 {
				t.Errorf("%s: a request that calls nothing has the events %v", what, found)
			}
			continue
		}
		if len(found) != 1 {
			t.Errorf("%s: %d events", what, len(found))
			continue
		}
		e := found[0]
		for member, want := range map[string]string{"eventName": c.name, "errorCode": c.code, "sourceIPAddress": "127.0.0.1", "userAgent": sweepAgent, "recipientAccountId": licensetest.Root} {
			if e[member] != want {
				t.Errorf("%s: %s is %v, want %q", what, member, e[member], want)
			}
		}
		who, _ := e["userIdentity"].(map[string]any)
		if claimed := who["accessKeyId"] == key.AccessKeyID; who["type"] != "Unknown" || claimed != c.signed {
			t.Errorf("%s: it is of %v", what, who)
		}
	}
}

// stray sends a request that must be refused, and returns its number.
func (s *sweep) stray(c stray, key sigv4.Credentials) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), c.method, s.URL+c.path, strings.NewReader(c.body))
	s.must(err)
	r.Header.Set("User-Agent", sweepAgent)
	r.Header.Set("Content-Type", c.media)
	if c.target != "" {
		r.Header.Set("X-Amz-Target", c.target)
	}
	if c.signed {
		s.must(sigv4.Sign(r, []byte(c.body), key, licensetest.Region, "license-manager", time.Now()))
	}
	answer, err := http.DefaultClient.Do(r)
	s.must(err)
	defer answer.Body.Close()
	id := answer.Header.Get("X-Amzn-Requestid")
	if answer.StatusCode < 400 || id == "" {
		s.t.Errorf("%+v is answered with %s, number %q", c, answer.Status, id)
	}
	return id
}
