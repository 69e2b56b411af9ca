package console

import (
	"encoding/csv"
	"mime"
	"net/http"
	"time"
)

// pageTime is how long reading and sending one page of a sheet may take.
const pageTime = time.Minute

// sheetPage reads the rows of one page of a list, and where it goes on.
type sheetPage func(token *string) (rows [][]string, next *string, err error)

// sendSheet sends a whole list as CSV while it is read, page by page. What is
// refused is an error as long as nothing is sent; a list that cannot be finished
// says so in its last row.
func (v *visit) sendSheet(name string, header []string, read sheetPage) error {
	rows, next, err := read(nil)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	w := csv.NewWriter(v.w)
	_ = w.Write(header) // delivered tells of a browser that went away
	writeRows(w, rows)
	for next != nil && v.delivered(w) {
		v.mayTake(pageTime)
		if rows, next, err = read(next); err != nil {
			v.c.Log.Error("export ended early", "path", v.URL.Path, "error", err)
			rows, next = [][]string{{"INCOMPLETE: the server could not finish this list. Export it again."}}, nil
		}
		writeRows(w, rows)
	}
	v.delivered(w)
	return nil
}

// writeRows writes rows in which a spreadsheet finds no formula.
func writeRows(w *csv.Writer, rows [][]string) {
	for _, cells := range rows {
		for i, cell := range cells {
			cells[i] = neutral(cell)
		}
		_ = w.Write(cells)
	}
}

// delivered sends what there is, and reports whether somebody still reads.
func (v *visit) delivered(w *csv.Writer) bool {
	w.Flush()
	return w.Error() == nil && v.Context().Err() == nil && http.NewResponseController(v.w).Flush() == nil
}
