package console

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"
)

// csvFile writes a file of usage as CSV. Its last line says how many rows there
// are, so that a file that was cut off can be told.
type csvFile struct{ w *csv.Writer }

func newCSVFile(w io.Writer) *csvFile {
	c := csv.NewWriter(w)
	c.UseCRLF = true // as RFC 4180 has it
	return &csvFile{c}
}

func (f *csvFile) head(cells []any) error {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = neutral(fmt.Sprint(cell))
	}
	if err := f.w.Write(texts); err != nil {
		return err
	}
	return f.w.Write(exportColumns)
}

func (f *csvFile) row(r *exportRow) error {
	return f.w.Write([]string{neutral(r.ARN), neutral(r.Type), neutral(r.Status), neutral(r.Owner), strconv.FormatInt(r.Consumed, 10), sinceText(r.Since)})
}

func (f *csvFile) end(rows int64) error {
	if err := f.w.Write([]string{"End of the list", strconv.FormatInt(rows, 10) + " rows"}); err != nil {
		return err
	}
	f.w.Flush()
	return f.w.Error()
}

// discard says to who reads the file all the same that it is not whole.
func (f *csvFile) discard() {
	_ = f.w.Write([]string{"THIS FILE IS NOT WHOLE: the server could not read on. Export it again."})
	f.w.Flush()
}

func sinceText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
