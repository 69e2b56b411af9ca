package policy

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// kind is what a token of a pattern stands for.
type kind uint8

const (
	literal  kind = iota // the text itself
	variable             // the value of a condition key
	anyRune              // ?
	anyRunes             // *
	anyTail              // * as the last character of an ARN's segment: it may pass colons
)

// token is one piece of a pattern.
type token struct {
	kind     kind
	text     string // the literal; of a variable, its key in lower case
	fallback string // what a variable without a value stands for
	defaults bool   // the variable has a fallback
}

// pattern is a text of a policy, cut into tokens once when it is parsed.
type pattern struct {
	tokens    []token
	variables bool
}

// The syntax that a pattern's text is read with.
type syntax struct {
	wildcards bool // * and ? are wildcards
	variables bool // ${…} is a variable or an escape
}

// compile cuts text into tokens.
func (s syntax) compile(text string) (pattern, error) {
	var p pattern
	for text != "" {
		n := s.plain(text)
		switch {
		case n > 0:
			p.add(token{kind: literal, text: text[:n]})
			text = text[n:]
		case text[0] == '$':
			t, rest, err := readVariable(text)
			if err != nil {
				return pattern{}, err
			}
			p.add(t)
			text = rest
		default:
			var t token
			t, text = readWildcard(text)
			p.add(t)
		}
	}
	return p, nil
}

// plain is the length of the beginning of text that stands for itself.
func (s syntax) plain(text string) int {
	for i := range len(text) {
		switch c := text[i]; {
		case s.wildcards && (c == '*' || c == '?'):
			return i
		case s.variables && c == '$' && strings.HasPrefix(text[i:], "${"):
			return i
		}
	}
	return len(text)
}

// add appends a token; neighbouring literals become one.
func (p *pattern) add(t token) {
	if last := len(p.tokens) - 1; last >= 0 && t.kind == literal && p.tokens[last].kind == literal {
		p.tokens[last].text += t.text
		return
	}
	p.tokens = append(p.tokens, t)
	p.variables = p.variables || t.kind == variable
}

// readWildcard reads ? or a run of *, which is as good as one.
func readWildcard(text string) (token, string) {
	if text[0] == '?' {
		return token{kind: anyRune}, text[1:]
	}
	rest := strings.TrimLeft(text, "*")
	if rest == "" || rest[0] == ':' {
		return token{kind: anyTail}, rest
	}
	return token{kind: anyRunes}, rest
}

// readVariable reads ${key}, ${key, 'default'}, ${*}, ${?} or ${$} at the
// beginning of text.
func readVariable(text string) (t token, rest string, err error) {
	key, rest, closed := strings.Cut(text[len("${"):], "}")
	if comma := strings.IndexByte(key, ','); comma >= 0 {
		return readDefault(text, strings.TrimSpace(key[:comma]), text[len("${")+comma+1:])
	}
	key = strings.TrimSpace(key)
	switch {
	case !closed:
		return t, "", fmt.Errorf("the variable %q has no end; close it with }, or write ${$} for a dollar sign", clip(text))
	case key == "*" || key == "?" || key == "$":
		return token{kind: literal, text: key}, rest, nil
	}
	if err := checkKey(key); err != nil {
		return t, "", fmt.Errorf("in a variable, %w", err)
	}
	return token{kind: variable, text: strings.ToLower(key)}, rest, nil
}

// readDefault reads what follows the comma of ${key, 'default'}; whole is the
// variable from its dollar sign, for the message.
func readDefault(whole, key, after string) (t token, rest string, err error) {
	if err := checkKey(key); err != nil {
		return t, "", fmt.Errorf("in a variable, %w", err)
	}
	quoted, ok := strings.CutPrefix(strings.TrimLeft(after, " "), "'")
	value, rest, found := strings.Cut(quoted, "'")
	rest, closed := strings.CutPrefix(strings.TrimLeft(rest, " "), "}")
	if !ok || !found || !closed {
		return t, "", fmt.Errorf("the default in %q is not understood; write ${%s, 'default'}", clip(whole), key)
	}
	return token{kind: variable, text: strings.ToLower(key), fallback: value, defaults: true}, rest, nil
}

// checkKey refuses what cannot be the name of a condition key.
func checkKey(key string) error {
	prefix, name, colon := strings.Cut(key, ":")
	if !colon || prefix == "" || name == "" || strings.ContainsAny(key, "{}*?'\"") || strings.Contains(key, "$") {
		return fmt.Errorf("%q is no condition key; write one such as aws:username or aws:ResourceTag/env", clip(key))
	}
	return nil
}

// clip shortens what a message quotes.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// resolve puts the values of keys in the place of variables. It fails when a
// variable has no value: such a pattern matches nothing.
func (p *pattern) resolve(keys map[string][]string) ([]token, bool) {
	if !p.variables {
		return p.tokens, true
	}
	tokens := make([]token, len(p.tokens))
	for i, t := range p.tokens {
		if t.kind == variable {
			value, ok := t.value(keys)
			if !ok {
				return nil, false
			}
			t = token{kind: literal, text: value}
		}
		tokens[i] = t
	}
	return tokens, true
}

