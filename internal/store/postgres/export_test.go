package postgres

import (
	"context"
	"time"
)

// Purge is for tests that do not wait for an hour.
func (d *DB) Purge(ctx context.Context, age time.Duration) (int64, error) { return d.purge(ctx, age) }
