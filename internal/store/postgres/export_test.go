package postgres

import (
	"context"
	"time"
)

// Purge is for tests that do not wait for an hour.
func (d *DB) Purge(ctx context.Context, age time.Duration) (int64, error) { return d.purge(ctx, age) }

// LastingGroups takes callers along however slow the machine is.
func (d *DB) LastingGroups() { d.most = time.Hour }

// Waiting is how many callers of UpdateTogether wait for the leader of a key.
func (d *DB) Waiting(key string) int {
	d.queues.mu.Lock()
	defer d.queues.mu.Unlock()
	if q := d.queues.open[key]; q != nil {
		return len(q.waiting)
	}
	return 0
}

// Keys is how many keys have a leader.
func (d *DB) Keys() int {
	d.queues.mu.Lock()
	defer d.queues.mu.Unlock()
	return len(d.queues.open)
}
