package notary

import (
	"context"
	"fmt"
	"sync/atomic"

	"reeve/internal/license"
)

// WitnessStats are a witness's numbers.
type WitnessStats struct {
	Witness        string
	Sent, Failures uint64 // by this process
	Lag            int64  // checkpoints of all accounts that it does not have
	LastSuccess    license.Time
}

// attempts counts what came of sending to one witness.
type attempts struct{ sent, failed atomic.Uint64 }

// Stats tells of every witness how far behind it is, in the order in which they
// are set.
func (n *Notary) Stats(ctx context.Context) (all []WitnessStats, err error) {
	err = n.store.View(ctx, func(tx Tx) error {
		all = nil
		for _, w := range n.o.Witnesses {
			tries := n.attempts[w.Name()]
			s := WitnessStats{Witness: w.Name(), Sent: tries.sent.Load(), Failures: tries.failed.Load()}
			var err error
			if s.Lag, s.LastSuccess, err = tx.Lag(w.Name()); err != nil {
				return fmt.Errorf("witness %s: %w", w.Name(), err)
			}
			all = append(all, s)
		}
		return nil
	})
	return all, err
}
