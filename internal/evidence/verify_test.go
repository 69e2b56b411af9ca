package evidence_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"reeve/internal/evidence"
)

func verify(file []byte, o evidence.Options) (*evidence.Report, error) {
	return evidence.Verify(bytes.NewReader(file), o)
}

func TestAFileOfEvidenceIsVerified(t *testing.T) {
	b := history(t)
	file := b.export("")
	if again := b.export(""); !bytes.Equal(file, again) {
		t.Error("two exports of the same differ")
	}
	got, err := verify(file, evidence.Options{Keys: b.pinned(0)})
	if err != nil {
		t.Fatal(err)
	}
	want := &evidence.Report{Origin: deployment + "/" + account, Ledgers: 3, Revisions: 11 + 7 + 1, Checkpoints: 3, Newest: *b.last}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the report (-want +got):\n%s", diff)
	}
}

func TestOneLedgerIsProvenAlone(t *testing.T) {
	b := history(t)
	file := b.export(arn("b"))
	if bytes.Contains(file, []byte(arn("a"))) || bytes.Contains(file, []byte(arn("c"))) {
		t.Error("the file of one ledger names another one")
	}
	got, err := verify(file, evidence.Options{Keys: b.pinned(0)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Ledgers != 1 || got.Revisions != 7 || got.Checkpoints != 2 || got.Only != arn("b") {
		t.Errorf("the report is %+v", got)
	}
	if err := evidence.Export(t.Context(), new(bytes.Buffer), b, arn("d")); !errors.Is(err, evidence.ErrNothing) {
		t.Errorf("a ledger that does not exist: %v", err)
	}
}

// TestEveryByteCounts changes each byte of a file in turn.
func TestEveryByteCounts(t *testing.T) {
	b := history(t)
	for name, file := range map[string][]byte{"all": b.export(""), "one": b.export(arn("b"))} {
		for i := range file {
			altered := bytes.Clone(file)
			altered[i] ^= 1
			_, err := verify(altered, evidence.Options{Keys: b.pinned(0)})
			var f *evidence.Fault
			if !errors.As(err, &f) {
				t.Fatalf("%s: byte %d, behind %.60q, is altered and nobody sees it: %v", name, i, file[max(0, i-60):], err)
			}
			if line := int64(bytes.Count(file[:i], []byte("\n"))) + 1; f.Line > line+2 || f.Line == 0 && line > 2 {
				t.Fatalf("%s: byte %d of line %d is altered, the fault is %v", name, i, line, f)
			}
		}
	}
}

func TestEveryMissingLineIsSeen(t *testing.T) {
	b := history(t)
	lines := bytes.SplitAfter(b.export(""), []byte("\n"))
	lines = lines[:len(lines)-1]
	for i := range lines {
		without := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		if _, err := verify(without, evidence.Options{Keys: b.pinned(0)}); err == nil {
			t.Errorf("without %.60s nobody sees anything", lines[i])
		}
		cut := bytes.Join(lines[:i], nil)
		if _, err := verify(cut, evidence.Options{Keys: b.pinned(0)}); err == nil {
			t.Errorf("cut off before %.60s nobody sees anything", lines[i])
		}
		if i == 0 {
			continue
		}
		swapped := append([][]byte{}, lines...)
		swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
		if _, err := verify(bytes.Join(swapped, nil), evidence.Options{Keys: b.pinned(0)}); err == nil {
			t.Errorf("behind its next line %.60s passes", lines[i-1])
		}
	}
}

// forge changes the revisions of a ledger and makes every hash and counter
// behind it right again.
func (b *book) forge(id string, revision int, change func(text string) string, licences int64) {
	name := arn(id)
	var before []byte
	for i, r := range b.ledgers[name] {
		if i+1 == revision {
			r.Changes = []byte(change(string(r.Changes)))
		}
		if i+1 >= revision && licences != 0 {
			r.Counters.AddUsage("EC2_INSTANCE", licences)
		}
		r.Hash = r.HashAfter(name, before)
		before = r.Hash
	}
}

func TestARewrittenChainIsSeen(t *testing.T) {
	b := history(t)
	b.forge("b", 7, func(s string) string { return strings.Replace(s, " 4 1 arn", " 2 1 arn", 1) }, -2)
	_, err := verify(b.export(""), evidence.Options{Keys: b.pinned(0)})
	wants(t, err, "ledger "+arn("b")+": revision 7: checkpoint 2 of ", "has another hash for it: the ledger was rewritten")
}

func wants(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error is %v, and should say %q", err, part)
		}
	}
}

