package policy

import (
	"regexp"
	"slices"
	"strings"
)

// maxStatements bounds a policy's statements.
const maxStatements = 100

// Parse reads an identity-based policy. The error is an *[Error]: a sentence
// that says where the text is wrong and what to write instead.
func Parse(text []byte) (*Document, error) {
	return parse(text, MaxSize, &parser{})
}

// ParseTrust reads the trust policy of a role: it names principals, no
// resources, and only actions of sts.
func ParseTrust(text []byte) (*Document, error) {
	return parse(text, MaxTrustSize, &parser{trust: true})
}

// parser reads the elements of a policy. What it met decides how others are
// read: variables need the newer version of the language.
type parser struct {
	trust     bool
	variables bool
	sids      map[string]bool
	document  Document
}

func parse(text []byte, size int, p *parser) (*Document, error) {
	root, err := readTree(text, size)
	if err != nil {
		return nil, err
	}
	if err := p.policy(root); err != nil {
		return nil, err
	}
	return &p.document, nil
}

func (p *parser) policy(root *node) error {
	known := []string{"Version", "Statement"}
	if p.trust {
		known = append(known, "Id")
	}
	if err := root.object("", known); err != nil {
		return err
	}
	if err := p.version(root.member("Version")); err != nil {
		return err
	}
	if id := root.member("Id"); id != nil && id.kind != '"' {
		return fail(id.where, "an Id is a string")
	}
	list, err := root.statements()
	if err != nil {
		return err
	}
	p.sids = map[string]bool{}
	for _, n := range list {
		s, err := p.statement(n)
		if err != nil {
			return err
		}
		p.document.statements = append(p.document.statements, s)
	}
	return nil
}

// version reads the language's version. A policy without one is of the older.
func (p *parser) version(n *node) error {
	switch {
	case n == nil || n.kind == '"' && n.text == "2008-10-17":
		return nil
	case n.kind == '"' && n.text == "2012-10-17":
		p.variables = true
		return nil
	}
	return fail(n.where, `this version of the language does not exist; write "2012-10-17"`)
}

// statements lists the statement, or the statements.
func (n *node) statements() ([]*node, error) {
	s := n.member("Statement")
	switch {
	case s == nil:
		return nil, fail("", `the policy has no statement; write "Statement": [{"Effect": …, "Action": …}]`)
	case s.kind != '[':
		return []*node{s}, nil
	case len(s.items) == 0:
		return nil, fail(s.where, "the list is empty; write at least one statement")
	case len(s.items) > maxStatements:
		return nil, fail(s.where, "there are %d statements; write at most %d, or several policies", len(s.items), maxStatements)
	}
	return s.items, nil
}

// object refuses what is no object and members that are not known.
func (n *node) object(where string, known []string) error {
	if n.kind != '{' {
		return fail(where, "an object is needed here; write {…}")
	}
	for i, name := range n.names {
		if !slices.Contains(known, name) {
			return fail(n.items[i].where, "there is no member %q here; %s", clip(name), suggest(name, known))
		}
	}
	return nil
}

func (p *parser) statement(n *node) (s statement, err error) {
	if err := n.object(n.where, p.elements()); err != nil {
		return s, p.misplaced(n, err)
	}
	if s.sid, err = p.sid(n.member("Sid")); err != nil {
		return s, err
	}
	if s.deny, err = n.deny(); err != nil {
		return s, err
	}
	if s.actions, s.notAction, err = p.actions(n); err != nil {
		return s, err
	}
	if p.trust {
		s.principals, err = parsePrincipals(n, s.deny)
	} else {
		s.resources, s.notRes, err = p.resources(n)
	}
	if err != nil {
		return s, err
	}
	s.conditions, err = p.conditions(n.member("Condition"))
	return s, err
}

// elements lists the members that a statement may have.
func (p *parser) elements() []string {
	common := []string{"Sid", "Effect", "Action", "NotAction", "Condition"}
	if p.trust {
		return append(common, "Principal", "NotPrincipal")
	}
	return append(common, "Resource", "NotResource")
}

// misplaced replaces the message for an element that belongs into the other
// sort of policy.
func (p *parser) misplaced(n *node, err error) error {
	for i, name := range n.names {
		switch {
		case strings.HasSuffix(name, "Principal") && !p.trust:
			return fail(n.items[i].where, "the policy of a user or role names no principal: whoever has it is meant; remove %s", clip(name))
		case strings.HasSuffix(name, "Resource") && p.trust:
			return fail(n.items[i].where, "a trust policy names no resource: its role is meant; remove %s", clip(name))
		}
	}
	return err
}

var sidForm = regexp.MustCompile(`^[A-Za-z0-9]*$`)

