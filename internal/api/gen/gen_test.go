package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	reeveModel = "../../../models/reeve/2026-12-01/service-2.json"
	committed  = ".."
)

func compareWithCommitted(t *testing.T, f file) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join(committed, f.name))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(f.text)); diff != "" {
		t.Errorf("%s is not what the model says: run gen again (-committed +generated)\n%s", f.name, diff)
	}
}

func TestReeveIsUpToDate(t *testing.T) {
	files, err := generate("", reeveModel)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].name != reeveFile {
		t.Fatalf("without AWS's model gen writes %d files; want %s alone", len(files), reeveFile)
	}
	compareWithCommitted(t, files[0])
}

// AWS's model is not part of Reeve, so this runs where somebody has it.
func TestLicenseManagerIsUpToDate(t *testing.T) {
	aws := os.Getenv("REEVE_AWS_MODEL")
	if aws == "" {
		t.Skip("set REEVE_AWS_MODEL to AWS License Manager's service-2.json to check " + awsFile)
	}
	files, err := generate(aws, reeveModel)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		compareWithCommitted(t, f)
		checkNoDocumentation(t, f, aws)
	}
}

// checkNoDocumentation looks for the sentences of a model in a generated file.
func checkNoDocumentation(t *testing.T, f file, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`"documentation":"<p>([^<"\\]{20,})`).FindAllSubmatch(data, -1) {
		if bytes.Contains(f.text, found[1]) {
			t.Errorf("%s repeats documentation: %s", f.name, found[1])
		}
	}
}

// write puts a model into a file and returns its path.
func write(t *testing.T, model string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "service-2.json")
	if err := os.WriteFile(path, []byte(model), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// small is a model with one operation and the given further shapes.
func small(operation, inputMembers, shapes string) string {
	return `{"metadata":{"apiVersion":"1","serviceFullName":"Small","targetPrefix":"Small"},
"operations":{"` + operation + `":{"name":"` + operation + `","input":{"shape":"` + operation + `Request"},"output":{"shape":"` + operation + `Response"},"errors":[{"shape":"Refused"}]}},
"shapes":{"` + operation + `Request":{"type":"structure","members":{` + inputMembers + `}},"` + operation + `Response":{"type":"structure","members":{}},
"Refused":{"type":"structure","exception":true,"members":{}}` + shapes + `}}`
}

func TestModelsThatAreRefused(t *testing.T) {
	const tag = `,"Tag":{"type":"structure","members":{"Key":{"shape":"Text"}}},"Text":{"type":"string"}`
	otherTag := strings.Replace(tag, `"Key"`, `"Name"`, 1)
	tests := []struct{ name, aws, reeve, want string }{
		{"not a model", "", `{}`, "not a service model"},
		{"not JSON", "", `{`, "unexpected end"},
		{"shape is missing", "", small("Put", `"A":{"shape":"Text"}`, ""), `shape "Text" is not in the model`},
		{"same shape, other members", small("Get", "", otherTag), small("Put", "", tag), "shape Tag is not the same in both models"},
		{"same shape, other constraint", small("Get", "", `,"Text":{"type":"string","max":5}`), small("Put", "", `,"Text":{"type":"string"}`), "shape Text is not the same"},
		{"unknown type", "", small("Put", `"A":{"shape":"Blob"}`, `,"Blob":{"type":"blob"}`), `type "blob"`},
		{"pattern that Go cannot compile", "", small("Put", `"A":{"shape":"Text"}`, `,"Text":{"type":"string","pattern":"(?=a)"}`), "shape Text: error parsing regexp"},
		{"pattern that repeats too often", "", small("Put", `"A":{"shape":"Text"}`, `,"Text":{"type":"string","pattern":"[a-z]{0,5000}"}`), "shape Text: error parsing regexp"},
		{"constraint that gen cannot check", "", small("Put", `"A":{"shape":"M"}`, `,"M":{"type":"map","key":{"shape":"T"},"value":{"shape":"T"},"max":3},"T":{"type":"string"}`), "cannot check constraints of a map"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			aws := ""
			if tt.aws != "" {
				aws = write(t, tt.aws)
			}
			_, err := generate(aws, write(t, tt.reeve))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want an error with %q", err, tt.want)
			}
		})
	}
}

// A shape that both models have is written once, with the checks that either
// needs.
func TestSharedShapesAreWrittenOnce(t *testing.T) {
	const shared = `,"Tag":{"type":"structure","required":["Key"],"members":{"Key":{"shape":"Text"}}},"Text":{"type":"string","max":5},"Tags":{"type":"list","member":{"shape":"Tag"}}`
	files, err := generate(write(t, small("Get", `"Tags":{"shape":"Tags"}`, shared)), write(t, small("Put", `"Tag":{"shape":"Tag"}`, shared)))
	if err != nil {
		t.Fatal(err)
	}
	own, theirs := string(files[0].text), string(files[1].text)
	for _, once := range []string{"type Tag struct", "func (in *Tag) check(", "var ruleText =", `Refused = "Refused"`} {
		if strings.Count(own, once) != 1 || strings.Contains(theirs, once) {
			t.Errorf("%q is not in %s alone", once, files[0].name)
		}
	}
	if !strings.Contains(theirs, `in.Tags[i].check(c, at.element("tags", i))`) {
		t.Errorf("the shared shape is not checked:\n%s", theirs)
	}
}

func TestMembersKeepTheirOrder(t *testing.T) {
	var got members
	if err := json.Unmarshal([]byte(`{"Zeta":{"shape":"A","documentation":"{}"},"Alpha":{"shape":"B"}}`), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(members{{"Zeta", "A"}, {"Alpha", "B"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOutputIsMarkedAsGenerated(t *testing.T) {
	files, err := generate("", reeveModel)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(files[0].text), "\n")
	if !regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`).MatchString(first) {
		t.Errorf("first line is %q", first)
	}
}

// A pattern with long repeats accepts the same lengths after it is split.
func TestSplitRepeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(950, 1054).Draw(t, "most")
		length := rapid.IntRange(0, 1100).Draw(t, "length")
		split := splitRepeats("a[x-z]{0," + strconv.Itoa(most) + "}b")
		compiled, err := regexp.Compile(`\A(?:` + split + `)\z`)
		if err != nil {
			t.Fatal(err)
		}
		got := compiled.MatchString("a" + strings.Repeat("x", length) + "b")
		if want := length <= most; got != want {
			t.Fatalf("%s matches %d characters: %v; want %v", split, length, got, want)
		}
	})
}
