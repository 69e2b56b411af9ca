package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// report is all that a run has measured.
type report struct {
	Machine   machine
	Rounds    int
	Slice     string
	Clients   int
	Lists     []listRow
	Shapes    []shapeRow
	Writes    []writeRow
	Starts    []startRow
	BinaryMiB float64
	Overloads []overloadRow
	Peers     []peerRow
	Notes     []string

	profiles []string // files
}

// publish prints the tables and writes the files that were asked for.
func (r *report) publish(o options) error {
	var out bytes.Buffer
	r.print(&out, o.markdown)
	for _, file := range r.profiles {
		fmt.Fprintf(&out, "\n%s\n%s", file, whereTimeGoes(file))
	}
	if _, err := out.WriteTo(os.Stdout); err != nil {
		return err
	}
	if o.json != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if o.plot != "" {
		if err := os.WriteFile(o.plot, plotOf(r), 0o644); err != nil {
			return err
		}
	}
	if o.docs != "" {
		return r.renew(o.docs)
	}
	return nil
}

// What stands between these lines of a page is what a run has measured.
const (
	pageBegin = "<!-- measured: written by go run ./test/bench -docs -->\n"
	pageEnd   = "<!-- measured: end -->\n"
)

// renew puts the report into a page in the place of the one before.
func (r *report) renew(file string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(page), pageBegin)
	_, after, ends := strings.Cut(rest, pageEnd)
	if !begins || !ends {
		return fmt.Errorf("%s has no lines %q and %q to write between", file, pageBegin, pageEnd)
	}
	var out bytes.Buffer
	out.WriteString(before + pageBegin + "\n")
	r.print(&out, true)
	out.WriteString("\n" + pageEnd + after)
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// print writes the machine, the tables and the notes.
func (r *report) print(w io.Writer, markdown bool) {
	m := r.Machine
	fmt.Fprintf(w, "%s, %d cores, %.0f GiB, %s, %s, %s; %s.\nMedians of %d rounds of %s, lists asked for over %d connections.\n\n    %s\n",
		m.CPU, m.Cores, m.MemoryGiB, m.Kernel, m.Go, strings.Join(m.Databases, ", "), m.Date, r.Rounds, r.Slice, r.Clients, m.Command)
	for _, t := range r.tables() {
		if markdown {
			t.markdown(w)
		} else {
			t.text(w)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "\n%s.\n", strings.ToUpper(note[:1])+note[1:])
	}
}

// table is one table of a report. Its first left columns are text.
type table struct {
	title string
	note  string // how to read it
	left  int
	head  []string
	rows  [][]string
}

func (t table) text(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n%s\n\n", strings.ToUpper(t.title), t.note)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, row := range append([][]string{t.head}, t.rows...) {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	tw.Flush()
}

func (t table) markdown(w io.Writer) {
	fmt.Fprintf(w, "\n### %s\n\n%s\n\n", t.title, t.note)
	rule := make([]string, len(t.head))
	for i := range rule {
		if rule[i] = "---:"; i < t.left {
			rule[i] = "---"
		}
	}
	for _, row := range append([][]string{t.head, rule}, t.rows...) {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
}
