package policy_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"reeve/internal/iam/policy"
)

// maker draws policies and requests from few words, so that they often meet.
type maker struct{ *rand.Rand }

func (m maker) pick(words ...string) string { return words[m.IntN(len(words))] }

func (m maker) some(draw func() string) any {
	if m.IntN(3) == 0 {
		return draw()
	}
	list := make([]string, 1+m.IntN(3))
	for i := range list {
		list[i] = draw()
	}
	return list
}

// mutate turns some characters of a text into wildcards; those of keep stay.
func (m maker) mutate(text, keep string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(keep, c) {
			return c
		}
		switch m.IntN(12) {
		case 0:
			return '*'
		case 1:
			return '?'
		}
		return c
	}, text)
}

func (m maker) arn() string {
	return "arn:aws:lm:" + m.pick("eu", "eu:x", "", "us") + ":" + m.pick("11", "12", "") + ":" +
		m.pick("a", "lic:1", "lic:ab", "a:b:c", "usr/ann", "é/b", "**")
}

func (m maker) word() string {
	return m.pick("a", "b", "ab", "ann", "a*b", "A", "", "x:y", "$", "é", "aab", "abab")
}

func (m maker) text() string {
	switch m.IntN(6) {
	case 0:
		return m.variable()
	case 1:
		return m.word() + m.variable() + m.word()
	case 2:
		return m.mutate("abab", "")
	}
	return m.word()
}

func (m maker) variable() string {
	return m.pick("${k:a}", "${K:B}", "${k:c, 'a'}", "${*}", "${?}", "${$}", "${ k:none , 'b*' }", "${k:none}")
}

func (m maker) pattern() string {
	if m.IntN(8) == 0 {
		return "*"
	}
	if m.IntN(4) == 0 {
		return "arn:aws:lm:*:*:" + m.text()
	}
	return "arn:aws:lm:" + m.mutate(strings.TrimPrefix(m.arn(), "arn:aws:lm:"), "")
}

