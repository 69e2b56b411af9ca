package license

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// The text of Revision.Changes: one line for each row that opened or closed,
// in the order of keys, usage before associations. It is hashed as it stands,
// so its form never changes:
//
//	u+ OWNER RESOURCE USAGE        usage opened, closing the row before it
//	u- OWNER RESOURCE TYPE         usage closed
//	a+ OWNER RESOURCE ASSOCIATION  the same for associations
//	a- OWNER RESOURCE TYPE

// AppendText appends the usage without its key, as the ledger's text has it:
// TYPE STATUS ASSOCIATION-TIME CONSUMED FACTS ARN. No member holds a space.
func (u *Usage) AppendText(dst []byte) []byte {
	dst = append(dst, u.Type...)
	dst = append(append(dst, ' '), u.Status...)
	dst = strconv.AppendInt(append(dst, ' '), int64(u.AssociationTime), 10)
	dst = strconv.AppendInt(append(dst, ' '), u.Consumed, 10)
	dst = strconv.AppendInt(append(dst, ' '), u.Facts, 10)
	return append(append(dst, ' '), u.ResourceARN...)
}

// ParseText reads what AppendText wrote into u; its strings are parts of s.
// The key is left as it is. Every row of every list comes through here.
func (u *Usage) ParseText(s string) error {
	f := fields{rest: s}
	u.Type = resourceType(f.next())
	u.Status = f.next()
	u.AssociationTime = Time(f.int())
	u.Consumed = f.int()
	u.Facts = f.int()
	u.ResourceARN = f.rest
	return f.err("usage", s)
}

// AppendText appends the association without its key: TYPE ASSOCIATION-TIME
// SCOPE ORIGIN UNLICENSED FACTS UNTIL ARN, with - for an empty scope.
func (a *Association) AppendText(dst []byte) []byte {
	scope, unlicensed := a.Scope, byte('0')
	if scope == "" {
		scope = "-"
	}
	if a.Unlicensed {
		unlicensed = '1'
	}
	dst = append(dst, a.Type...)
	dst = strconv.AppendInt(append(dst, ' '), int64(a.AssociationTime), 10)
	dst = append(append(dst, ' '), scope...)
	dst = append(append(dst, ' '), a.Origin...)
	dst = append(dst, ' ', unlicensed, ' ')
	dst = strconv.AppendInt(dst, a.Facts, 10)
	dst = strconv.AppendInt(append(dst, ' '), int64(a.Until), 10)
	return append(append(dst, ' '), a.ResourceARN...)
}

// ParseText reads what AppendText wrote into a; its strings are parts of s.
func (a *Association) ParseText(s string) error {
	f := fields{rest: s}
	a.Type = resourceType(f.next())
	a.AssociationTime = Time(f.int())
	if a.Scope = f.next(); a.Scope == "-" {
		a.Scope = ""
	}
	a.Origin = f.next()
	a.Unlicensed = f.next() == "1"
	a.Facts = f.int()
	a.Until = Time(f.int())
	a.ResourceARN = f.rest
	return f.err("association", s)
}

// resourceType returns the type's own constant, so that a parsed row keeps
// nothing else of its text alive; an unknown one stays as it is.
func resourceType(s string) ResourceType {
	for i := range ResourceTypes {
		if string(ResourceTypes[i]) == s {
			return ResourceTypes[i]
		}
	}
	return ResourceType(s)
}

// fields cuts a text at spaces and remembers what was wrong with it.
type fields struct {
	rest string
	bad  bool
}

func (f *fields) next() string {
	i := strings.IndexByte(f.rest, ' ')
	if i <= 0 {
		f.bad = true
		return ""
	}
	head := f.rest[:i]
	f.rest = f.rest[i+1:]
	return head
}

