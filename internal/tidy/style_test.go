package tidy

import (
	"bytes"
	"go/ast"
	"go/format"
	"slices"
	"strings"
	"testing"
)

// longest is the hard limit on the lines of a function, its braces included.
// Nearly all stay far below; the test logs the median.
const longest = 60

func TestFunctionsAreShort(t *testing.T) {
	var lengths []int
	for _, s := range sources(t) {
		if s.isTest() || s.isGenerated() {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			lines := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
			lengths = append(lengths, lines)
			if lines > longest {
				t.Errorf("%s: %s has %d lines, more than %d: give it one job", s.at(f), f.Name.Name, lines, longest)
			}
		}
	}
	slices.Sort(lengths)
	over := len(lengths) - lowerBound(lengths, 41)
	t.Logf("%d functions, median %d lines, %d over 40, longest %d", len(lengths), lengths[len(lengths)/2], over, lengths[len(lengths)-1])
}

// lowerBound is how many of the sorted numbers are below n.
func lowerBound(sorted []int, n int) int {
	i, _ := slices.BinarySearch(sorted, n)
	return i
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		documented[s.room()] = documented[s.room()] || s.file.Doc != nil
	}
	for room, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment that says what it is for", room)
		}
	}
}

func TestEveryFileIsFormatted(t *testing.T) {
	for _, s := range sources(t) {
		formatted, err := format.Source(s.text)
		if err != nil || !bytes.Equal(formatted, s.text) {
			t.Errorf("%s is not formatted: run gofmt -w (%v)", s.name, err)
		}
	}
}

// unwanted are texts that no file may hold, put together here so that this
// file does not.
var unwanted = map[string]string{
	"TO" + "DO":        "finish it, or say in docs what is left",
	"FIX" + "ME":       "fix it",
	"XX" + "X":         "say what it is",
	"time." + "Sleep(": "wait for a condition, or let the clock of the test move",
}

func TestNothingIsLeftUnfinished(t *testing.T) {
	for name, text := range files(t, ".go", ".md", ".sql", ".html") {
		for word, advice := range unwanted {
			if at := bytes.Index(text, []byte(word)); at >= 0 && !wanted(name, word) {
				line := 1 + bytes.Count(text[:at], []byte("\n"))
				t.Errorf("%s:%d has %q: %s", name, line, word, advice)
			}
		}
	}
}

// wanted lists where an unwanted text is right.
func wanted(name, word string) bool {
	return strings.HasPrefix(word, "time.") && !strings.HasSuffix(name, "_test.go")
}
