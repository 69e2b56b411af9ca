package license

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// What makes an altered fact show. Each version of a resource's facts has a
// digest over what it says and over the digest of the version before; seals
// collect the digests of an account's inventory in a chain of hashes, and
// checkpoints name the newest seal. docs/evidence.md has the bytes.

// digestFields hashes fields with their lengths, so that no two lists of fields
// have the same input: strings and bytes as they are, numbers in decimal.
func digestFields(fields ...any) []byte {
	b := make([]byte, 0, 1024)
	for _, field := range fields {
		switch f := field.(type) {
		case string:
			b = append(append(strconv.AppendInt(b, int64(len(f)), 10), ':'), f...)
		case []byte:
			b = append(append(strconv.AppendInt(b, int64(len(f)), 10), ':'), f...)
		case int64:
			var digits [20]byte
			text := strconv.AppendInt(digits[:0], f, 10)
			b = append(append(strconv.AppendInt(b, int64(len(text)), 10), ':'), text...)
		}
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// FactsRow is a version of a resource's facts as it is kept.
type FactsRow struct {
	Version int64
	At      Time
	Text    string // the facts as JSON

	// Installed is the SHA-256 of the text of the applications that came with
	// this version; nil when they are those of the version before.
	Installed []byte
	Digest    []byte
}

// DigestAfter is the digest of the version, from that of the version before;
// nil for the first. It covers what never changes of the resource too.
func (f *FactsRow) DigestAfter(r *Resource, before []byte) []byte {
	return digestFields("reeve facts v1", r.Account, r.Owner, r.ARN, string(r.Type), r.Num, int64(r.Created),
		before, f.Version, int64(f.At), f.Text, f.Installed)
}

// SoftwareHash is FactsRow.Installed of the text of applications.
func SoftwareHash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Digest covers all that is known of an exclusion.
func (e *Exclusion) Digest() []byte {
	return digestFields("reeve exclusion v1", e.Configuration, e.Resource, int64(e.Created), int64(e.Until), int64(e.Ended),
		e.ResourceARN, e.Reason, e.Owner, e.CreatedBy, e.EndedBy)
}

// made is the exclusion as it was before it ended.
func (e Exclusion) made() *Exclusion {
	e.Ended, e.EndedBy = 0, ""
	return &e
}

// FactsEntry is the line of a seal about a version of facts, without its end.
func FactsEntry(resource, version int64, digest []byte) string {
	b := strconv.AppendInt(append(make([]byte, 0, 100), "f "...), resource, 10)
	b = strconv.AppendInt(append(b, ' '), version, 10)
	return string(hex.AppendEncode(append(b, ' '), digest))
}

// ExclusionEntries are the lines of seals about an exclusion: as it was made,
// and as it ended if it has.
func ExclusionEntries(e *Exclusion) []string {
	line := func(kind string, e *Exclusion) string {
		return fmt.Sprintf("%s %d %d %d %x", kind, e.Configuration, e.Resource, int64(e.Created), e.Digest())
	}
	if e.Ended == 0 {
		return []string{line("x", e)}
	}
	return []string{line("x", e.made()), line("y", e)}
}

// Seal is a link of the chain over an account's inventory.
type Seal struct {
	Account string
	Number  int64 // 1, 2, 3 … without gaps
	At      Time
	Entries string // a line for each digest, ended by a line feed
	Hash    []byte
}

// HashAfter computes the hash of the seal from that of the seal before; nil for
// the first.
func (s *Seal) HashAfter(before []byte) []byte {
	return digestFields("reeve seal v1", s.Account, before, s.Number, int64(s.At), s.Entries)
}

// follows says how a seal does not follow the one before; "" when it does.
func (s *Seal) follows(before *Seal) string {
	switch {
	case s.Number != before.Number+1:
		return fmt.Sprintf("seal %d of the inventory is missing: seal %d follows %d", before.Number+1, s.Number, before.Number)
	case s.At < before.At:
		return fmt.Sprintf("seal %d of the inventory is older than the one before", s.Number)
	case !bytes.Equal(s.Hash, s.HashAfter(before.Hash)):
		return fmt.Sprintf("the hash of seal %d of the inventory does not match its content: it was altered", s.Number)
	}
	return ""
}

// sealed is what an entry is about: a version of facts (f), with the resource
// and the version; or an exclusion as it was made (x) or ended (y), with the
// configuration, the resource and the time when it was made.
type sealed struct {
	kind    byte
	a, b, c int64
}

// sealedKinds are the letters that entries begin with, and how many numbers
// follow each.
var sealedKinds = map[string]int{"f": 2, "x": 3, "y": 3}

// parseEntry reads a line of a seal, without its line feed.
func parseEntry(line string) (what sealed, digest [sha256.Size]byte, err error) {
	words := strings.Split(line, " ")
	numbers, ok := sealedKinds[words[0]]
	if !ok || len(words) != numbers+2 || len(words[numbers+1]) != 2*len(digest) {
		return what, digest, fmt.Errorf("read entry %q of a seal: malformed", clip(line))
	}
	what.kind = words[0][0]
	for i, to := range []*int64{&what.a, &what.b, &what.c}[:numbers] {
		if *to, err = strconv.ParseInt(words[i+1], 10, 64); err != nil {
			return what, digest, fmt.Errorf("read entry %q of a seal: malformed", clip(line))
		}
	}
	if _, err := hex.Decode(digest[:], []byte(words[numbers+1])); err != nil {
		return what, digest, fmt.Errorf("read entry %q of a seal: malformed", clip(line))
	}
	return what, digest, nil
}

func (s sealed) String() string {
	if s.kind != 'f' {
		return fmt.Sprintf("the exclusion of resource %d from configuration number %d of %s", s.b, s.a, Time(s.c))
	}
	return fmt.Sprintf("version %d of the facts of resource %d", s.b, s.a)
}
