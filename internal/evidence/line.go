package evidence

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/license"
)

// The lines of evidence files: JSON in one form only, the members in their
// order, without spaces, and strings escaped as little as JSON allows. What
// reads a line refuses every other form, so no byte of a file can change
// without being noticed.

// Header is the first line of a file.
type Header struct {
	Origin string // of the account's checkpoints
	Only   string // ARN of the one ledger that the file holds; "" when it holds all
}

// Document is a checkpoint with the ledgers that it covers: a line of a file,
// and what witnesses are sent.
type Document struct {
	Note string

	// Heads are all ledgers in the order of their ARNs, or in a file those
	// that have changed since the checkpoint before.
	Heads []Head

	// Of a file with one ledger: Heads is it alone, Index its place among
	// all, and Proof the path of the tree from there.
	Alone bool
	Index int64
	Proof []Hash
}

func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // which refuses nothing but invalid UTF-8, and then replaces it
	return b
}

func appendHash(b []byte, h Hash) []byte {
	return append(hex.AppendEncode(append(b, '"'), h[:]), '"')
}

func (h *Header) append(b []byte) []byte {
	b = appendString(append(b, `{"reeve_evidence":"v1","origin":`...), h.Origin)
	if h.Only != "" {
		b = appendString(append(b, `,"only":`...), h.Only)
	}
	return append(b, '}')
}

func (h *Head) append(b []byte) []byte {
	b = appendString(append(b, '['), h.ARN)
	b = strconv.AppendInt(append(b, ','), h.Number, 10)
	return append(appendHash(append(b, ','), h.Hash), ']')
}

