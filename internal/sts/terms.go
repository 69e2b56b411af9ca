package sts

import (
	"strconv"
	"strings"

	"reeve/internal/iam"
)

// termNames are the parameters that make a session's permissions narrower or
// say who is behind it. Whoever sends one relies on it, so one that is not
// understood is refused and not passed over.
var termNames = map[string]bool{
	"Policy": true, "PolicyArns": true, "Tags": true, "TransitiveTagKeys": true, "SourceIdentity": true,
	"SerialNumber": true, "TokenCode": true, "ProvidedContexts": true,
}

// maxMembers bounds a list that is read; every list may have fewer.
const maxMembers = 100

// termReader reads parameters of a form, and remembers which.
type termReader struct {
	form map[string][]string
	read map[string]bool
}

// text is a parameter that is there or not.
func (t *termReader) text(name string) string {
	t.read[name] = true
	if values := t.form[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// list calls f with the prefix of each member of a list, from 1 on, for as long
// as it has the field; the field of a plain text is "".
func (t *termReader) list(name, field string, f func(prefix string)) {
	for i := range maxMembers {
		prefix := name + ".member." + strconv.Itoa(i+1)
		if _, ok := t.form[prefix+field]; !ok {
			return
		}
		f(prefix)
	}
}

// policies reads the session policies.
func (t *termReader) policies() (terms iam.Terms) {
	terms.Policy = t.text("Policy")
	t.list("PolicyArns", ".arn", func(member string) {
		terms.PolicyARNs = append(terms.PolicyARNs, t.text(member+".arn"))
	})
	return terms
}

// rest refuses what was not read, and what is there without a value.
func (t *termReader) rest() error {
	for name, values := range t.form {
		first, _, _ := strings.Cut(name, ".")
		switch {
		case !termNames[first]:
		case !t.read[name]:
			return invalid(clip(name) + " is not supported here: leave it out.")
		case first != "Tags" && (len(values) == 0 || values[0] == ""):
			return invalid(clip(name) + " is empty: give a value, or leave it out.")
		}
	}
	return nil
}

// terms reads what AssumeRole can ask for besides a role.
func (c *call) terms() (iam.Terms, error) {
	t := &termReader{form: c.form, read: map[string]bool{}}
	terms := t.policies()
	terms.Source = t.text("SourceIdentity")
	t.list("Tags", ".Key", func(member string) {
		terms.Tags = append(terms.Tags, iam.SessionTag{Key: t.text(member + ".Key"), Value: t.text(member + ".Value")})
	})
	t.list("TransitiveTagKeys", "", func(member string) {
		terms.Transitive = append(terms.Transitive, t.text(member))
	})
	return terms, t.rest()
}

// webTerms is terms for AssumeRoleWithWebIdentity, where a token says the rest.
func (c *call) webTerms() (iam.Terms, error) {
	t := &termReader{form: c.form, read: map[string]bool{}}
	terms := t.policies()
	return terms, t.rest()
}
