package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// iam.Store.

// ErrNoAccount is the answer to an insert of a key whose account does not exist.
var ErrNoAccount = errors.New("no such account")

// InsertAccount implements iam.Store.
func (s *Store) InsertAccount(ctx context.Context, a iam.Account) error {
	return s.insertNew(ctx, "insert account", `INSERT INTO account (id, name, root, created)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		a.ID, a.Name, bit(a.Root), a.Created.UnixMicro())
}

// insertNew runs an insert that changes nothing when the row exists.
func (s *Store) insertNew(ctx context.Context, doing, sql string, args ...any) error {
	return s.db.Update(ctx, func(c sqlconn.Conn) error {
		n, err := c.Exec(sql, args...)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if n == 0 {
			return iam.ErrExists
		}
		return nil
	})
}

const selectAccount = `SELECT id, name, root, created FROM account`

// Account implements iam.Store.
func (s *Store) Account(ctx context.Context, id string) (*iam.Account, error) {
	return s.account(ctx, selectAccount+` WHERE id = $1`, id)
}

// RootAccount implements iam.Store.
func (s *Store) RootAccount(ctx context.Context) (*iam.Account, error) {
	return s.account(ctx, selectAccount+` WHERE root = 1`)
}

func (s *Store) account(ctx context.Context, sql string, args ...any) (*iam.Account, error) {
	var found *iam.Account
	err := s.readOne(ctx, "read account", sql, args, func(r sqlconn.Row) { found = new(scanAccount(r)) })
	return found, err
}

func scanAccount(r sqlconn.Row) iam.Account {
	return iam.Account{ID: r.Text(0), Name: r.Text(1), Root: r.Int(2) != 0, Created: moment(r.Int(3))}
}

// Accounts implements iam.Store.
func (s *Store) Accounts(ctx context.Context, after string, limit int) ([]iam.Account, error) {
	var found []iam.Account
	err := s.readOne(ctx, "list accounts", selectAccount+` WHERE id > $1 ORDER BY id LIMIT $2`, []any{after, int64(limit)},
		func(r sqlconn.Row) { found = append(found, scanAccount(r)) })
	return found, err
}

// readOne runs a query of at most one row in a transaction of its own.
func (s *Store) readOne(ctx context.Context, doing, sql string, args []any, scan func(sqlconn.Row)) error {
	return s.db.View(ctx, func(c sqlconn.Conn) error {
		err := c.Query(sql, args, func(r sqlconn.Row) error {
			scan(r)
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return nil
	})
}

func moment(micros int64) time.Time { return license.Time(micros).Std() }

// InsertAccessKey implements iam.Store; without the key's account it is
// ErrNoAccount.
func (s *Store) InsertAccessKey(ctx context.Context, k iam.AccessKey) error {
	if a, err := s.Account(ctx, k.Account); err != nil {
		return err
	} else if a == nil { // accounts are never removed, so this cannot change
		return fmt.Errorf("insert access key: %w: %s", ErrNoAccount, k.Account)
	}
	return s.UpdateIAM(ctx, func(t iam.Tx) error { return t.InsertKey(k) })
}

const insertAccessKey = `INSERT INTO access_key (id, account, owner, secret, created, inactive, used)
	VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`

func accessKeyArgs(k iam.AccessKey) []any {
	return []any{k.ID, k.Account, k.User, k.Sealed, k.Created.UnixMicro(), bit(k.Inactive), micros(k.Used)}
}

const selectAccessKey = `SELECT id, account, owner, secret, created, inactive, used FROM access_key`

func scanAccessKey(r sqlconn.Row) iam.AccessKey {
	return iam.AccessKey{
		ID: r.Text(0), Account: r.Text(1), User: r.Text(2), Sealed: r.Bytes(3),
		Created: moment(r.Int(4)), Inactive: r.Int(5) != 0, Used: momentOrNone(r.Int(6)),
	}
}

// AccessKey implements iam.Store.
func (s *Store) AccessKey(ctx context.Context, id string) (*iam.AccessKey, error) {
	var found *iam.AccessKey
	err := s.readOne(ctx, "read access key", selectAccessKey+` WHERE id = $1`, []any{id},
		func(r sqlconn.Row) { found = new(scanAccessKey(r)) })
	return found, err
}

// TouchAccessKey implements iam.Store.
func (s *Store) TouchAccessKey(ctx context.Context, id string, used time.Time) error {
	return s.db.Update(ctx, func(c sqlconn.Conn) error {
		if _, err := c.Exec(`UPDATE access_key SET used = $2 WHERE id = $1 AND used < $2`, id, used.UnixMicro()); err != nil {
			return fmt.Errorf("note use of access key: %w", err)
		}
		return nil
	})
}

const selectMeta = `SELECT value FROM meta WHERE name = $1`

// Meta implements iam.Store.
func (s *Store) Meta(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.readOne(ctx, "read meta", selectMeta, []any{name}, func(r sqlconn.Row) { value = r.Bytes(0) })
	return value, err
}

// PutMetaIfAbsent implements iam.Store.
func (s *Store) PutMetaIfAbsent(ctx context.Context, name string, value []byte) (kept []byte, err error) {
	err = s.db.Update(ctx, func(c sqlconn.Conn) error {
		_, err := c.Exec(`INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, value)
		if err != nil {
			return fmt.Errorf("put meta: %w", err)
		}
		return c.Query(selectMeta, []any{name}, func(r sqlconn.Row) error {
			kept = r.Bytes(0)
			return nil
		})
	})
	return kept, err
}
