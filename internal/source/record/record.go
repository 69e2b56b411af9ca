// Package record bounds and locates the records of a text input: whatever
// parser reads through a [Reader] can say on which line a byte stands, and
// cannot be made to hold more than one record of bounded size.
package record

import (
	"errors"
	"fmt"
	"io"

	"reeve/internal/api"
)

// MaxSize is the size in bytes that one record may have: a line of JSON, an
// element of an array, a row of CSV.
const MaxSize = 1 << 20

// ErrTooLong is what a read returns when the record that is being read is
// longer than [MaxSize].
var ErrTooLong = errors.New("record is longer than 1 MiB")

// Reader counts lines and bounds records for a parser that reads ahead. The
// parser calls [Reader.Begin] at the start of each record; more than MaxSize
// bytes after that place are not handed out before the next Begin.
type Reader struct {
	in       io.Reader
	read     int64   // bytes handed out
	limit    int64   // most bytes that may be handed out before the next Begin
	line     int     // line of the last place that was asked for
	newlines []int64 // offsets of the newlines that were handed out after that place
}

// NewReader returns a Reader whose first record begins at offset 0, line 1.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: in, limit: MaxSize, line: 1}
}

// Begin says that a record begins at offset, counted in bytes from the start
// of the input. Like those of [Reader.Line], its offsets must not decrease.
func (r *Reader) Begin(offset int64) {
	r.limit = offset + MaxSize
	r.Line(offset) // forgets the newlines before it
}

// Read hands out the next bytes of the input, or ErrTooLong.
func (r *Reader) Read(p []byte) (int, error) {
	room := r.limit - r.read
	if room <= 0 {
		return r.atLimit()
	}
	if int64(len(p)) > room {
		p = p[:room]
	}
	n, err := r.in.Read(p)
	r.note(p[:n])
	return n, err
}

// atLimit tells a record that ends the input exactly at the limit from one
// that goes on.
func (r *Reader) atLimit() (int, error) {
	var next [1]byte
	if _, err := io.ReadFull(r.in, next[:]); err != nil {
		return 0, err
	}
	return 0, ErrTooLong
}

// note remembers where the newlines of p are.
func (r *Reader) note(p []byte) {
	for i, b := range p {
		if b == '\n' {
			r.newlines = append(r.newlines, r.read+int64(i))
		}
	}
	r.read += int64(len(p))
}

// Line is the number of the line on which the byte at offset stands; the first
// line is 1. Offsets must not decrease from call to call.
func (r *Reader) Line(offset int64) int {
	passed := 0
	for passed < len(r.newlines) && r.newlines[passed] < offset {
		passed++
	}
	r.newlines = r.newlines[passed:]
	r.line += passed
	return r.line
}

// Sink takes what a source finds. Either function may return an error to end
// the reading; the source returns that error unchanged.
type Sink struct {
	Put func(line int, resource api.Resource) error // one good record
	Bad func(line int, reason string) error         // one record that was refused

	// Agent takes, in the place of Put, what an inventory agent says of the
	// machine it runs on, and which EC2 instance that says it is ("" for none).
	// nil: Put takes it.
	Agent func(line int, resource api.Resource, instance string) error
}

// At says on which line an input could not be read any further.
func At(line int, err error) error {
	return fmt.Errorf("line %d: %w", line, err)
}
