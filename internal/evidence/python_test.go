package evidence_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"reeve/internal/evidence"
)

// secondVerifier is a program that was written from docs/evidence.md and shares
// no code with this package.
const secondVerifier = "../../test/verifier/verify_evidence.py"

func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil && os.Getenv("REEVE_REQUIRE_ALL") == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip("python3 is not installed, so the second verifier does not run")
	}
	return path
}

// A program that is to be read before it is believed has to be short.
func TestTheSecondVerifierIsShort(t *testing.T) {
	text, err := os.ReadFile(secondVerifier)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), `"""`)
	_, rest, _ = strings.Cut(rest, `"""`) // what it says of itself
	code := 0
	for line := range strings.Lines(rest) {
		if trimmed := strings.TrimSpace(line); trimmed != "" && !strings.HasPrefix(trimmed, "#") {
			code++
		}
		if n := utf8.RuneCountInString(line) - 1; n > 100 {
			t.Errorf("a line has %d characters, want 100 at most: %s", n, line)
		}
	}
	if code > 100 {
		t.Errorf("the second verifier has %d lines of code, want 100 at most", code)
	}
}

// second runs the second verifier over files and returns what it says of each,
// "" where it is good.
func second(t *testing.T, key string, files ...[]byte) (says []string) {
	t.Helper()
	interpreter, path := python(t), filepath.Join(t.TempDir(), "evidence.jsonl")
	for _, file := range files {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(interpreter, secondVerifier, path, key).CombinedOutput()
		switch {
		case err == nil && bytes.HasPrefix(out, []byte("good: ")):
			says = append(says, "")
		case err == nil || len(bytes.TrimSpace(out)) == 0 || bytes.Contains(out, []byte("Traceback")):
			t.Fatalf("the second verifier says: %v\n%s", err, out)
		default:
			says = append(says, string(out))
		}
	}
	return says
}

func TestTheSecondVerifierTakesWhatIsGood(t *testing.T) {
	b := history(t)
	files := [][]byte{b.export("")}
	b.signer = b.newKey(deployment)
	b.write("d", 9)
	b.checkpoint()
	files = append(files, b.export(""))
	for i, k := range b.keys { // the key of the newest checkpoint is what it takes
		says := second(t, k.Text, files...)
		if says[i] != "" || says[1-i] == "" {
			t.Errorf("with key %d: %q", i, says)
		}
	}
}

// TestTheSecondVerifierAgrees gives both the same altered files.
func TestTheSecondVerifierAgrees(t *testing.T) {
	b := history(t)
	file := b.export("")
	lines := bytes.SplitAfter(file, []byte("\n"))
	more := append(bytes.Clone(file), "{}\n{}\n"...)
	altered := [][]byte{more, file[:len(file)-1], bytes.Join(lines[:len(lines)-2], nil), nil}
	for _, at := range []int{1, len(lines) / 2, len(lines) - 3} {
		swapped := append([][]byte{}, lines...)
		swapped[at-1], swapped[at] = swapped[at], swapped[at-1]
		altered = append(altered, bytes.Join(swapped, nil), bytes.Join(append(append([][]byte{}, lines[:at]...), lines[at+1:]...), nil))
	}
	for i := 0; i < len(file); i += 499 {
		one := bytes.Clone(file)
		one[i] ^= 1
		altered = append(altered, one)
	}
	rewritten := history(t)
	key := rewritten.keys[0].Text
	rewritten.forge("b", 7, func(s string) string { return strings.Replace(s, " 4 1 arn", " 2 1 arn", 1) }, -2)
	for i, says := range second(t, b.keys[0].Text, altered...) {
		_, err := verify(altered[i], evidence.Options{Keys: b.pinned(0)})
		if says == "" && unsigned(file, altered[i]) {
			continue
		}
		if (err == nil) != (says == "") {
			t.Errorf("file %d: we say %v, the second verifier %q", i, err, says)
		}
	}
	if says := second(t, key, rewritten.export("")); !strings.Contains(says[0], "revision 7: a checkpoint names another hash") {
		t.Errorf("a rewritten chain: %q", says[0])
	}
	_, stranger := keyPair(t, deployment)
	if says := second(t, stranger, file); says[0] == "" {
		t.Error("another key is enough")
	}
}

// unsigned tells whether two files differ in what the newest signature does not
// cover, and the second verifier does not look at: the list of keys, and other
// signatures.
func unsigned(file, altered []byte) bool {
	covered := func(file []byte) (rest []byte) {
		lines := bytes.SplitAfter(file, []byte("\n"))
		for i, line := range lines {
			text, _, note := bytes.Cut(line, []byte(`\n\n`))
			if older := i+1 < len(lines) && bytes.HasPrefix(lines[i+1], []byte(`{"checkpoint":`)); !note || !older {
				text = line
			}
			if !bytes.HasPrefix(line, []byte(`{"key":`)) {
				rest = append(rest, text...)
			}
		}
		return rest
	}
	return bytes.Equal(covered(file), covered(altered))
}
