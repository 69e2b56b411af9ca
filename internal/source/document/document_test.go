package document_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/source/document"
	"reeve/internal/source/record"
)

// result is what came out of an input, one entry a record: the line with the
// resource as JSON or the reason after "bad: ".
type result struct {
	records []string
	err     error
}

func (r *result) sink() record.Sink {
	return record.Sink{
		Put: func(line int, resource api.Resource) error {
			text, err := json.Marshal(&resource)
			r.records = append(r.records, fmt.Sprintf("%d %s", line, text))
			return err
		},
		Bad: func(line int, reason string) error {
			r.records = append(r.records, fmt.Sprintf("%d bad: %s", line, reason))
			return nil
		},
	}
}

func read(input string) result {
	var r result
	r.err = document.Read(strings.NewReader(input), r.sink())
	return r
}

func TestForms(t *testing.T) {
	for name, c := range map[string]struct {
		input string
		want  []string
	}{
		"request document": {
			"{\n \"Resources\": [\n  {\"ResourceArn\": \"a\", \"VCpus\": 4},\n\n  {\n   \"ResourceArn\": \"b\"\n  }\n ]\n}\n",
			[]string{`3 {"ResourceArn":"a","VCpus":4}`, `5 {"ResourceArn":"b"}`},
		},
		"request document on one line": {
			`{"Resources":[{"ResourceArn":"a"}],"Mode":"observe","DryRun":false}`,
			[]string{`1 {"ResourceArn":"a"}`},
		},
		"mode first": {
			`{"Mode":"observe","Resources":[{"ResourceArn":"a"}]}`,
			[]string{`1 {"ResourceArn":"a"}`},
		},
		"array":       {"\n\n[{\"ResourceArn\":\"a\"},\n{\"ResourceArn\":\"b\"}]", []string{`3 {"ResourceArn":"a"}`, `4 {"ResourceArn":"b"}`}},
		"empty array": {"[]", nil},
		"JSON lines":  {"{\"ResourceArn\":\"a\"}\r\n\n{\"ResourceArn\":\"b\"}", []string{`1 {"ResourceArn":"a"}`, `3 {"ResourceArn":"b"}`}},
		"one resource over several lines": {
			"{\n\"ResourceArn\": \"a\"\n}\n{\n\"ResourceArn\": \"b\"}",
			[]string{`1 {"ResourceArn":"a"}`, `4 {"ResourceArn":"b"}`},
		},
		"absent, cleared and null": {
			`[{"ResourceArn":"a","Cores":0,"Name":"","Tags":[],"Sockets":null}]`,
			[]string{`1 {"ResourceArn":"a","Name":"","Cores":0,"Tags":[]}`},
		},
		"everything": {
			`[{"ResourceArn":"a","Virtual":false,"LicenseIncluded":["x"],"Tags":[{"Key":"k","Value":""}],"Applications":[{"Name":"n","Publisher":"p","Version":"1"}]}]`,
			[]string{`1 {"ResourceArn":"a","Virtual":false,"LicenseIncluded":["x"],"Tags":[{"Key":"k","Value":""}],"Applications":[{"Name":"n","Publisher":"p","Version":"1"}]}`},
		},
	} {
		got := read(c.input)
		if diff := cmp.Diff(c.want, got.records); diff != "" || got.err != nil {
			t.Errorf("%s: error %v, records (-want +got)\n%s", name, got.err, diff)
		}
	}
}

