package license

import (
	"context"
	"fmt"
	"sync"
)

// settledTimes remembers, for each configuration, up to when no revision can
// appear any more, so that what was answered for a moment is answered for
// ever. The zero value is ready.
type settledTimes struct {
	mu    sync.Mutex
	clock Time // the latest clock reading: a clock that steps back is not followed
	until map[int64]Time
}

// maxSettled bounds the memory of settledTimes; beyond it, it starts afresh.
const maxSettled = 100_000

// now is the store's clock, made to never step back within this process.
func (m *Manager) now(tx Tx) (Time, error) {
	t, err := tx.Now()
	if err != nil {
		return 0, fmt.Errorf("read the clock: %w", err)
	}
	m.settled.mu.Lock()
	defer m.settled.mu.Unlock()
	m.settled.clock = max(m.settled.clock, t)
	return m.settled.clock, nil
}

// pass makes every later reading of the clock come after t, so that who writes
// next cannot write at a time that was answered for.
func (s *settledTimes) pass(t Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = max(s.clock, t+1)
}

func (s *settledTimes) covers(configuration int64, t Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t <= s.until[configuration]
}

func (s *settledTimes) cover(configuration int64, t Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil || len(s.until) >= maxSettled {
		s.until = map[int64]Time{}
	}
	s.until[configuration] = max(s.until[configuration], t)
}

// settle returns when no revision at or before t can appear any more: a
// writer that holds the configuration's lock may have read its time already,
// so it waits until the lock has been free once after t.
func (m *Manager) settle(ctx context.Context, configuration int64, t Time) error {
	if m.settled.covers(configuration, t) {
		return nil
	}
	var until Time
	err := m.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockConfiguration(configuration); err != nil {
			return err
		}
		now, err := m.now(tx)
		until = now
		m.settled.pass(now)
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for the ledger: %w", err)
	}
	m.settled.cover(configuration, until)
	return nil
}
