package console

import (
	"bytes"
	"errors"
	"strconv"
	"testing"

	"github.com/xuri/excelize/v2"
)

func TestAListThatFillsASheetGoesOnInAnother(t *testing.T) {
	var out bytes.Buffer
	b, err := newWorkbook(&out, 5) // two of them its head
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.head([]any{"Licence configuration", "n"}))
	for i := range 7 {
		must(b.row(&exportRow{ARN: "arn-" + strconv.Itoa(i), Consumed: int64(i)}))
	}
	must(b.end(7))
	book, err := excelize.OpenReader(&out)
	must(err)
	defer book.Close()
	var got []string
	for _, sheet := range book.GetSheetList() {
		rows, err := book.GetRows(sheet)
		must(err)
		if len(rows) > 5 || rows[0][1] != "n" || rows[1][0] != "Resource ARN" {
			t.Errorf("%s has %d rows and the head %v", sheet, len(rows), rows[:2])
		}
		for _, r := range rows[2:] {
			got = append(got, sheet+" "+r[0])
		}
	}
	if len(got) != 7 || got[0] != "Usage arn-0" || got[3] != "Usage 2 arn-3" || got[6] != "Usage 3 arn-6" {
		t.Errorf("the sheets have %v", got)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestAFileThatCannotBeSentIsAnError(t *testing.T) {
	b, err := newWorkbook(brokenWriter{}, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.head([]any{"n"}); err != nil {
		t.Fatal(err)
	}
	if b.end(0) == nil {
		t.Error("a workbook that went nowhere is a success")
	}
	f := newCSVFile(brokenWriter{})
	_ = f.head([]any{"n"})
	if f.end(0) == nil {
		t.Error("a file that went nowhere is a success")
	}
}
