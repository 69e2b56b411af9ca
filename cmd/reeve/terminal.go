package main

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// screen is where a person reads standard output, or the zero value where a
// program does.
type screen struct {
	width, height int
	colours       bool
	unicode       bool // the locale has more than ASCII, also where no terminal is
}

// The size of a terminal that does not say.
const (
	usualWidth  = 80
	usualHeight = 24
)

func (p *process) screen() screen {
	s := screen{unicode: p.unicode()}
	f := terminalOf(p.stdout)
	if f == nil {
		return s
	}
	s.colours = p.colours()
	var err error
	if s.width, s.height, err = term.GetSize(int(f.Fd())); err != nil || s.width < 1 || s.height < 1 {
		s.width, s.height = usualWidth, usualHeight
	}
	return s
}

// terminalOf returns the terminal that a stream is, or nil.
func terminalOf(stream any) *os.File {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// moves tells whether the terminal can move its cursor, as it says. Windows says
// nothing, and leaves it to programs to find out: they do without.
func (p *process) moves() bool {
	t := p.getenv("TERM")
	return t != "" && t != "dumb"
}

// colours tells whether a terminal is to show any: https://no-color.org.
func (p *process) colours() bool { return p.moves() && p.getenv("NO_COLOR") == "" }

// watched tells whether a person sees standard error, for progress.
func (p *process) watched() bool {
	return terminalOf(p.stderr) != nil && p.getenv("TERM") != "dumb"
}

// unicode tells whether the locale is UTF-8.
func (p *process) unicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(p.getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// Styles of text, as terminals have them.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint returns text in a style, where there are colours.
func (s screen) paint(style, text string) string {
	if !s.colours || style == "" || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}
