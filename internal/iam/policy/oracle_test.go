package policy_test

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"reeve/internal/iam/policy"
)

// The oracle evaluates a policy a second time, slowly and in another way: from
// the JSON itself at each request, with regular expressions, big numbers and
// the standard library's other types. It supposes that the policy is valid.

// oracle says allow, deny or none.
func oracle(text string, trust bool, r *policy.Request) string {
	var p map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&p); err != nil {
		return err.Error()
	}
	o := oracleRun{r: r, trust: trust, variables: p["Version"] == "2012-10-17"}
	result := "none"
	for _, s := range listOf(p["Statement"]) {
		statement := s.(map[string]any)
		if !o.applies(statement) {
			continue
		}
		if statement["Effect"] == "Deny" {
			return "deny"
		}
		result = "allow"
	}
	return result
}

type oracleRun struct {
	r                *policy.Request
	trust, variables bool
}

func listOf(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func textsOf(v any) []string {
	var list []string
	for _, item := range listOf(v) {
		switch item := item.(type) {
		case string:
			list = append(list, item)
		case bool:
			list = append(list, strconv.FormatBool(item))
		case json.Number:
			list = append(list, item.String())
		}
	}
	return list
}

func (o oracleRun) applies(s map[string]any) bool {
	return o.element(s, "Action", o.action) &&
		(o.trust || o.element(s, "Resource", o.resource)) &&
		(!o.trust || o.principal(s)) &&
		o.condition(s["Condition"])
}

func (o oracleRun) element(s map[string]any, name string, matches func(string) bool) bool {
	v, plain := s[name]
	if !plain {
		v = s["Not"+name]
	}
	for _, text := range textsOf(v) {
		if matches(text) {
			return plain
		}
	}
	return !plain
}

func (o oracleRun) action(text string) bool {
	quoted := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(text))
	return regexp.MustCompile(`(?is)^` + quoted + `$`).MatchString(o.r.Action)
}

// char is a character of a pattern; plain ones are no wildcards.
type char struct {
	c     rune
	plain bool
}

var variableForm = regexp.MustCompile(`^\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}`)

// expand replaces variables. It fails when one has no value.
func (o oracleRun) expand(text string) ([]char, bool) {
	var list []char
	for text != "" {
		m := variableForm.FindStringSubmatchIndex(text)
		if !o.variables || m == nil {
			c := []rune(text)[0]
			list, text = append(list, char{c, false}), text[len(string(c)):]
			continue
		}
		name := text[m[2]:m[3]]
		var value string
		switch values := o.r.Keys[strings.ToLower(name)]; {
		case name == "*" || name == "?" || name == "$":
			value = name
		case len(values) == 1 && values[0] != "":
			value = values[0]
		case len(values) < 2 && m[4] >= 0:
			value = text[m[4]:m[5]]
		default:
			return nil, false
		}
		for _, c := range value {
			list = append(list, char{c, true})
		}
		text = text[m[1]:]
	}
	return list, true
}

// expression is a regular expression; star and one are those of * and ?.
func expression(chars []char, star func(rest []char) string, one string) *regexp.Regexp {
	var b strings.Builder
	for i, c := range chars {
		switch {
		case c.c == '*' && !c.plain:
			b.WriteString(star(chars[i+1:]))
		case c.c == '?' && !c.plain:
			b.WriteString(one)
		default:
			b.WriteString(regexp.QuoteMeta(string(c.c)))
		}
	}
	return regexp.MustCompile(`(?s)^` + b.String() + `$`)
}

func anything([]char) string { return `.*` }

func (o oracleRun) resource(text string) bool {
	if parts := strings.Count(text, ":"); text != "*" && parts < 5 {
		text += strings.Repeat(":*", 5-parts)
	}
	chars, ok := o.expand(text)
	if !ok {
		return false
	}
	star := func(rest []char) string {
		if len(rest) == 0 || rest[0] == (char{':', false}) {
			return `.*`
		}
		return `[^:]*`
	}
	return expression(chars, star, `[^:]`).MatchString(o.r.Resource)
}

func (o oracleRun) condition(v any) bool {
	operators, _ := v.(map[string]any)
	for name, keys := range operators {
		for key, values := range keys.(map[string]any) {
			if !o.holds(name, o.r.Keys[strings.ToLower(key)], textsOf(values)) {
				return false
			}
		}
	}
	return true
}

// holds transcribes the pages of the operators and of set operators.
func (o oracleRun) holds(operator string, request, wanted []string) bool {
	nothing := strings.Join(request, "") == ""
	if operator == "Null" {
		for _, w := range wanted {
			if strings.EqualFold(w, strconv.FormatBool(nothing)) {
				return true
			}
		}
		return false
	}
	if rest, ok := strings.CutSuffix(operator, "IfExists"); ok {
		if len(request) == 0 {
			return true
		}
		operator = rest
	}
	set, base, qualified := strings.Cut(operator, ":")
	if !qualified {
		base = operator
	}
	negated := strings.Contains(base, "Not")
	base = strings.Replace(base, "Not", "", 1)
	hits := 0
	for _, v := range request {
		if o.anyOf(base, v, wanted) != negated {
			hits++
		}
	}
	switch {
	case set == "ForAllValues":
		return nothing || hits == len(request)
	case set == "ForAnyValue":
		return !nothing && hits > 0
	case negated:
		return hits == len(request)
	}
	return hits > 0
}