// value is what a variable stands for. A key with several values cannot be
// used as a variable; one whose value is empty has none.
func (t *token) value(keys map[string][]string) (string, bool) {
	values := keys[t.text]
	if len(values) == 1 && values[0] != "" {
		return values[0], true
	}
	if len(values) > 1 {
		return "", false
	}
	return t.fallback, t.defaults
}

// text joins a pattern that has no wildcards.
func (p *pattern) text(keys map[string][]string) (string, bool) {
	tokens, ok := p.resolve(keys)
	if !ok {
		return "", false
	}
	if len(tokens) == 1 {
		return tokens[0].text, true
	}
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString(t.text)
	}
	return b.String(), true
}

// match matches the whole of value, case by case; wildcards match anything.
func (p *pattern) match(value string, keys map[string][]string) bool {
	tokens, ok := p.resolve(keys)
	return ok && (&matcher{tokens: tokens, value: value}).run()
}

// matchFold is match for names in ASCII, whatever their case.
func (p *pattern) matchFold(value string) bool {
	return (&matcher{tokens: p.tokens, value: value, fold: true}).run()
}

// matchSegments matches a resource: wildcards stay within a segment (what
// stands between two colons), unless * is its last character ("Using
// wildcards in resource ARNs").
func (p *pattern) matchSegments(value string, keys map[string][]string) bool {
	tokens, ok := p.resolve(keys)
	return ok && (&matcher{tokens: tokens, value: value, colons: len(value)}).run()
}

// matchARN matches an ARN as ArnLike does: each of its six components on its
// own, so wildcards pass none of the first five colons.
func (p *pattern) matchARN(value string, keys map[string][]string) bool {
	fifth, ok := fifthColon(value)
	if !ok {
		return false
	}
	tokens, ok := p.resolve(keys)
	return ok && (&matcher{tokens: tokens, value: value, colons: fifth + 1, strict: true}).run()
}

// fifthColon is where the last component of an ARN begins, less one.
func fifthColon(value string) (int, bool) {
	seen := 0
	for i := range len(value) {
		if value[i] == ':' {
			if seen++; seen == 5 {
				return i, true
			}
		}
	}
	return 0, false
}

// matcher matches a value token by token. Where that fails it goes back to the
// last * and lets it take one character more; when that meets a colon it may
// not pass, to the last one that may. Going back further never helps: whatever
// an earlier * could reach, the later one reaches too.
type matcher struct {
	tokens []token
	value  string
	fold   bool // ASCII letters match in either case
	colons int  // before this index of value, wildcards match no colon …
	strict bool // … not even anyTail

	t, v       int  // where we are
	star, tail back // the last * of either sort
}

// back is a * to go back to: the token after it, and where the value that is
// left to that token begins.
type back struct {
	set  bool
	t, v int
}

func (m *matcher) run() bool {
	for {
		if m.t == len(m.tokens) {
			if m.v == len(m.value) {
				return true
			}
		} else if m.step() {
			continue
		}
		if !m.retreat() {
			return false
		}
	}
}

// step matches one token.
func (m *matcher) step() bool {
	t := &m.tokens[m.t]
	switch t.kind {
	case literal:
		if !m.hasPrefix(t.text) {
			return false
		}
		m.v += len(t.text)
	case anyRune:
		next, ok := m.next(m.v, false)
		if !ok {
			return false
		}
		m.v = next
	default:
		m.enterStar(t.kind == anyTail && !m.strict)
	}
	m.t++
	return true
}

// enterStar lets a * match nothing for now, or all of the rest where it is the
// last token.
func (m *matcher) enterStar(free bool) {
	at := back{true, m.t + 1, m.v}
	if free && m.colons > 0 {
		m.tail, m.star = at, back{}
	} else {
		m.star = at
	}
	if m.t+1 == len(m.tokens) && (free || m.v >= m.colons) {
		m.v = len(m.value)
	}
}

// retreat goes back to a * that can take one character more.
func (m *matcher) retreat() bool {
	if m.star.set {
		if next, ok := m.next(m.star.v, false); ok {
			m.star.v = next
			m.t, m.v = m.star.t, next
			return true
		}
	}
	if m.tail.set {
		if next, ok := m.next(m.tail.v, true); ok {
			m.tail.v, m.star = next, back{}
			m.t, m.v = m.tail.t, next
			return true
		}
	}
	return false
}

// next is where the character at v ends, if a wildcard may match it.
func (m *matcher) next(v int, passColons bool) (int, bool) {
	if v >= len(m.value) || m.value[v] == ':' && v < m.colons && !passColons {
		return 0, false
	}
	_, size := utf8.DecodeRuneInString(m.value[v:])
	return v + size, true
}

func (m *matcher) hasPrefix(text string) bool {
	rest := m.value[m.v:]
	if !m.fold {
		return strings.HasPrefix(rest, text)
	}
	if len(rest) < len(text) {
		return false
	}
	for i := range len(text) {
		if lower(rest[i]) != lower(text[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
