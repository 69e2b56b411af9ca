package awsjson_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"reeve/internal/awsjson"
)

// FuzzDecode holds Decode against the standard library: nothing panics, every
// refusal is a fault in plain words, and what is accepted is an object that
// the standard library accepts as well, with equal values.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", "[]", `{"String":"a","Integer":1,"Strings":["a"],"Struct":{"Name":"n"},"Map":{"k":"v"}}`,
		`{"String":null,"Strings":[null]}`, `{"Integer":1.5}`, `{"Integer":1e3}`, `{"a":"\ud83d\ude00\u0000"}`, `{"a":1,"a":2}`,
		nested(65), "{\"a\":\"\xff\"}", `{"String":"\"`, `{"Timestamp":"x"}`, `{"Double":1e999}`, `{"MaybeLong":-0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		var got shape
		err := awsjson.Decode(body, &got)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			expectPlainFault(t, err)
			return
		}
		if len(bytes.TrimSpace(body)) == 0 {
			return
		}
		if !utf8.Valid(body) || !stdjson.Valid(body) {
			t.Fatalf("accepted %q", body)
		}
		var want struct {
			String    *string
			Integer   *int32
			MaybeLong *int64
		}
		if err := exactly(body, &want); err != nil {
			t.Fatalf("accepted %q, which the standard library refuses: %v", body, err)
		}
		if want.String != nil && *want.String != got.String || want.Integer != nil && *want.Integer != got.Integer {
			t.Fatalf("%q decoded to %+v", body, got)
		}
		if (want.MaybeLong == nil) != (got.MaybeLong == nil) || want.MaybeLong != nil && *want.MaybeLong != *got.MaybeLong {
			t.Fatalf("%q decoded MaybeLong to %v", body, got.MaybeLong)
		}
	})
}

// exactly decodes the members whose names match in case, which the standard
// library does not tell apart.
func exactly(body []byte, into any) error {
	var members map[string]stdjson.RawMessage
	if err := stdjson.Unmarshal(body, &members); err != nil {
		return err
	}
	for name := range members {
		switch name {
		case "String", "Integer", "MaybeLong":
		default:
			delete(members, name)
		}
	}
	exact, err := stdjson.Marshal(members)
	if err != nil {
		return err
	}
	return stdjson.Unmarshal(exact, into)
}

func expectPlainFault(t *testing.T, err error) {
	t.Helper()
	var fault *awsjson.Fault
	if !errors.As(err, &fault) || fault.Code != "SerializationException" || fault.Message == "" {
		t.Fatalf("refused with %v", err)
	}
}
