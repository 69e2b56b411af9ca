package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The manual is made from the commands themselves: man pages for those who
// package Reeve, and docs/commands.md for those who read on the web.

func newMan(p *process) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "man --dir DIR",
		Short: "Write man pages, one a command",
		Long: `Write the man pages of reeve and of each of its commands into a directory, which is
made if it is not there: reeve.1, reeve-usage.1 and so on, for section 1.`,
		Example: `  reeve man --dir /usr/local/share/man/man1`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runMan(p, c.Root(), dir) },
	}
	c.Flags().StringVar(&dir, "dir", "", "the `directory` to write to (required)")
	return c
}

// manual is what reeve man tells programs.
type manual struct {
	Directory string
	Pages     int64
}

var manualView = view[manual]{
	[]column{{key: "Directory"}, {key: "Pages"}},
	func(m *manual) []any { return []any{m.Directory, m.Pages} },
}

func runMan(p *process, root *cobra.Command, dir string) error {
	if dir == "" {
		return misuse("--dir is missing: name the directory to write to")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make directory of man pages: %w", err)
	}
	made := manual{Directory: dir}
	for _, c := range everyCommand(root) {
		made.Pages++
		if err := os.WriteFile(filepath.Join(dir, manName(c)+".1"), []byte(manPage(c)), 0o644); err != nil {
			return fmt.Errorf("write man page: %w", err)
		}
	}
	return printSaid(p, manualView, &made, fmt.Sprintf("wrote %s to %s\n", counted(made.Pages, "page"), dir))
}

// newDocs prints docs/commands.md; see make docs.
func newDocs(p *process) *cobra.Command {
	return &cobra.Command{
		Use:     "docs",
		Short:   "Print docs/commands.md",
		Example: `  reeve docs > docs/commands.md`,
		Hidden:  true,
		Args:    arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := io.WriteString(p.stdout, commandsPage(c.Root()))
			return err
		},
	}
}

// everyCommand lists a command and all below it that people may use, each before
// those below it.
func everyCommand(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			all = append(all, everyCommand(sub)...)
		}
	}
	return all
}

// description is the long text of a command, or its one line as a sentence.
func description(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// flagsInText is the annotation of a command whose text describes its flags.
const flagsInText = "flags-in-text"

// ownFlags are the flags of a command that its text does not describe. --output
// is everybody's and described with reeve itself.
func ownFlags(c *cobra.Command) *pflag.FlagSet {
	own := pflag.NewFlagSet(c.Name(), pflag.ContinueOnError)
	own.SortFlags = c.Flags().SortFlags
	if c.Annotations[flagsInText] != "" {
		return own
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" && f.Name != "version" {
			own.AddFlag(f)
		}
	})
	return own
}

// block is a paragraph of a text, or lines of it that stay as they are.
type block struct {
	text string
	code bool
}

// blocks takes a text apart. Lines that begin with two spaces stay as they are,
// without these, and so do empty ones among them.
func blocks(text string) []block {
	var all []block
	for _, part := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		var prose, code []string
		for line := range strings.SplitSeq(part, "\n") {
			if rest, indented := strings.CutPrefix(line, "  "); indented {
				code = append(code, rest)
				continue
			}
			prose = append(prose, line)
		}
		if prose != nil {
			all = append(all, block{strings.Join(prose, "\n"), false})
		}
		if code == nil {
			continue
		}
		text := strings.Join(code, "\n")
		if last := len(all) - 1; prose == nil && last >= 0 && all[last].code {
			all[last].text += "\n\n" + text
			continue
		}
		all = append(all, block{text, true})
	}
	return all
}

// wrap breaks lines that are longer than width, and keeps how far they are
// indented.
func wrap(text string, width int) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		for len([]rune(line)) > width {
			at := strings.LastIndexByte(string([]rune(line)[:width+1]), ' ')
			if at <= len(indent) {
				break
			}
			out = append(out, line[:at])
			line = indent + line[at+1:]
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
