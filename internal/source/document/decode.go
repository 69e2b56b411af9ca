package document

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/api"
	"reeve/internal/source/record"
)

// decode reads one resource. The error says in plain words which member is at
// fault.
func decode(value jsontext.Value) (api.Resource, error) {
	var r api.Resource
	if err := json.Unmarshal(value, &r, json.RejectUnknownMembers(true)); err != nil {
		return r, plain(err)
	}
	return r, record.Check(&r)
}

// plain turns an error of the JSON package, which names Go types, into one
// about the document.
func plain(err error) error {
	var wrong *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		return errors.New(syntaxReason(syntax))
	case !errors.As(err, &wrong):
		return err
	case errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("unknown member %.100q", memberPath(wrong.JSONPointer))
	}
	return fmt.Errorf("%s must be %s, not %s", memberPath(wrong.JSONPointer), wanted(wrong.GoType), found(wrong))
}

func syntaxReason(err *jsontext.SyntacticError) string {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return fmt.Sprintf("member %.100q is there twice", memberPath(err.JSONPointer))
	}
	return strings.TrimPrefix(err.Err.Error(), "jsontext: ")
}

// memberPath writes a JSON pointer as names and positions joined by dots.
func memberPath(pointer jsontext.Pointer) string {
	var parts []string
	for part := range pointer.Tokens() {
		parts = append(parts, part)
	}
	if parts == nil {
		return "a resource"
	}
	return strings.Join(parts, ".")
}

// wanted says in JSON's words what a Go type is read from.
func wanted(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "something else"
	}
	switch t.Kind() {
	case reflect.Int64:
		return "a whole number"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

// found says what was there instead: the number itself, else its kind.
func found(err *json.SemanticError) string {
	if err.JSONKind == '0' && len(err.JSONValue) > 0 {
		return fmt.Sprintf("%.40s", err.JSONValue)
	}
	return kindName(err.JSONKind)
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case '{', '}':
		return "an object"
	case '[', ']':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "that"
}
