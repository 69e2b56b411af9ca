package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/iam/policy"
)

// seeds adds every text of the refusals, and every policy of the cases.
func seeds(f *testing.F) {
	text, err := os.ReadFile("testdata/refusals.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if about, ok := strings.CutPrefix(line, "text "); ok {
			f.Add(about, "a:b", "x", "arn:aws:lm:eu:1:lic:1")
		}
	}
	files, _ := filepath.Glob("testdata/cases/*.txt")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for line := range strings.SplitSeq(string(text), "\n") {
			word, rest, _ := strings.Cut(line, " ")
			switch word {
			case "statement", "trust":
				f.Add(`{"Version": "2012-10-17", "Statement": `+rest+`}`, "aws:username", "ann", "arn:aws:lm:eu:1:lic:1")
			case "condition":
				f.Add(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": `+rest+`}}`, "k:x", "10", "*")
			}
		}
	}
}

// FuzzParse: whatever the text is, it is a policy or refused with a sentence;
// written in another way it is the same.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text, _, _, _ string) {
		for _, trust := range []bool{false, true} {
			d, err := parse(text, trust)
			if err != nil {
				if len(err.Error()) < 10 {
					t.Errorf("a short refusal: %q", err)
				}
				continue
			}
			again := jsontext.Value(text)
			if err := again.Compact(); err != nil {
				t.Fatalf("a policy that is no JSON: %v", err)
			}
			other, err := parse(string(again), trust)
			if err != nil {
				t.Fatalf("compact, it is refused: %v", err)
			}
			if a, b := strings.Join(d.Actions(), " "), strings.Join(other.Actions(), " "); a != b {
				t.Errorf("compact, it has the actions %s, not %s", b, a)
			}
		}
	})
}

// FuzzEvaluate: any policy answers any request, as the oracle does.
func FuzzEvaluate(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text, key, value, resource string) {
		d, err := policy.Parse([]byte(text))
		if err != nil {
			return
		}
		r := &policy.Request{Action: "lm:Get", Resource: resource, Keys: map[string][]string{strings.ToLower(key): {value}}}
		one := outcome(decide(d, false, r))
		if want := oracle(text, false, r); one != want {
			t.Errorf("got %s, the oracle says %s", one, want)
		}
		if two := outcome(policy.Evaluate([]policy.Policy{{Document: d}, {Document: d}}, r)); one != two {
			t.Errorf("twice the same policy says %s, once %s", two, one)
		}
	})
}
