package sqlite

import (
	"context"
	"fmt"

	"reeve/internal/store/sqlconn"

	"zombiezen.com/go/sqlite"
)

// tx is one transaction; it implements sqlconn.Conn.
type tx struct {
	conn   *conn
	ctx    context.Context
	state  sqlconn.State
	shared bool // others have run in the same transaction of SQLite, see group.go
}

var _ sqlconn.Sharer = (*tx)(nil)

// Query implements sqlconn.Conn.
func (t *tx) Query(sql string, args []any, each func(sqlconn.Row) error) error {
	s, err := t.start(sql)
	if err != nil {
		return err
	}
	defer t.state.Stop()
	_, err = t.run(s, sql, args, each)
	return err
}

// QueryEach implements sqlconn.Conn.
func (t *tx) QueryEach(sql string, args [][]any, each func(int, sqlconn.Row) error) error {
	s, err := t.start(sql)
	if err != nil {
		return err
	}
	defer t.state.Stop()
	var i int
	one := func(r sqlconn.Row) error { return each(i, r) }
	for i = range args {
		if _, err := t.run(s, sql, args[i], one); err != nil {
			return err
		}
	}
	return nil
}

// Exec implements sqlconn.Conn.
func (t *tx) Exec(sql string, args ...any) (int64, error) {
	s, err := t.start(sql)
	if err != nil {
		return 0, err
	}
	defer t.state.Stop()
	n, err := t.run(s, sql, args, nil)
	if err != nil {
		return 0, err
	}
	if s.stmt.ColumnCount() > 0 { // RETURNING
		return n, nil
	}
	return int64(t.conn.raw.Changes()), nil
}

// ExecEach implements sqlconn.Conn.
func (t *tx) ExecEach(sql string, args [][]any) error {
	s, err := t.start(sql)
	if err != nil {
		return err
	}
	defer t.state.Stop()
	for _, a := range args {
		if _, err := t.run(s, sql, a, nil); err != nil {
			return err
		}
	}
	return nil
}

// Now implements sqlconn.Conn: the clock of this process, since no other has
// the database open. It is later than what was promised, however it goes.
func (t *tx) Now() (int64, error) {
	d := t.conn.db
	return max(d.opts.Clock(), d.promised.Load()+1), t.state.Err()
}

// ForUpdate implements sqlconn.Conn: an Update is the only one.
func (t *tx) ForUpdate() string { return "" }

// Shared implements sqlconn.Sharer.
func (t *tx) Shared() bool { return t.shared }

// begin begins the transaction with a statement that the caller leaves at its end.
func (t *tx) begin(sql string) (*statement, error) {
	s, err := t.start(sql)
	if err != nil {
		return nil, err
	}
	defer t.state.Stop()
	if err := s.stand(); err != nil {
		return nil, t.state.Fail(sql, t.translate(err))
	}
	return s, nil
}

func (t *tx) exec(sql string) error {
	_, err := t.Exec(sql)
	return err
}

func (t *tx) start(sql string) (*statement, error) {
	if err := t.state.Start(sql); err != nil {
		return nil, err
	}
	s, err := t.conn.statement(sql)
	if err != nil {
		t.state.Stop()
		return nil, t.state.Fail(sql, t.translate(err))
	}
	return s, nil
}

func (t *tx) run(s *statement, sql string, args []any, each func(sqlconn.Row) error) (int64, error) {
	if err := s.bind(args); err != nil {
		return 0, t.state.Fail(sql, err)
	}
	defer s.stmt.Reset() // also when each panics; its error is the one that Step has returned
	n, stepErr, err := s.rows(each)
	if stepErr != nil {
		return n, t.state.Fail(sql, t.translate(stepErr))
	}
	if err != nil {
		return n, err
	}
	return n, t.state.Err() // each may have tried another statement
}

// isUnwritable tells a disk that takes no writes. A commit that failed so is
// not there: the log lacks its last frame.
func isUnwritable(code sqlite.ResultCode) bool {
	switch code {
	case sqlite.ResultIOErrWrite, sqlite.ResultIOErrSHMSize, sqlite.ResultIOErrTruncate:
		return true
	}
	return code.ToPrimary() == sqlite.ResultFull || code.ToPrimary() == sqlite.ResultReadOnly
}

// isDamaged tells a file that is no database any more, or not all of one.
func isDamaged(code sqlite.ResultCode) bool {
	switch code {
	case sqlite.ResultIOErrRead, sqlite.ResultIOErrShortRead:
		return true
	}
	return code.ToPrimary() == sqlite.ResultCorrupt || code.ToPrimary() == sqlite.ResultNotADB
}

// translate puts SQLite's result codes into sqlconn's words.
func (t *tx) translate(err error) error {
	code := sqlite.ErrCode(err)
	switch {
	case code == sqlite.ResultConstraintUnique, code == sqlite.ResultConstraintPrimaryKey, code == sqlite.ResultConstraintRowID:
		return fmt.Errorf("%w: %w", sqlconn.ErrClash, err)
	case code.ToPrimary() == sqlite.ResultBusy:
		return fmt.Errorf("%w: %w", sqlconn.ErrConflict, err)
	case code.ToPrimary() == sqlite.ResultInterrupt && t.ctx.Err() != nil:
		return t.ctx.Err()
	}
	return trouble(err)
}

// trouble marks errors of the disk and of the file.
func trouble(err error) error {
	switch code := sqlite.ErrCode(err); {
	case isUnwritable(code):
		return fmt.Errorf("%w: %w", sqlconn.ErrUnwritable, err)
	case isDamaged(code):
		return fmt.Errorf("%w: %w", sqlconn.ErrDamaged, err)
	}
	return err
}
