package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"reeve/internal/store/sqlconn"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A commit whose answer does not arrive may have happened or not, and may yet
// happen: the server may not even have read the request. So every transaction
// that has written also leaves a mark, a row with a random id, which is sent
// together with COMMIT. Whoever lost the answer then writes the same row in a
// transaction of its own, with void = 1. A unique key lets only one of the two
// be there, so this decides it:
//
//   - The old transaction has committed: its row is there, void is 0, and
//     stays so. The update is done.
//   - It is about to commit: the statement waits for its row, and then finds
//     one of the other cases.
//   - It is gone, or the server has not read its end yet: the row with
//     void = 1 is written. Should the old transaction's own INSERT still come,
//     it clashes with that row, the COMMIT behind it is skipped, and nothing of
//     it remains. The update can run again.
//
// The deciding statement writes in each case, also over a mark that is there.
// Its commit is therefore later in the log of the server than the one that it
// found, and with synchronous replication it is answered only when both are
// on the replica: what a failover might take back is not called done.
//
// All this is plain SQL. A function that tells the state of a transaction is
// not in every database that speaks PostgreSQL's protocol, and would not keep
// a request that is still on its way from being served.
const (
	createMarks = `CREATE TABLE IF NOT EXISTS commit_mark (
	id KEYTEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, void BIGINT NOT NULL)`

	markTime = `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`

	insertMark = `INSERT INTO commit_mark (id, at, void) VALUES ($1, ` + markTime + `, 0)`

	decideMark = `INSERT INTO commit_mark (id, at, void) VALUES ($1, ` + markTime + `, 1)
		ON CONFLICT (id) DO UPDATE SET at = excluded.at RETURNING void`

	deleteMarks = `DELETE FROM commit_mark WHERE id IN (
		SELECT id FROM commit_mark WHERE at < ` + markTime + ` - $1 ORDER BY id LIMIT $2)`
)

// A mark is asked for within resolveTimeout after its commit began and failed.
const (
	commitTimeout  = 30 * time.Second
	resolveTimeout = 30 * time.Second
	keepMarks      = time.Hour
	purgeEvery     = time.Minute
	purgeAtOnce    = 10_000
	purgeRounds    = 20
)

// errUnknown is a commit of which nobody knows whether it has happened.
var errUnknown = errors.New("the outcome of COMMIT is not known")

// newMark is an id that no other transaction has. It begins with the time, so
// that marks are added at one end of their index and deleted at the other.
func newMark() string { return fmt.Sprintf("%08x%s", time.Now().Unix(), rand.Text()) }

// commit is not interrupted by ctx. It costs one round trip; the mark is ""
// for a transaction that wrote nothing. Both statements are one message, so
// that a mark that clashes takes the COMMIT with it.
func commit(ctx context.Context, c *pgxpool.Conn, mark string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	batch := &pgconn.Batch{}
	if mark != "" {
		batch.ExecParams(insertMark, [][]byte{[]byte(mark)}, nil, nil, nil)
	}
	batch.ExecParams("COMMIT", nil, nil, nil, nil)
	results, err := c.Conn().PgConn().ExecBatch(ctx, batch).ReadAll()
	switch {
	case err != nil && isUnknown(c, err):
		return fmt.Errorf("%w: %w", errUnknown, err)
	case err != nil:
		return fmt.Errorf("COMMIT: %w", translate(err))
	}
	if tag := results[len(results)-1].CommandTag.String(); tag != "COMMIT" {
		return fmt.Errorf("COMMIT: the server answered %s", tag)
	}
	return nil
}

// isUnknown tells a lost answer from a refusal. Two codes say so themselves:
// transaction_resolution_unknown and statement_completion_unknown.
func isUnknown(c *pgxpool.Conn, err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) && (server.Code == "08007" || server.Code == "40003") {
		return true
	}
	return c.Conn().IsClosed()
}

// resolve finds out what became of a commit whose answer was lost. nil means
// that it has happened, ErrUnavailable that it has not and never will, so that
// the update may run again.
func (d *DB) resolve(ctx context.Context, mark string, lost error) error {
	if mark == "" { // nothing was written, so running again does no harm
		return unavailable("read and lock", lost)
	}
	limited, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	for o := (outage{patience: resolveTimeout}); ; {
		void, err := d.decide(limited, mark)
		switch {
		case err == nil && void:
			return unavailable("commit", lost)
		case err == nil:
			return nil
		case errors.Is(err, sqlconn.ErrClosed), !o.wait(limited):
			// %v, since err may promise that nothing of its transaction remains.
			return &unresolvedError{fmt.Errorf("%w: %v", ended(ctx, lost), err)}
		}
	}
}

// decide writes the mark, unless it is there, and tells which of the two is
// so. Any error may be tried away: the statement changes nothing that was decided.
func (d *DB) decide(ctx context.Context, mark string) (void bool, err error) {
	c, err := d.acquire(ctx, d.pool)
	if err != nil {
		return false, err
	}
	defer c.Release()
	var n int64
	err = c.QueryRow(ctx, decideMark, mark).Scan(&n)
	return n == 1, err
}

// unresolvedError is a commit that may or may not have happened. It has the
// method that tells callers far away to come again later, and is not
// ErrUnavailable, which promises that nothing has happened.
type unresolvedError struct{ error }

func (e *unresolvedError) Unwrap() error   { return e.error }
func (*unresolvedError) Unavailable() bool { return true }

// purgeNowAndThen deletes old marks once a minute, behind the back of the
// update that happens to call it.
func (d *DB) purgeNowAndThen() {
	last, now := d.purged.Load(), time.Now().UnixNano()
	if now-last < int64(purgeEvery) || !d.purged.CompareAndSwap(last, now) {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), purgeEvery)
		defer cancel()
		_, _ = d.purge(ctx, keepMarks) // the next one deletes what this one did not
	}()
}

// purge deletes marks older than an age, the oldest first, and returns how
// many.
func (d *DB) purge(ctx context.Context, age time.Duration) (total int64, err error) {
	c, err := d.acquire(ctx, d.pool)
	if err != nil {
		return 0, err
	}
	defer c.Release()
	for range purgeRounds {
		tag, err := c.Exec(ctx, deleteMarks, age.Microseconds(), purgeAtOnce)
		total += tag.RowsAffected()
		if err != nil || tag.RowsAffected() < purgeAtOnce {
			return total, err
		}
	}
	return total, nil
}