// int reads a number of the ledger, which is never negative.
func (f *fields) int() int64 {
	s, n, i := f.rest, int64(0), 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		n = n*10 + int64(s[i]-'0')
	}
	const digits = 19 // of the largest int64; larger numbers come out negative
	if i == 0 || i > digits || n < 0 || i == len(s) || s[i] != ' ' {
		f.bad = true
		return 0
	}
	f.rest = s[i+1:]
	return n
}

func (f *fields) err(what, s string) error {
	if f.bad || f.rest == "" || strings.Contains(f.rest, " ") {
		return fmt.Errorf("read %s %q of the ledger: malformed", what, clip(s))
	}
	return nil
}

// appendChanges appends the text of changes, which are in their order.
func appendChanges(dst []byte, changes []Change) []byte {
	for i := range changes {
		dst = appendChange(dst, &changes[i])
	}
	return dst
}

func appendChange(dst []byte, ch *Change) []byte {
	sign := byte('+')
	if ch.Usage == nil && ch.Association == nil {
		sign = '-'
	}
	dst = append(dst, byte(ch.Kind), sign, ' ')
	dst = strconv.AppendInt(dst, ch.Owner, 10)
	dst = strconv.AppendInt(append(dst, ' '), ch.Resource, 10)
	dst = append(dst, ' ')
	switch {
	case ch.Usage != nil:
		dst = ch.Usage.AppendText(dst)
	case ch.Association != nil:
		dst = ch.Association.AppendText(dst)
	default:
		dst = append(dst, ch.WasType...)
	}
	return append(dst, '\n')
}

// parseChanges reads the text of a revision's changes and calls each for
// every line.
func parseChanges(text []byte, each func(Change) error) error {
	return eachChange(text, func(line []byte) error {
		ch, err := parseChange(string(line))
		if err != nil {
			return err
		}
		return each(ch)
	})
}

// eachChange calls each for every line of the text of a revision's changes.
func eachChange(text []byte, each func(line []byte) error) error {
	for len(text) > 0 {
		line, rest, ok := bytes.Cut(text, []byte{'\n'})
		if !ok {
			return fmt.Errorf("read changes of the ledger: the last line is cut off")
		}
		text = rest
		if err := each(line); err != nil {
			return err
		}
	}
	return nil
}

func parseChange(line string) (Change, error) {
	f := fields{rest: line}
	head := f.next()
	ch := Change{Key: Key{Owner: f.int(), Resource: f.int()}}
	if f.bad || len(head) != 2 {
		return Change{}, fmt.Errorf("read change %q of the ledger: malformed", clip(line))
	}
	ch.Kind = ChangeKind(head[0])
	switch head {
	case "u+":
		ch.Usage = &Usage{Key: ch.Key}
		return ch, ch.Usage.ParseText(f.rest)
	case "a+":
		ch.Association = &Association{Key: ch.Key}
		return ch, ch.Association.ParseText(f.rest)
	case "u-", "a-":
		ch.WasType = resourceType(f.rest)
		return ch, nil
	}
	return Change{}, fmt.Errorf("read change %q of the ledger: unknown kind", clip(line))
}

// hashVersion begins what every revision's hash covers.
const hashVersion = "reeve revision v1"

// hash computes the revision's hash from the hash before it (nil for the
// first): SHA-256 over length-prefixed fields, so that no two revisions have
// the same input.
func (r *Revision) hash(arn string, before []byte) []byte {
	var b []byte
	text := func(s []byte) {
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(append(b, ':'), s...)
	}
	number := func(n int64) { text(strconv.AppendInt(nil, n, 10)) }

	text([]byte(hashVersion))
	text([]byte(arn))
	text(before)
	number(r.Number)
	number(int64(r.At))
	number(int64(r.Recorded))
	text([]byte(r.Caller))
	text([]byte(r.Cause))
	number(r.Counters.Consumed)
	for i := range ResourceTypes {
		number(r.Counters.ConsumedBy[i])
		number(r.Counters.AssociatedBy[i])
	}
	number(r.TermsRev)
	text(r.Terms)
	text(r.Changes)
	sum := sha256.Sum256(b)
	return sum[:]
}
