package schedule

import (
	"context"

	"reeve/internal/license"
)

// KeptRuns is how many runs of each source are kept.
const KeptRuns = 100

// finish ends the run and says when the next one is due.
func (r *run) finish(ctx context.Context, status Status, cause error, next []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.store.Update(ctx, func(tx Tx) error {
		src, err := r.held(tx)
		if err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		r.record.Status, r.record.Ended = status, now
		if cause != nil {
			r.record.Error = sentence(cause)
		}
		if status == Succeeded {
			if err := tx.SaveMemory(src.Num, next); err != nil {
				return err
			}
		}
		r.settle(src, now)
		if err := tx.SaveSource(src); err != nil {
			return err
		}
		return r.keep(tx)
	})
}

// settle sets what the end of the run means for its source.
func (r *run) settle(src *Source, now license.Time) {
	src.Lease = 0
	switch r.record.Status {
	case Succeeded:
		src.Failed, src.Succeeded = 0, now
		src.Due = max(now, later(r.record.Started, jitter(src.Every)))
		if !r.partial {
			src.Found = r.record.Counts.Seen
		}
	case Stopped: // it is to begin again, whether the clock or a person began it
		src.Due, src.Asked = now, max(src.Asked, r.asked)
	default:
		src.Failed++
		src.Due = later(now, jitter(backOff(src.Every, src.Failed)))
	}
}

// keep saves the run and drops the oldest. Of runs with nothing to tell that
// follow each other only the last is kept: a directory that is looked at every
// minute would push out all others.
func (r *run) keep(tx Tx) error {
	num, number := r.source.Num, r.record.Number
	if r.record.idle() {
		before, err := tx.Run(num, number-1)
		if err != nil {
			return err
		}
		if before != nil && before.idle() {
			if err := tx.DeleteRuns(num, number-1, number-1); err != nil {
				return err
			}
		}
	}
	if err := tx.DeleteRuns(num, 0, number-KeptRuns); err != nil {
		return err
	}
	return tx.SaveRun(num, &r.record)
}
