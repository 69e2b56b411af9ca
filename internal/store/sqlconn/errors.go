package sqlconn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"
)

// What the errors of a Conn and a DB are tested for with errors.Is.
var (
	// ErrClash: a row with the same unique key is already there.
	ErrClash = errors.New("key already exists")

	// ErrConflict: another transaction was in the way; nothing of this one
	// remains, and the same again may succeed.
	ErrConflict = errors.New("conflict with another transaction")

	// ErrUnavailable: the database was away, for longer than was waited for
	// it; nothing of the transaction remains. It has a method Unavailable, by
	// which packages that know no database tell it.
	ErrUnavailable error = unavailableError{}

	// ErrUnwritable: the database takes no writes for now, since its disk is
	// full or read-only; nothing of the transaction remains. Reading works. It
	// has the methods Unavailable and Unwritable.
	ErrUnwritable error = unwritableError{}

	// ErrDamaged: what the database has stored cannot be read any more. It has
	// a method Damaged.
	ErrDamaged error = damagedError{}

	// ErrClosed: the database was closed.
	ErrClosed = errors.New("database is closed")

	// ErrNested: a statement was started inside each of another one.
	ErrNested = errors.New("statement inside the rows of another one")

	// ErrEnded: a Conn was used after its function had returned.
	ErrEnded = errors.New("transaction has ended")
)

type unavailableError struct{}

func (unavailableError) Error() string     { return "database is not available" }
func (unavailableError) Unavailable() bool { return true }

type unwritableError struct{}

func (unwritableError) Error() string {
	return "database cannot be written: its disk is full or read-only"
}
func (unwritableError) Unavailable() bool { return true }
func (unwritableError) Unwritable() bool  { return true }

type damagedError struct{}

func (damagedError) Error() string {
	return "database is damaged: keep a copy of it, and restore a backup with reeve restore"
}
func (damagedError) Damaged() bool { return true }

// MaxAttempts is how often Update runs its function before it gives up and
// returns the last ErrConflict or ErrClash.
const MaxAttempts = 8

// Retry runs once until it returns nil or an error that is neither
// ErrConflict nor ErrClash, at most MaxAttempts times. It pauses after a
// conflict, so that the other transaction can end; after a clash the function
// draws new keys, and nothing is to be waited for.
func Retry(ctx context.Context, once func() error) error {
	for attempt := 1; ; attempt++ {
		err := once()
		conflict := errors.Is(err, ErrConflict)
		if err == nil || attempt == MaxAttempts || !conflict && !errors.Is(err, ErrClash) {
			return err
		}
		if conflict && !pause(ctx, attempt) {
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// pause waits a random time that doubles with every attempt, from 1 ms up to
// 128 ms; false means that ctx ended first.
func pause(ctx context.Context, attempt int) bool {
	most := time.Millisecond << min(attempt, 7)
	t := time.NewTimer(most/2 + rand.N(most/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// StorableText reports whether both databases can hold s as text: PostgreSQL
// refuses the zero byte and what is not UTF-8, so SQLite's Conn does too.
func StorableText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}
