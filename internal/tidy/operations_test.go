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
	tests := testNames(t)
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

// testNames are the names of all tests and fuzz targets.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, s := range sources(t) {
		for _, found := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(s.text, -1) {
			names[string(found[1])] = true
		}
	}
	return names
}

// TestThreatsHaveTests holds SECURITY.md to its word: every test that it names
// exists, and every threat has one.
func TestThreatsHaveTests(t *testing.T) {
	tests := testNames(t)
	_, threats, _ := strings.Cut(readDoc(t, "SECURITY.md"), "\n## Threats")
	threats, _, _ = strings.Cut(threats, "\n## ")
	for line := range strings.Lines(threats) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], " threat ") || strings.HasPrefix(cells[1], " --- ") {
			continue
		}
		if !strings.Contains(cells[3], "`") {
			t.Errorf("SECURITY.md names nothing that would show%s", cells[1])
		}
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(cells[3], -1) {
			if !tests[name[1]] {
				t.Errorf("SECURITY.md names %s, which does not exist", name[1])
			}
		}
	}
}
