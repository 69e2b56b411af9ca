package audit

import (
	"bytes"
	"context"
	"fmt"
	"math"
)

// Report is what the verification of one stretch of the trail found.
type Report struct {
	Chains   int64 // that were gone through to their end
	Segments int64
	Events   int64
	Since    int64    // time of the first event that was gone through; 0 for none
	Faults   []string // what is missing or was changed
	Head     *Head    // of the newest chain, once everything was gone through
	Next     *Place   // where to go on: a chain and a segment of it; nil at the end
}

// Head is the end of the newest chain: whoever keeps it elsewhere can prove
// later that nothing before it was changed.
type Head struct {
	Chain   int64
	Segment int64
	Hash    []byte
}

// Bounds of one Verify.
const (
	verifySegments = 500
	verifyBytes    = 64 << 20 // of compressed segments
	maxFaults      = 100
)

// Verify goes through the trail from a place on, {0, 0} being the start, and
// stops after a bounded amount of work. Next.Time counts segments of
// Next.Chain. A chain that still grows is right as far as it goes.
func Verify(ctx context.Context, store Store, from Place) (*Report, error) {
	v := &verifier{store: store, report: &Report{}}
	if from.Chain > 0 {
		if err := v.resume(ctx, from); err != nil {
			return nil, err
		}
	}
	for {
		chains, err := store.Chains(ctx, v.after, 1)
		if err != nil {
			return nil, err
		}
		if len(chains) == 0 {
			v.conclude()
			return v.report, nil
		}
		if done, err := v.chain(ctx, &chains[0]); err != nil || !done {
			return v.report, err
		}
	}
}

type verifier struct {
	store  Store
	report *Report
	bytes  int

	after  int64 // chains up to this one are done
	number int64 // of the next chain, segments up to this one are done
	before *Chain
}

// resume makes the verifier what it was when it stopped.
func (v *verifier) resume(ctx context.Context, from Place) error {
	v.after, v.number = from.Chain-1, from.Time
	chains, err := v.store.Chains(ctx, v.after-1, 1)
	if err == nil && len(chains) > 0 && chains[0].Num == v.after {
		v.before = &chains[0]
	}
	return err
}

func (v *verifier) fault(format string, args ...any) {
	if len(v.report.Faults) < maxFaults {
		v.report.Faults = append(v.report.Faults, fmt.Sprintf(format, args...))
	}
}

// chain verifies one chain, or what is allowed of it.
func (v *verifier) chain(ctx context.Context, c *Chain) (done bool, err error) {
	if v.number == 0 {
		if err := v.anchored(ctx, c); err != nil {
			return false, err
		}
		v.number = c.Kept.Number
	}
	last, err := v.start(ctx, c)
	for last.Number < c.Head.Number && err == nil {
		if v.report.Segments >= verifySegments || v.bytes >= verifyBytes {
			v.report.Next = &Place{Time: last.Number, Chain: c.Num}
			return false, nil
		}
		last, err = v.stretch(ctx, c, last)
	}
	if err != nil {
		return false, err
	}
	if c.Head.Number > 0 && last.Number == c.Head.Number && !bytes.Equal(last.Hash, c.Head.Hash) {
		v.fault("chain %d (%s): segment %d, its last, is not the one that was written last", c.Num, c.Server, last.Number)
	}
	v.report.Chains++
	v.after, v.number, v.before = c.Num, 0, c
	return true, nil
}

// anchored checks that a chain begins where the one before it was.
func (v *verifier) anchored(ctx context.Context, c *Chain) error {
	if v.before == nil {
		return nil // the first that is left
	}
	if c.Num != v.before.Num+1 {
		v.fault("chains %d to %d are missing", v.before.Num+1, c.Num-1)
		return nil
	}
	number := c.Anchor.Number
	if number <= v.before.Kept.Number && number > 0 && (number != v.before.Kept.Number || bytes.Equal(c.Anchor.Hash, v.before.Kept.Hash)) {
		return nil // it has been removed since because of its age
	}
	hash := []byte(nil)
	if number > 0 {
		list, err := v.store.Segments(ctx, v.before.Num, number-1, 1)
		if err != nil {
			return err
		}
		if len(list) > 0 && list[0].Number == number {
			hash = list[0].Hash
		}
	}
	if !bytes.Equal(hash, c.Anchor.Hash) {
		v.fault("chain %d (%s) had another segment %d when chain %d began", v.before.Num, v.before.Server, number, c.Num)
	}
	return nil
}

// start is what the first segment to be verified continues.
func (v *verifier) start(ctx context.Context, c *Chain) (Link, error) {
	switch {
	case v.number == 0:
		return Link{Hash: genesis(c)}, nil
	case v.number <= c.Kept.Number: // all before is gone, maybe since the last page
		return c.Kept, nil
	}
	list, err := v.store.Segments(ctx, c.Num, v.number-1, 1)
	if err != nil || len(list) == 0 {
		return Link{Number: v.number}, err
	}
	return Link{v.number, list[0].Hash}, nil
}

// stretch verifies some segments that continue last, and returns the last.
func (v *verifier) stretch(ctx context.Context, c *Chain, last Link) (Link, error) {
	list, err := v.store.Segments(ctx, c.Num, last.Number, readAtOnce)
	if err != nil {
		return last, err
	}
	if len(list) == 0 {
		v.fault("chain %d (%s): segments %d to %d are missing", c.Num, c.Server, last.Number+1, c.Head.Number)
		return Link{Number: math.MaxInt64}, nil
	}
	for i := range list {
		last = v.segment(c, &list[i], last)
	}
	return last, nil
}

func (v *verifier) segment(c *Chain, s *Segment, last Link) Link {
	v.report.Segments++
	v.bytes += len(s.Data)
	switch {
	case s.Number != last.Number+1:
		v.fault("chain %d (%s): segments %d to %d are missing", c.Num, c.Server, last.Number+1, s.Number-1)
	case !bytes.Equal(s.Previous, last.Hash):
		v.fault("chain %d (%s): segment %d does not continue the one before it", c.Num, c.Server, s.Number)
	case !bytes.Equal(s.Hash, hashOf(s)):
		v.fault("chain %d (%s): segment %d was changed", c.Num, c.Server, s.Number)
	}
	if _, err := s.Lines(); err != nil {
		v.fault("chain %d (%s): segment %d: %v", c.Num, c.Server, s.Number, err)
	}
	v.report.Events += s.Events
	if v.report.Since == 0 || s.First < v.report.Since {
		v.report.Since = s.First
	}
	return Link{s.Number, s.Hash}
}

// conclude names the end of the newest chain.
func (v *verifier) conclude() {
	if c := v.before; c != nil && c.Head.Number > 0 {
		v.report.Head = &Head{c.Num, c.Head.Number, c.Head.Hash}
	}
}
