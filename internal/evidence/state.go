package evidence

import (
	"slices"
	"strings"
)

// state is the heads of an account's ledgers as checkpoints move them on.
type state struct {
	heads  []Head // in the order of their ARNs
	leaves []Hash // of heads
}

func (s *state) find(arn string) (int, bool) {
	return slices.BinarySearchFunc(s.heads, arn, func(h Head, arn string) int { return strings.Compare(h.ARN, arn) })
}

// set moves one ledger on, or adds it. It returns why it cannot have moved so,
// and whether it moved at all.
func (s *state) set(h Head) (why string, moved bool) {
	i, ok := s.find(h.ARN)
	if !ok {
		s.heads = slices.Insert(s.heads, i, h)
		s.leaves = slices.Insert(s.leaves, i, h.leaf())
		return "", true
	}
	if s.heads[i] == h {
		return "", false
	}
	why = follows(&s.heads[i], &h)
	s.heads[i], s.leaves[i] = h, h.leaf()
	return why, true
}

func (s *state) root() Hash { return treeRoot(s.leaves) }

// revisions is the number of revisions of all ledgers.
func (s *state) revisions() (n int64) {
	for i := range s.heads {
		n += s.heads[i].Number
	}
	return n
}

// agrees says why a checkpoint is not of this state; "" when it is.
func (s *state) agrees(c *Checkpoint) string {
	switch {
	case c.Ledgers != int64(len(s.heads)):
		return "it does not cover the ledgers that are listed with it: their number differs"
	case c.Root != s.root():
		return "it does not cover the ledgers that are listed with it: the root differs"
	case c.Revisions != s.revisions():
		return "its number of revisions is not that of the ledgers listed with it"
	}
	return ""
}
