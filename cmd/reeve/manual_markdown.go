package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagWidth is how wide the flags of docs/commands.md are.
const flagWidth = 90

// commandsPage is docs/commands.md.
func commandsPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\nMade from the program's own help by `make docs`; `reeve man --dir DIR` writes the same as man\npages.\n\n")
	b.WriteString(outputChapter(root) + "\n## Exit codes\n\n" + exitChapter() + askingChapter())
	for _, g := range root.Groups() {
		fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(g.Title, ":"))
		writeCommands(&b, root, g.ID)
	}
	b.WriteString("\n## About the program\n")
	writeCommands(&b, root, "")
	return b.String()
}

// outputChapter is what holds for all commands.
func outputChapter(root *cobra.Command) string {
	return "## What is printed\n\n" + markdown(outputHelp) + "\n\n" + fenced("", flagsText(root.PersistentFlags()))
}

// askingChapter is what holds for all commands that ask a server.
func askingChapter() string {
	text := "\n## Which server is asked\n\n" + markdown(askingHelp) + "\n\n" + fenced("", flagsText(askingFlags())) + "\n"
	for _, v := range environment {
		text += "- `" + strings.ReplaceAll(v[0], ", ", "`, `") + "`: " + markdown(lowerFirst(v[1])) + "\n"
	}
	return text
}

const askingHelp = `All commands but those that run, move or save a server's database ask a server, and
take these flags. They are not repeated below.`

// askingFlags are the flags of a connection.
func askingFlags() *pflag.FlagSet {
	f := pflag.NewFlagSet("asking", pflag.ContinueOnError)
	new(connection).flags(f)
	return f
}

// without leaves out of flags those that are described elsewhere in the same
// words.
func without(flags, described *pflag.FlagSet) *pflag.FlagSet {
	rest := pflag.NewFlagSet("", pflag.ContinueOnError)
	rest.SortFlags = flags.SortFlags
	flags.VisitAll(func(f *pflag.Flag) {
		if same := described.Lookup(f.Name); same == nil || same.Usage != f.Usage {
			rest.AddFlag(f)
		}
	})
	return rest
}

// exitChapter is the table of exit codes, and why there are these.
func exitChapter() string {
	_, table, _ := strings.Cut(exitHelp, "\n")
	return fenced("", outdent(table)) + "\n" + markdown(exitWhy) + "\n"
}

func writeCommands(b *strings.Builder, root *cobra.Command, group string) {
	for _, top := range root.Commands() {
		if top.GroupID != group || !top.IsAvailableCommand() || top.Name() == "help" {
			continue
		}
		for _, c := range everyCommand(top) {
			b.WriteString(commandSection(c))
		}
	}
}

func commandSection(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n", c.CommandPath())
	b.WriteString(fenced("", c.UseLine()) + "\n")
	for _, part := range blocks(description(c)) {
		if part.code {
			b.WriteString(fenced("", part.text) + "\n")
			continue
		}
		b.WriteString(markdown(part.text) + "\n\n")
	}
	if flags := without(ownFlags(c), askingFlags()); flags.HasFlags() {
		b.WriteString(fenced("", flagsText(flags)) + "\n")
	}
	if c.Example != "" {
		b.WriteString(fenced("sh", outdent(c.Example)) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func flagsText(f *pflag.FlagSet) string {
	return outdent(strings.TrimRight(f.FlagUsagesWrapped(flagWidth), "\n"))
}

// outdent takes away what all lines of a text begin with two of: spaces.
func outdent(text string) string {
	lines := strings.Split(text, "\n")
	for _, line := range lines {
		if line != "" && !strings.HasPrefix(line, "  ") {
			return text
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return outdent(strings.Join(lines, "\n"))
}

func fenced(language, text string) string {
	return "```" + language + "\n" + text + "\n```\n"
}

// markdown writes prose as it is: none of it is an order to the renderer.
func markdown(text string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "<", "&lt;", "[", `\[`, "`", "\\`").Replace(text)
}
