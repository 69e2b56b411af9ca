package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var testColumns = []column{{key: "Name", title: "NAME"}, {key: "Count", title: "COUNT", right: true}, {key: "Note", title: "NOTE"}}

func printRecords(t *testing.T, format outputFlag, rows ...[]any) string {
	t.Helper()
	var b bytes.Buffer
	out := newRecords(&b, format, testColumns)
	for _, r := range rows {
		if err := out.row(r...); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.end(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRecords(t *testing.T) {
	rows := [][]any{{"a", int64(1), nil}, {"Zürich", int64(1000), "x,\"y\""}}
	for format, want := range map[outputFlag]string{
		"table": "NAME    COUNT  NOTE\na           1\nZürich   1000  x,\"y\"\n",
		"csv":   "Name,Count,Note\na,1,\nZürich,1000,\"x,\"\"y\"\"\"\n",
		"json":  "[\n{\"Name\":\"a\",\"Count\":1},\n{\"Name\":\"Zürich\",\"Count\":1000,\"Note\":\"x,\\\"y\\\"\"}\n]\n",
	} {
		if diff := cmp.Diff(want, printRecords(t, format, rows...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestNoRecords(t *testing.T) {
	for format, want := range map[outputFlag]string{"table": "", "csv": "Name,Count,Note\n", "json": "[]\n"} {
		if got := printRecords(t, format); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}

func TestTextFromMachinesDoesNoHarm(t *testing.T) {
	row := []any{"=HYPERLINK(1)", int64(-1), "\x1b[2Jgone\u202e"}
	if got := printRecords(t, "table", row); strings.ContainsAny(got, "\x1b\u202e") {
		t.Errorf("a table passes control characters on: %q", got)
	}
	if got, want := printRecords(t, "csv", row), "'=HYPERLINK(1),-1,"; !strings.Contains(got, want) {
		t.Errorf("%q lacks %q: a spreadsheet would run the cell", got, want)
	}
}

func TestALongTableStreams(t *testing.T) {
	var b bytes.Buffer
	out := newRecords(&b, "table", testColumns)
	for i := range tableLook + 2 {
		if err := out.row(fmt.Sprint("row", i), int64(i), "a"); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() == 0 {
		t.Error("nothing was printed before the end")
	}
	if err := out.end(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != tableLook+3 {
		t.Errorf("%d lines", n)
	}
}

func TestBar(t *testing.T) {
	ten := int64(10)
	for _, c := range []struct {
		value  int64
		bought *int64
		scale  int64
		want   string
	}{
		{10, &ten, 10, strings.Repeat("#", 40) + "|"},
		{5, &ten, 10, strings.Repeat("#", 20) + strings.Repeat(" ", 20) + "|"},
		{20, &ten, 20, strings.Repeat("#", 20) + "|" + strings.Repeat("!", 20)},
		{1001, new(int64(1000)), 1001, strings.Repeat("#", 40) + "|!"},
		{20, nil, 20, strings.Repeat("#", 40)},
		{0, &ten, 10, strings.Repeat(" ", 40) + "|"},
		{0, nil, 0, ""},
	} {
		if got := bar(c.value, c.bought, c.scale); got != c.want {
			t.Errorf("bar(%d of %d): %q, want %q", c.value, c.scale, got, c.want)
		}
	}
}

func TestPosixQuoteIsWhatAShellReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[^\x00]{0,30}`).Draw(t, "s")
		got, err := exec.Command("sh", "-c", "printf %s "+posixQuote(s)).Output()
		if err != nil || string(got) != s {
			t.Fatalf("%q became %q (%v)", s, got, err)
		}
	})
}
