package license

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// clock is the latest reading of the store's clock: one that steps back is not
// followed. The zero value is ready.
type clock struct {
	mu     sync.Mutex
	latest Time
}

func (c *clock) read(t Time) Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = max(c.latest, t)
	return c.latest
}

// now is the store's clock, made to never step back within this process. What
// was answered for does not rest on that, see Manager.settle.
func (m *Manager) now(tx Tx) (Time, error) {
	t, err := tx.Now()
	if err != nil {
		return 0, fmt.Errorf("read the clock: %w", err)
	}
	return m.clock.read(t), nil
}

// present is now for who has no transaction.
func (m *Manager) present(ctx context.Context) (now Time, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		now, err = m.now(tx)
		return err
	})
	return now, err
}

// passed is up to when every revision of the ledger is there.
func (c *Configuration) passed() Time { return max(c.HeadAt, c.Settled) }

// settle makes sure that no revision at or before the present moment can
// appear any more, so that what is answered for it is answered for ever. A
// writer that holds the configuration's lock may have read its time already, so
// settle takes the lock; whoever has it later finds the moment in the row, and
// writes behind it. That holds for every server of the deployment, after a
// restart, and if the clock steps back.
func (m *Manager) settle(ctx context.Context, configuration int64) error {
	err := m.store.Update(ctx, func(tx Tx) error {
		c, err := tx.LockConfiguration(configuration)
		if err != nil || c == nil {
			return err
		}
		now, err := m.now(tx)
		if err != nil || now <= c.Settled {
			return err
		}
		return tx.SettleConfiguration(configuration, now)
	})
	if err != nil {
		return fmt.Errorf("wait for the ledger: %w", err)
	}
	return nil
}

// promise is revisionAt while nothing can be written, so that the moment cannot
// be settled: whoever writes later reads a clock that is beyond it. The answer is
// read under the lock, so whoever wrote before is in it; when their common commit
// fails, there is no answer.
func (m *Manager) promise(ctx context.Context, configuration int64, t Time) (r *Revision, err error) {
	err = m.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockConfiguration(configuration); err != nil {
			return err
		}
		if err := tx.Promise(t); err != nil {
			return err
		}
		r, err = tx.RevisionAt(configuration, t)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("promise the answer: %w", err)
	}
	return r, nil
}

// isUnwritable tells the error of a store that takes no writes, so that nothing
// can be settled, and can be read.
func isUnwritable(err error) bool {
	var store interface{ Unwritable() bool }
	return errors.As(err, &store) && store.Unwritable()
}
