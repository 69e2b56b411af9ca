package evidence

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"reeve/internal/license"
)

// Source is where an export reads: a server, or a database.
type Source interface {
	// Keys lists the deployment's keys, the oldest first.
	Keys(ctx context.Context) ([]Key, error)

	// Checkpoints calls each for every checkpoint of the account, the oldest
	// first, with the ledgers that changed since the one before.
	Checkpoints(ctx context.Context, each func(Document) error) error

	// Revisions calls each for the revisions 1 to last of a ledger, in order.
	Revisions(ctx context.Context, arn string, last int64, each func(*license.Revision) error) error
}

// ErrNothing is what Export answers when the account has no checkpoint, or no
// checkpoint covers the one ledger that was asked for.
var ErrNothing = errors.New("no checkpoint covers it yet")

// Export writes the ledgers of an account, up to its newest checkpoint, with
// all its checkpoints; or one ledger alone, with the checkpoints since which it
// has changed and the newest one. Equal sources make equal files.
func Export(ctx context.Context, w io.Writer, from Source, only string) error {
	e := &export{to: bufio.NewWriterSize(w, 1<<20), only: only}
	if err := from.Checkpoints(ctx, e.checkpoint); err != nil {
		return err
	}
	if err := e.last(); err != nil {
		return err
	}
	keys, err := from.Keys(ctx)
	if err != nil {
		return err
	}
	e.head(keys)
	for _, h := range e.ledgers() {
		if err := e.ledger(ctx, from, &h); err != nil {
			return err
		}
	}
	return e.to.Flush()
}

type export struct {
	to    *bufio.Writer // keeps its first error until Flush
	only  string
	docs  []Document
	state state
	ended *Document // the newest checkpoint, when it is not in docs
	buf   []byte
}

// checkpoint takes the next checkpoint.
func (e *export) checkpoint(d Document) error {
	changed := e.only == ""
	for _, h := range d.Heads {
		e.state.set(h) // what cannot be is for a verification to say
		changed = changed || h.ARN == e.only
	}
	if e.only != "" {
		d = e.alone(d.Note, changed)
	}
	e.ended = &d
	if changed {
		e.docs, e.ended = append(e.docs, d), nil
	}
	return nil
}

// alone is a checkpoint with the proof for the one ledger. A checkpoint that
// may turn out not to be in the file gets none yet.
func (e *export) alone(note string, prove bool) Document {
	d := Document{Note: note, Alone: true}
	if prove {
		e.prove(&d)
	}
	return d
}

func (e *export) prove(d *Document) {
	if i, ok := e.state.find(e.only); ok {
		d.Heads, d.Index, d.Proof = []Head{e.state.heads[i]}, int64(i), prove(e.state.leaves, i)
	}
}

// last adds the newest checkpoint, where it is not there.
func (e *export) last() error {
	if e.ended != nil && len(e.docs) > 0 {
		e.prove(e.ended)
		e.docs = append(e.docs, *e.ended)
	}
	if len(e.docs) == 0 {
		return ErrNothing
	}
	return nil
}

// head writes what stands before the ledgers.
func (e *export) head(keys []Key) {
	origin, _, _ := strings.Cut(e.docs[0].Note, "\n")
	h := Header{Origin: origin, Only: e.only}
	e.line(h.append(e.buf[:0]))
	for _, k := range keys {
		e.line(append(appendString(append(e.buf[:0], `{"key":`...), k.String()), '}'))
	}
	for i := range e.docs {
		e.line(e.docs[i].Append(e.buf[:0]))
	}
}

func (e *export) line(b []byte) {
	e.buf = append(b, '\n')
	_, _ = e.to.Write(e.buf) // the writer keeps the error
}

func (e *export) ledgers() []Head {
	if e.only == "" {
		return e.state.heads
	}
	return e.docs[len(e.docs)-1].Heads
}

func (e *export) ledger(ctx context.Context, from Source, h *Head) error {
	e.line(append(appendString(append(e.buf[:0], `{"ledger":`...), h.ARN), '}'))
	err := from.Revisions(ctx, h.ARN, h.Number, func(r *license.Revision) error {
		e.line(appendRevision(e.buf[:0], r))
		return nil
	})
	if err != nil {
		return fmt.Errorf("export %s: %w", h.ARN, err)
	}
	return nil
}
