package aws

import (
	"context"
	"sync"
	"time"
)

// limiter spaces requests evenly. Those that wait do so in a line, each for its
// own moment.
type limiter struct {
	gap time.Duration

	mu   sync.Mutex
	next time.Time // the first moment that is not given away
}

func newLimiter(perSecond int) *limiter {
	return &limiter{gap: time.Second / time.Duration(perSecond)}
}

// wait returns when a request may go, or with the error of ctx.
func (l *limiter) wait(ctx context.Context) error {
	timer := time.NewTimer(l.reserve(time.Now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reserve takes the next free moment and says how far away it is.
func (l *limiter) reserve(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next.Before(now) {
		l.next = now
	}
	mine := l.next
	l.next = mine.Add(l.gap)
	return mine.Sub(now)
}
