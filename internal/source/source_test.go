package source_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/source"
)

var options = source.Options{Region: "eu-central-1", Account: "111122223333"}

const (
	inventory = `<?xml version="1.0"?><REQUEST><CONTENT><HARDWARE><NAME>web1</NAME></HARDWARE></CONTENT></REQUEST>`
	table     = "resource_arn,name\nfirst,web1\n"
	object    = `{"ResourceArn":"first","Name":"web1"}`
)

// read returns the line and name of every resource.
func read(name, input string) (found []string, bad []source.BadLine, err error) {
	bad, err = source.Read(name, strings.NewReader(input), options, func(item source.Item) error {
		found = append(found, fmt.Sprintf("%d %s", item.Line, *item.Resource.Name))
		return nil
	})
	return found, bad, err
}

// TestFormats: the extension tells the format, else the content; a byte order
// mark changes nothing.
func TestFormats(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"a.json", object, "1 web1"},
		{"a.JSON", "[\n" + object + "]", "2 web1"},
		{"a.jsonl", object, "1 web1"},
		{"dir.csv/a.ndjson", object, "1 web1"},
		{"a.csv", table, "2 web1"},
		{"a.tsv", strings.ReplaceAll(table, ",", "\t"), "2 web1"},
		{"a.xml", inventory, "1 web1"},
		{"host-2026-01-01-00-00-00.ocs", inventory, "1 web1"},
		{"-", object, "1 web1"},
		{"-", "\n[" + object + "]", "2 web1"},
		{"-", "name;RESOURCE_ARN\nweb1;first", "2 web1"},
		{"-", inventory, "1 web1"},
		{"resources", `{"Resources":[` + object + `]}`, "1 web1"},
	} {
		for _, mark := range []string{"", "\xef\xbb\xbf"} {
			found, bad, err := read(c.name, mark+c.input)
			if diff := cmp.Diff([]string{c.want}, found); diff != "" || bad != nil || err != nil {
				t.Errorf("%s %.40q: bad lines %v, error %v, found (-want +got)\n%s", c.name, mark+c.input, bad, err, diff)
			}
		}
	}
}

func TestUnknownFormats(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"-", "", "the input is empty"},
		{"-", " \n ", "the input is empty"},
		{"a.json", "", "the input is empty"},
		{"a.txt", "host,cores\n", "the input is none of JSON, CSV"},
		{"a.csv", "\xff\xfer\x00", "the input is in UTF-16"},
		{"a.csv", "PK\x03\x04", "the input is compressed"},
		{"-", "\x1f\x8b\x08", "the input is compressed"},
	} {
		found, _, err := read(c.name, c.input)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || found != nil {
			t.Errorf("%s %q: error %v, want %s", c.name, c.input, err, c.want)
		}
	}
}

func TestBadLines(t *testing.T) {
	found, bad, err := read("a.csv", "resource_arn,name,cores\nx,one,1\nx,two,2b\nx,three,3\n")
	if diff := cmp.Diff([]string{"2 one", "4 three"}, found); diff != "" || err != nil {
		t.Errorf("error %v, found (-want +got)\n%s", err, diff)
	}
	want := []source.BadLine{{Line: 3, Reason: `cores: "2b" is not a whole number`}}
	if diff := cmp.Diff(want, bad); diff != "" {
		t.Errorf("bad lines (-want +got)\n%s", diff)
	}
	if got := bad[0].Error(); got != `line 3: cores: "2b" is not a whole number` {
		t.Errorf("as an error: %s", got)
	}
}

func TestTooManyBadLines(t *testing.T) {
	lines := func(bad int) string { return strings.Repeat("{}\n", bad) + object }
	found, bad, err := read("a.jsonl", lines(source.MaxBadLines))
	if len(found) != 1 || len(bad) != source.MaxBadLines || err != nil {
		t.Errorf("as many as are allowed: %d found, %d bad, error %v", len(found), len(bad), err)
	}
	found, bad, err = read("a.jsonl", lines(source.MaxBadLines+1))
	if len(found) != 0 || len(bad) != source.MaxBadLines || err != source.ErrTooManyBadLines {
		t.Errorf("one more: %d found, %d bad, error %v", len(found), len(bad), err)
	}
}

func TestEachEndsTheReading(t *testing.T) {
	full := errors.New("full")
	for name, input := range map[string]string{"a.json": object, "a.jsonl": object, "a.csv": table, "a.xml": inventory} {
		_, err := source.Read(name, strings.NewReader(input), options, func(source.Item) error { return full })
		if err != full {
			t.Errorf("%s: error %v, want the one that each returned", name, err)
		}
	}
}

// TestReadErrors: a file that cannot be read to its end is never taken for one
// that ends there.
func TestReadErrors(t *testing.T) {
	broken := errors.New("device is gone")
	for name, input := range map[string]string{"a.json": object, "a.jsonl": object + "\n", "a.csv": table, "a.xml": inventory, "-": table} {
		in := io.MultiReader(strings.NewReader(input), iotest.ErrReader(broken))
		_, err := source.Read(name, in, options, func(source.Item) error { return nil })
		if !errors.Is(err, broken) {
			t.Errorf("%s: error %v, want the reader's", name, err)
		}
	}
}

// TestStreams: resources are passed on while the input is read, whatever its
// length, and the reader may give it in small pieces.
func TestStreams(t *testing.T) {
	const rows = 50_000
	for name, c := range map[string]struct{ head, row, tail string }{
		"a.json":  {"[", object + "\n,", object + "]"},
		"a.jsonl": {"", object + "\n", object},
		"a.csv":   {"resource_arn,name\n", "a,\"web\n1\"\n", "a,b\n"},
	} {
		input := io.MultiReader(strings.NewReader(c.head), bytes.NewReader(bytes.Repeat([]byte(c.row), rows)), strings.NewReader(c.tail))
		seen, last := 0, 0
		bad, err := source.Read(name, iotest.HalfReader(input), options, func(item source.Item) error {
			seen, last = seen+1, item.Line
			return nil
		})
		want := rows + 1
		if name == "a.csv" {
			want = 2*rows + 2
		}
		if seen != rows+1 || last != want || bad != nil || err != nil {
			t.Errorf("%s: %d resources, the last on line %d (want %d), %d bad, error %v", name, seen, last, want, len(bad), err)
		}
	}
}
