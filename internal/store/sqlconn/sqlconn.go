// Package sqlconn is the small surface of SQL that Reeve uses, so that one
// text of every statement serves SQLite and PostgreSQL. Package store/sqlite
// and package store/postgres implement it; package store and package
// store/mvtree are written over it.
//
// The rules that make one text enough: parameters are $1…$n; every column is
// BIGINT (integers, booleans as 0 and 1, times in microseconds), KEYTEXT
// (text that compares by byte), TEXT or BYTEA; sums are cast to BIGINT;
// upserts are ON CONFLICT … DO UPDATE.
package sqlconn

import "context"

// Conn runs statements inside one transaction, one at a time: inside each of a
// statement no other may start (ErrNested). Arguments are int64, string,
// []byte or nil, one for every $n that the statement names. A string is UTF-8
// without zero bytes (StorableText). After a statement failed every later one
// fails with the same error, and the transaction is not committed; an error
// that each returns ends its statement only.
type Conn interface {
	// Query runs one statement and calls each for every row, in order. A Row
	// is valid during the call only.
	Query(sql string, args []any, each func(Row) error) error

	// QueryEach runs one statement once per element of args, in order, in one
	// round trip where the database has round trips; i tells which element a
	// row belongs to.
	QueryEach(sql string, args [][]any, each func(i int, r Row) error) error

	// Exec runs one statement and returns how many rows an INSERT, UPDATE or
	// DELETE changed; after any other statement the number means nothing.
	Exec(sql string, args ...any) (int64, error)

	// ExecEach runs one statement once per element of args, in order, in one
	// round trip where the database has round trips.
	ExecEach(sql string, args [][]any) error

	// Now is the database's clock in microseconds since the Unix epoch.
	Now() (int64, error)

	// ForUpdate is the clause that locks selected rows: " FOR UPDATE" where
	// several writers can run at once, "" where a transaction is the only one.
	ForUpdate() string
}

// Sharer is what a Conn also implements when Updates can share a transaction.
type Sharer interface {
	// Shared reports whether the transaction holds, or may hold, what other
	// Updates wrote before this one and what is rolled back when the common
	// commit fails: what is read through the Conn must not be kept beyond it.
	Shared() bool
}

// Promiser is what the Conn of an Update also implements where no other
// process can write the database: SQLite's.
type Promiser interface {
	// Promise makes Now later than a moment, in microseconds since the Unix
	// epoch, in every transaction from here on, also after a restart. It needs
	// no space on the disk. Where that cannot be kept it returns ErrUnwritable.
	Promise(at int64) error
}

// Row is one result row. Columns are counted from 0. A NULL reads as the zero
// value.
type Row interface {
	Int(col int) int64
	Text(col int) string  // a copy, valid for ever
	Bytes(col int) []byte // a copy, valid for ever; nil for NULL

	// AppendText appends what Text returns to dst.
	AppendText(dst []byte, col int) []byte
}

// DB is an open database.
type DB interface {
	// View runs fn over one consistent snapshot that it cannot write to.
	View(ctx context.Context, fn func(Conn) error) error

	// Update runs fn in one transaction and commits it durably when fn
	// returns nil. After ErrConflict or ErrClash, be it a statement's or
	// returned by fn, it runs fn again, at most MaxAttempts times in all.
	// When ctx ends before the commit has begun, nothing remains and the
	// error is ctx's; a commit that has begun is not interrupted.
	//
	// A database on another machine may be away for a while. Update then waits
	// for it, for a bounded time, and runs fn again besides those attempts; the
	// error is ErrUnavailable if that did not help.
	//
	// A database may commit several Updates at once. Then fn may run on
	// another goroutine than its caller's, may see what an Update before it
	// wrote that is not committed yet (Sharer), and may run once more at each
	// attempt, when the others' transaction is lost and its own with it. Its
	// answer, also an error, never rests on what was not committed. fn must
	// not wait for another Update to return.
	Update(ctx context.Context, fn func(Conn) error) error

	// UpdateTogether is Update of a function that is going to wait for the
	// same lock as every other with that key. Those that come at once commit
	// together where that pays. The key is a hint: the functions may lock
	// whatever they like.
	UpdateTogether(ctx context.Context, key string, fn func(Conn) error) error

	// UpdateFirst is Update that waits for no other Update's turn, for what the
	// answers of others wait for. Only a few may run at once.
	UpdateFirst(ctx context.Context, fn func(Conn) error) error

	// Migrate brings the schema up to the newest of the given migrations,
	// under a lock, so that several processes may start at once. It refuses a
	// database whose schema is newer than the last migration.
	Migrate(ctx context.Context, migrations []Migration) error

	// Pending returns those of the migrations that Migrate would run, and
	// refuses what Migrate would refuse. It writes nothing.
	Pending(ctx context.Context, migrations []Migration) ([]Migration, error)

	// Close waits for running transactions; later ones get ErrClosed.
	Close() error
}

// Migration is one step of the schema: statements separated by semicolons at
// the end of a line. "{{clustered}}" stands for what makes a table be stored
// in the order of its primary key (SQLite: WITHOUT ROWID; PostgreSQL: nothing).
type Migration struct {
	Number int64
	Name   string
	SQL    string
}