func (o oracleRun) anyOf(base, value string, wanted []string) bool {
	for _, w := range wanted {
		if o.one(base, value, w) {
			return true
		}
	}
	return false
}

func (o oracleRun) one(base, value, wanted string) bool {
	switch {
	case strings.HasPrefix(base, "Numeric"):
		v, ok := number(value)
		w, _ := number(wanted)
		return ok && ordered(base, v.Cmp(w))
	case strings.HasPrefix(base, "Date"):
		v, ok := moment(value)
		w, _ := moment(wanted)
		return ok && ordered(base, v.Cmp(w))
	case base == "BinaryEquals":
		return base64.StdEncoding.EncodeToString([]byte(value)) == wanted
	case base == "IpAddress":
		return within(value, wanted)
	}
	chars, ok := o.expand(wanted)
	if !ok {
		return false
	}
	text := ""
	for _, c := range chars {
		text += string(c.c)
	}
	switch base {
	case "StringEquals":
		return value == text
	case "StringEqualsIgnoreCase", "Bool":
		return strings.EqualFold(value, text)
	case "StringLike":
		return expression(chars, anything, `.`).MatchString(value)
	}
	return likeARN(chars, value)
}

// likeARN compares six components, one after the other.
func likeARN(chars []char, value string) bool {
	parts := [][]char{nil}
	for _, c := range chars {
		if c.c == ':' && len(parts) < 6 {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], c)
	}
	values := strings.SplitN(value, ":", 6)
	if len(parts) != 6 || len(values) != 6 {
		return false
	}
	for i := range parts {
		if !expression(parts[i], anything, `.`).MatchString(values[i]) {
			return false
		}
	}
	return true
}

func ordered(base string, order int) bool {
	switch {
	case strings.HasSuffix(base, "LessThan"):
		return order < 0
	case strings.HasSuffix(base, "LessThanEquals"):
		return order <= 0
	case strings.HasSuffix(base, "GreaterThan"):
		return order > 0
	case strings.HasSuffix(base, "GreaterThanEquals"):
		return order >= 0
	}
	return order == 0
}

var numberForm = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)

func number(text string) (*big.Rat, bool) {
	if !numberForm.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(strings.TrimPrefix(text, "+"))
}

// moment is seconds since 1970.
func moment(text string) (*big.Rat, bool) {
	for _, layout := range []string{"2006", "2006-01", "2006-01-02", "2006-01-02T15:04Z07:00", time.RFC3339Nano} {
		if t, err := time.Parse(layout, text); err == nil {
			nanos := new(big.Rat).SetFrac64(int64(t.Nanosecond()), 1e9)
			return nanos.Add(nanos, new(big.Rat).SetInt64(t.Unix())), true
		}
	}
	return number(text)
}

func within(value, wanted string) bool {
	ip := net.ParseIP(value)
	if ip == nil {
		return false
	}
	if _, network, err := net.ParseCIDR(wanted); err == nil {
		return network.Contains(ip)
	}
	return ip.Equal(net.ParseIP(wanted))
}

// principal transcribes the pages of Principal and NotPrincipal.
func (o oracleRun) principal(s map[string]any) bool {
	v, plain := s["Principal"]
	if !plain {
		v = s["NotPrincipal"]
	}
	if v == "*" {
		return true
	}
	kinds := v.(map[string]any)
	who := o.r.Principal
	if strings.Contains(who, ":oidc-provider/") {
		federated, _ := kinds["Federated"]
		return contains(textsOf(federated), who) == plain || plain && contains(textsOf(kinds["AWS"]), "*")
	}
	listed := textsOf(kinds["AWS"])
	if plain {
		return contains(listed, "*") || o.listed(listed, who) || isIdentity(who) && o.accountListed(listed, who)
	}
	m := sessionForm.FindStringSubmatch(who)
	named := o.listed(listed, who)
	if m != nil {
		named = o.roleListed(listed, m)
	}
	return !(o.accountListed(listed, who) && (named || strings.HasSuffix(who, ":root")))
}

var (
	sessionForm  = regexp.MustCompile(`^arn:aws:sts::(\d+):assumed-role/([^/]+)/`)
	identityLike = regexp.MustCompile(`^arn:aws:(iam::\d+:(root|user/.*|role/.*)|sts::\d+:(assumed-role|federated-user)/.*)$`)
)

func isIdentity(who string) bool { return identityLike.MatchString(who) }

func (o oracleRun) listed(listed []string, who string) bool {
	if m := sessionForm.FindStringSubmatch(who); m != nil && o.roleListed(listed, m) {
		return true
	}
	return contains(listed, who)
}

func (o oracleRun) roleListed(listed []string, session []string) bool {
	for _, l := range listed {
		if regexp.MustCompile(`^arn:aws:iam::` + session[1] + `:role/(.*/)?` + regexp.QuoteMeta(session[2]) + `$`).MatchString(l) {
			return true
		}
	}
	return false
}

func (o oracleRun) accountListed(listed []string, who string) bool {
	parts := strings.Split(who, ":")
	return len(parts) > 4 && (contains(listed, parts[4]) || contains(listed, "arn:aws:iam::"+parts[4]+":root"))
}

func contains(list []string, text string) bool {
	for _, l := range list {
		if l == text {
			return true
		}
	}
	return false
}
