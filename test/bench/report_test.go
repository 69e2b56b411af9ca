package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sampleReport is a report with something of every part.
func sampleReport() *report {
	ratio := spread{0.5, 0.4, 0.6}
	r := &report{Machine: machine{CPU: "a <processor>", Cores: 2, Databases: []string{"SQLite 3"}, Date: "2026-11-23", Command: "go run ./test/bench"}, Rounds: 5, Slice: "200ms", Clients: 16, BinaryMiB: 19.5}
	for _, records := range []int{1000, 100_000, 1_000_000} {
		for _, name := range []string{"all, first page", "all, last full page", "all, random pages", "asOf old, random pages"} {
			r.Lists = append(r.Lists, listRow{Database: "sqlite", Records: records, Case: name, Page: 50, Rate: 1e4, Micros: 80, Ratio: ratio})
		}
	}
	r.Lists = append(r.Lists, listRow{Database: "sqlite", Records: 1_000_000, Case: "all, random pages", Page: 1000, Ratio: spread{0.2, 0.1, 0.3}})
	r.Shapes = []shapeRow{
		{Database: "sqlite", Shape: "5 intervals each", Records: 100_000, Case: "now, first page", Micros: 70, Ratio: spread{1, 1, 1}},
		{Database: "sqlite", Shape: "5 intervals each", Records: 100_000, Case: "as of 1/2, first page", Micros: 70, Ratio: spread{2.5, 1, 3}},
	}
	r.Writes = []writeRow{{Database: "sqlite", Case: "PutResources", Batch: 1000, Clients: 1, Changes: 5000, Requests: 5, Millis: 200, Appends: 900, Ratio: ratio}}
	r.Starts = []startRow{{Database: "sqlite", Records: 1_000_000, Seconds: ratio, Idle: 20, Served: 600, Peak: 640}}
	r.Peers = []peerRow{{Server: "moto_server", List: "ListSecrets", Bytes: 41835, Rate: 350, Micros: 2600, Ratio: spread{42, 40, 44}}}
	r.Notes = []string{"something was missing"}
	return r
}

func TestEveryPartHasItsTable(t *testing.T) {
	var titles []string
	for _, tab := range sampleReport().tables() {
		titles = append(titles, tab.title)
		for _, row := range tab.rows {
			if len(row) != len(tab.head) {
				t.Errorf("%s: row %q has not the columns %q", tab.title, row, tab.head)
			}
		}
	}
	want := []string{"ListUsage on SQLite, beside the same bytes from memory", "Time of a page of 50 on SQLite", "No cost that grows",
		"Shapes of history on SQLite", "Writes", "Start and memory", "Other servers with AWS's protocol", "Goals"}
	if !slices.Equal(titles, want) {
		t.Errorf("tables %q, want %q", titles, want)
	}
	if rest := (&report{}).tables(); len(rest) != 0 {
		t.Errorf("a report of nothing has tables: %v", rest)
	}
}

func TestTablesAsTextAndAsMarkdown(t *testing.T) {
	for markdown, want := range map[bool][]string{
		false: {"NO COST THAT GROWS", "all, random pages", "0.50 (0.40–0.60)", "Something was missing."},
		true:  {"### No cost that grows", "| 50 | all, random pages | 0.50 (0.40–0.60) |", "| ---: |", "| 1000 | all, random pages |  |  | 0.20 (0.10–0.30) |"},
	} {
		var out bytes.Buffer
		sampleReport().print(&out, markdown)
		for _, text := range append(want, "a <processor>, 2 cores", "go run ./test/bench") {
			if !strings.Contains(out.String(), text) {
				t.Errorf("markdown %v: %q is missing in\n%s", markdown, text, &out)
			}
		}
	}
}

