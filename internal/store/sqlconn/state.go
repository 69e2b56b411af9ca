package sqlconn

import (
	"fmt"
	"strings"
)

// State is what a Conn remembers to keep the promises that Conn makes about
// statements, so that every database keeps them alike.
type State struct {
	failed  error // of the first statement that failed
	running bool  // a statement is between its start and its last row
	ended   bool
}

// Start comes before a statement; after it returned nil, Stop ends the statement.
func (s *State) Start(sql string) error {
	if err := s.Err(); err != nil {
		return err
	}
	if s.running {
		return s.Fail(sql, ErrNested)
	}
	s.running = true
	return nil
}

// Stop ends the statement that Start began.
func (s *State) Stop() { s.running = false }

// Fail records that a statement failed and returns the error that the
// transaction has from then on, which names the first statement that failed.
func (s *State) Fail(sql string, err error) error {
	if s.failed == nil {
		s.failed = fmt.Errorf("%s: %w", summary(sql), err)
	}
	return s.failed
}

// Err is why no statement may start now, nested ones aside.
func (s *State) Err() error {
	if s.ended {
		return ErrEnded
	}
	return s.failed
}

// End ends the transaction for its Conn. err is what the function returned;
// the result is why the transaction must not be committed: err, or that a
// statement failed although the function did not mind.
func (s *State) End(err error) error {
	s.ended = true
	if err == nil {
		return s.failed
	}
	return err
}

// summary is the start of a statement on one line, for error messages.
func summary(sql string) string {
	text := strings.Join(strings.Fields(sql), " ")
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}
