package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// Segment is some events of one process, in the order in which they ended.
// Times are microseconds since 1970; within a chain no two events have the
// same, and later ones have later ones.
type Segment struct {
	Chain    int64
	Number   int64 // 1, 2, 3 … within the chain
	First    int64 // time of the first event
	Last     int64 // time of the last; at most blockSpan after the first
	Events   int64
	Previous []byte // hash of the segment before, or of the chain
	Hash     []byte
	Data     []byte // the events, one JSON object a line, compressed with zstd
}

// Link names a segment and its hash; the zero Link names none.
type Link struct {
	Number int64
	Hash   []byte
}

// Chain is the segments of one server process.
type Chain struct {
	Num     int64  // 1, 2, 3 … in the order of their beginning
	Server  string // for people
	Started int64
	Anchor  Link // where the chain before this one was when this one began
	Kept    Link // the last segment that was removed because of its age
	Head    Link // the last segment
}

// Store keeps segments. Its errors are faults; waiting and trying again is the
// Recorder's part.
type Store interface {
	// BeginChain makes the next chain, anchored in the one before.
	BeginChain(ctx context.Context, server string, started int64) (Chain, error)

	// Append writes the next segment of a chain durably. A segment that is
	// there already is no error; one that does not continue the chain's head
	// is ErrForked.
	Append(ctx context.Context, s Segment) error

	// Newest returns the segments of a Span, the latest end first and, of
	// those with the same one, the greater chain.
	Newest(ctx context.Context, q Span) ([]Segment, error)

	// Chains returns up to limit chains numbered above after, in order.
	Chains(ctx context.Context, after int64, limit int) ([]Chain, error)

	// Segments returns up to limit segments of a chain numbered above after,
	// in order.
	Segments(ctx context.Context, chain, after int64, limit int) ([]Segment, error)

	// Remove deletes up to about limit segments, the oldest, that end before
	// a moment, and returns how many it were.
	Remove(ctx context.Context, before int64, limit int) (int, error)
}

// Span selects segments by their times.
type Span struct {
	After Place // only those whose end and chain are behind this
	First int64 // only those that begin at or before this
	From  int64 // only those that end at or after this
	Limit int   // at most so many
}

// Place is a place in the order of times, the latest first, and of chains.
type Place struct{ Time, Chain int64 }

// ErrForked is what Append answers when the chain has gone on without this
// process: the database was set back, or somebody else wrote.
var ErrForked = errors.New("the chain of the audit trail is not where it was left")

// hashOf is the hash of a segment: of all that it says.
func hashOf(s *Segment) []byte {
	b := []byte("reeve audit segment 1\n")
	for _, n := range [...]int64{s.Chain, s.Number, s.First, s.Last, s.Events} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	h := sha256.New()
	h.Write(append(b, s.Previous...))
	h.Write(s.Data)
	return h.Sum(nil)
}

// genesis is what the first segment of a chain has as the hash before it.
func genesis(c *Chain) []byte {
	b := []byte("reeve audit chain 1\n")
	for _, n := range [...]int64{c.Num, c.Started, c.Anchor.Number} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	b = append(b, c.Anchor.Hash...)
	sum := sha256.Sum256(append(b, c.Server...))
	return sum[:]
}

// end is what the next segment of a chain continues.
func (c *Chain) end() Link {
	if c.Head.Number == 0 {
		return Link{Hash: genesis(c)}
	}
	return c.Head
}

// compressor and decompressor are safe for concurrent use.
var (
	compressor   = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)))
	decompressor = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSegment)))
)

// maxSegment bounds what a segment is taken to hold: far more than any does.
const maxSegment = 64 << 20

// must is for options that are constants.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Lines returns the events of a segment, in order.
func (s *Segment) Lines() ([][]byte, error) {
	text, err := decompressor.DecodeAll(s.Data, nil)
	if err != nil {
		return nil, fmt.Errorf("read segment %d of chain %d of the audit trail: %w", s.Number, s.Chain, err)
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if int64(len(lines)) != s.Events {
		return nil, fmt.Errorf("read segment %d of chain %d of the audit trail: it holds %d events instead of %d", s.Number, s.Chain, len(lines), s.Events)
	}
	return lines, nil
}
