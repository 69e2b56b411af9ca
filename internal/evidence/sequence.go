package evidence

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// Sequence holds the checkpoints of an account against each other, the oldest
// first.
type Sequence struct {
	trusted   *Trusted
	witnesses []note.Verifier
	origin    string
	only      string // the one ledger that is shown; "" when all are
	last      Checkpoint
	state     state
}

// NewSequence begins with the first checkpoint of an origin. With only, the ARN
// of one ledger, checkpoints may be left out and show that ledger alone.
func NewSequence(trusted *Trusted, origin, only string, witnesses ...note.Verifier) *Sequence {
	return &Sequence{trusted: trusted, witnesses: witnesses, origin: origin, only: only}
}

// Add takes the next checkpoint, with the ledgers that have changed since the
// one before: who has signed it, of those that are known, and the ledgers that
// have moved. The error says why it is not believed or does not follow.
func (s *Sequence) Add(d *Document) (c *Checkpoint, signers []note.Signature, moved []Head, err error) {
	c, signers, err = s.trusted.Open(d.Note, s.witnesses...)
	if err != nil {
		return nil, nil, nil, bad("the checkpoint is not believed: %v", err)
	}
	why := s.order(c)
	if why == "" {
		moved, why = s.cover(c, d)
	}
	if why != "" {
		return nil, nil, nil, bad("checkpoint %d: %s", c.Number, why)
	}
	s.last = *c
	return c, signers, moved, nil
}

// Last is the newest checkpoint that was added; zero before the first.
func (s *Sequence) Last() Checkpoint { return s.last }

// order holds a checkpoint against the one before.
func (s *Sequence) order(c *Checkpoint) string {
	before := &s.last
	switch {
	case c.Origin != s.origin:
		return "it is of " + clip(c.Origin) + ", and not of " + clip(s.origin)
	case c.Number <= before.Number:
		return fmt.Sprintf("it stands behind checkpoint %d", before.Number)
	case s.only == "" && c.Number != before.Number+1:
		return fmt.Sprintf("checkpoint %d is missing before it", before.Number+1)
	case c.Number == 1 && c.Before != Hash{}, c.Number == before.Number+1 && before.Number > 0 && c.Before != before.TextHash():
		return "it does not name the checkpoint before it"
	case c.Time <= before.Time:
		return "it is not later than the checkpoint before it"
	case c.Revisions < before.Revisions || c.Ledgers < before.Ledgers:
		return "it covers less than the checkpoint before it"
	}
	return c.Regresses(before)
}

// cover holds a checkpoint against the ledgers that are listed with it.
func (s *Sequence) cover(c *Checkpoint, d *Document) (moved []Head, why string) {
	if d.Alone != (s.only != "") || d.Alone && d.Heads[0].ARN != s.only {
		return nil, "the ledgers listed with it are not those that it should show"
	}
	for _, h := range d.Heads {
		why, changed := s.state.set(h)
		if why != "" {
			return nil, "the ledger of " + h.ARN + ": " + why
		}
		if changed {
			moved = append(moved, h)
		}
	}
	if d.Alone {
		return moved, provenBy(c, d)
	}
	return moved, s.state.agrees(c)
}

// Covers checks that ledgers, all of an account in the order of their ARNs, are
// those that a checkpoint covers.
func Covers(c *Checkpoint, ledgers []Head) error {
	if err := checkHeads(ledgers); err != nil {
		return err
	}
	s := state{heads: ledgers, leaves: leavesOf(ledgers)}
	if why := s.agrees(c); why != "" {
		return bad("%s", why)
	}
	return nil
}
