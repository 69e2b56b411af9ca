package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manName is the name of a command's man page: reeve-user-create.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage is a command's page in the language of man(7).
func manPage(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"reeve %s\" \"Reeve\"\n", roff(strings.ToUpper(manName(c))), roff(buildVersion()))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manName(c)), roff(lowerFirst(c.Short)))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.UseLine()))
	b.WriteString(".SH DESCRIPTION\n")
	for _, part := range blocks(description(c)) {
		b.WriteString(roffBlock(part))
	}
	b.WriteString(".SH OPTIONS\n")
	ownFlags(c).VisitAll(func(f *pflag.Flag) { b.WriteString(roffFlag(f)) })
	if c.HasParent() {
		b.WriteString(roffFlag(c.Root().PersistentFlags().Lookup("output")))
	}
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n")
		for _, part := range blocks(c.Example) {
			b.WriteString(roffBlock(part))
		}
	}
	if !c.HasParent() {
		b.WriteString(rootSections())
	}
	b.WriteString(".SH SEE ALSO\n" + roff(seeAlso(c)) + "\n")
	return b.String()
}

// rootSections are what only the page of reeve itself has.
func rootSections() string {
	text := ".SH OUTPUT\n"
	for _, part := range blocks(outputHelp) {
		text += roffBlock(part)
	}
	text += ".SH ENVIRONMENT\n"
	for _, v := range environment {
		text += fmt.Sprintf(".TP\n\\fB%s\\fR\n%s\n", roff(v[0]), roff(v[1]))
	}
	return text
}

// environment is what all commands that ask a server look at.
var environment = [][2]string{
	{"REEVE_ENDPOINT, AWS_ENDPOINT_URL_LICENSE_MANAGER", "URL of the server that commands ask, unless --endpoint names one."},
	{"AWS_REGION, AWS_DEFAULT_REGION", "Region that they ask in, unless --region names one."},
	{"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE", "Whose key signs, as AWS clients have it. reeve env prints them for a server on this machine."},
	{"REEVE_DATA", "Data directory of the server on this machine, ./reeve-data without it. Its access key signs where the variables above and ~/.aws/credentials have none, and only then does the URL in it count."},
	{"NO_COLOR", "Anything but nothing: no colours."},
	{"LC_ALL, LC_CTYPE, LANG", "Where none is of UTF-8, bars and charts are drawn in ASCII."},
}

// roff writes text as it is: no word of it is an order to the formatter, and a
// hyphen can be searched for and copied.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

func roffBlock(part block) string {
	if part.code {
		return ".PP\n.RS 2\n.nf\n" + roff(part.text) + "\n.fi\n.RE\n"
	}
	return ".PP\n" + roff(part.text) + "\n"
}

func roffFlag(f *pflag.Flag) string {
	kind, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if kind != "" {
		kind = " " + kind
	}
	return fmt.Sprintf(".TP\n\\fB%s\\fR%s\n%s%s\n", roff(name), roff(kind), roff(usage), roff(defaultText(f)))
}

// defaultText says what a flag is that was not given, where its usage does not.
func defaultText(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "0", "0s", "false", "[]":
		return ""
	}
	return fmt.Sprintf(" (default %s)", f.DefValue)
}

// seeAlso names the pages around a command.
func seeAlso(c *cobra.Command) string {
	var names []string
	if c.HasParent() {
		names = append(names, manName(c.Parent())+"(1)")
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			names = append(names, manName(sub)+"(1)")
		}
	}
	return strings.Join(names, ", ")
}

func lowerFirst(s string) string {
	if len(s) < 2 || s[1] >= 'A' && s[1] <= 'Z' {
		return s // an acronym
	}
	return strings.ToLower(s[:1]) + s[1:]
}
