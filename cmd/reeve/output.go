package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/pflag"
)

// outputFlag is --output of the commands that print records.
type outputFlag string

func (o *outputFlag) String() string { return string(*o) }
func (o *outputFlag) Type() string   { return "table|json|csv" }

func (o *outputFlag) Set(s string) error {
	if s != "table" && s != "json" && s != "csv" {
		return &flagValueError{fmt.Errorf("is %q: give table, json or csv", s)}
	}
	*o = outputFlag(s)
	return nil
}

func (o *outputFlag) flags(f *pflag.FlagSet) {
	*o = "table"
	f.VarP(o, "output", "o", "form of the records; totals and titles are printed with table only")
}

func (o outputFlag) forPeople() bool { return o == "table" }

// column is one member of the records that a command prints.
type column struct {
	key   string // in JSON and CSV
	title string // in tables
	right bool   // numbers line up at the right
}

// records prints rows of cells. A cell is a string, an int64 or nil for
// nothing.
type records interface {
	row(cells ...any) error
	end() error
}

func newRecords(w io.Writer, format outputFlag, columns []column) records {
	switch format {
	case "json":
		return &jsonRecords{w: w, columns: columns}
	case "csv":
		return newCSVRecords(w, columns)
	}
	return &table{w: w, columns: columns}
}

// jsonRecords prints one array, a record a line, so that it streams and still
// greps.
type jsonRecords struct {
	w       io.Writer
	columns []column
	rows    int
}

func (j *jsonRecords) row(cells ...any) error {
	lead := ",\n"
	if j.rows == 0 {
		lead = "[\n"
	}
	j.rows++
	line := []byte(lead + "{")
	for i, c := range cells {
		if c == nil {
			continue
		}
		if line[len(line)-1] != '{' {
			line = append(line, ',')
		}
		value, err := json.Marshal(c)
		if err != nil {
			return err
		}
		line = append(append(append(line, '"'), j.columns[i].key...), '"', ':')
		line = append(line, value...)
	}
	_, err := j.w.Write(append(line, '}'))
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

// csvRecords prints RFC 4180 with a header.
type csvRecords struct{ w *csv.Writer }

func newCSVRecords(w io.Writer, columns []column) *csvRecords {
	c := &csvRecords{csv.NewWriter(w)}
	var header []string
	for _, col := range columns {
		header = append(header, col.key)
	}
	_ = c.w.Write(header) // its error comes back from Flush
	return c
}

func (c *csvRecords) row(cells ...any) error {
	var out []string
	for _, cell := range cells {
		out = append(out, csvCell(cell))
	}
	return c.w.Write(out)
}

func (c *csvRecords) end() error {
	c.w.Flush()
	return c.w.Error()
}

// csvCell keeps text that came from machines from being run as a formula by
// the spreadsheet that an auditor opens the file with.
func csvCell(cell any) string {
	s, isText := cell.(string)
	switch {
	case cell == nil:
		return ""
	case !isText:
		return fmt.Sprint(cell)
	case s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])):
		return "'" + s
	}
	return s
}

// table lines columns up. It looks at the first rows to choose the widths and
// then streams; a later cell that is wider moves only its own line.
type table struct {
	w       io.Writer
	columns []column
	held    [][]string
	widths  []int // chosen when not nil
}

// tableLook is how many rows a table looks at.
const tableLook = 1000

func (t *table) row(cells ...any) error {
	out := make([]string, len(cells))
	for i, c := range cells {
		if c != nil {
			out[i] = printable(fmt.Sprint(c))
		}
	}
	if t.widths != nil {
		return t.print(out)
	}
	t.held = append(t.held, out)
	if len(t.held) < tableLook {
		return nil
	}
	return t.release()
}

func (t *table) end() error {
	if t.widths != nil || len(t.held) == 0 {
		return nil
	}
	return t.release()
}

// release chooses the widths and prints what was held.
func (t *table) release() error {
	var titles []string
	for _, c := range t.columns {
		titles = append(titles, c.title)
	}
	t.widths = make([]int, len(t.columns))
	rows := append([][]string{titles}, t.held...)
	for _, row := range rows {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	t.held = nil
	for _, row := range rows {
		if err := t.print(row); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) print(row []string) error {
	var line strings.Builder
	for i, cell := range row {
		pad := strings.Repeat(" ", max(0, t.widths[i]-utf8.RuneCountInString(cell)))
		if i > 0 {
			line.WriteString("  ")
		}
		if t.columns[i].right {
			line.WriteString(pad + cell)
		} else {
			line.WriteString(cell + pad)
		}
	}
	_, err := fmt.Fprintln(t.w, strings.TrimRight(line.String(), " "))
	return err
}

// printable keeps what machines reported from moving a terminal's cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, s)
}

// printJSON prints one value as indented JSON.
func printJSON(w io.Writer, v any) error {
	if err := json.MarshalWrite(w, v, jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