func TestCountersAreMadeAgain(t *testing.T) {
	b := newBook(t)
	b.write("a", 3)
	b.ledgers[arn("a")][1].Counters.Consumed = 3
	b.forge("a", 9, nil, 0) // every hash is right
	b.checkpoint()
	_, err := verify(b.export(""), evidence.Options{Keys: b.pinned(0)})
	wants(t, err, "revision 2: its counters are not the sums of its changes")
}

// TestCheckpointsKeptOutside are what finds those who hold the signing key
// themselves, and sign a rewritten ledger anew.
func TestCheckpointsKeptOutside(t *testing.T) {
	b := history(t)
	note1 := b.docs[0].Note
	full := b.checkpoint() // the fourth
	line := string(full.Append(nil)) + "\n"
	whole := string(b.export(""))
	good := b.export("")
	for name, text := range map[string]string{"a note": note1, "a line": line, "an older export": whole, "a file of one ledger": string(b.export(arn("a")))} {
		got, err := verify(good, evidence.Options{Keys: b.pinned(0), Kept: keptFrom(t, name, text)})
		if err != nil || got.Kept == 0 {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}

	forged := history(t)
	forged.keys, forged.signer = b.keys, b.signer
	forged.forge("a", 1, func(string) string { return "" }, 0)
	forged.ledgers[arn("a")][1].Cause = "another"
	forged.forge("a", 1, func(string) string { return "" }, 0)
	forged.docs, forged.last, forged.covered = nil, nil, map[string]int64{}
	for range 4 {
		forged.checkpoint()
	}
	for name, c := range map[string]struct{ text, says string }{
		"a note":          {note1, "another checkpoint has its number now"},
		"a line":          {line, "another checkpoint has its number now"},
		"an older export": {whole, "another checkpoint has its number now"},
	} {
		_, err := verify(forged.export(""), evidence.Options{Keys: b.pinned(0), Kept: keptFrom(t, name, c.text)})
		wants(t, err, name, c.says)
	}

	forged.docs = forged.docs[:0]
	forged.last, forged.covered = nil, map[string]int64{}
	forged.checkpoint()
	_, err := verify(forged.export(""), evidence.Options{Keys: b.pinned(0), Kept: keptFrom(t, "a line", line)})
	wants(t, err, "the end was cut off, or this is older")
	_, err = verify(b.export(""), evidence.Options{Keys: b.pinned(0), Kept: keptFrom(t, "x", strings.Replace(line, `\nledgers 3`, `\nledgers 2`, 1))})
	wants(t, err, "kept in x is not believed", "was altered")
	_, err = verify(b.export(""), evidence.Options{Keys: b.pinned(0), Kept: keptFrom(t, "x", strings.Replace(line, `",12,"`, `",13,"`, 1))})
	wants(t, err, "it does not cover the ledgers that are listed with it")
}

func keptFrom(t *testing.T, name, text string) *evidence.Kept {
	t.Helper()
	k := &evidence.Kept{}
	if err := k.Read(name, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestARewriteBetweenKeptCheckpoints shows what the ledgers kept with a
// checkpoint add to it: the revision that they name is found in the chain,
// whichever checkpoints the database shows now.
func TestARewriteBetweenKeptCheckpoints(t *testing.T) {
	b := newBook(t)
	b.write("a", 5)
	line := string(new(b.checkpoint()).Append(nil)) + "\n"
	b.write("a", 5)
	b.forge("a", 4, func(s string) string { return s }, 0) // the same again
	b.checkpoint()
	if _, err := verify(b.export(""), evidence.Options{Keys: b.pinned(0), Kept: keptFrom(t, "usb", line)}); err != nil {
		t.Fatal(err)
	}
}

func TestKeysSucceedEachOther(t *testing.T) {
	b := history(t)
	b.signer = b.newKey(deployment)
	b.write("b", 2)
	b.checkpoint()
	b.signer = b.newKey(deployment)
	b.write("b", 2)
	b.checkpoint()
	file := b.export("")
	for i := range b.keys {
		if _, err := verify(file, evidence.Options{Keys: b.pinned(i)}); err != nil {
			t.Errorf("with key %d alone: %v", i, err)
		}
	}
	_, stranger := keyPair(t, deployment)
	_, err := verify(file, evidence.Options{Keys: []evidence.Key{{Text: stranger}}})
	wants(t, err, "line 5", "no key that you gave is in the list of keys")
	_, err = verify(file, evidence.Options{})
	wants(t, err, "line 5", "no key that you gave")
	without := strings.SplitAfterN(string(file), "\n", 5) // the header, three keys, and the rest
	_, err = verify([]byte(without[0]+without[4]), evidence.Options{Keys: b.pinned(0)})
	wants(t, err, "line 2: there is no key before the first checkpoint")

	b.keys[1].From++ // which nobody signed
	_, err = verify(b.export(""), evidence.Options{Keys: b.pinned(0)})
	wants(t, err, "line 5: the succession to key "+b.keys[1].Text+" is not signed")
}

func TestAKeySignsInItsTime(t *testing.T) {
	b := history(t)
	old := b.signer
	b.newKey(deployment)
	b.signer = old
	b.write("b", 1)
	b.checkpoint()
	_, err := verify(b.export(""), evidence.Options{Keys: b.pinned(0)})
	wants(t, err, "when it was not in use")
}

func TestAnotherDeploymentsKeyIsNotEnough(t *testing.T) {
	b := history(t)
	stranger, public := keyPair(t, "reeve/fedcba9876543210")
	b.signer = stranger
	b.write("b", 1)
	b.checkpoint()
	_, err := verify(b.export(""), evidence.Options{Keys: append(b.pinned(0), evidence.Key{Text: public})})
	wants(t, err, "line 6", "it is not signed by a key of the deployment that it names")
}

func TestWitnesses(t *testing.T) {
	b := history(t)
	witness, public := keyPair(t, "reeve/fedcba9876543210")
	o := evidence.Options{Keys: b.pinned(0), Witnesses: []evidence.Key{{Text: public}}}
	_, err := verify(b.export(""), o)
	wants(t, err, "the witness reeve/fedcba9876543210 has signed no checkpoint")
	v, err := note.NewVerifier(b.keys[0].Text)
	b.must(err)
	n, err := note.Open([]byte(b.docs[1].Note), note.VerifierList(v))
	b.must(err)
	signed, err := note.Sign(n, witness)
	b.must(err)
	b.docs[1].Note = string(signed)
	got, err := verify(b.export(""), o)
	if err != nil || got.Witnessed != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestFaultsSayWhere(t *testing.T) {
	b := history(t)
	file := string(b.export(""))
	for _, c := range []struct{ old, new, says string }{
		{`"consumed":8,`, `"consumed":9,`, "line 11: ledger " + arn("a") + ": revision 5: its hash does not match"},
		{`{"revision":3,`, `{"revision":4,`, "revision 3: it is missing: revision 4 stands in its place"},
		{`{"revision":3,`, `{"revision": 3,`, "revision 3: byte 13 of the line"},
		{`"revision":3,`, `"revision":03,`, "revision 3: byte 13 of the line"},
		{`Müller`, `M\u00fcller`, "revision 1: byte "},
		{`{"ledger":"` + arn("b"), `{"ledger":"` + arn("c"), "the ledger " + arn("b") + " should follow here"},
		{`{"reeve_evidence":"v1"`, `{"reeve_evidence":"v2"`, "line 1: this is no file of evidence"},
		{`checkpoint 2`, `checkpoint 3`, "line 4: the checkpoint is not believed: the signature of"},
	} {
		altered := strings.Replace(file, c.old, c.new, 1)
		_, err := verify([]byte(altered), evidence.Options{Keys: b.pinned(0)})
		wants(t, err, c.says)
	}
	if _, err := verify(nil, evidence.Options{Keys: b.pinned(0)}); err == nil || fmt.Sprint(err) != "line 1: the file is empty" {
		t.Errorf("an empty file: %v", err)
	}
}

// TestSignedNonsenseIsRefused: also what is signed by the right key must follow.
func TestSignedNonsenseIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(b *book)
		says  string
	}{
		"a checkpoint that is not later": {func(b *book) { b.now = b.last.Time - 1 }, "it is not later than the checkpoint before it"},
		"a checkpoint before its key":    {func(b *book) { b.docs, b.last, b.covered, b.now = nil, nil, map[string]int64{}, b.keys[0].From-2 }, "when it was not in use"},
		"a first one that has one before": {func(b *book) {
			b.docs, b.covered, b.last = nil, map[string]int64{}, &evidence.Checkpoint{Number: 0}
		}, "it does not name the checkpoint before it"},
		"a revision that is not later": {func(b *book) {
			b.docs, b.last, b.covered = nil, nil, map[string]int64{}
			b.ledgers[arn("a")][2].At = b.ledgers[arn("a")][1].At
			b.forge("a", 0, nil, 0)
		}, "revision 3: it is not later than the revision before"},
	} {
		b := history(t)
		c.spoil(b)
		b.checkpoint()
		_, err := verify(b.export(""), evidence.Options{Keys: b.pinned(0)})
		if err == nil {
			t.Errorf("%s passes", name)
			continue
		}
		wants(t, err, c.says)
	}
}
