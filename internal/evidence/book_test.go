package evidence_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"reeve/internal/evidence"
	"reeve/internal/license"
)

const (
	deployment = "reeve/0123456789abcdef"
	account    = "111122223333"
)

// book is an account with ledgers and checkpoints, without a database.
type book struct {
	t       testing.TB
	keys    []evidence.Key
	signer  note.Signer // of the newest key
	ledgers map[string][]*license.Revision
	open    map[string]int64 // machines of each ledger that are in use
	docs    []evidence.Document
	now     license.Time
	last    *evidence.Checkpoint
	covered map[string]int64
}

func newBook(t testing.TB) *book {
	b := &book{t: t, ledgers: map[string][]*license.Revision{}, open: map[string]int64{}, covered: map[string]int64{}, now: 1_800_000_000_000_000}
	b.signer = b.newKey(deployment)
	return b
}

// newKey makes a key, which succeeds the newest one.
func (b *book) newKey(name string) note.Signer {
	b.t.Helper()
	s, v := keyPair(b.t, name)
	b.now++
	k := evidence.Key{Text: v, From: b.now}
	var before *evidence.Key
	if n := len(b.keys); n > 0 {
		before = &b.keys[n-1]
	}
	b.must(evidence.Succeed(before, &k, b.signer, s))
	b.keys = append(b.keys, k)
	return s
}

func keyPair(t testing.TB, name string) (note.Signer, string) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return s, public
}

func (b *book) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func arn(id string) string {
	return "arn:aws:license-manager:eu-west-1:" + account + ":license-configuration:lic-" + strings.Repeat("0", 32-len(id)) + id
}

// write appends revisions to a ledger: the first sets terms, each later one
// opens a machine, and every third closes the one before.
func (b *book) write(id string, n int) {
	name := arn(id)
	for range n {
		r := &license.Revision{Number: int64(len(b.ledgers[name]) + 1), Caller: "arn:aws:iam::" + account + ":root", Cause: "Müller's \"test\"\\\t<&>", TermsRev: 1}
		b.now++
		r.At, r.Recorded = b.now, b.now
		var before []byte
		if r.Number == 1 {
			r.Terms = []byte(`{"name":"Oracle DB","counting_type":"vCPU","status":"AVAILABLE"}`)
		} else {
			last := b.ledgers[name][r.Number-2]
			before, r.Counters = last.Hash, last.Counters
			r.Changes = b.changes(name, r)
		}
		r.Hash = r.HashAfter(name, before)
		b.ledgers[name] = append(b.ledgers[name], r)
	}
}

func (b *book) changes(name string, r *license.Revision) []byte {
	var text strings.Builder
	if r.Number%3 == 0 {
		num := b.open[name]
		fmt.Fprintf(&text, "u- %s %d EC2_INSTANCE\na- %s %d EC2_INSTANCE\n", account, num, account, num)
		r.Counters.AddUsage(license.EC2Instance, -4)
		r.Counters.AddAssociation(&license.Association{Type: license.EC2Instance}, -1)
		return []byte(text.String())
	}
	b.open[name]++
	num := b.open[name]
	machine := fmt.Sprintf("arn:aws:ec2:eu-west-1:%s:instance/i-%017x", account, num)
	fmt.Fprintf(&text, "u+ %s %d EC2_INSTANCE running %d 4 1 %s\n", account, num, r.At, machine)
	fmt.Fprintf(&text, "a+ %s %d EC2_INSTANCE %d - request 0 1 0 %s\n", account, num, r.At, machine)
	r.Counters.AddUsage(license.EC2Instance, 4)
	r.Counters.AddAssociation(&license.Association{Type: license.EC2Instance}, 1)
	return []byte(text.String())
}

func (b *book) heads() (all []evidence.Head) {
	for _, name := range slices.Sorted(maps.Keys(b.ledgers)) {
		last := b.ledgers[name][len(b.ledgers[name])-1]
		all = append(all, evidence.Head{ARN: name, Number: last.Number, Hash: evidence.Hash(last.Hash)})
	}
	return all
}

// checkpoint signs the ledgers as they are, and returns the document with all
// of them; the book's own lists those that have changed.
func (b *book) checkpoint() evidence.Document {
	b.t.Helper()
	all := b.heads()
	c := evidence.NewCheckpoint(all)
	if n := int64(len(b.docs)); n > 0 { // the first is from before there were seals
		c.Seals, c.Seal = n, evidence.Hash{byte(n)}
	}
	b.now++
	c.Origin, c.Number, c.Time = deployment+"/"+account, 1, b.now
	if b.last != nil {
		c.Number, c.Before = b.last.Number+1, b.last.TextHash()
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, b.signer)
	b.must(err)
	d := evidence.Document{Note: string(signed)}
	for _, h := range all {
		if b.covered[h.ARN] != h.Number {
			d.Heads = append(d.Heads, h)
			b.covered[h.ARN] = h.Number
		}
	}
	b.docs, b.last = append(b.docs, d), &c
	return evidence.Document{Note: d.Note, Heads: all}
}

// Keys, Checkpoints and Revisions make a book a source.
func (b *book) Keys(context.Context) ([]evidence.Key, error) { return b.keys, nil }

func (b *book) Checkpoints(_ context.Context, each func(evidence.Document) error) error {
	for _, d := range b.docs {
		if err := each(d); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) Revisions(_ context.Context, name string, last int64, each func(*license.Revision) error) error {
	for _, r := range b.ledgers[name][:last] {
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) export(only string) []byte {
	b.t.Helper()
	var file bytes.Buffer
	b.must(evidence.Export(b.t.Context(), &file, b, only))
	return file.Bytes()
}

// pinned are the keys at some places of the book's.
func (b *book) pinned(places ...int) (keys []evidence.Key) {
	for _, i := range places {
		keys = append(keys, evidence.Key{Text: b.keys[i].Text})
	}
	return keys
}

// history is a book with two ledgers and three checkpoints.
func history(t testing.TB) *book {
	b := newBook(t)
	b.write("a", 4)
	b.checkpoint()
	b.write("b", 7)
	b.write("a", 2)
	b.checkpoint()
	b.write("c", 1)
	b.write("a", 5)
	b.checkpoint()
	b.write("a", 1) // not covered
	return b
}
