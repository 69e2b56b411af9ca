package tidy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/server"
)

func TestEveryOperationIsInTheTable(t *testing.T) {
	lines := map[string]int{}
	for _, o := range server.Operations() {
		lines[o.Service+"."+o.Name]++
	}
	for _, o := range api.Operations {
		if n := lines[o.Service+"."+o.Name]; n != 1 {
			t.Errorf("%s.%s is in the table of operations %d times, want once: answered, or not yet and why", o.Service, o.Name, n)
		}
	}
	if len(lines) != len(api.Operations) {
		t.Errorf("the table has %d operations, the service models %d", len(lines), len(api.Operations))
	}
}

func TestOurOwnOperationsAreAllAnswered(t *testing.T) {
	for _, o := range server.Operations() {
		if o.Service == api.Reeve && o.Reason != "" {
			t.Errorf("%s is in our own model and not answered: %s", o.Name, o.Reason)
		}
	}
}

// TestDifferencesArePinned holds DIFFERENCES.md to its word: every test that
// it names exists.
func TestDifferencesArePinned(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "DIFFERENCES.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, s := range sources(t) {
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(s.text, -1) {
			tests[string(found[1])] = true
		}
	}
	for section := range strings.SplitSeq(string(text), "\n## ") {
		title, body, _ := strings.Cut(section, "\n")
		if strings.HasPrefix(title, "# ") {
			continue // the head of the page
		}
		named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(body, -1)
		if len(named) == 0 {
			t.Errorf("DIFFERENCES.md, %q names no test that pins it", title)
		}
		for _, name := range named {
			if !tests[name[1]] {
				t.Errorf("DIFFERENCES.md, %q names %s, which does not exist", title, name[1])
			}
		}
	}
}
