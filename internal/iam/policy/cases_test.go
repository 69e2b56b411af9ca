package policy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reeve/internal/iam/policy"
)

// aCase is one line of testdata/cases: a policy, a request and what comes out.
type aCase struct {
	rule, line string
	text       string
	trust      bool
	request    policy.Request
	outcome    string // allow, deny or none
}

// readCases reads a file of cases. "rule" names what follows; "policy",
// "statement", "condition", "old" (a condition of the older version) and
// "trust" give the policy of the lines below.
func readCases(t *testing.T, file string) []aCase {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []aCase
	var current aCase
	for i, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		switch word {
		case "", "#":
		case "rule":
			current.rule = rest
		case "yes", "no", "allow", "deny", "none":
			c := current
			c.line = fmt.Sprintf("%s:%d", filepath.Base(file), i+1)
			c.fill(word, rest)
			list = append(list, c)
		default:
			current.text, current.trust = wrap(t, word, rest), word == "trust"
		}
	}
	return list
}

func wrap(t *testing.T, word, rest string) string {
	statement := `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": ` + rest + `}`
	switch word {
	case "policy":
		return rest
	case "statement", "trust":
		return `{"Version": "2012-10-17", "Statement": ` + rest + `}`
	case "condition":
		return `{"Version": "2012-10-17", "Statement": ` + statement + `}`
	case "old":
		return `{"Version": "2008-10-17", "Statement": ` + statement + `}`
	}
	t.Fatalf("no such word: %s", word)
	return ""
}

func (c *aCase) fill(word, rest string) {
	c.outcome, c.request = word, policy.Request{Principal: "arn:aws:iam::111122223333:user/ann", Action: "reeve:Do", Resource: "*"}
	keys := rest
	switch word {
	case "yes":
		c.outcome = "allow"
	case "no":
		c.outcome = "none"
	default:
		fields := strings.SplitN(rest, " ", 3)
		c.request.Action = fields[0]
		if c.trust {
			c.request.Principal = fields[1]
		} else {
			c.request.Resource = fields[1]
		}
		keys = strings.Join(fields[2:], "")
	}
	c.request.Keys = readKeys(keys)
}

func readKeys(text string) map[string][]string {
	keys := map[string][]string{}
	for pair := range strings.SplitSeq(text, "; ") {
		if key, values, ok := strings.Cut(pair, "="); ok {
			keys[key] = strings.Split(values, "|")
		}
	}
	return keys
}

func outcome(d policy.Decision) string {
	switch {
	case d.Explicit:
		return "deny"
	case d.Allowed:
		return "allow"
	}
	return "none"
}

func decide(d *policy.Document, trust bool, r *policy.Request) policy.Decision {
	if trust {
		return d.Trusts(r)
	}
	return policy.Evaluate([]policy.Policy{{Name: "p", Document: d}}, r)
}

func parse(text string, trust bool) (*policy.Document, error) {
	if trust {
		return policy.ParseTrust([]byte(text))
	}
	return policy.Parse([]byte(text))
}

// TestDocumentedRules holds the package, and the oracle that random policies
// are compared with, to the cases written from AWS's pages.
func TestDocumentedRules(t *testing.T) {
	files, _ := filepath.Glob("testdata/cases/*.txt")
	n := 0
	for _, file := range files {
		for _, c := range readCases(t, file) {
			n++
			d, err := parse(c.text, c.trust)
			if err != nil {
				t.Errorf("%s: %s: %v", c.line, c.rule, err)
				continue
			}
			if got := outcome(decide(d, c.trust, &c.request)); got != c.outcome {
				t.Errorf("%s: %s: got %s, want %s\n%s\n%+v", c.line, c.rule, got, c.outcome, c.text, c.request)
			}
			if got := oracle(c.text, c.trust, &c.request); got != c.outcome {
				t.Errorf("%s: %s: the oracle says %s, want %s", c.line, c.rule, got, c.outcome)
			}
		}
	}
	if n < 200 {
		t.Errorf("only %d cases were found", n)
	}
}

func TestRefusals(t *testing.T) {
	text, err := os.ReadFile("testdata/refusals.txt")
	if err != nil {
		t.Fatal(err)
	}
	var about string
	for i, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "text":
			about = rest
		case "identity", "trust":
			_, err := parse(about, word == "trust")
			if err == nil || !strings.Contains(err.Error(), rest) {
				t.Errorf("line %d: %s\ngot  %v\nwant %s", i+1, about, err, rest)
			}
		}
	}
}

func TestSizeIsBounded(t *testing.T) {
	of := func(size int, trust bool) string {
		frame := `{"Statement":{"Effect":"Allow","Action":"sts:%s","Resource":"*"}}`
		if trust {
			frame = `{"Statement":{"Effect":"Allow","Action":"sts:%s","Principal":"*"}}`
		}
		return fmt.Sprintf(frame, strings.Repeat("a", size-len(frame)+2))
	}
	const statement = `{"Effect":"Deny","Action":"*","Resource":"*"}`
	for _, c := range []struct {
		name, text string
		trust, ok  bool
	}{
		{"all of the size", of(policy.MaxSize, false), false, true},
		{"one character more", of(policy.MaxSize+1, false), false, false},
		{"white space does not count", strings.Repeat(" \n", 9000) + of(policy.MaxSize, false), false, true},
		{"but it is bounded too", strings.Repeat(" ", 140000) + of(policy.MaxSize, false), false, false},
		{"all of a trust policy's", of(policy.MaxTrustSize, true), true, true},
		{"one more", of(policy.MaxTrustSize+1, true), true, false},
		{"too many statements", `{"Statement":[` + strings.Repeat(statement+",", 100) + statement + `]}`, false, false},
		{"as many as may be", `{"Statement":[` + strings.Repeat(statement+",", 99) + statement + `]}`, false, true},
	} {
		if _, err := parse(c.text, c.trust); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestDecisionNamesTheStatement: a decision says which statement made it.
func TestDecisionNamesTheStatement(t *testing.T) {
	allow := mustParse(t, `{"Statement": [{"Sid": "See", "Effect": "Allow", "Action": "a:*", "Resource": "*"}, {"Sid": "Also", "Effect": "Allow", "Action": "*", "Resource": "*"}]}`)
	deny := mustParse(t, `{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Sid": "Never", "Effect": "Deny", "Action": "a:Delete", "Resource": "*"}]}`)
	policies := []policy.Policy{{Name: "none"}, {Name: "first", Document: allow}, {Name: "second", Document: deny}}
	for action, want := range map[string]policy.Decision{
		"a:Get":    {Allowed: true, Policy: "first", Statement: 0, Sid: "See"},
		"b:Get":    {Allowed: true, Policy: "first", Statement: 1, Sid: "Also"},
		"a:Delete": {Explicit: true, Policy: "second", Statement: 1, Sid: "Never"},
	} {
		if got := policy.Evaluate(policies, &policy.Request{Action: action, Resource: "*"}); got != want {
			t.Errorf("%s: got %+v, want %+v", action, got, want)
		}
	}
	if got := policy.Evaluate(nil, &policy.Request{Action: "a:Get"}); got != (policy.Decision{}) {
		t.Errorf("without policies: %+v", got)
	}
}

func mustParse(t testing.TB, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