// TestBadRecords: what is wrong with a record is said in the words of the
// document, and the record after it is read.
func TestBadRecords(t *testing.T) {
	for record, want := range map[string]string{
		`{"ResourceArn":"a","Corse":4}`:                                    `unknown member "Corse"`,
		`{"ResourceArn":"a","cores":4}`:                                    `unknown member "cores"`,
		`{"ResourceArn":"a","Applications":[{"Name":"n"},{"Vendor":"p"}]}`: `unknown member "Applications.1.Vendor"`,
		`{"ResourceArn":"a","Cores":"4"}`:                                  `Cores must be a whole number, not a string`,
		`{"ResourceArn":"a","Cores":4.5}`:                                  `Cores must be a whole number, not 4.5`,
		`{"ResourceArn":"a","Cores":99999999999999999999}`:                 `Cores must be a whole number, not 99999999999999999999`,
		`{"ResourceArn":"a","Cores":-1}`:                                   `Cores is '-1': Member must have value greater than or equal to 0`,
		`{"ResourceArn":"a","Virtual":"no"}`:                               `Virtual must be true or false, not a string`,
		`{"ResourceArn":"a","Tags":{"k":"v"}}`:                             `Tags must be an array, not an object`,
		`{"ResourceArn":"a","Tags":["k"]}`:                                 `Tags.0 must be an object, not a string`,
		`{"ResourceArn":["a"]}`:                                            `ResourceArn must be a string, not an array`,
		`{"ResourceArn":"a","Name":"x","Name":"y"}`:                        `member "Name" is there twice`,
		`{"Name":"x"}`:                         `ResourceArn is missing`,
		`{"ResourceArn":"a","Tenancy":"host"}`: `Tenancy is 'host': Member must satisfy enum value set: [EC2-Default, EC2-DedicatedHost, EC2-DedicatedInstance]`,
		`7`:                                    `a resource must be an object, not a number`,
		`null`:                                 `ResourceArn is missing`,
		"{\"ResourceArn\":\"\xff\"}":           `invalid UTF-8`,
	} {
		want := []string{`1 {"ResourceArn":"first"}`, "2 bad: " + want, `3 {"ResourceArn":"last"}`}
		got := read("[{\"ResourceArn\":\"first\"},\n" + record + ",\n{\"ResourceArn\":\"last\"}]")
		if diff := cmp.Diff(want, got.records); diff != "" || got.err != nil {
			t.Errorf("%s in an array: error %v, records (-want +got)\n%s", record, got.err, diff)
		}
		got = read("{\"ResourceArn\":\"first\"}\n" + record + "\n{\"ResourceArn\":\"last\"}\n")
		if diff := cmp.Diff(want, got.records); diff != "" || got.err != nil {
			t.Errorf("%s on a line: error %v, records (-want +got)\n%s", record, got.err, diff)
		}
	}
}

func TestBadDocuments(t *testing.T) {
	for input, want := range map[string]string{
		"":    "the input is empty",
		" \n": "the input is empty",
		"[{\"ResourceArn\":\"a\"},\n{\"ResourceArn\":":                   "the input ends in the middle of the value that follows line 1",
		"[\n{\"ResourceArn\":\"a\"}\n":                                   "the input ends in the middle of the value that follows line 2",
		"[\n{\"ResourceArn\":\"a\"}\n{}]":                                "line 3: not JSON: invalid character '{' after array element (expecting ',' or ']')",
		"[\n\n{'ResourceArn':1}]":                                        "line 3: not JSON: invalid character '\\'' at start of string (expecting '\"')",
		"{\"Resources\":[],\n\"Moed\":\"admit\"}":                        `line 2: unknown member "Moed" beside Resources`,
		"{\"Resources\":[],\n\"Resources\":[]}":                          `line 2: member "Resources" is there twice`,
		`{"Resources":{"ResourceArn":"a"}}`:                              "line 1: member Resources must be an array, not an object",
		"[]\n\"x\"":                                                      "line 2: expected resources, found a string",
		"{\"Resources\":[{\"ResourceArn\":\"a\"}],\n\"Mode\":\"admit\"}": `line 2: an import records facts and cannot follow Mode "admit"; remove that member, or send the document with PutResources`,
		"{\"Resources\":[{\"ResourceArn\":\"a\"}],\n\"DryRun\":true}":    `line 2: an import records facts and cannot follow DryRun true; remove that member, or send the document with PutResources`,
	} {
		got := read(input)
		if got.err == nil || got.err.Error() != want {
			t.Errorf("%q: error %v, want %s", input, got.err, want)
		}
		if strings.Contains(want, "import records facts") && got.records != nil {
			t.Errorf("%q: passed %v on before it was refused", input, got.records)
		}
	}
}