func TestGoalsSayWhatIsMissed(t *testing.T) {
	met := map[string]string{}
	for _, row := range sampleReport().goalTable().rows {
		met[row[0]] = row[3]
	}
	for what, want := range map[string]string{
		"SQLite, random pages of 50, 1,000,000 records, beside bytes from memory":   "yes", // 0.50 of 0.45
		"SQLite, random pages of 1000, 1,000,000 records, beside bytes from memory": "no",  // 0.20 of 0.30
		"SQLite, 5 intervals each, slowest page / current first page":               "no",  // 2.5 of 2
		"SQLite, PutResources of 1,000, changes a second":                           "yes", // 5000 of 4000
		"SQLite, start to first answer, 1,000,000 records":                          "yes", // 0.5 s of 2 s
	} {
		if met[what] != want {
			t.Errorf("%s: %q, want %q", what, met[what], want)
		}
	}
}

func TestThePlotIsReadable(t *testing.T) {
	plot := plotOf(sampleReport())
	elements, paths := map[string]string{}, 0
	decoder := xml.NewDecoder(bytes.NewReader(plot))
	var inside string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, plot)
		}
		switch x := token.(type) {
		case xml.StartElement:
			inside = x.Name.Local
			if inside == "path" && slices.ContainsFunc(x.Attr, func(a xml.Attr) bool { return a.Value == "sqlite" }) {
				paths++
			}
		case xml.CharData:
			elements[inside] += string(x)
		}
	}
	if !strings.Contains(elements["desc"], "SQLite, all, random pages: 80 µs at 1,000 records; 80 µs at 100,000 records;") {
		t.Errorf("the description does not say what the plot shows: %s", elements["desc"])
	}
	if elements["title"] == "" || !strings.Contains(elements["style"], "prefers-color-scheme:dark") {
		t.Error("a title or the dark style is missing")
	}
	if want := 2 * 4; paths != want { // a line and its legend for each case
		t.Errorf("%d lines, want %d", paths, want)
	}
}

func TestRecordsAreSpreadByDecades(t *testing.T) {
	a := axesOf(seriesOf(sampleReport()))
	if first, second, third := a.x(1e3), a.x(1e4), a.x(1e5); third-second-(second-first) > 0.001 || first != plotLeft || a.x(1e6) != plotRight {
		t.Errorf("decades stand at %v, %v, %v", first, second, third)
	}
	if a.top < 80 || a.y(0) != plotBottom {
		t.Errorf("the axis of time ends at %v", a.top)
	}
}

func TestFilesOfAReport(t *testing.T) {
	dir := t.TempDir()
	o := options{json: filepath.Join(dir, "all.json"), plot: filepath.Join(dir, "plot.svg")}
	if err := sampleReport().publish(o); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(o.json)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(text, &back); err != nil || len(back.Lists) != 13 || back.Lists[0].Ratio != (spread{0.5, 0.4, 0.6}) {
		t.Errorf("JSON read back: %+v, %v", back, err)
	}
	if plot, err := os.ReadFile(o.plot); err != nil || !bytes.HasPrefix(plot, []byte("<svg ")) {
		t.Errorf("plot: %.20s, %v", plot, err)
	}
}

func TestAPageIsRenewed(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+pageBegin+"old\n"+pageEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sampleReport().publish(options{docs: page}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if s := string(text); err != nil || !strings.HasPrefix(s, "before\n"+pageBegin) || !strings.HasSuffix(s, pageEnd+"after\n") || strings.Contains(s, "old\n") || strings.Count(s, "### Goals") != 1 {
		t.Errorf("page is now %s, %v", s, err)
	}
	if err := os.WriteFile(page, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sampleReport().publish(options{docs: page}); err == nil {
		t.Error("a page without marks is written to")
	}
}

func TestOptions(t *testing.T) {
	o, err := readOptions([]string{"-full", "-data", "d"})
	if err != nil || o.records["sqlite"][4] != 1e7 || !slices.Contains(o.records["postgres"], 1e6) {
		t.Errorf("-full: %+v, %v", o.records, err)
	}
	for _, args := range [][]string{{"-parts", "list"}, {"-databases", "mysql"}, {"-records", "10"}, {"-full", "-quick"}, {"fleet"}} {
		if _, err := readOptions(args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
