package evidence_test

import (
	"bytes"
	"strings"
	"testing"

	"reeve/internal/evidence"
)

// FuzzVerify gives the verifier anything: whatever it takes is, byte for byte,
// a file that an export of the same book would write.
func FuzzVerify(f *testing.F) {
	b := history(f)
	good := map[string]bool{}
	for _, only := range []string{"", arn("a"), arn("b")} {
		file := b.export(only)
		good[string(file)] = true
		f.Add(file)
		f.Add(file[:len(file)/2])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		report, err := evidence.Verify(bytes.NewReader(file), evidence.Options{Keys: b.pinned(0)})
		if (report == nil) == (err == nil) {
			t.Fatalf("%v, %v", report, err)
		}
		if err == nil && !good[string(file)] && !isPrefixOfGood(file, good) {
			t.Errorf("this passes:\n%s", file)
		}
	})
}

// isPrefixOfGood takes an older file for good: the same lines, of which some at
// the end of each part are missing.
func isPrefixOfGood(file []byte, good map[string]bool) bool {
	for line := range strings.Lines(string(file)) {
		found := false
		for g := range good {
			found = found || strings.Contains(g, line)
		}
		if !found {
			return false
		}
	}
	return true
}

// FuzzParseDocument: what is read is written again as it was.
func FuzzParseDocument(f *testing.F) {
	b := history(f)
	for _, d := range b.docs {
		f.Add(string(d.Append(nil)))
	}
	for line := range bytes.Lines(b.export(arn("b"))) {
		f.Add(strings.TrimSuffix(string(line), "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := evidence.ParseDocument(text)
		if err == nil && string(d.Append(nil)) != text {
			t.Errorf("%q is read, and written as %q", text, d.Append(nil))
		}
		var kept evidence.Kept
		_ = kept.Read("fuzz", strings.NewReader(text+"\n"))
		_ = kept.Accounts()
	})
}

// FuzzParseCheckpoint: likewise, and of signed notes that nobody has signed
// none is believed.
func FuzzParseCheckpoint(f *testing.F) {
	b := history(f)
	real := map[string]bool{}
	for _, d := range b.docs {
		text, _, _ := strings.Cut(d.Note, "\n\n")
		real[text+"\n"] = true
		f.Add(text + "\n")
		f.Add(d.Note)
	}
	trusted, err := evidence.Trust(b.pinned(0), b.keys)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := evidence.ParseCheckpoint(text); err == nil && c.Text() != text {
			t.Errorf("%q is read, and written as %q", text, c.Text())
		}
		if c, _, err := trusted.Open(text); err == nil && !real[c.Text()] {
			t.Errorf("this is believed:\n%s", text)
		}
	})
}

// FuzzParseKeys: a list that is read is written and read again.
func FuzzParseKeys(f *testing.F) {
	b := newBook(f)
	b.signer = b.newKey(deployment)
	f.Add(evidence.FormatKeys(b.keys))
	f.Add(b.keys[0].Text)
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := evidence.ParseKeys(text)
		if err != nil {
			return
		}
		again, err := evidence.ParseKeys(evidence.FormatKeys(keys))
		if err != nil || len(again) != len(keys) || again[0] != keys[0] {
			t.Errorf("%q is read as %v and then %v, %v", text, keys, again, err)
		}
		_, _ = evidence.Trust(keys, keys)
	})
}
