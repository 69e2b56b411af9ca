package sqlite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"reeve/internal/store/sqlconn"

	"zombiezen.com/go/sqlite"
)

// statement is a prepared statement and, as a sqlconn.Row, its current row.
//
// To SQLite "$2" is a name like any other; it numbers parameters by their
// first appearance. args says which argument each of them is.
type statement struct {
	stmt     *sqlite.Stmt
	args     []int // args[i] is the index of the argument of SQLite's parameter i+1
	count    int   // how many arguments the statement takes
	standing bool  // it began the transaction that runs
}

func newStatement(stmt *sqlite.Stmt) (*statement, error) {
	s := &statement{stmt: stmt, count: stmt.BindParamCount(), args: make([]int, stmt.BindParamCount())}
	for i := range s.args {
		name := stmt.BindParamName(i + 1)
		n, err := strconv.Atoi(name[min(1, len(name)):])
		if err != nil || name[0] != '$' || n < 1 || n > s.count {
			return nil, fmt.Errorf("parameter %q: want $1…$n, each of them used", name)
		}
		s.args[i] = n - 1
	}
	return s, nil
}

// plannedOnce is a text whose limits are not told to SQLite's planner. Of a plain
// "LIMIT $2" SQLite makes another plan each time that $2 is bound, because it may
// depend on how few rows are wanted; that takes longer than to read a page.
func plannedOnce(sql string) string { return strings.ReplaceAll(sql, "LIMIT $", "LIMIT +$") }

// stand takes the statement's first step, and leave ends it.
func (s *statement) stand() error {
	_, err := s.stmt.Step()
	s.standing = err == nil
	return err
}

func (s *statement) leave() {
	s.standing = false
	s.stmt.Reset()
}

func (s *statement) bind(args []any) error {
	if len(args) != s.count {
		return fmt.Errorf("got %d arguments, want %d", len(args), s.count)
	}
	for i, arg := range s.args {
		if err := s.bindOne(i+1, args[arg]); err != nil {
			return fmt.Errorf("argument $%d: %w", arg+1, err)
		}
	}
	return nil
}

func (s *statement) bindOne(param int, value any) error {
	switch v := value.(type) {
	case int64:
		s.stmt.BindInt64(param, v)
	case string:
		if !sqlconn.StorableText(v) {
			return fmt.Errorf("text %.40q has a zero byte or is not UTF-8", v)
		}
		s.stmt.BindText(param, v)
	case []byte:
		if v == nil {
			s.stmt.BindNull(param)
			return nil
		}
		s.stmt.BindBytes(param, v)
	case nil:
		s.stmt.BindNull(param)
	default:
		return fmt.Errorf("type %T is not int64, string, []byte or nil", value)
	}
	return nil
}

// rows runs the statement and calls each, if there is one, for every row; it
// returns how many there were. stepErr is the database's error, err is each's.
func (s *statement) rows(each func(sqlconn.Row) error) (n int64, stepErr, err error) {
	for {
		row, stepErr := s.stmt.Step()
		if stepErr != nil || !row {
			return n, stepErr, nil
		}
		n++
		if each == nil {
			continue
		}
		if err := each(s); err != nil {
			return n, nil, err
		}
	}
}

// Int implements sqlconn.Row.
func (s *statement) Int(col int) int64 { return s.stmt.ColumnInt64(col) }

// Text implements sqlconn.Row.
func (s *statement) Text(col int) string { return s.stmt.ColumnText(col) }

// AppendText implements sqlconn.Row.
func (s *statement) AppendText(dst []byte, col int) []byte {
	start, n := len(dst), s.stmt.ColumnLen(col)
	dst = slices.Grow(dst, n)[:start+n]
	s.stmt.ColumnBytes(col, dst[start:])
	return dst
}

// Bytes implements sqlconn.Row.
func (s *statement) Bytes(col int) []byte {
	n := s.stmt.ColumnLen(col)
	if n == 0 && s.stmt.ColumnIsNull(col) {
		return nil
	}
	b := make([]byte, n)
	s.stmt.ColumnBytes(col, b)
	return b
}
