package awsjson

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads a request's body into a pointer to a struct. The error is a
// *Fault, in AWS's own words where they are known.
//
// An empty body is an empty object; a member that is null is absent; an
// unknown member is ignored. Refused are a name that comes twice, text that
// is not UTF-8, nesting deeper than 64, null in an array, and what does not
// fit its member's type. What was decoded before a refusal stays in into.
func Decode(body []byte, into any) error {
	if err := checkNesting(body); err != nil {
		return err
	}
	if isBlank(body) {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &Fault{Code: codeSerialization, Message: explain(body, err)}
	}
	return nil
}

func isBlank(body []byte) bool { return len(bytes.Trim(body, " \t\r\n")) == 0 }

// checkSyntax finds what is wrong with a body whatever the operation.
func checkSyntax(body []byte) error {
	if isBlank(body) || jsontext.Value(body).IsValid() {
		return nil
	}
	var ignored jsontext.Value
	return &Fault{Code: codeSerialization, Message: explain(body, json.Unmarshal(body, &ignored))}
}

// explain puts an error of json.Unmarshal into AWS's words.
func explain(body []byte, err error) string {
	var wrong *json.SemanticError
	if errors.As(err, &wrong) && wrong.GoType != nil {
		return mismatch(valueAt(body, wrong.ByteOffset), wrong.GoType, wrong.Err)
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) && syntax.Err != nil {
		return fmt.Sprintf("The request's body is not valid JSON: %v, at byte %d.", syntax.Err, syntax.ByteOffset)
	}
	return "The request's body is not valid JSON."
}

// valueAt returns the scalar at an offset, or the start of what is none.
func valueAt(body []byte, offset int64) jsontext.Value {
	rest := bytes.TrimLeft(body[min(offset, int64(len(body))):], " \t\r\n")
	if end := bytes.IndexAny(rest, ",]} \t\r\n"); end > 0 {
		rest = rest[:end]
	}
	return rest
}

// mismatch says which JSON value met which type.
func mismatch(value jsontext.Value, t reflect.Type, reason error) string {
	switch kind := value.Kind(); {
	case kind == jsontext.KindBeginObject:
		return "Start of structure or map found where not expected."
	case kind == jsontext.KindBeginArray:
		return "Start of list found where not expected."
	case reflect.PointerTo(t).Implements(decodesItself) && reason != nil:
		return fmt.Sprintf("%s cannot be converted to %s: %v", valueName(value), t.Name(), reason)
	case t.Kind() == reflect.Slice:
		return "Expected list or null"
	case t.Kind() == reflect.Map:
		return "Expected map or null"
	case t.Kind() == reflect.Struct:
		return "Expected structure or null"
	}
	return valueName(value) + " cannot be converted to " + typeName(t)
}

var decodesItself = reflect.TypeFor[json.UnmarshalerFrom]()

// valueName is what AWS's parser calls a scalar.
func valueName(value jsontext.Value) string {
	switch value.Kind() {
	case jsontext.KindString:
		return "STRING_VALUE"
	case jsontext.KindTrue:
		return "TRUE_VALUE"
	case jsontext.KindFalse:
		return "FALSE_VALUE"
	case jsontext.KindNull:
		return "NULL_VALUE"
	}
	if bytes.ContainsAny(value, ".eE") {
		return "DECIMAL_VALUE"
	}
	return "NUMBER_VALUE"
}

// typeName is what the API's model, written for Java, calls a type.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "String"
	case reflect.Bool:
		return "Boolean"
	case reflect.Int32, reflect.Int:
		return "Integer"
	case reflect.Int64:
		return "Long"
	case reflect.Float32:
		return "Float"
	case reflect.Float64:
		return "Double"
	}
	return t.Name()
}
