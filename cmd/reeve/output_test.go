package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// testRow is what the tests print.
type testRow struct {
	Name  string
	Count int64
	Note  string `json:",omitzero"`
}

var testView = view[testRow]{
	[]column{{key: "Name", title: "NAME"}, {key: "Count", title: "COUNT", right: true}, {key: "Note", title: "NOTE"}},
	func(r *testRow) []any { return []any{r.Name, r.Count, r.Note} },
}

func printRows(t *testing.T, format outputFlag, rows ...testRow) string {
	t.Helper()
	var b bytes.Buffer
	if err := printAll(&process{stdout: &b, output: format, lookupEnv: noEnv}, testView, rows); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func noEnv(string) (string, bool) { return "", false }

func TestRecords(t *testing.T) {
	rows := []testRow{{"a", 1, ""}, {"Zürich", 1000, "x,\"y\""}}
	for format, want := range map[outputFlag]string{
		"table": "NAME    COUNT  NOTE\na           1\nZürich   1000  x,\"y\"\n",
		"csv":   "Name,Count,Note\r\na,1,\r\nZürich,1000,\"x,\"\"y\"\"\"\r\n",
		"json":  "[\n{\"Name\":\"a\",\"Count\":1},\n{\"Name\":\"Zürich\",\"Count\":1000,\"Note\":\"x,\\\"y\\\"\"}\n]\n",
	} {
		if diff := cmp.Diff(want, printRows(t, format, rows...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestNoRecords(t *testing.T) {
	for format, want := range map[outputFlag]string{"table": "", "csv": "Name,Count,Note\r\n", "json": "[]\n"} {
		if got := printRows(t, format); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}

// TestOneObject: people get its fields, programs an object, spreadsheets a row.
func TestOneObject(t *testing.T) {
	for format, want := range map[outputFlag]string{
		"table": "NAME   Zürich\nCOUNT  7\n",
		"csv":   "Name,Count,Note\r\nZürich,7,\r\n",
		"json":  "{\n  \"Name\": \"Zürich\",\n  \"Count\": 7\n}\n",
	} {
		var b bytes.Buffer
		if err := printOne(&process{stdout: &b, output: format, lookupEnv: noEnv}, testView, &testRow{"Zürich", 7, ""}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestTextFromMachinesDoesNoHarm(t *testing.T) {
	row := testRow{"=HYPERLINK(1)", -1, "\x1b[2Jgone\u202e"}
	if got := printRows(t, "table", row); strings.ContainsAny(got, "\x1b\u202e") {
		t.Errorf("a table passes control characters on: %q", got)
	}
	if got, want := printRows(t, "csv", row), "'=HYPERLINK(1),-1,"; !strings.Contains(got, want) {
		t.Errorf("%q lacks %q: a spreadsheet would run the cell", got, want)
	}
	if got, want := printRows(t, "csv", testRow{"＋1", 0, "\n=1"}), "'＋1,0,\"'\n=1\""; !strings.Contains(strings.ReplaceAll(got, "\r\n", "\n"), want) {
		t.Errorf("%q lacks %q: a spreadsheet would run the cell", got, want)
	}
}

func TestALongTableStreams(t *testing.T) {
	var b bytes.Buffer
	out := newList(&process{stdout: &b, lookupEnv: noEnv}, testView)
	for i := range tableLook + 2 {
		if err := out.add(&testRow{fmt.Sprint("row", i), int64(i), "a"}); err != nil {
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

// TestATableFitsItsTerminal: what is spare goes, what is long is cut, an ARN at
// its front; a pipe has it all.
func TestATableFitsItsTerminal(t *testing.T) {
	columns := []column{{title: "RESOURCE"}, {title: "OWNER", spare: true}, {title: "LICENCES", right: true}, {title: "NOTE"}}
	row := []any{"arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0", "111122223333", int64(4), "as long as a sentence about it gets"}
	for width, want := range map[int]string{
		0: "RESOURCE                                                         OWNER         LICENCES  NOTE\n" +
			"arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0  111122223333         4  as long as a sentence about it gets\n",
		72: "RESOURCE                        LICENCES  NOTE\n" +
			"…:instance/i-0123456789abcdef0         4  as long as a sentence about it\n" +
			"                                          gets\n",
		44: "RESOURCE          LICENCES  NOTE\n" +
			"…23456789abcdef0         4  as long as a\n" +
			"                            sentence about\n" +
			"                            it gets\n",
	} {
		var b bytes.Buffer
		out := &table{w: &b, columns: columns, screen: screen{width: width, unicode: true}}
		if err := out.row(nil, row); err != nil {
			t.Fatal(err)
		}
		if err := out.end(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%d columns (-want +got):\n%s", width, diff)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
				t.Errorf("%d columns have a line of %d: %q", width, n, line)
			}
		}
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
		if got := bar(c.value, c.bought, c.scale, barWidth); got != c.want {
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
