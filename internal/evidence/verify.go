package evidence

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"reeve/internal/license"
)

// Options are what a file is held against.
type Options struct {
	Keys      []Key // pinned: of the deployment whose ledgers these are
	Witnesses []Key // each must have signed a checkpoint too
	Kept      *Kept // nil for none
}

// Report says what was found to be right.
type Report struct {
	Origin      string
	Only        string // the one ledger of the file; "" when it has all of the account
	Ledgers     int64
	Revisions   int64
	Checkpoints int64
	Newest      Checkpoint
	Witnessed   int64 // number of the newest checkpoint that every witness asked for has signed
	Kept        int   // kept checkpoints of this account that the file continues
}

// Fault is the first thing in a file that is not as it must be.
type Fault struct {
	Line     int64  // of the file; 0 where it is about the whole
	Ledger   string // ARN; "" where it is about no single ledger
	Revision int64  // 0 where it is about no single one
	What     string
}

// Error is the fault in one sentence.
func (f *Fault) Error() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.Line)
	}
	if f.Ledger != "" {
		fmt.Fprintf(&b, "ledger %s: ", f.Ledger)
	}
	if f.Revision > 0 {
		fmt.Fprintf(&b, "revision %d: ", f.Revision)
	}
	return b.String() + f.What
}

// maxLine bounds a line: one revision can open very many intervals.
const maxLine = 512 << 20

// Verify reads a file of evidence to its end and checks all of it: keys,
// signatures, roots, hashes, order, and counters, which it makes again from the
// changes. What is wrong is a *Fault, the first one in the order of the file.
func Verify(r io.Reader, o Options) (*Report, error) {
	v := &verifier{o: o, lines: bufio.NewReaderSize(r, 1<<20), expected: map[string][]want{}, texts: map[int64]string{}}
	for {
		text, err := readLine(v.lines, maxLine)
		v.number++
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, v.fault("%v", err)
		}
		if err := v.line(text); err != nil {
			return nil, err
		}
	}
	if err := v.end(); err != nil {
		return nil, err
	}
	return &v.report, nil
}

// section is a part of a file; they come in this order.
type section int

const (
	start section = iota
	keys
	checkpoints
	ledgers
)

type verifier struct {
	o      Options
	lines  *bufio.Reader
	number int64 // of the line
	part   section
	report Report

	published []Key
	seq       *Sequence
	witnesses []note.Verifier
	signedBy  map[string]int64 // newest checkpoint that each witness has signed

	texts    map[int64]string // of the checkpoints, by number
	expected map[string][]want
	next     int // in the heads of seq, of the ledger that must come next
	ledger   *chain
}

// want is what a checkpoint says of a revision.
type want struct {
	number int64
	hash   Hash
	by     string
}

func (v *verifier) fault(format string, args ...any) error {
	f := &Fault{Line: v.number, What: fmt.Sprintf(format, args...)}
	if v.ledger != nil {
		f.Ledger, f.Revision = v.ledger.arn, v.ledger.last.Number+1
	}
	return f
}

func (v *verifier) line(text string) error {
	switch {
	case v.part == start:
		return v.header(text)
	case strings.HasPrefix(text, `{"revision":`) && v.ledger != nil:
		return v.revision(text)
	case strings.HasPrefix(text, `{"ledger":`) && v.part >= checkpoints:
		return v.beginLedger(text)
	case strings.HasPrefix(text, `{"checkpoint":`) && v.part >= keys && v.part <= checkpoints:
		return v.checkpoint(text)
	case strings.HasPrefix(text, `{"key":`) && v.part == keys:
		return v.key(text)
	}
	return v.fault("this line cannot stand here: a file of evidence has a header, keys, checkpoints, and then ledgers with their revisions")
}

func (v *verifier) header(text string) error {
	h, err := parseHeader(text)
	if err != nil {
		return v.fault("this is no file of evidence, or its first line was altered: %v", err)
	}
	v.part, v.report.Origin, v.report.Only = keys, h.Origin, h.Only
	return nil
}

func (v *verifier) key(text string) error {
	l := &line{rest: text}
	l.want(`{"key":`)
	word := l.string()
	l.want(`}`)
	if err := l.err(len(text)); err != nil {
		return v.fault("%v", err)
	}
	k, err := parseKey(word)
	if err != nil || k.String() != word || len(v.published) == maxKeys {
		return v.fault("this is no key as Reeve publishes it")
	}
	v.published = append(v.published, k)
	return nil
}

// trust decides once, behind the keys, which of them are believed.
func (v *verifier) trust() error {
	if len(v.published) == 0 {
		return v.fault("there is no key before the first checkpoint")
	}
	trusted, err := Trust(v.o.Keys, v.published)
	if err != nil {
		return v.fault("%v", err)
	}
	v.signedBy = map[string]int64{}
	for _, k := range v.o.Witnesses {
		w, err := note.NewVerifier(k.Text)
		if err != nil {
			return bad("key of the witness: %v", err)
		}
		v.witnesses = append(v.witnesses, w)
	}
	v.seq = NewSequence(trusted, v.report.Origin, v.report.Only, v.witnesses...)
	return nil
}

