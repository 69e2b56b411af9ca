package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func testRoot() *cobra.Command { return newRoot(&process{lookupEnv: noEnv}) }

// TestEveryCommandExplainsItself: a purpose in one line, an example that can be
// typed, and no flag without a word about it.
func TestEveryCommandExplainsItself(t *testing.T) {
	for _, c := range everyCommand(testRoot()) {
		path := c.CommandPath()
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || len(c.Short) > 67 {
			t.Errorf("%s: its purpose %q is no line of up to 67 characters without a full stop", path, c.Short)
		}
		if c.HasParent() && !strings.Contains(c.Example, path) && !strings.Contains(c.Long, path) {
			t.Errorf("%s has no example", path)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s says %q of itself", path, f.Name, f.Usage)
			}
		})
		for line := range strings.Lines(c.Long) {
			if n := len([]rune(line)); n > 100 {
				t.Errorf("%s: a line of its help has %d characters: %s", path, n, line)
			}
		}
	}
}

// TestExamplesCanBeTyped: the flags that examples use are there.
func TestExamplesCanBeTyped(t *testing.T) {
	for _, c := range everyCommand(testRoot()) {
		for line := range strings.Lines(c.Example) {
			at := strings.Index(line, c.CommandPath()+" ")
			if at < 0 || len(c.Commands()) > 0 {
				continue
			}
			for _, word := range strings.Fields(line[at:]) {
				name, isFlag := strings.CutPrefix(word, "--")
				name, _, _ = strings.Cut(strings.TrimRight(name, `)"`), "=")
				if strings.ContainsAny(word, "|>;") {
					break
				}
				if isFlag && c.Flags().Lookup(name) == nil && c.InheritedFlags().Lookup(name) == nil {
					t.Errorf("%s has no --%s, which an example uses: %s", c.CommandPath(), name, line)
				}
			}
		}
	}
}

// TestDocsOfCommandsAreCurrent: run make docs when it fails.
func TestDocsOfCommandsAreCurrent(t *testing.T) {
	got, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(commandsPage(testRoot()), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("docs/commands.md is not what the commands say; run make docs (-want +got):\n%s", diff)
	}
}

// TestManPagesAreThere: one a command, each with the sections that people look
// for, and nothing that man complains about.
func TestManPagesAreThere(t *testing.T) {
	root, dir := testRoot(), filepath.Join(t.TempDir(), "man1")
	var out strings.Builder
	if err := runMan(&process{stdout: &out, lookupEnv: noEnv}, root, dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range everyCommand(root) {
		page, err := os.ReadFile(filepath.Join(dir, manName(c)+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"} {
			if !strings.Contains(string(page), "\n.SH "+section+"\n") {
				t.Errorf("%s.1 has no %s", manName(c), section)
			}
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed: the pages are not rendered")
	}
	for _, name := range []string{"reeve", "reeve-serve", "reeve-what-if"} {
		cmd := exec.Command(groff, "-man", "-ww", "-Tutf8", "-K", "utf8", filepath.Join(dir, name+".1"))
		var said strings.Builder
		cmd.Stderr = &said
		if err := cmd.Run(); err != nil || said.Len() > 0 {
			t.Errorf("groff of %s.1: %v\n%s", name, err, &said)
		}
	}
}

func TestTextStaysWhatItIsInManPages(t *testing.T) {
	const text = ".SH not a section\n'nor this\nC:\\dir --flag"
	const want = `\&.SH not a section` + "\n" + `\&'nor this` + "\n" + `C:\edir \-\-flag`
	if got := roff(text); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBlocks(t *testing.T) {
	got := blocks("One\ntwo.\n\n  a\n    b\n\n  c\n\nTitle:\n  d\n")
	want := []block{{"One\ntwo.", false}, {"a\n  b\n\nc", true}, {"Title:", false}, {"d", true}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(block{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
