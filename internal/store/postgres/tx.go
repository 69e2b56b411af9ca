package postgres

import (
	"context"
	"errors"
	"fmt"

	"reeve/internal/store/sqlconn"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxBatch is how many statements travel in one round trip. Beyond it the
// answers, which the server may only buffer, could block both sides.
const maxBatch = 500

// tx is one transaction; it implements sqlconn.Conn.
type tx struct {
	pooled *pgxpool.Conn
	ctx    context.Context
	caller context.Context // whose end fails the statements that come, where ctx is another one
	begin  []string        // to be sent with the first statement; nil once they were
	reopen func() bool     // gives the first statement of a View another connection; nil for an Update
	wrote  bool            // a statement did something else than select
	shared bool            // others have run in the same transaction, see group.go
	clock  func() int64
	state  sqlconn.State
}

// Query implements sqlconn.Conn.
func (t *tx) Query(sql string, args []any, each func(sqlconn.Row) error) error {
	_, err := t.run(sql, [][]any{args}, func(_ int, r sqlconn.Row) error { return each(r) })
	return err
}

// QueryEach implements sqlconn.Conn.
func (t *tx) QueryEach(sql string, args [][]any, each func(int, sqlconn.Row) error) error {
	_, err := t.run(sql, args, each)
	return err
}

// Exec implements sqlconn.Conn.
func (t *tx) Exec(sql string, args ...any) (int64, error) {
	return t.run(sql, [][]any{args}, nil)
}

// ExecEach implements sqlconn.Conn.
func (t *tx) ExecEach(sql string, args [][]any) error {
	_, err := t.run(sql, args, nil)
	return err
}

// Now implements sqlconn.Conn: the time of the call, not of the transaction's
// start, so that it is later than whatever was committed under a lock that
// the transaction has waited for.
func (t *tx) Now() (now int64, err error) {
	if t.clock != nil {
		return t.clock(), t.state.Err()
	}
	err = t.Query(`SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`, nil, func(r sqlconn.Row) error {
		now = r.Int(0)
		return nil
	})
	return now, err
}

// ForUpdate implements sqlconn.Conn.
func (t *tx) ForUpdate() string { return " FOR UPDATE" }

// Shared implements sqlconn.Sharer.
func (t *tx) Shared() bool { return t.shared }

// run runs a statement once per element of args and returns how many rows all
// of them changed or returned. What returns nothing may run over a table of
// the elements instead, see set.go.
func (t *tx) run(sql string, args [][]any, each func(int, sqlconn.Row) error) (n int64, err error) {
	if err := t.state.Start(sql); err != nil {
		return 0, err
	}
	defer t.state.Stop()
	if t.caller != nil && t.caller.Err() != nil {
		return 0, t.state.Fail(sql, t.caller.Err())
	}
	for i, a := range args {
		if err := checkArgs(a); err != nil {
			return 0, t.state.Fail(sql, fmt.Errorf("element %d: %w", i, err))
		}
	}
	for start := 0; start < len(args); start += maxBatch {
		part := args[start:min(start+maxBatch, len(args))]
		text := sql
		if set, columns, ok := asSet(sql, part, each == nil); ok {
			text, part = set, [][]any{columns}
		}
		rows, err := t.runBatch(text, start, part, each)
		n += rows
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// runBatch is run for what fits into one round trip; start is the number of
// its first element.
func (t *tx) runBatch(sql string, start int, args [][]any, each func(int, sqlconn.Row) error) (n int64, err error) {
	row := row{}
	for {
		first := t.begin != nil
		n, err = t.tryBatch(sql, start, args, &row, each)
		if err == nil {
			return n, t.state.Err() // each may have tried another statement
		}
		if own := new(eachError); errors.As(err, &own) {
			return n, own.error
		}
		err = t.translate(err)
		again := first && !row.told && t.reopen != nil && errors.Is(err, sqlconn.ErrUnavailable)
		if !again || !t.reopen() {
			return n, t.state.Fail(sql, err)
		}
	}
}

// tryBatch sends the statements and reads what they return. An error of each
// is an eachError.
func (t *tx) tryBatch(sql string, start int, args [][]any, row *row, each func(int, sqlconn.Row) error) (n int64, err error) {
	batch, begins := t.batch(sql, args)
	results := t.pooled.SendBatch(t.ctx, batch)
	defer results.Close() // also when each panics
	for range begins {
		if _, err := results.Exec(); err != nil {
			return 0, fmt.Errorf("%w: %w", errBegin, err)
		}
	}
	for i := range args {
		tag, err := readResult(results, row, start+i, each)
		n += tag.RowsAffected()
		t.wrote = t.wrote || !tag.Select()
		if own := new(eachError); errors.As(err, &own) {
			return n, stopEarly(results, err)
		}
		if err != nil {
			return n, err
		}
	}
	return n, results.Close()
}

// batch queues the statements, after those that begin the transaction if they
// were not sent yet; begins is how many these are.
func (t *tx) batch(sql string, args [][]any) (b *pgx.Batch, begins int) {
	b = &pgx.Batch{}
	if len(args) > 0 {
		for _, begin := range t.begin {
			b.Queue(begin)
		}
		begins, t.begin = len(t.begin), nil
	}
	for _, a := range args {
		b.Queue(sql, a...)
	}
	return b, begins
}

// stopEarly skips the results that each does not want any more. The
// statements behind them have run all the same, and one of them may have failed.
func stopEarly(results pgx.BatchResults, own error) error {
	if err := results.Close(); err != nil {
		return err
	}
	return own
}

// translate says what an error of a statement means for the transaction.
func (t *tx) translate(err error) error {
	switch conn := t.pooled.Conn(); {
	case t.ctx.Err() != nil:
		return t.ctx.Err()
	case conn.IsClosed():
		return lostConnection(err)
	case t.reopen == nil && isStandby(err):
		_ = conn.Close(t.ctx) // so that the pool looks for another server
		return unavailable("write", err)
	}
	return translate(err)
}

// errBegin marks errors of BEGIN itself.
var errBegin = errors.New("begin")

// isStandby tells how a server that only follows another one refuses an
// Update: read_only_sql_transaction, or already when it begins,
// feature_not_supported.
func isStandby(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && (server.Code == "25006" ||
		server.Code == "0A000" && errors.Is(err, errBegin))
}

// translate puts PostgreSQL's codes into sqlconn's words.
func translate(err error) error {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return err
	}
	switch server.Code {
	case "23505": // unique_violation
		return fmt.Errorf("%w: %w", sqlconn.ErrClash, err)
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return fmt.Errorf("%w: %w", sqlconn.ErrConflict, err)
	case "53100": // disk_full
		return fmt.Errorf("%w: %w", sqlconn.ErrUnwritable, err)
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return fmt.Errorf("%w: %w", sqlconn.ErrDamaged, err)
	}
	if isPassing(server) {
		return unavailable("statement", err)
	}
	return err
}

// checkArgs holds arguments to the contract, where the driver takes much more.
func checkArgs(args []any) error {
	for i, arg := range args {
		switch v := arg.(type) {
		case int64, []byte, nil:
		case string:
			if !sqlconn.StorableText(v) {
				return fmt.Errorf("argument $%d: text %.40q has a zero byte or is not UTF-8", i+1, v)
			}
		default:
			return fmt.Errorf("argument $%d: type %T is not int64, string, []byte or nil", i+1, v)
		}
	}
	return nil
}