func (v *verifier) checkpoint(text string) error {
	if v.part == keys {
		v.part = checkpoints
		if err := v.trust(); err != nil {
			return err
		}
	}
	d, err := ParseDocument(text)
	if err != nil {
		return v.fault("%v", err)
	}
	c, signers, moved, err := v.seq.Add(d)
	if err != nil {
		return v.fault("%v", err)
	}
	by := fmt.Sprintf("checkpoint %d of %s", c.Number, c.Time)
	for _, h := range moved {
		v.expected[h.ARN] = append(v.expected[h.ARN], want{h.Number, h.Hash, by})
	}
	for _, s := range signers {
		v.signedBy[fmt.Sprintf("%s+%08x", s.Name, s.Hash)] = c.Number
	}
	v.texts[c.Number] = c.Text()
	v.report.Newest = *c
	v.report.Checkpoints++
	return nil
}

// beginLedgers is called once, behind the checkpoints.
func (v *verifier) beginLedgers() error {
	v.part = ledgers
	if v.report.Checkpoints == 0 {
		return v.fault("there is no checkpoint, so nothing is signed")
	}
	if err := v.kept(); err != nil {
		return err
	}
	for _, wants := range v.expected {
		slices.SortStableFunc(wants, func(a, b want) int { return cmp.Compare(a.number, b.number) })
	}
	return v.witnessed()
}

// kept adds what the kept checkpoints of this account say of the ledgers.
func (v *verifier) kept() error {
	if v.o.Kept == nil || v.o.Kept.Len() == 0 {
		return nil
	}
	for i := range v.o.Kept.items {
		k := &v.o.Kept.items[i]
		c, _, err := v.seq.trusted.Open(k.note)
		if err != nil {
			return &Fault{What: fmt.Sprintf("the checkpoint kept in %s is not believed: %v", k.from, err)}
		}
		_, there := v.texts[c.Number]
		if c.Origin != v.report.Origin || v.report.Only != "" && !k.listed && !there {
			continue // it says nothing of these ledgers
		}
		if why := v.keptOne(k, c); why != "" {
			return &Fault{What: fmt.Sprintf("checkpoint %d of %s, which was kept in %s: %s", c.Number, c.Time, k.from, why)}
		}
		v.report.Kept++
	}
	if v.report.Kept == 0 {
		return &Fault{What: fmt.Sprintf("none of the %d kept checkpoints is of %s, so they say nothing of these ledgers", v.o.Kept.Len(), v.report.Origin)}
	}
	return nil
}

// keptOne says how a kept checkpoint disagrees with those of the file.
func (v *verifier) keptOne(k *kept, c *Checkpoint) string {
	text, there := v.texts[c.Number]
	newest := &v.report.Newest
	switch {
	case k.listed && k.state != "":
		return k.state
	case there && text != c.Text():
		return "the ledgers were rewritten: another checkpoint has its number now"
	case c.Number > newest.Number:
		return fmt.Sprintf("the newest checkpoint here is %d of %s: the end was cut off, or this is older than what was kept", newest.Number, newest.Time)
	case !there && !k.listed:
		return "it is missing here"
	}
	by := fmt.Sprintf("checkpoint %d of %s, which was kept in %s", c.Number, c.Time, k.from)
	for _, h := range k.changed {
		if v.report.Only != "" && h.ARN != v.report.Only {
			continue
		}
		i, ok := v.seq.state.find(h.ARN)
		if !ok || v.seq.state.heads[i].Number < h.Number {
			return fmt.Sprintf("the ledger of %s had %d revisions, and has not here: they were removed", h.ARN, h.Number)
		}
		v.expected[h.ARN] = append(v.expected[h.ARN], want{h.Number, h.Hash, by})
	}
	return ""
}

// witnessed wants the signature of every witness that was asked for.
func (v *verifier) witnessed() error {
	for i, w := range v.witnesses {
		number := v.signedBy[fmt.Sprintf("%s+%08x", w.Name(), w.KeyHash())]
		if number == 0 {
			return &Fault{What: fmt.Sprintf("the witness %s has signed no checkpoint of this file", w.Name())}
		}
		if i == 0 || number < v.report.Witnessed {
			v.report.Witnessed = number
		}
	}
	return nil
}

func (v *verifier) beginLedger(text string) error {
	if v.part == checkpoints {
		if err := v.beginLedgers(); err != nil {
			return err
		}
	}
	if err := v.endLedger(); err != nil {
		return err
	}
	l := &line{rest: text}
	l.want(`{"ledger":`)
	arn := l.string()
	l.want(`}`)
	if err := l.err(len(text)); err != nil {
		return v.fault("%v", err)
	}
	if v.next == len(v.seq.state.heads) {
		return v.fault("the ledger %s is not in the newest checkpoint", clip(arn))
	}
	if should := v.seq.state.heads[v.next].ARN; arn != should {
		return v.fault("the ledger %s should follow here, and %s does", should, clip(arn))
	}
	v.ledger = newChain(arn, v.expected[arn])
	v.next++
	v.report.Ledgers++
	return nil
}

