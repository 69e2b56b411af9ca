package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// releaseBatch bounds what one transaction of a release changes.
const releaseBatch = 500

// releaseAttempts bounds how often a batch is looked at again because another
// source reported some of it meanwhile.
const releaseAttempts = 8

// shrunkError is what a complete run ends with that is not believed.
type shrunkError struct{ found, before int64 }

func (e *shrunkError) Error() string {
	return fmt.Sprintf("the source shows %d resources, and showed %d before: nothing was released, because that may be a mistake of the source; if it is right, run it once with --allow-shrink", e.found, e.before)
}

// release releases what the source remembers and this complete run has not
// seen. What another source remembers too is only forgotten.
func (r *run) release(ctx context.Context) error {
	if r.partial {
		return nil
	}
	r.fresh = nil
	seen := r.record.Counts.Seen
	believed := r.source.AllowShrink || r.asked == AskedAndShrink
	if before := r.source.Found; before > 0 && 2*seen < before && !believed {
		return &shrunkError{seen, before}
	}
	return r.eachRemembered(ctx, func(arns []string) error {
		gone := slices.DeleteFunc(slices.Clone(arns), func(arn string) bool { return r.known[hashARN(arn)] })
		for batch := range slices.Chunk(gone, releaseBatch) {
			if err := r.releaseBatch(ctx, batch); err != nil {
				return fmt.Errorf("release resources that are gone: %w", err)
			}
		}
		return nil
	})
}

// errShared takes a release back: another source has come to report some of it.
var errShared = errors.New("another source reports some of the resources")

func (r *run) releaseBatch(ctx context.Context, arns []string) error {
	for range releaseAttempts {
		own, err := r.forgetShared(ctx, arns)
		if err != nil || len(own) == 0 {
			return err
		}
		switch deleted, err := r.releaseOwn(ctx, own); {
		case err == nil:
			r.count(func(c *Counts) { c.Gone += int64(deleted) })
			return nil
		case !errors.Is(err, errShared):
			return err
		}
		arns = own
	}
	return errShared
}

// forgetShared forgets those that another source remembers, and returns the
// others. The locks that it takes make two sources that lose the same resource
// at the same moment decide one after the other.
func (r *run) forgetShared(ctx context.Context, arns []string) (own []string, err error) {
	err = r.store.Update(ctx, func(tx Tx) error {
		if _, err := r.held(tx); err != nil {
			return err
		}
		shared, err := tx.LockShared(r.source.Num, r.source.Account, arns)
		if err != nil {
			return err
		}
		own = slices.DeleteFunc(slices.Clone(arns), func(arn string) bool { return slices.Contains(shared, arn) })
		return tx.Forget(r.source.Num, shared)
	})
	return own, err
}

// releaseOwn takes resources out of the inventory and forgets them, in one
// transaction. It looks for other sources at the end, when the resources are
// locked: who reports one of them waits, and brings it back after this.
func (r *run) releaseOwn(ctx context.Context, arns []string) (int, error) {
	guarded := r.options.NewManager(r.store.Guarded(func(tx Tx) error {
		if _, err := r.held(tx); err != nil {
			return err
		}
		shared, err := tx.LockShared(r.source.Num, r.source.Account, arns)
		if err != nil {
			return err
		}
		if len(shared) > 0 {
			return errShared
		}
		return tx.Forget(r.source.Num, arns)
	}))
	return guarded.DeleteResources(ctx, r.who, arns)
}
