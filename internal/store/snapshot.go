package store

import (
	"context"
	"iter"

	"reeve/internal/store/sqlconn"
)

// snapshot is the Conn of a View. It begins its transaction with the first
// statement, so a page that the cache holds whole costs none. That the
// snapshot may be younger than the first rows read is no difference: what the
// cache has of a revision never changes.
type snapshot struct {
	ctx  context.Context
	db   sqlconn.DB
	conn sqlconn.Conn // nil before begin
	stop func()

	result error // what the function of the View returned
	err    error // what db.View returned
}

var _ sqlconn.Conn = (*snapshot)(nil)

// begin starts db.View as a coroutine, which waits with its Conn until end.
func (s *snapshot) begin() (sqlconn.Conn, error) {
	if s.conn != nil || s.err != nil {
		return s.conn, s.err
	}
	next, stop := iter.Pull(func(yield func(sqlconn.Conn) bool) {
		s.err = s.db.View(s.ctx, func(c sqlconn.Conn) error {
			yield(c)
			return s.result
		})
	})
	s.stop = stop
	s.conn, _ = next()
	return s.conn, s.err
}

// end ends the transaction, if there is one, and returns the View's error.
// Only the first call does something.
func (s *snapshot) end(result error) error {
	if s.stop == nil {
		return result
	}
	s.result = result
	s.stop()
	return s.err
}

func (s *snapshot) Query(sql string, args []any, each func(sqlconn.Row) error) error {
	c, err := s.begin()
	if err != nil {
		return err
	}
	return c.Query(sql, args, each)
}

func (s *snapshot) QueryEach(sql string, args [][]any, each func(int, sqlconn.Row) error) error {
	c, err := s.begin()
	if err != nil {
		return err
	}
	return c.QueryEach(sql, args, each)
}

func (s *snapshot) Exec(sql string, args ...any) (int64, error) {
	c, err := s.begin()
	if err != nil {
		return 0, err
	}
	return c.Exec(sql, args...)
}

func (s *snapshot) ExecEach(sql string, args [][]any) error {
	c, err := s.begin()
	if err != nil {
		return err
	}
	return c.ExecEach(sql, args)
}

func (s *snapshot) Now() (int64, error) {
	c, err := s.begin()
	if err != nil {
		return 0, err
	}
	return c.Now()
}

// ForUpdate is empty: a View locks nothing.
func (s *snapshot) ForUpdate() string { return "" }