func (m maker) operator() (string, func() string) {
	type family struct {
		names  []string
		values func() string
	}
	families := []family{
		{[]string{"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"}, m.text},
		{[]string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"}, m.number},
		{[]string{"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"}, m.date},
		{[]string{"Bool"}, func() string { return m.pick("true", "false", "True") }},
		{[]string{"BinaryEquals"}, func() string { return m.pick("YQ==", "YWI=", "") }},
		{[]string{"IpAddress", "NotIpAddress"}, m.network},
		{[]string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"}, func() string { return m.mutate(m.arn(), ":") }},
		{[]string{"Null"}, func() string { return m.pick("true", "false") }},
	}
	f := families[m.IntN(len(families))]
	name := m.pick(f.names...)
	if name != "Null" {
		name = m.pick("", "", "ForAllValues:", "ForAnyValue:") + name + m.pick("", "", "IfExists")
	}
	return name, f.values
}

func (m maker) number() string { return m.pick("1", "-1", "0", "01.50", "1.5", "20", "-0.0", "2020") }

func (m maker) date() string {
	return m.pick("2020", "2020-01", "2020-01-01", "2020-01-01T00:00Z", "2020-01-01T01:00:00+01:00", "2020-01-01T00:00:00.5Z", "1577836800", "1577836800.5", "-1")
}

func (m maker) network() string {
	return m.pick("10.0.0.0/8", "10.1.2.3", "10.1.2.3/24", "2001:db8::/32", "::1", "0.0.0.0/0")
}

func (m maker) conditions() map[string]any {
	block := map[string]any{}
	for range m.IntN(3) {
		name, values := m.operator()
		keys := map[string]any{}
		for range 1 + m.IntN(2) {
			keys[m.pick("k:a", "k:b", "K:C", "k:d")] = m.some(values)
		}
		if len(keys) == 2 && keys["k:c"] != nil && keys["K:C"] != nil {
			continue
		}
		block[name] = keys
	}
	return block
}

func (m maker) statement() map[string]any {
	action := func() string { return m.pick("*", "lm:Get", "LM:get", "lm:*", "lm:G?t", "lm:*t*", "re:Put") }
	return map[string]any{
		"Effect":                      m.pick("Allow", "Allow", "Deny"),
		m.pick("Action", "NotAction"): m.some(action),
		m.pick("Resource", "Resource", "NotResource"): m.some(m.pattern),
		"Condition": m.conditions(),
	}
}

func (m maker) policy() string {
	list := make([]any, 1+m.IntN(3))
	for i := range list {
		list[i] = m.statement()
	}
	text, _ := json.Marshal(map[string]any{"Version": m.pick("2012-10-17", "2012-10-17", "2008-10-17"), "Statement": list})
	return string(text)
}

func (m maker) request() *policy.Request {
	r := &policy.Request{Action: m.pick("lm:Get", "lm:Put", "re:Put"), Resource: m.arn(), Keys: map[string][]string{}}
	if m.IntN(6) == 0 {
		r.Resource = "*"
	}
	for _, key := range []string{"k:a", "k:b", "k:c", "k:d"} {
		for range m.IntN(3) {
			r.Keys[key] = append(r.Keys[key], m.value())
		}
	}
	return r
}

func (m maker) value() string {
	switch m.IntN(6) {
	case 0:
		return m.number()
	case 1:
		return m.date()
	case 2:
		return m.pick("10.1.2.3", "10.1.2.9", "11.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "::1")
	case 3:
		return m.arn()
	case 4:
		return m.pick("true", "false", "TRUE")
	}
	return m.word()
}

// TestAgainstTheOracle compares ten thousand random policies, each with
// several requests, with the oracle.
func TestAgainstTheOracle(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(1, 2))}
	outcomes := map[string]int{}
	for i := range 10000 {
		text := m.policy()
		d, err := policy.Parse([]byte(text))
		if err != nil {
			t.Fatalf("policy %d: %v\n%s", i, err, text)
		}
		for range 3 {
			r := m.request()
			got, want := outcome(decide(d, false, r)), oracle(text, false, r)
			if got != want {
				t.Fatalf("policy %d: got %s, the oracle says %s\n%s\n%q", i, got, want, text, r)
			}
			outcomes[got]++
		}
	}
	for _, o := range []string{"allow", "deny", "none"} {
		if outcomes[o] < 1000 {
			t.Errorf("outcome %s came only %d times", o, outcomes[o])
		}
	}
	t.Log(outcomes)
}

// TestTrustAgainstTheOracle does the same for principals.
func TestTrustAgainstTheOracle(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(3, 4))}
	identities := []string{
		"111111111111", "222222222222", "arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:user/ann", "arn:aws:iam::222222222222:user/ann",
		"arn:aws:iam::111111111111:role/ops", "arn:aws:iam::111111111111:role/p/dev", "arn:aws:sts::111111111111:assumed-role/ops/s",
	}
	callers := append([]string{"arn:aws:sts::111111111111:assumed-role/dev/s", "arn:aws:sts::222222222222:assumed-role/ops/s",
		"arn:aws:iam::111111111111:oidc-provider/x", "arn:aws:iam::222222222222:oidc-provider/x", "arn:aws:iam::111111111111:agent-token/1"}, identities[2:]...)
	for i := range 10000 {
		text := m.trust(identities)
		d, err := policy.ParseTrust([]byte(text))
		if err != nil {
			t.Fatalf("policy %d: %v\n%s", i, err, text)
		}
		r := &policy.Request{Principal: m.pick(callers...), Action: m.pick("sts:AssumeRole", "sts:TagSession"), Resource: "*"}
		if got, want := outcome(d.Trusts(r)), oracle(text, true, r); got != want {
			t.Fatalf("policy %d: got %s, the oracle says %s\n%s\n%+v", i, got, want, text, r)
		}
	}
}

func (m maker) trust(identities []string) string {
	var list []any
	for range 1 + m.IntN(3) {
		named := map[string]any{"AWS": m.some(func() string { return m.pick(identities...) })}
		if m.IntN(3) == 0 {
			named["Federated"] = "arn:aws:iam::111111111111:oidc-provider/x"
		}
		s := map[string]any{"Action": m.pick("sts:AssumeRole", "sts:*"), "Effect": "Allow", "Principal": named}
		switch m.IntN(5) {
		case 0:
			s["Principal"] = "*"
		case 1:
			s["Effect"] = "Deny"
		case 2:
			s["Effect"], s["NotPrincipal"] = "Deny", named
			delete(s, "Principal")
		}
		list = append(list, s)
	}
	text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": list})
	return string(text)
}