func (p *parser) sid(n *node) (string, error) {
	switch {
	case n == nil:
		return "", nil
	case n.kind != '"' || !sidForm.MatchString(n.text):
		return "", fail(n.where, "a Sid has only letters A-Z and a-z and digits")
	case n.text != "" && p.sids[n.text]:
		return "", fail(n.where, "another statement has the Sid %q; write another", clip(n.text))
	}
	p.sids[n.text] = true
	return n.text, nil
}

func (n *node) deny() (bool, error) {
	effect := n.member("Effect")
	switch {
	case effect == nil:
		return false, fail(n.where, `the statement has no effect; write "Effect": "Allow" or "Effect": "Deny"`)
	case effect.kind == '"' && effect.text == "Allow":
		return false, nil
	case effect.kind == '"' && effect.text == "Deny":
		return true, nil
	}
	return false, fail(effect.where, `an effect is "Allow" or "Deny", written so`)
}

// either finds the element or its Not; exactly one of them has to be there.
func (n *node) either(name string) (found *node, not bool, err error) {
	plain, turned := n.member(name), n.member("Not"+name)
	switch {
	case plain != nil && turned != nil:
		return nil, false, fail(n.where, "the statement has both %s and Not%s; write one of them", name, name)
	case plain == nil && turned == nil:
		return nil, false, fail(n.where, "the statement has neither %s nor Not%s; write one of them", name, name)
	case plain != nil:
		return plain, false, nil
	}
	return turned, true, nil
}

// A service is written out; only the whole action may be *.
var actionForm = regexp.MustCompile(`^(\*|\*:\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$`)

func (p *parser) actions(n *node) ([]pattern, bool, error) {
	element, not, err := n.either("Action")
	if err != nil {
		return nil, false, err
	}
	items, err := element.strings()
	if err != nil {
		return nil, false, err
	}
	patterns := make([]pattern, len(items))
	for i, item := range items {
		if err := p.checkAction(item); err != nil {
			return nil, false, err
		}
		patterns[i], _ = syntax{wildcards: true}.compile(item.text)
		p.document.actions = append(p.document.actions, item.text)
	}
	return patterns, not, nil
}

func (p *parser) checkAction(n *node) error {
	if !actionForm.MatchString(n.text) {
		return fail(n.where, `%q is no action; write one such as "license-manager:List*" with the service in full, or "*"`, clip(n.text))
	}
	if p.trust && !strings.EqualFold(n.text[:strings.IndexByte(n.text+":", ':')], "sts") {
		return fail(n.where, `%q is no action of a trust policy; write "sts:AssumeRole" or "sts:AssumeRoleWithWebIdentity"`, clip(n.text))
	}
	return nil
}

func (p *parser) resources(n *node) ([]pattern, bool, error) {
	element, not, err := n.either("Resource")
	if err != nil {
		return nil, false, err
	}
	items, err := element.strings()
	if err != nil {
		return nil, false, err
	}
	patterns := make([]pattern, len(items))
	for i, item := range items {
		if patterns[i], err = p.resource(item); err != nil {
			return nil, false, err
		}
	}
	return patterns, not, nil
}

// resource reads an ARN. One with fewer than six components has * for those
// that are missing.
func (p *parser) resource(n *node) (pattern, error) {
	arn := n.text
	if arn != "*" {
		parts := strings.SplitN(arn, ":", 6)
		if err := p.checkResource(n, parts); err != nil {
			return pattern{}, err
		}
		arn += strings.Repeat(":*", 6-len(parts))
	}
	compiled, err := syntax{wildcards: true, variables: p.variables}.compile(arn)
	if err != nil {
		return pattern{}, fail(n.where, "%v", err)
	}
	return compiled, nil
}

func (p *parser) checkResource(n *node, parts []string) error {
	if len(parts) < 3 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" {
		return fail(n.where, `%q is no ARN; write one such as "arn:aws:license-manager:*:*:license-configuration:*", or "*"`, clip(n.text))
	}
	if strings.ContainsAny(parts[2], "*?") {
		return fail(n.where, "the service of an ARN has no wildcards; write it in full, as in arn:aws:license-manager:*")
	}
	if p.variables && strings.Contains(strings.Join(parts[:min(len(parts), 5)], ":"), "${") {
		return fail(n.where, "a variable may stand only after the fifth colon of an ARN; write * in the place of this one")
	}
	return nil
}

// suggest names what was meant, or all that is possible.
func suggest(name string, known []string) string {
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return "write " + k
		}
	}
	for _, k := range known {
		if distance(strings.ToLower(k), strings.ToLower(clip(name))) <= 2 {
			return "did you mean " + k + "?"
		}
	}
	return "write one of " + strings.Join(known, ", ")
}

// distance counts the letters to insert, remove or replace between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := before
			if a[i] != b[j] {
				replace++
			}
			before = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
