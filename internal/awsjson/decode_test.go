package awsjson_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/awsjson"
)

// shape has a member of every kind that a model has.
type shape struct {
	String    string
	Enum      enum
	Optional  *string
	Boolean   bool
	Integer   int32
	Long      int64
	MaybeLong *int64
	Double    float64
	Strings   []string
	Struct    *inner
	Structs   []inner
	Map       map[string]string
	Timestamp timestamp
}

type enum string

type inner struct{ Name string }

// timestamp decodes itself, as the API's times do.
type timestamp struct{ time.Time }

func (t *timestamp) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != jsontext.KindNumber {
		return errors.New("not a number")
	}
	seconds, err := token.Int()
	t.Time = time.Unix(seconds, 0).UTC()
	return err
}

func decode(body string) (shape, error) {
	var s shape
	err := awsjson.Decode([]byte(body), &s)
	return s, err
}

func TestDecodeReadsEveryKind(t *testing.T) {
	text, long := "o", int64(1)<<40
	got, err := decode(`{"String":"é\u00e9","Enum":"E","Optional":"o","Boolean":true,"Integer":-7,"Long":1099511627776,
		"MaybeLong":1099511627776,"Double":1.5,"Strings":["a",""],"Struct":{"Name":"n"},"Structs":[{"Name":"1"},{}],
		"Map":{"k":"v"},"Timestamp":1570892850,"Unknown":[{"deep":[1,"]",{}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := shape{String: "éé", Enum: "E", Optional: &text, Boolean: true, Integer: -7, Long: long, MaybeLong: &long, Double: 1.5,
		Strings: []string{"a", ""}, Struct: &inner{"n"}, Structs: []inner{{"1"}, {}}, Map: map[string]string{"k": "v"},
		Timestamp: timestamp{time.Unix(1570892850, 0).UTC()}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong value (-want +got):\n%s", diff)
	}
}

func TestDecodeTakesNothingForAbsent(t *testing.T) {
	for _, body := range []string{
		"", " \r\n", "{}", "null", `{"string":"names are case-sensitive"}`,
		`{"String":null,"Optional":null,"Integer":null,"MaybeLong":null,"Strings":null,"Struct":null,"Structs":null,"Map":null}`,
	} {
		got, err := decode(body)
		if diff := cmp.Diff(shape{}, got); err != nil || diff != "" {
			t.Errorf("%q: %v, diff:\n%s", body, err, diff)
		}
	}
}

// The sentences are those of AWS's own parser where they are known.
func TestDecodeNamesMismatches(t *testing.T) {
	const structure = "Start of structure or map found where not expected."
	const list = "Start of list found where not expected."
	for _, tc := range []struct{ member, value, message string }{
		{"String", `1`, "NUMBER_VALUE cannot be converted to String"},
		{"String", `1.5`, "DECIMAL_VALUE cannot be converted to String"},
		{"String", `true`, "TRUE_VALUE cannot be converted to String"},
		{"String", `false`, "FALSE_VALUE cannot be converted to String"},
		{"String", `{}`, structure},
		{"String", `["a"]`, list},
		{"Enum", `1`, "NUMBER_VALUE cannot be converted to String"},
		{"Optional", `1`, "NUMBER_VALUE cannot be converted to String"},
		{"Boolean", `"true"`, "STRING_VALUE cannot be converted to Boolean"},
		{"Boolean", `1`, "NUMBER_VALUE cannot be converted to Boolean"},
		{"Boolean", `1.5`, "DECIMAL_VALUE cannot be converted to Boolean"},
		{"Boolean", `{}`, structure},
		{"Boolean", `[]`, list},
		{"Integer", `"5"`, "STRING_VALUE cannot be converted to Integer"},
		{"Integer", `1.5`, "DECIMAL_VALUE cannot be converted to Integer"},
		{"Integer", `1e3`, "DECIMAL_VALUE cannot be converted to Integer"},
		{"Integer", `1.0`, "DECIMAL_VALUE cannot be converted to Integer"},
		{"Integer", `2147483648`, "NUMBER_VALUE cannot be converted to Integer"},
		{"Integer", `-2147483649`, "NUMBER_VALUE cannot be converted to Integer"},
		{"Integer", `true`, "TRUE_VALUE cannot be converted to Integer"},
		{"Integer", `{"a":1}`, structure},
		{"Integer", `[1]`, list},
		{"Long", `true`, "TRUE_VALUE cannot be converted to Long"},
		{"Long", `"5"`, "STRING_VALUE cannot be converted to Long"},
		{"Long", `9223372036854775808`, "NUMBER_VALUE cannot be converted to Long"},
		{"MaybeLong", `"5"`, "STRING_VALUE cannot be converted to Long"},
		{"MaybeLong", `1.5`, "DECIMAL_VALUE cannot be converted to Long"},
		{"Double", `"1.5"`, "STRING_VALUE cannot be converted to Double"},
		{"Double", `1e999`, "DECIMAL_VALUE cannot be converted to Double"},
		{"Strings", `"a"`, "Expected list or null"},
		{"Strings", `1`, "Expected list or null"},
		{"Strings", `{}`, structure},
		{"Strings", `[1]`, "NUMBER_VALUE cannot be converted to String"},
		{"Strings", `[["a"]]`, list},
		{"Strings", `["a",null]`, "A list contains null. Leave the element out."},
		{"Struct", `"a"`, "Expected structure or null"},
		{"Struct", `[]`, list},
		{"Struct", `{"Name":1}`, "NUMBER_VALUE cannot be converted to String"},
		{"Structs", `[1]`, "Expected structure or null"},
		{"Structs", `[{"Name":{}}]`, structure},
		{"Structs", `[{}, null]`, "A list contains null. Leave the element out."},
		{"Map", `"a"`, "Expected map or null"},
		{"Map", `[]`, list},
		{"Map", `{"k":1}`, "NUMBER_VALUE cannot be converted to String"},
		{"Timestamp", `"2019-01-01T00:00:00Z"`, "STRING_VALUE cannot be converted to timestamp: not a number"},
		{"Timestamp", `{}`, structure},
	} {
		body := fmt.Sprintf(`{"%s":%s}`, tc.member, tc.value)
		_, err := decode(body)
		expectFault(t, body, err, tc.message)
	}
}

func TestDecodeRefusesWhatIsNotSoundJSON(t *testing.T) {
	const prefix = "The request's body is not valid JSON: "
	for body, message := range map[string]string{
		`{`:                              prefix,
		`{}}`:                            prefix,
		`{} {}`:                          prefix,
		`{"String":"a",}`:                prefix,
		`{"String":'a'}`:                 prefix,
		`{String:"a"}`:                   prefix,
		`// comment`:                     prefix,
		`{"String":"a","String":"b"}`:    prefix + `duplicate object member name`,
		`{"Unknown":{"a":1,"a":2}}`:      prefix + `duplicate object member name`,
		"{\"String\":\"\xff\"}":          prefix + "invalid UTF-8",
		`{"String":"\ud800"}`:            prefix,
		"\ufeff{}":                       prefix,
		`[]`:                             "Start of list found where not expected.",
		`"String"`:                       "Expected structure or null",
		`7`:                              "Expected structure or null",
		`{"Unknown":[null]}`:             "A list contains null.",
		`{"Unknown":` + nested(64) + `}`: "The request's body nests deeper than 64 levels.",
		strings.Repeat("[", 1<<20):       "The request's body nests deeper than 64 levels.",
		strings.Repeat(`{"a":`, 1<<18):   "The request's body nests deeper than 64 levels.",
	} {
		_, err := decode(body)
		expectFault(t, body, err, message)
	}
}

func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

func TestDecodeAcceptsWhatOnlyLooksUnsound(t *testing.T) {
	for _, body := range []string{
		`{"Unknown":` + nested(63) + `}`,
		`{"String":"[null] {{{{ \"] \\"}`,
		`{"Strings":["null","n\"null"],"Unknown":[{"a":null}]}`,
		`{"Unknown":[` + strings.Repeat(`{},`, 100) + `{}]}`,
	} {
		if _, err := decode(body); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// expectFault wants a SerializationException whose message begins as given.
func expectFault(t *testing.T, body string, err error, message string) {
	t.Helper()
	body = body[:min(len(body), 60)]
	var fault *awsjson.Fault
	switch {
	case !errors.As(err, &fault):
		t.Errorf("%s: %v is no fault", body, err)
	case fault.Code != "SerializationException" || fault.Status != 0 || !strings.HasPrefix(fault.Message, message):
		t.Errorf("%s: %+v, want %q", body, fault, message)
	}
}
