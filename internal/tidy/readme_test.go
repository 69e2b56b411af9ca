package tidy

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/config"
	"reeve/internal/server"
)

// readDoc reads a document by its name from the top of the tree.
func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeListsTheOperations compares README's table with the one that the
// server answers by. To bring README up to date, paste what the test prints.
func TestReadmeListsTheOperations(t *testing.T) {
	_, section, found := strings.Cut(readDoc(t, "README.md"), "\n## Operations\n\n")
	if !found {
		t.Fatal("README.md has no section Operations")
	}
	got, _, _ := strings.Cut(section, "\n\n")
	want := operationsTable(server.Operations())
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("README's table of operations is not the server's (-want +got):\n%s\nThe right one is:\n%s", diff, want)
	}
}

// operationsTable writes a line for what each service has and one for each
// reason why something is not there.
func operationsTable(operations []server.Status) string {
	lines := []string{"| | operations |", "| --- | --- |"}
	names := map[string][]string{}
	var titles []string
	for _, o := range operations {
		title := operationTitle(o)
		if names[title] == nil {
			titles = append(titles, title)
		}
		names[title] = append(names[title], "`"+o.Name+"`")
	}
	for _, title := range titles {
		lines = append(lines, "| "+title+" | "+strings.Join(names[title], ", ")+" |")
	}
	return strings.Join(lines, "\n")
}

func operationTitle(o server.Status) string {
	switch {
	case o.Reason != "":
		return "Not built: " + o.Reason
	case o.Service == api.Reeve:
		return "**Reeve's own, built**"
	}
	return "**AWS License Manager, built**"
}

// TestThePictureIsTrue compares the rooms that docs/ARCHITECTURE.md draws with
// the packages that there are.
func TestThePictureIsTrue(t *testing.T) {
	_, picture, _ := strings.Cut(readDoc(t, "docs/ARCHITECTURE.md"), "## The picture")
	_, picture, _ = strings.Cut(picture, "```\n")
	picture, _, _ = strings.Cut(picture, "```")
	drawn := map[string]bool{}
	for line := range strings.Lines(picture) {
		if room := strings.Fields(line); len(room) > 1 && line[0] != ' ' {
			drawn[room[0]] = true
		}
	}
	packages := map[string]bool{}
	for _, s := range sources(t) {
		packages[s.room()] = true
	}
	for room := range packages {
		if !drawn[room] {
			t.Errorf("docs/ARCHITECTURE.md does not draw %s: give it a line in the picture", room)
		}
	}
	for room := range drawn {
		if !packages[room] && !slices.Contains(placesWithoutGo, room) {
			t.Errorf("docs/ARCHITECTURE.md draws %s, which does not exist", room)
		}
	}
}

// placesWithoutGo are in the picture and hold no Go.
var placesWithoutGo = []string{"models/reeve", "deploy", "docs"}

// TestLinksLeadSomewhere follows every link of a document to another file of
// the tree.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	for name, text := range files(t, ".md") {
		for _, found := range link.FindAllSubmatch(text, -1) {
			target := string(found[1])
			if strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, path.Dir(name), target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, target)
			}
		}
	}
}

// TestOperatingListsTheSettings compares the table of docs/operating.md, which
// says that it has them all, with the settings that a server reads.
func TestOperatingListsTheSettings(t *testing.T) {
	_, section, found := strings.Cut(readDoc(t, "docs/operating.md"), "\n## Settings\n")
	if !found {
		t.Fatal("docs/operating.md has no section Settings")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var got, want []string
	for _, row := range regexp.MustCompile(`(?m)^\| (`+"`[^|]*`"+`) \|`).FindAllStringSubmatch(section, -1) {
		for _, name := range strings.Split(row[1], ", ") {
			got = append(got, strings.Trim(name, "`"))
		}
	}
	for _, s := range config.Settings() {
		want = append(want, s.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the settings in docs/operating.md are not the server's (-want +got):\n%s", diff)
	}
}
