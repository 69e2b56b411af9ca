package sts

import (
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"reeve/internal/api"
	"reeve/internal/iam"
)

// A parameter is what STS's API reference demands of one of a request.
type parameter struct {
	name, path  string
	required    bool
	least, most int // characters
	form        *regexp.Regexp
	pattern     string // form as the reference writes it
}

var sessionParameters = []parameter{
	{name: "RoleArn", path: "roleArn", required: true, least: 20, most: 2048},
	{name: "RoleSessionName", path: "roleSessionName", required: true, least: 2, most: 64, form: regexp.MustCompile(`^[\w+=,.@-]*$`), pattern: `[\w+=,.@-]*`},
	{name: "ExternalId", path: "externalId", least: 2, most: 1224, form: regexp.MustCompile(`^[\w+=,.@:\\/-]*$`), pattern: `[\w+=,.@:\/-]*`},
	{name: "Policy", path: "policy", least: 1, most: iam.MaxSessionPolicy},
	{name: "SourceIdentity", path: "sourceIdentity", least: 2, most: 64, form: regexp.MustCompile(`^[\w+=,.@-]*$`), pattern: `[\w+=,.@-]*`},
}

// validate holds the parameters of a request against the reference, and refuses
// them in AWS's words, all that are wrong at once.
func (c *call) validate() (duration time.Duration, err error) {
	var found api.Violations
	for _, p := range sessionParameters {
		found = append(found, p.check(c.form)...)
	}
	duration, wrong := durationOf(c.form["DurationSeconds"], iam.MaxSession)
	if found = append(found, wrong...); len(found) > 0 {
		return 0, invalid(found.Error())
	}
	return duration, nil
}

// check lists what is wrong with the parameter.
func (p *parameter) check(form map[string][]string) (found api.Violations) {
	values := form[p.name]
	if len(values) == 0 {
		if p.required {
			found = append(found, api.Violation{Path: p.path, Value: "null", Constraint: "Member must not be null"})
		}
		return found
	}
	broken := func(constraint string) {
		found = append(found, api.Violation{Path: p.path, Value: "'" + clip(values[0]) + "'", Constraint: "Member must " + constraint})
	}
	n := utf8.RuneCountInString(values[0])
	switch {
	case n > p.most:
		broken("have length less than or equal to " + strconv.Itoa(p.most))
		return found // and nothing long is matched
	case n < p.least:
		broken("have length greater than or equal to " + strconv.Itoa(p.least))
	}
	if p.form != nil && !p.form.MatchString(values[0]) {
		broken("satisfy regular expression pattern: " + p.pattern)
	}
	return found
}

// durationOf reads DurationSeconds; 0 is none.
func durationOf(values []string, most time.Duration) (time.Duration, api.Violations) {
	if len(values) == 0 {
		return 0, nil
	}
	broken := api.Violation{Path: "durationSeconds", Value: "'" + clip(values[0]) + "'"}
	n, err := strconv.ParseInt(values[0], 10, 32)
	switch {
	case err != nil:
		broken.Constraint = "Member must be a whole number"
	case n < int64(iam.MinSession/time.Second):
		broken.Constraint = "Member must have value greater than or equal to 900"
	case n > int64(most/time.Second):
		broken.Constraint = "Member must have value less than or equal to " + strconv.Itoa(int(most/time.Second))
	default:
		return time.Duration(n) * time.Second, nil
	}
	return 0, api.Violations{broken}
}
