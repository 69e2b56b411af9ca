package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// The command line's help is the documentation of Reeve's model, so none of
// it may be missing.
func TestReeveModelIsDocumented(t *testing.T) {
	data, err := os.ReadFile(reeveModel)
	if err != nil {
		t.Fatal(err)
	}
	type documented struct {
		Documentation string                `json:"documentation"`
		Members       map[string]documented `json:"members"`
	}
	var m struct{ Operations, Shapes map[string]documented }
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	check := func(name string, d documented) {
		if !strings.HasPrefix(d.Documentation, "<p>") || !strings.HasSuffix(d.Documentation, ".</p>") {
			t.Errorf("%s is documented as %q; want sentences in <p>…</p>", name, d.Documentation)
		}
	}
	for _, group := range []map[string]documented{m.Operations, m.Shapes} {
		for name, d := range group {
			check(name, d)
			for memberName, member := range d.Members {
				check(name+"."+memberName, member)
			}
		}
	}
}

// Every operation can be refused in the ways that the server refuses any.
func TestReeveOperationsDeclareTheCommonErrors(t *testing.T) {
	m, err := load(reeveModel)
	if err != nil {
		t.Fatal(err)
	}
	for name, op := range m.Operations {
		for _, code := range []string{
			"AccessDeniedException", "AuthorizationException", "InvalidParameterValueException",
			"RateLimitExceededException", "ServerInternalException", "ValidationException",
		} {
			if !slices.Contains(op.Errors, ref{code}) {
				t.Errorf("%s does not declare %s", name, code)
			}
		}
	}
}