// TestLargeRequestDocument: a document with more resources than PutResources
// takes is passed on while it is read, so memory stays bounded.
func TestLargeRequestDocument(t *testing.T) {
	const resources = 2500
	input := `{"Resources":[` + strings.Repeat("{\"ResourceArn\":\"a\"},\n", resources-1) + `{"ResourceArn":"a"}]`
	got := read(input) // without its closing brace
	if len(got.records) != resources || got.records[resources-1] != `2500 {"ResourceArn":"a"}` {
		t.Errorf("%d records of %d were passed on", len(got.records), resources)
	}
	if got.err == nil {
		t.Error("a document without its end was accepted")
	}
}

func TestRecordsAreBounded(t *testing.T) {
	long := `{"ResourceArn":"` + strings.Repeat("x", record.MaxSize) + `"}`
	got := read("[{\"ResourceArn\":\"a\"},\n" + long + "]")
	if !errors.Is(got.err, record.ErrTooLong) || len(got.records) != 1 {
		t.Errorf("in an array: error %v after %d records", got.err, len(got.records))
	}
	got = read("{\"ResourceArn\":\"a\"}\n" + long + "\n{\"ResourceArn\":\"b\"}\n")
	want := []string{`1 {"ResourceArn":"a"}`, "2 bad: record is longer than 1 MiB", `3 {"ResourceArn":"b"}`}
	if diff := cmp.Diff(want, got.records); diff != "" || got.err != nil {
		t.Errorf("on a line: error %v, records (-want +got)\n%s", got.err, diff)
	}
	if got = read(strings.Repeat("[", 1<<16)); got.err == nil {
		t.Error("nesting without end was accepted")
	}
}

func TestReadLinesGoesOnAfterABrokenLine(t *testing.T) {
	var got result
	err := document.ReadLines(strings.NewReader("{\"ResourceArn\":\n{\"ResourceArn\":\"b\"}\n{\"ResourceArn\":\"c\"} {}"), got.sink())
	want := []string{"1 bad: unexpected EOF", `2 {"ResourceArn":"b"}`, "3 bad: invalid character '{' after top-level value"}
	if diff := cmp.Diff(want, got.records); diff != "" || err != nil {
		t.Errorf("error %v, records (-want +got)\n%s", err, diff)
	}
}

func TestSinkEndsTheReading(t *testing.T) {
	full := errors.New("full")
	sink := record.Sink{
		Put: func(int, api.Resource) error { return full },
		Bad: func(int, string) error { return full },
	}
	for _, input := range []string{`[{"ResourceArn":"a"}]`, `[{}]`, `{"Resources":[{"ResourceArn":"a"}]}`, `{"ResourceArn":"a"}`, `{"Name":"a"}`} {
		if err := document.Read(strings.NewReader(input), sink); err != full {
			t.Errorf("%s: error %v, want the sink's", input, err)
		}
	}
}

// FuzzDocument: whatever the input, every resource that comes out is one that
// PutResources would take, and lines never run backwards.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		`{"Resources":[{"ResourceArn":"a","Cores":4}],"Mode":"observe"}`,
		"[{\"ResourceArn\":\"a\"},\n{\"ResourceArn\":\"b\",\"Tags\":[{\"Key\":\"k\"}]}]",
		"{\"ResourceArn\":\"a\"}\n{\"ResourceArn\":\"b\"}\n",
		`[{"ResourceArn":"a","ResourceArn":"b"},{"Corse":1},null,7`,
		"[\n[[[[{}]]]]\n]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		last := 0
		lines := strings.Count(input, "\n") + 1
		check := func(line int) {
			if line < last || line < 1 || line > lines {
				t.Fatalf("line %d after line %d of %d", line, last, lines)
			}
			last = line
		}
		document.Read(strings.NewReader(input), record.Sink{
			Put: func(line int, r api.Resource) error {
				check(line)
				if err := record.Check(&r); err != nil {
					t.Fatalf("line %d: %v", line, err)
				}
				return nil
			},
			Bad: func(int, string) error { return nil },
		})
	})
}
