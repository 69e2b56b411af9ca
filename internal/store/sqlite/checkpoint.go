package sqlite

import (
	"errors"
	"fmt"
	"os"
	"time"

	"zombiezen.com/go/sqlite"
)

// Commits are appended to the log (WAL); a checkpoint copies them into the
// file. SQLite would do that inside some unlucky commit. Here a goroutine does:
//
//   - CheckpointEvery after a commit it copies what it can without making
//     anybody wait (PASSIVE), so at most that much work is ever pending;
//   - SQLite starts the log anew only when no reader needs it, which under
//     steady reading is never. Beyond WALLimit the goroutine therefore takes
//     the writer's place, waits shortly for the readers and empties the log
//     (TRUNCATE). A View that lasts makes that fail, and the log grows until
//     the View ends; the next try is some rounds later, so that writers lose
//     little time to it;
//   - after idleRounds without a commit it empties the log too.
const (
	idleRounds    = 10
	retryRounds   = 10
	drainPatience = 100 * time.Millisecond
)

type checkpointer struct {
	conn    *conn
	signal  chan struct{} // has an element when there was a commit since the last round
	stopped chan struct{} // closed when the goroutine has ended

	quiet   int  // rounds since the last commit
	wait    int  // rounds until the log may be emptied again
	failing bool // the last round failed; logged when it changes
}

func (d *DB) startCheckpoints() error {
	c, err := d.openConn(sqlite.OpenReadWrite, 1<<20)
	if err != nil {
		return err
	}
	c.raw.SetBusyTimeout(drainPatience)
	d.checkpoints = checkpointer{conn: c, signal: make(chan struct{}, 1), stopped: make(chan struct{})}
	go d.checkpointLoop()
	return nil
}

// wrote tells the goroutine that there is something to do.
func (d *DB) wrote() {
	select {
	case d.checkpoints.signal <- struct{}{}:
	default:
	}
}

// stopCheckpoints ends the goroutine and empties the log. The caller holds the
// writer and all readers.
func (d *DB) stopCheckpoints() error {
	<-d.checkpoints.stopped
	_, err := d.checkpoints.conn.checkpoint("TRUNCATE")
	return errors.Join(err, d.checkpoints.conn.raw.Close())
}

// checkpointLoop sleeps until a commit, then goes round until the log is empty.
func (d *DB) checkpointLoop() {
	defer close(d.checkpoints.stopped)
	for {
		select {
		case <-d.closing:
			return
		case <-d.checkpoints.signal:
		}
		d.checkpoints.quiet = 0
		for done := false; !done; {
			if !d.sleep(d.opts.CheckpointEvery) {
				return
			}
			var err error
			done, err = d.checkpointRound()
			d.report(err)
		}
	}
}

func (d *DB) sleep(wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-d.closing:
		return false
	}
}

// checkpointRound does what one round has to do; done means that the log is empty.
func (d *DB) checkpointRound() (done bool, err error) {
	k := &d.checkpoints
	k.quiet++
	select {
	case <-k.signal:
		k.quiet = 0
	default:
	}
	k.wait--
	if k.quiet < idleRounds {
		size, err := k.conn.checkpoint("PASSIVE")
		if err != nil || size <= d.opts.WALLimit {
			return false, err
		}
	}
	if k.wait > 0 {
		return false, nil
	}
	return d.emptyLog()
}

// emptyLog truncates the log in the writer's place.
func (d *DB) emptyLog() (done bool, err error) {
	var w *conn
	select {
	case w = <-d.writer:
	case <-d.closing:
		return true, nil
	}
	defer func() { d.writer <- w }()
	if size, err := d.checkpoints.conn.checkpoint("TRUNCATE"); err != nil || size != 0 {
		d.checkpoints.wait = retryRounds
		return false, err
	}
	d.uncertain.Store(false)
	return true, nil
}

func (d *DB) report(err error) {
	if failing := err != nil; failing != d.checkpoints.failing {
		d.checkpoints.failing = failing
		if failing {
			d.opts.Log.Warn("checkpoint failed, will try again", "database", d.path, "error", err)
		} else {
			d.opts.Log.Info("checkpoint works again", "database", d.path)
		}
	}
}

// checkpoint runs one and returns how many bytes of the log are in use after
// it. Readers or writers in the way are not an error.
func (c *conn) checkpoint(mode string) (size int64, err error) {
	s, err := c.statement("PRAGMA wal_checkpoint(" + mode + ")")
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	defer s.stmt.Reset()
	if _, err := s.stmt.Step(); err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	const pageAndFrame = 4096 + 24
	busy, frames := s.stmt.ColumnInt64(0), s.stmt.ColumnInt64(1)
	if busy != 0 && mode == "TRUNCATE" {
		return max(frames, 1) * pageAndFrame, nil
	}
	return frames * pageAndFrame, nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = syncHandle(f)
	return errors.Join(err, f.Close())
}
