package main

// How commands print. A command says once what its objects look like, in a
// view, and one of these prints them in the form that --output asks for:
//
//	printPages(p, view, fetch)         every page of a list of the API
//	newList(p, view)                   a list that the command goes through itself: add each, then end
//	printOne(p, view, object)          one object: a table of its fields
//	printSaid(p, view, object, text)   one object about which people read a sentence, or a document
//	say(p, format, …)                  a sentence for people where programs need nothing but the exit code
//
// With --output json the objects are printed whole, as the API has them: a list
// is an array with one object a line. The cells of a view are what tables and
// CSV show. A cell is nil (nothing), a string, an int64, a bool, an instant, a
// []string, or one of these in alarming(…). What people read beside the records,
// such as totals, is printed only if p.forPeople(). A command that has nothing
// to say prints nothing in any form.
//
// Nothing else writes tables, JSON or CSV, and nothing else asks for --output.

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// outputFlag is --output: table, json or csv.
type outputFlag string

var outputForms = []string{"table", "json", "csv"}

func (o *outputFlag) String() string { return string(*o) }
func (o *outputFlag) Type() string   { return strings.Join(outputForms, "|") }

func (o *outputFlag) Set(s string) error {
	for _, form := range outputForms {
		if s == form {
			*o = outputFlag(s)
			return nil
		}
	}
	return &flagValueError{fmt.Errorf("is %q: give table, json or csv", s)}
}

// outputHelp says what the forms of --output are.
const outputHelp = `Every command prints in the form that --output asks for. A table is for people: on
a terminal it leaves out or cuts what does not fit a line, and a pipe gets all of
it. JSON is for programs: what the API answers, with the API's names, a list as an
array with one object a line. CSV is for spreadsheets: RFC 4180 with a header, and
no text that a spreadsheet would run as a formula. Totals, titles and sentences are
printed with tables only. Commands that make something, such as a key, print JSON
unless they are asked for something else. Documents, such as a checkpoint or what reeve env prints,
are printed as they are unless json or csv is asked for.

Colours are shown on a terminal only, and not when NO_COLOR is set or TERM is dumb.
How far long work is, is shown on standard error if that is a terminal.`

// addOutput gives --output to a command and all below it.
func addOutput(c *cobra.Command, p *process) {
	p.output = "table"
	c.PersistentFlags().VarP(&p.output, "output", "o", "what to print: table for people, json for programs, csv for spreadsheets")
	completeWith(c, "output", outputForms...)
}

// forPrograms makes JSON what a command prints unless --output asks for something
// else: what it makes, such as a key's secret, goes on into another program.
func forPrograms(p *process, c *cobra.Command) *cobra.Command {
	c.Long += "\n\nIt prints JSON unless --output asks for something else."
	c.PreRun = func(c *cobra.Command, _ []string) {
		if !c.Flags().Changed("output") {
			p.output = "json"
		}
	}
	return c
}

// forPeople tells whether to print what is no record, such as totals.
func (p *process) forPeople() bool { return p.output == "table" || p.output == "" }

// column is one member of what a command prints.
type column struct {
	key    string // in CSV, the API's own where it has one; "" leaves it to tables
	title  string // in tables; "" leaves it to CSV
	right  bool   // numbers line up at the right
	spare  bool   // left out of a table that does not fit the terminal
	spread bool   // takes what the terminal has left, as bars do; never cut
}

// view says how objects of a kind are shown: a cell for each column.
type view[T any] struct {
	columns []column
	cells   func(*T) []any
}

// instant is a moment in RFC 3339. Tables show its seconds.
type instant string

// alarm is a cell that is red where there are colours.
type alarm struct{ cell any }

// alarming marks a cell as one to look at first.
func alarming(cell any) any { return alarm{cell} }

// records prints rows in one form.
type records interface {
	row(object any, cells []any) error
	end() error
}

func newRecords(p *process, columns []column) records {
	switch p.output {
	case "json":
		return &jsonRecords{w: p.stdout}
	case "csv":
		return newCSVRecords(p.stdout, columns)
	}
	return newTable(p, columns)
}

// list prints objects of a kind, one after the other.
type list[T any] struct {
	view view[T]
	out  records
}

func newList[T any](p *process, v view[T]) *list[T] {
	return &list[T]{v, newRecords(p, v.columns)}
}

func (l *list[T]) add(one *T) error { return l.out.row(one, l.view.cells(one)) }
func (l *list[T]) end() error       { return l.out.end() }

// addAll adds what is left of a list when an error has not ended it.
func (l *list[T]) addAll(all []T) error {
	for i := range all {
		if err := l.add(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// printAll prints a list that is there as a whole.
func printAll[T any](p *process, v view[T], all []T) error {
	out := newList(p, v)
	if err := out.addAll(all); err != nil {
		return err
	}
	return out.end()
}

// printPages prints what fetch returns for each page, as eachPage asks for them.
func printPages[T any](p *process, v view[T], fetch func(token *string) (page []T, next *string, err error)) error {
	out := newList(p, v)
	err := eachPage(func(token *string) (*string, error) {
		page, next, err := fetch(token)
		if err != nil {
			return nil, err
		}
		return next, out.addAll(page)
	})
	if err != nil {
		return err
	}
	return out.end()
}

// printOne prints one object; people get a line for each field that has a
// value.
func printOne[T any](p *process, v view[T], one *T) error {
	if !p.forPeople() {
		return printRecord(p, v, one)
	}
	return printFields(p, v.columns, v.cells(one))
}

// printSaid prints one object for programs, and the text as it is for people.
func printSaid[T any](p *process, v view[T], one *T, text string) error {
	if !p.forPeople() {
		return printRecord(p, v, one)
	}
	_, err := io.WriteString(p.stdout, text)
	return err
}

// say prints a sentence for people.
func say(p *process, format string, args ...any) error {
	if !p.forPeople() {
		return nil
	}
	_, err := fmt.Fprintf(p.stdout, format, args...)
	return err
}

// printRecord prints a JSON object, or CSV of one row.
func printRecord[T any](p *process, v view[T], one *T) error {
	if p.output == "json" {
		return printJSON(p.stdout, one)
	}
	return printAll(p, v, []T{*one})
}

// printJSON prints one value as indented JSON.
func printJSON(w io.Writer, v any) error {
	if err := json.MarshalWrite(w, v, jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// jsonRecords prints one array, an object a line, so that it streams and still
// greps.
type jsonRecords struct {
	w    io.Writer
	rows int
}

func (j *jsonRecords) row(object any, _ []any) error {
	lead := ",\n"
	if j.rows == 0 {
		lead = "[\n"
	}
	j.rows++
	line, err := json.Marshal(object)
	if err != nil {
		return err
	}
	_, err = j.w.Write(append([]byte(lead), line...))
	return err
}

func (j *jsonRecords) end() error {
	tail := "\n]\n"
	if j.rows == 0 {
		tail = "[]\n"
	}
	_, err := io.WriteString(j.w, tail)
	return err
}
