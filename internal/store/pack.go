package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"reeve/internal/license"
	"reeve/internal/store/mvtree"
)

// Leaves of usage are kept in memory packed: what its rows share (the beginning
// of their ARNs, their types and statuses) stands in a leaf once, and a row
// keeps the rest: about 30 bytes instead of 110, and read without looking for
// its fields.

// usagePacker packs leaves of usage; everything else stays as it is.
type usagePacker struct{}

// sharedUsage is what the rows of a leaf share. A packed row is the place of
// its kind (a byte) and of its ARN's beginning (a byte), the microseconds of
// its association since the leaf's earliest, what it consumes and the version
// of its facts (as uvarints), and the rest of the ARN.
type sharedUsage struct {
	kinds    []usageKind
	prefixes []string
	earliest license.Time
}

type usageKind struct {
	kind   license.ResourceType
	status string
}

// maxShared is how many kinds or prefixes a byte can tell apart. A leaf with
// more is left as it is.
const maxShared = 256

// Pack implements mvtree.Packer.
func (usagePacker) Pack(values []string) (any, []string, int64) {
	rows := make([]license.Usage, len(values))
	for i, v := range values {
		if rows[i].ParseText(v) != nil {
			return nil, nil, 0 // of another tree
		}
	}
	if len(rows) == 0 {
		return nil, nil, 0
	}
	shared := &sharedUsage{earliest: rows[0].AssociationTime}
	for i := range rows {
		shared.earliest = min(shared.earliest, rows[i].AssociationTime)
	}
	packed := make([]string, len(rows))
	for i := range rows {
		text, ok := shared.pack(&rows[i])
		if !ok {
			return nil, nil, 0
		}
		packed[i] = text
	}
	return shared, packed, shared.bytes()
}

func (s *sharedUsage) pack(u *license.Usage) (string, bool) {
	cut := 1 + strings.LastIndexAny(u.ResourceARN, ":/")
	prefix, ok := placeOf(&s.prefixes, u.ResourceARN[:cut], strings.Clone)
	kind, fits := placeOf(&s.kinds, usageKind{u.Type, u.Status}, func(k usageKind) usageKind {
		return usageKind{license.ResourceType(strings.Clone(string(k.kind))), strings.Clone(k.status)}
	})
	text := append(make([]byte, 0, 64), kind, prefix)
	text = binary.AppendUvarint(text, uint64(u.AssociationTime-s.earliest))
	text = binary.AppendUvarint(text, uint64(u.Consumed))
	text = binary.AppendUvarint(text, uint64(u.Facts))
	return string(append(text, u.ResourceARN[cut:]...)), ok && fits
}

// placeOf returns the place of v in list, which it may add a clone of v to.
func placeOf[T comparable](list *[]T, v T, clone func(T) T) (place byte, ok bool) {
	i := slices.Index(*list, v)
	if i < 0 {
		i = len(*list)
		*list = append(*list, clone(v))
	}
	return byte(i), i < maxShared
}

func (s *sharedUsage) bytes() int64 {
	const entry = 64 // of a slice's element and its string's own memory
	n := int64(len(s.kinds)+len(s.prefixes)) * entry
	for _, p := range s.prefixes {
		n += int64(len(p))
	}
	return n
}

var errPacked = errors.New("a packed row of usage is malformed")

// unpack reads a packed row into u, but for its ARN, which it returns in two
// parts.
func (s *sharedUsage) unpack(u *license.Usage, row string) (prefix, rest string, err error) {
	if len(row) < 2 || int(row[0]) >= len(s.kinds) || int(row[1]) >= len(s.prefixes) {
		return "", "", errPacked
	}
	kind := &s.kinds[row[0]]
	u.Type, u.Status = kind.kind, kind.status
	prefix, rest = s.prefixes[row[1]], row[2:]
	since, rest, ok := uvarint(rest, true)
	consumed, rest, ok := uvarint(rest, ok)
	facts, rest, ok := uvarint(rest, ok)
	if !ok {
		return "", "", errPacked
	}
	u.AssociationTime, u.Consumed, u.Facts = s.earliest+license.Time(since), int64(consumed), int64(facts)
	return prefix, rest, nil
}

// uvarint cuts a number off a text, unless something before it was wrong.
func uvarint(s string, ok bool) (n uint64, rest string, still bool) {
	for i, shift := 0, 0; ok && i < len(s) && i < binary.MaxVarintLen64; i, shift = i+1, shift+7 {
		n |= uint64(s[i]&0x7f) << shift
		if s[i] < 0x80 {
			return n, s[i+1:], true
		}
	}
	return 0, s, false
}

// usageReader passes the rows of a tree to a writer.
type usageReader struct {
	to   license.UsageWriter
	left int           // rows that are wanted still
	row  license.Usage // the last one
}

// next passes a row on and reports whether another is wanted.
func (r *usageReader) next(k mvtree.Key, v mvtree.Value) (more bool, err error) {
	r.row.Key = license.Key{Owner: k.Owner, Resource: k.ID}
	var rest string
	if shared, ok := v.Shared.(*sharedUsage); ok {
		r.row.ResourceARN, rest, err = shared.unpack(&r.row, v.Text)
	} else {
		err = r.row.ParseText(v.Text)
	}
	if err != nil {
		return false, err
	}
	r.left--
	r.to.Row(&r.row, rest)
	return r.left > 0, nil
}
