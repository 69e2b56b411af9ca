package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"reeve/internal/store/sqlconn"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	defaultPatience = 15 * time.Second // of Options.Patience
	connectTimeout  = 5 * time.Second  // for each host of a URL that names none
	firstPause      = 5 * time.Millisecond
	longestPause    = 500 * time.Millisecond
)

// outage is how one call bears with a server that restarts, or is replaced by
// its replica: its client sees a slow answer instead of an error. The time
// counts from the first failure, so that a call that worked for long before it
// has as much of it as any other.
type outage struct {
	patience time.Duration
	until    time.Time // zero before the first failure
	pause    time.Duration
}

func (d *DB) outage() *outage {
	if d.opts.Patience == 0 {
		return &outage{patience: defaultPatience}
	}
	return &outage{patience: d.opts.Patience}
}

// wait pauses before another attempt; false means that there is to be none,
// since the patience or ctx has ended.
func (o *outage) wait(ctx context.Context) bool {
	now := time.Now()
	if o.until.IsZero() {
		o.until, o.pause = now.Add(o.patience), firstPause
	}
	if now.Add(o.pause).After(o.until) {
		return false
	}
	t := time.NewTimer(o.pause/2 + rand.N(o.pause/2))
	defer t.Stop()
	o.pause = min(2*o.pause, longestPause)
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retry runs once until it returns nil or an error that is not
// ErrUnavailable, or until the patience ends.
func (o *outage) retry(ctx context.Context, once func() error) error {
	for {
		err := once()
		if !errors.Is(err, sqlconn.ErrUnavailable) {
			return err
		}
		if !o.wait(ctx) {
			return ended(ctx, err)
		}
	}
}

// ended adds why nothing is tried any more to the error of the last attempt.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}

// unavailable marks an error as one that another server, or the same one
// later, does not have. Nothing of the transaction remains.
func unavailable(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", sqlconn.ErrUnavailable, doing, err)
}

// passing are the codes of a server that stops or starts. A violation of the
// protocol, 08P01, is not among those of lost connections: it is a mistake.
var passing = []string{
	"08000", "08001", "08003", "08004", "08006", // connection_exception and others
	"25P03", // idle_in_transaction_session_timeout
	"53300", // too_many_connections
	"57P01", // admin_shutdown
	"57P02", // crash_shutdown
	"57P03", // cannot_connect_now
	"57P05", // idle_session_timeout
}

func isPassing(server *pgconn.PgError) bool {
	return slices.Contains(passing, server.Code)
}

// lostConnection says what the end of a connection means for a transaction
// that has not been committed: the server has rolled it back or will, and
// another may serve. The driver also ends connections over its caller's
// mistakes, such as a wrong number of arguments; those are not waited out.
func lostConnection(err error) error {
	var server *pgconn.PgError
	var network net.Error
	if errors.As(err, &server) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed) {
		return unavailable("connection lost", err)
	}
	return fmt.Errorf("%w: connection lost: %w", sqlconn.ErrConflict, err)
}

// connectError says whether it helps to connect again: yes, but for servers
// that know neither the role nor the database.
func connectError(err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) && !isPassing(server) {
		return err
	}
	return unavailable("connect", err)
}