// endLedger wants the ledger to end where the newest checkpoint says.
func (v *verifier) endLedger() error {
	if v.ledger == nil {
		return nil
	}
	if head := v.seq.state.heads[v.next-1]; v.ledger.last.Number != head.Number {
		return v.fault("it is missing: the newest checkpoint covers %d revisions of this ledger", head.Number)
	}
	v.report.Revisions += v.ledger.last.Number
	v.ledger = nil
	return nil
}

func (v *verifier) revision(text string) error {
	if v.ledger.last.Number == v.seq.state.heads[v.next-1].Number {
		return v.fault("it is behind what the newest checkpoint covers")
	}
	var r license.Revision
	if err := parseRevision(text, &r); err != nil {
		return v.fault("%v", err)
	}
	if why := v.ledger.add(&r); why != "" {
		return v.fault("%s", why)
	}
	return nil
}

func (v *verifier) end() error {
	switch {
	case v.part == start:
		return v.fault("the file is empty")
	case v.part == keys:
		return v.fault("there is no checkpoint, so nothing is signed")
	case v.part == checkpoints:
		if err := v.beginLedgers(); err != nil {
			return err
		}
	}
	if err := v.endLedger(); err != nil {
		return err
	}
	if v.next < len(v.seq.state.heads) {
		return v.fault("the ledger %s is missing: the newest checkpoint covers it", v.seq.state.heads[v.next].ARN)
	}
	return nil
}

// chain is one ledger as far as it was read.
type chain struct {
	arn      string
	expected []want
	last     license.Revision
	usage    map[license.Key]license.Usage
	open     map[license.Key]license.Association
	counters license.Counters
}

func newChain(arn string, expected []want) *chain {
	return &chain{arn: arn, expected: expected, usage: map[license.Key]license.Usage{}, open: map[license.Key]license.Association{}}
}

// add takes the next revision, and says what is wrong with it; "" when it
// follows from what is before.
func (c *chain) add(r *license.Revision) string {
	before := &c.last
	switch {
	case r.Number != before.Number+1:
		return fmt.Sprintf("it is missing: revision %d stands in its place", r.Number)
	case !bytes.Equal(r.Hash, r.HashAfter(c.arn, before.Hash)):
		return "its hash does not match its content and the revision before: one of them was altered"
	case r.At <= before.At:
		return "it is not later than the revision before"
	case r.Terms == nil && r.TermsRev != before.TermsRev, r.Terms != nil && r.TermsRev != r.Number:
		return "it names the wrong terms"
	}
	if err := r.EachChange(c.change); err != nil {
		return "its changes cannot be: " + err.Error()
	}
	if r.Counters != c.counters {
		return fmt.Sprintf("its counters are not the sums of its changes: %+v, counted again %+v", r.Counters, c.counters)
	}
	for len(c.expected) > 0 && c.expected[0].number == r.Number {
		if c.expected[0].hash != Hash(r.Hash) {
			return fmt.Sprintf("%s has another hash for it: the ledger was rewritten at this revision or before", c.expected[0].by)
		}
		c.expected = c.expected[1:]
	}
	c.last = license.Revision{Number: r.Number, At: r.At, TermsRev: r.TermsRev, Hash: r.Hash}
	return ""
}

// change replays one line of the changes.
func (c *chain) change(ch license.Change) error {
	if ch.Kind == license.KindUsage {
		return c.changeUsage(&ch)
	}
	was, ok := c.open[ch.Key]
	switch {
	case ok:
		c.counters.AddAssociation(&was, -1)
		delete(c.open, ch.Key)
	case ch.Association == nil:
		return bad("an association is closed that is not open")
	}
	if a := ch.Association; a != nil {
		if a.Type.Number() < 0 {
			return bad("an association has an unknown type")
		}
		c.open[ch.Key] = license.Association{Type: a.Type, Origin: a.Origin}
		c.counters.AddAssociation(a, 1)
	}
	return nil
}

func (c *chain) changeUsage(ch *license.Change) error {
	was, ok := c.usage[ch.Key]
	switch {
	case ok:
		c.counters.AddUsage(was.Type, -was.Consumed)
		delete(c.usage, ch.Key)
	case ch.Usage == nil:
		return bad("usage is closed that is not open")
	}
	if u := ch.Usage; u != nil {
		if u.Type.Number() < 0 || u.Consumed < 1 {
			return bad("usage has an unknown type or consumes nothing")
		}
		c.usage[ch.Key] = license.Usage{Type: u.Type, Consumed: u.Consumed}
		c.counters.AddUsage(u.Type, u.Consumed)
	}
	return nil
}