// Append appends the document as a line, without its line feed.
func (d *Document) Append(b []byte) []byte {
	b = appendString(append(b, `{"checkpoint":`...), d.Note)
	if d.Alone {
		b = d.Heads[0].append(append(b, `,"ledger":`...))
		b = strconv.AppendInt(append(b, `,"index":`...), d.Index, 10)
		b = append(b, `,"proof":[`...)
		for i, h := range d.Proof {
			b = appendHash(comma(b, i), h)
		}
		return append(b, `]}`...)
	}
	b = append(b, `,"ledgers":[`...)
	for i := range d.Heads {
		b = d.Heads[i].append(comma(b, i))
	}
	return append(b, `]}`...)
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

func appendRevision(b []byte, r *license.Revision) []byte {
	number := func(name string, n int64) {
		b = strconv.AppendInt(append(b, name...), n, 10)
	}
	number(`{"revision":`, r.Number)
	number(`,"at":`, int64(r.At))
	number(`,"recorded":`, int64(r.Recorded))
	b = appendString(append(b, `,"caller":`...), r.Caller)
	b = appendString(append(b, `,"cause":`...), r.Cause)
	number(`,"consumed":`, r.Counters.Consumed)
	b = appendNumbers(append(b, `,"consumed_by":`...), r.Counters.ConsumedBy[:])
	b = appendNumbers(append(b, `,"associated_by":`...), r.Counters.AssociatedBy[:])
	number(`,"terms_rev":`, r.TermsRev)
	if r.Terms != nil {
		b = appendString(append(b, `,"terms":`...), string(r.Terms))
	}
	b = appendString(append(b, `,"changes":`...), string(r.Changes))
	b = append(b, `,"hash":"`...)
	return append(hex.AppendEncode(b, r.Hash), `"}`...)
}

func appendNumbers(b []byte, ns []int64) []byte {
	b = append(b, '[')
	for i, n := range ns {
		b = strconv.AppendInt(comma(b, i), n, 10)
	}
	return append(b, ']')
}

// line reads one line from left to right. The first thing that is not as it
// must be makes it bad; what is read then is zero.
type line struct {
	rest string
	at   int // of the first byte that is wrong, from the end
	bad  bool
}

func (l *line) fail() {
	if !l.bad {
		l.bad, l.at = true, len(l.rest)
	}
}

// try takes text if it is next.
func (l *line) try(text string) bool {
	if l.bad || !strings.HasPrefix(l.rest, text) {
		return false
	}
	l.rest = l.rest[len(text):]
	return true
}

func (l *line) want(text string) {
	if !l.try(text) {
		l.fail()
	}
}

// int reads a number in its shortest form.
func (l *line) int() int64 {
	i := 0
	for i < len(l.rest) && (l.rest[i] >= '0' && l.rest[i] <= '9' || i == 0 && l.rest[i] == '-') {
		i++
	}
	text := l.rest[:i]
	n, err := strconv.ParseInt(text, 10, 64)
	short := len(text) == 1 || text != "" && text[0] >= '1' && text[0] <= '9' || len(text) > 1 && text[0] == '-' && text[1] != '0'
	if l.bad || err != nil || !short {
		l.fail()
		return 0
	}
	l.rest = l.rest[i:]
	return n
}

func (l *line) ints(to []int64) {
	l.want("[")
	for i := range to {
		if i > 0 {
			l.want(",")
		}
		to[i] = l.int()
	}
	l.want("]")
}

// string reads a string in the one form that appendString writes.
func (l *line) string() string {
	if l.bad || l.rest == "" || l.rest[0] != '"' {
		l.fail()
		return ""
	}
	end, escaped := 1, false
	for end < len(l.rest) && l.rest[end] != '"' && l.rest[end] >= ' ' {
		if l.rest[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	if end >= len(l.rest) || l.rest[end] != '"' {
		l.fail()
		return ""
	}
	quoted := l.rest[:end+1]
	text := quoted[1:end]
	if escaped {
		raw, err := jsontext.AppendUnquote(nil, quoted)
		if again, _ := jsontext.AppendQuote(nil, raw); err != nil || string(again) != quoted {
			l.fail()
			return ""
		}
		text = string(raw)
	} else if !utf8.ValidString(text) {
		l.fail()
		return ""
	}
	l.rest = l.rest[end+1:]
	return text
}

func (l *line) hash() (h Hash) {
	const size = 2*len(h) + 2
	if l.bad || len(l.rest) < size || l.rest[0] != '"' || l.rest[size-1] != '"' {
		l.fail()
		return h
	}
	h, err := ParseHash(l.rest[1 : size-1])
	if err != nil {
		l.fail()
	}
	l.rest = l.rest[size:]
	return h
}

func (l *line) head() (h Head) {
	l.want("[")
	h.ARN = l.string()
	l.want(",")
	h.Number = l.int()
	l.want(",")
	h.Hash = l.hash()
	l.want("]")
	return h
}

// err tells whether the whole line was as it must be.
func (l *line) err(length int) error {
	if l.rest != "" {
		l.fail()
	}
	if l.bad {
		return bad("byte %d of the line is not what a file of evidence has there", length-l.at+1)
	}
	return nil
}

func parseHeader(text string) (Header, error) {
	l, h := &line{rest: text}, Header{}
	l.want(`{"reeve_evidence":"v1","origin":`)
	h.Origin = l.string()
	if l.try(`,"only":`) {
		h.Only = l.string()
	}
	l.want(`}`)
	return h, l.err(len(text))
}

// ParseDocument reads a line that Document.Append wrote.
func ParseDocument(text string) (*Document, error) {
	l, d := &line{rest: text}, &Document{}
	l.want(`{"checkpoint":`)
	d.Note = l.string()
	switch {
	case l.try(`,"ledger":`):
		d.Alone, d.Heads = true, []Head{l.head()}
		l.want(`,"index":`)
		d.Index = l.int()
		l.want(`,"proof":[`)
		for !l.try(`]`) && !l.bad && len(d.Proof) < 64 {
			if len(d.Proof) > 0 {
				l.want(",")
			}
			d.Proof = append(d.Proof, l.hash())
		}
	default:
		l.want(`,"ledgers":[`)
		for !l.try(`]`) && !l.bad && len(d.Heads) <= MaxLedgers {
			if len(d.Heads) > 0 {
				l.want(",")
			}
			d.Heads = append(d.Heads, l.head())
		}
	}
	l.want(`}`)
	if err := l.err(len(text)); err != nil {
		return nil, err
	}
	return d, checkHeads(d.Heads)
}

func parseRevision(text string, r *license.Revision) error {
	l := &line{rest: text}
	l.want(`{"revision":`)
	r.Number = l.int()
	l.want(`,"at":`)
	r.At = license.Time(l.int())
	l.want(`,"recorded":`)
	r.Recorded = license.Time(l.int())
	l.want(`,"caller":`)
	r.Caller = l.string()
	l.want(`,"cause":`)
	r.Cause = l.string()
	l.want(`,"consumed":`)
	r.Counters.Consumed = l.int()
	l.want(`,"consumed_by":`)
	l.ints(r.Counters.ConsumedBy[:])
	l.want(`,"associated_by":`)
	l.ints(r.Counters.AssociatedBy[:])
	l.want(`,"terms_rev":`)
	r.TermsRev = l.int()
	if l.try(`,"terms":`) {
		r.Terms = []byte(l.string())
	}
	l.want(`,"changes":`)
	r.Changes = []byte(l.string())
	l.want(`,"hash":`)
	hash := l.hash()
	r.Hash = hash[:]
	l.want(`}`)
	return l.err(len(text))
}
