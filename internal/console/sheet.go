package console

import (
	"encoding/csv"
	"mime"
	"net/http"
	"strings"
	"time"
)

// sheet is a CSV file that is sent while it is read, page by page.
type sheet struct {
	v *visit
	w *csv.Writer
}

// newSheet begins a download. What is refused has to be found out before.
func newSheet(v *visit, name string, header ...string) *sheet {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	s := &sheet{v, csv.NewWriter(v.w)}
	s.row(header...)
	return s
}

// row writes one row; a cell that a spreadsheet would take for a formula is
// made text with an apostrophe before it.
func (s *sheet) row(cells ...string) {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	_ = s.w.Write(cells) // flush tells of a browser that went away
}

// pages writes what each page has until there are no more; the first has been
// read already. A list that cannot be finished says so in its last row, since
// its beginning has been sent.
func (s *sheet) pages(token *string, read func(token *string) (*string, error)) error {
	for token != nil && s.flush() {
		_ = http.NewResponseController(s.v.w).SetWriteDeadline(time.Now().Add(pageTime)) // not every writer has one
		next, err := read(token)
		if err != nil {
			s.v.c.Log.Error("export ended early", "path", s.v.URL.Path, "error", err)
			s.row("INCOMPLETE: the server could not finish this list. Export it again.")
			break
		}
		token = next
	}
	s.flush()
	return nil
}

// pageTime is how long sending one page of a sheet may take.
const pageTime = time.Minute

// flush sends what there is, and reports whether somebody still reads.
func (s *sheet) flush() bool {
	s.w.Flush()
	return s.w.Error() == nil && s.v.Context().Err() == nil && http.NewResponseController(s.v.w).Flush() == nil
}
