package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// csvRecords prints RFC 4180: a header, and lines that end with CR LF.
type csvRecords struct {
	w       *csv.Writer
	columns []column
}

func newCSVRecords(w io.Writer, columns []column) *csvRecords {
	c := &csvRecords{csv.NewWriter(w), columns}
	c.w.UseCRLF = true
	var header []string
	for _, col := range columns {
		if col.key != "" {
			header = append(header, col.key)
		}
	}
	_ = c.w.Write(header) // its error comes back from Flush
	return c
}

func (c *csvRecords) row(_ any, cells []any) error {
	var out []string
	for i, cell := range cells {
		if c.columns[i].key != "" {
			out = append(out, csvCell(cell))
		}
	}
	return c.w.Write(out)
}

func (c *csvRecords) end() error {
	c.w.Flush()
	return c.w.Error()
}

func csvCell(cell any) string {
	switch cell := cell.(type) {
	case nil:
		return ""
	case alarm:
		return csvCell(cell.cell)
	case string:
		return neutral(cell)
	case []string:
		return neutral(strings.Join(cell, " "))
	}
	return fmt.Sprint(cell)
}

// neutral keeps text that came from machines from being run as a formula by
// the spreadsheet that an auditor opens the file with, by the apostrophe with
// which people write such texts there.
func neutral(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}
