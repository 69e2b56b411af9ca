package archive_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/store/archive"
)

// header is of a backup with two tables, of three rows in all.
func header() *archive.Header {
	return &archive.Header{
		Schema: 7, Program: "reeve", Database: "sqlite", Deployment: "abc", Taken: time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC), Ledgers: 2, Heads: "00ff",
		Tables: []archive.Table{{"first", []string{"a", "b"}, 2}, {"second", []string{"c"}, 1}},
	}
}

var rows = map[int][][]any{
	0: {{int64(math.MinInt64), "ž\n"}, {int64(math.MaxInt64), ""}},
	1: {{[]byte{0, 255}}},
}

func written(t testing.TB, h *archive.Header, tables ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, h)
	for _, n := range tables {
		if err == nil {
			err = w.Rows(n, rows[n])
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil || w.Bytes != int64(b.Len()) {
		t.Fatalf("%v; %d bytes of %d", err, w.Bytes, b.Len())
	}
	return b.Bytes()
}

// read reads all of a backup.
func read(file []byte) (h *archive.Header, got map[int][][]any, err error) {
	r, err := archive.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	got = map[int][][]any{}
	for {
		table, page, err := r.Next()
		if errors.Is(err, io.EOF) {
			return &r.Header, got, nil
		}
		if err != nil {
			return nil, nil, err
		}
		got[table] = append(got[table], page...)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	h, got, err := read(written(t, header(), 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(header(), h); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestAnyValueIsRead(t *testing.T) {
	value := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) any { return rapid.Int64().Draw(t, "int") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.String().Draw(t, "text") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.SliceOf(rapid.Byte()).Draw(t, "bytes") }),
		rapid.Just[any](nil),
	)
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.SliceOfN(value, 2, 2), 1, 5).Draw(t, "rows")
		h := &archive.Header{Tables: []archive.Table{{"t", []string{"a", "b"}, int64(len(want))}}}
		var b bytes.Buffer
		w, err := archive.NewWriter(&b, h)
		if err != nil || w.Rows(0, want) != nil || w.Close() != nil {
			t.Fatal("it cannot be written")
		}
		_, got, err := read(b.Bytes())
		if err != nil || !cmp.Equal(want, got[0]) {
			t.Fatalf("%v\n%s", err, cmp.Diff(want, got[0]))
		}
	})
}

// Each byte of a backup counts, wherever it is.
func TestDamageIsFound(t *testing.T) {
	whole := written(t, header(), 0, 1)
	for n := range whole {
		if _, _, err := read(whole[:n]); err == nil || n > 0 && !strings.Contains(err.Error(), "cut off") {
			t.Fatalf("of %d bytes %d are there: %v", len(whole), n, err)
		}
		flipped := bytes.Clone(whole)
		flipped[n] ^= 0x10
		if _, _, err := read(flipped); err == nil {
			t.Fatalf("byte %d is another one, and nobody notices", n)
		}
	}
	if _, _, err := read(append(bytes.Clone(whole), 0)); err == nil || !strings.Contains(err.Error(), "follows the end") {
		t.Errorf("a byte too many: %v", err)
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	whole := written(t, header(), 0, 1)
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"Nothing":      {nil, "not a backup"},
		"Text":         {[]byte("CREATE TABLE licences (num BIGINT);"), "not a backup"},
		"NewerFormat":  {bytes.Replace(whole, []byte("reeve-backup 1"), []byte("reeve-backup 2"), 1), "reeve-backup 2"},
		"MissingTable": {written(t, header(), 0), "0 rows of table second, and says that there are 1"},
		"TableTwice":   {written(t, header(), 0, 1, 1), "2 rows of table second"},
		"Altered":      {append(bytes.Clone(whole[:len(whole)-1]), 0), "has a wrong checksum"},
	} {
		if _, _, err := read(test.file); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// A file from anywhere neither crashes the reader nor makes it take memory
// that the file does not have.
func FuzzReader(f *testing.F) {
	f.Add(written(f, header(), 0, 1))
	f.Fuzz(func(t *testing.T, file []byte) { _, _, _ = read(file) })
}
