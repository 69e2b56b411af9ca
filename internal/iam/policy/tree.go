package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a policy. Sizes count characters that are no white space, as AWS
// counts them, and so bound the number of values too.
const (
	MaxSize      = 6144   // of an identity-based policy
	MaxTrustSize = 4096   // of a trust policy: AWS's quota of 2,048, raised as far as AWS raises it
	maxBytes     = 131072 // of the text with its white space
	maxDepth     = 8      // the language needs six
)

// Error is what is wrong with a policy.
type Error struct {
	Where string // such as Statement[2].Condition.StringEquals; "" for the whole
	What  string // a sentence that says what to write instead
}

func (e *Error) Error() string {
	if e.Where == "" {
		return e.What
	}
	return e.Where + ": " + e.What
}

func fail(where, format string, args ...any) error {
	return &Error{Where: where, What: fmt.Sprintf(format, args...)}
}

// node is a JSON value, and where it stands.
type node struct {
	kind  jsontext.Kind // '{', '[', '"', '0', 't', 'f' or 'n'
	where string
	text  string   // of a string its value, of a number or truth value its text
	names []string // of an object's members, which items holds
	items []*node
}

// reader turns text into nodes.
type reader struct {
	decoder *jsontext.Decoder
}

// readTree reads one JSON value that is all of the text. Two members of one
// name are refused.
func readTree(text []byte, size int) (*node, error) {
	if err := checkText(text, size); err != nil {
		return nil, err
	}
	r := reader{decoder: jsontext.NewDecoder(bytes.NewReader(text))}
	n, err := r.value("", 0)
	if err != nil {
		return nil, err
	}
	if _, err := r.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fail("", "something follows the policy's closing brace; remove it")
	}
	return n, nil
}

// checkText bounds the size, and the characters to those that IAM takes.
func checkText(text []byte, most int) error {
	if len(text) > maxBytes {
		return fail("", "the policy has %d bytes; write at most %d, white space included", len(text), maxBytes)
	}
	size := 0
	for at, c := range string(text) {
		if c > 0xFF || c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return fail("", "the character %q at byte %d is not one of a policy; write \\u%04X within a string", c, at, c)
		}
		if !unicode.IsSpace(c) {
			size++
		}
	}
	if size > most {
		return fail("", "the policy has %d characters besides white space; write at most %d, or several policies", size, most)
	}
	return nil
}

func (r *reader) value(where string, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fail(where, "nested too deeply; a policy has at most %d levels", maxDepth)
	}
	t, err := r.decoder.ReadToken()
	if err != nil {
		return nil, explain(where, err)
	}
	n := &node{kind: t.Kind(), where: where}
	switch n.kind {
	case '{':
		err = r.members(n, depth)
	case '[':
		err = r.elements(n, depth)
	default:
		n.text = t.String()
	}
	return n, err
}

func (r *reader) members(n *node, depth int) error {
	for r.decoder.PeekKind() != '}' {
		t, err := r.decoder.ReadToken()
		if err != nil {
			return explain(n.where, err)
		}
		name := t.String()
		item, err := r.value(join(n.where, name), depth+1)
		if err != nil {
			return err
		}
		n.names = append(n.names, name)
		n.items = append(n.items, item)
	}
	_, err := r.decoder.ReadToken()
	return err
}

func (r *reader) elements(n *node, depth int) error {
	for r.decoder.PeekKind() != ']' {
		item, err := r.value(n.where+"["+strconv.Itoa(len(n.items))+"]", depth+1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, err := r.decoder.ReadToken()
	return err
}

func join(where, name string) string {
	if where == "" {
		return clip(name)
	}
	return where + "." + clip(name)
}

// explain turns an error of the decoder into ours.
func explain(where string, err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		name := ""
		if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			name = e.JSONPointer.LastToken()
		}
		return fail(where, "the member %q is there twice; keep one, with a list of values", clip(name))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(where, "the text ends in the middle; is a quote, bracket or brace missing?")
	}
	return fail(where, "this is no JSON (%v); mind quotes, commas and brackets", err)
}

// strings lists a string, or an array of at least one.
func (n *node) strings() ([]*node, error) {
	items := []*node{n}
	if n.kind == '[' {
		items = n.items
	}
	if len(items) == 0 {
		return nil, fail(n.where, "the list is empty; write at least one value")
	}
	for _, item := range items {
		if item.kind != '"' {
			return nil, fail(item.where, "a string is needed here, or a list of strings")
		}
	}
	return items, nil
}

// scalars is strings that takes numbers and truth values as their text.
func (n *node) scalars() ([]*node, error) {
	items := []*node{n}
	if n.kind == '[' {
		items = n.items
	}
	if len(items) == 0 {
		return nil, fail(n.where, "the list is empty; write at least one value")
	}
	for _, item := range items {
		if item.kind == '{' || item.kind == '[' || item.kind == 'n' {
			return nil, fail(item.where, "a string, a number, true or false is needed here, or a list of them")
		}
	}
	return items, nil
}

// member finds a member of an object.
func (n *node) member(name string) *node {
	for i := range n.names {
		if n.names[i] == name {
			return n.items[i]
		}
	}
	return nil
}
