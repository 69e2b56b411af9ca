package console

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/xuri/excelize/v2"
)

// sheetRows is how many rows a sheet can have. A longer list goes on in
// another sheet with the same head.
const sheetRows = 1_048_576

// workbook writes a file of usage as sheets. Rows go to a temporary file, so
// that no list fills the memory; the workbook is sent when it ends.
type workbook struct {
	to      io.Writer
	file    *excelize.File
	most    int // rows of a sheet
	sheets  int
	stream  *excelize.StreamWriter
	next    int // row of the sheet, from 1
	heading []any
	bold    int // style
	date    int // style
}

func newWorkbook(to io.Writer, most int) (*workbook, error) {
	b := &workbook{to: to, file: excelize.NewFile(), most: most}
	var err error
	if b.bold, err = b.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}); err != nil {
		return nil, fmt.Errorf("make style: %w", err)
	}
	format := "yyyy-mm-dd hh:mm:ss"
	if b.date, err = b.file.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
		return nil, fmt.Errorf("make style: %w", err)
	}
	return b, nil
}

func (b *workbook) head(cells []any) error {
	b.heading = cells
	return b.sheet()
}

// sheet ends the sheet before and begins another one.
func (b *workbook) sheet() error {
	if err := b.flush(); err != nil {
		return err
	}
	b.sheets++
	name := "Usage"
	if b.sheets == 1 {
		if err := b.file.SetSheetName("Sheet1", name); err != nil {
			return err
		}
	} else {
		name += " " + strconv.Itoa(b.sheets)
		if _, err := b.file.NewSheet(name); err != nil {
			return err
		}
	}
	var err error
	if b.stream, err = b.file.NewStreamWriter(name); err != nil {
		return fmt.Errorf("begin sheet: %w", err)
	}
	for i, width := range []float64{76, 34, 18, 16, 18, 22} {
		if err := b.stream.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	b.next = 1
	if err := b.put(b.heading); err != nil {
		return err
	}
	columns := make([]any, len(exportColumns))
	for i, c := range exportColumns {
		columns[i] = excelize.Cell{StyleID: b.bold, Value: c}
	}
	return b.put(columns)
}

// put writes a row. Texts are texts here, whatever they begin with: a formula
// would be a cell of another kind.
func (b *workbook) put(cells []any) error {
	if err := b.stream.SetRow("A"+strconv.Itoa(b.next), cells); err != nil {
		return fmt.Errorf("write row %d: %w", b.next, err)
	}
	b.next++
	return nil
}

func (b *workbook) row(r *exportRow) error {
	if b.next > b.most {
		if err := b.sheet(); err != nil {
			return err
		}
	}
	var since any
	if !r.Since.IsZero() {
		since = excelize.Cell{StyleID: b.date, Value: r.Since.UTC()}
	}
	return b.put([]any{r.ARN, r.Type, r.Status, r.Owner, r.Consumed, since})
}

func (b *workbook) flush() error {
	if b.stream == nil {
		return nil
	}
	if err := b.stream.Flush(); err != nil {
		return fmt.Errorf("end sheet: %w", err)
	}
	return nil
}

// end sends the workbook. Its temporary files go with it.
func (b *workbook) end(int64) error {
	err := b.flush()
	if err == nil {
		_, err = b.file.WriteTo(b.to)
	}
	return errors.Join(err, b.file.Close())
}

// discard sends nothing, and takes the temporary files away.
func (b *workbook) discard() { _ = b.file.Close() }
