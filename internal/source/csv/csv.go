// Package csv reads resources from a table: one row a resource, one column a
// fact. docs/importing.md describes the columns for people.
package csv

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"reeve/internal/api"
	"reeve/internal/source/record"
)

// maxHeader is how many bytes of the input are looked at to find the
// separator; a header is shorter than that.
const maxHeader = 4096

// Read passes every row of in to sink. The first row names the columns, in any
// order; the separator is the one the header uses. A row that cannot be read
// is passed to sink.Bad and the next one is tried; a header that cannot be
// used, or a record without end, ends the reading with an error.
func Read(in io.Reader, sink record.Sink) error {
	buffered := bufio.NewReaderSize(in, maxHeader)
	head, err := buffered.Peek(maxHeader)
	if err != nil && err != io.EOF {
		return fmt.Errorf("read header: %w", err)
	}
	t := newTable(buffered, separator(head))
	if err := t.readHeader(); err != nil {
		return err
	}
	for {
		switch err := t.readRow(sink); err {
		case nil:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// separator is the one of comma, semicolon and tab that the first line holds
// most often.
func separator(head []byte) rune {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	best := ','
	for _, candidate := range ";\t" {
		if count(line, candidate) > count(line, best) {
			best = candidate
		}
	}
	return best
}

func count(line []byte, separator rune) int {
	return bytes.Count(line, []byte(string(separator)))
}

// table is a CSV input after its header.
type table struct {
	in      *record.Reader
	rows    *csv.Reader
	columns []column
}

func newTable(in io.Reader, separator rune) *table {
	bounded := record.NewReader(in)
	rows := csv.NewReader(bounded)
	rows.Comma = separator
	rows.FieldsPerRecord = -1 // a row of the wrong length is one bad row, see readRow
	rows.ReuseRecord = true
	return &table{in: bounded, rows: rows}
}

// next reads one row and tells the line that it begins on; of a row that is
// too long, the line after the row before.
func (t *table) next() (cells []string, line int, err error) {
	start := t.rows.InputOffset()
	t.in.Begin(start)
	cells, err = t.rows.Read()
	switch {
	case err == nil:
		line, _ = t.rows.FieldPos(0)
	case errors.Is(err, record.ErrTooLong):
		line = t.in.Line(start)
	}
	return cells, line, err
}

func (t *table) readHeader() error {
	cells, line, err := t.next()
	switch {
	case err == io.EOF:
		return errors.New("the table is empty: the first row must name the columns")
	case err != nil:
		return fmt.Errorf("read header: %w", err)
	}
	if t.columns, err = columnsOf(cells); err != nil {
		return record.At(line, err)
	}
	return nil
}

// columnsOf finds the column that each cell of the header names.
func columnsOf(cells []string) ([]column, error) {
	found := make([]column, len(cells))
	seen := map[string]bool{}
	for i, cell := range cells {
		name := strings.ToLower(strings.TrimSpace(cell))
		at, known := columnIndex[name]
		if !known {
			return nil, fmt.Errorf("unknown column %.100q; the columns are %s", name, columnNames())
		}
		if seen[name] {
			return nil, fmt.Errorf("column %q is there twice", name)
		}
		seen[name], found[i] = true, columns[at]
	}
	if !seen["resource_arn"] {
		return nil, errors.New("the column resource_arn is missing; it names the resource of each row")
	}
	return found, nil
}

// readRow passes one row to sink. Rows without any content, which spreadsheets
// leave behind, are passed over.
func (t *table) readRow(sink record.Sink) error {
	cells, line, err := t.next()
	var bad *csv.ParseError
	switch {
	case errors.Is(err, record.ErrTooLong):
		return record.At(line, fmt.Errorf("%w; is a quotation mark missing?", err))
	case errors.As(err, &bad):
		return sink.Bad(bad.StartLine, bad.Err.Error())
	case err != nil:
		return err
	case strings.TrimSpace(strings.Join(cells, "")) == "":
		return nil
	case len(cells) != len(t.columns):
		return sink.Bad(line, fmt.Sprintf("the row has %d cells, the header %d", len(cells), len(t.columns)))
	}
	resource, err := t.resource(cells)
	if err != nil {
		return sink.Bad(line, err.Error())
	}
	return sink.Put(line, resource)
}

// resource reads the cells of one row; the first that cannot be read is named.
func (t *table) resource(cells []string) (api.Resource, error) {
	var r api.Resource
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		if cell == "" {
			continue
		}
		if err := t.columns[i].read(&r, cell); err != nil {
			return r, fmt.Errorf("%s: %w", t.columns[i].name, err)
		}
	}
	return r, record.Check(&r)
}
