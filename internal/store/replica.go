package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"reeve/internal/store/sqlconn"
)

const (
	// replicaPatience is how long a replica may lag behind a revision that is
	// asked for before the primary is read instead.
	replicaPatience = 50 * time.Millisecond
	replicaPoll     = 5 * time.Millisecond

	// replicaTimeout bounds one read of a replica, the connecting included.
	replicaTimeout = 2 * time.Second

	// replicaRest is for how long a replica that failed is not asked, and for
	// how long nobody waits for one that was waited for in vain.
	replicaRest = time.Second
)

// errBehind says that a replica does not have a revision yet.
var errBehind = errors.New("the replica is behind")

// errAhead says that a replica has a revision that a snapshot of the primary
// does not have yet.
var errAhead = errors.New("the replica is ahead")

// errDiverged says that a replica is none of this database, or no more.
var errDiverged = errors.New("the replica has another history than the primary")

// replica is a copy of the database that follows it. What a revision's trees
// hold never changes, so a copy that has the revision answers as exactly as
// the primary. That it has it is never assumed: its newest revision of the
// ledger must not be older than the one asked for, and the primary must have
// that newest revision with the same hash, hence all before it.
type replica struct {
	db  sqlconn.DB
	log *slog.Logger

	mu       sync.Mutex
	down     bool      // it failed, and that is in the log
	askFrom  time.Time // while down: when it may be tried again
	waitFrom time.Time // when somebody may wait for it again
}

func newReplica(opts Options) *replica {
	if opts.Replica == nil {
		return nil
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	return &replica{db: opts.Replica, log: opts.Log}
}

// open returns a snapshot of the replica that has a revision, or nil: then the
// primary is to be read. The caller ends the snapshot.
func (r *replica) open(ctx context.Context, primary sqlconn.Conn, cfg, rev int64) *snapshot {
	if !r.mayAsk() {
		return nil
	}
	deadline := time.Now().Add(replicaPatience)
	for {
		s := &snapshot{ctx: ctx, db: r.db}
		err := hasRevision(ctx, s, primary, cfg, rev)
		if err == nil {
			r.answered()
			return s
		}
		s.end(err)
		if !errors.Is(err, errBehind) && !errors.Is(err, errAhead) {
			r.failed(ctx, err)
			return nil
		}
		r.answered()
		if errors.Is(err, errAhead) || !r.wait(ctx, deadline) {
			return nil
		}
	}
}

// hasRevision checks that what a snapshot has of a ledger is the primary's,
// up to a revision at least.
func hasRevision(ctx context.Context, s *snapshot, primary sqlconn.Conn, cfg, rev int64) error {
	head, hash, err := headOf(s, headSQL, cfg)
	if err != nil {
		return err
	}
	if head < rev {
		return errBehind
	}
	_, same, err := headOf(primary, `SELECT number, hash FROM revision WHERE configuration = $1 AND number = $2`, cfg, head)
	switch {
	case err != nil:
		return errAhead // reading the primary will say what is wrong
	case same == nil:
		return errAhead
	case !bytes.Equal(same, hash):
		return errDiverged
	}
	return nil
}

// headSQL finds the newest revision of a configuration.
const headSQL = `SELECT head, head_hash FROM configuration WHERE num = $1`

// headOf reads the number and the hash of a revision; 0 and nil without one.
func headOf(c sqlconn.Conn, sql string, args ...any) (number int64, hash []byte, err error) {
	err = c.Query(sql, args, func(r sqlconn.Row) error {
		number, hash = r.Int(0), r.Bytes(1)
		return nil
	})
	return number, hash, err
}

// mayAsk reports whether to try the replica. One that is down is tried by one
// reader at a time.
func (r *replica) mayAsk() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.down {
		return true
	}
	now := time.Now()
	if now.Before(r.askFrom) {
		return false
	}
	r.askFrom = now.Add(replicaTimeout + replicaRest)
	return true
}

func (r *replica) answered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		r.down = false
		r.log.Info("read database answers again")
	}
}

// failed takes note of a failure, unless it is the caller who went away.
func (r *replica) failed(caller context.Context, err error) {
	if errors.Is(caller.Err(), context.Canceled) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.askFrom = time.Now().Add(replicaRest)
	if !r.down {
		r.down = true
		r.log.Warn("read database is not used, the database serves its reads", "error", err)
	}
}

// wait waits a moment for the replica to catch up and reports whether to look
// again. After waiting in vain nobody waits for a while.
func (r *replica) wait(ctx context.Context, deadline time.Time) bool {
	r.mu.Lock()
	now := time.Now()
	late := now.After(deadline)
	if late {
		r.waitFrom = now.Add(replicaRest)
	}
	rests := now.Before(r.waitFrom)
	r.mu.Unlock()
	if late || rests {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(replicaPoll):
		return true
	}
}
