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
	err := s.readOne(ctx, "read account", sql, args, func(r sqlconn.Row) {
		found = &iam.Account{ID: r.Text(0), Name: r.Text(1), Root: r.Int(2) != 0, Created: moment(r.Int(3))}
	})
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
	return s.insertNew(ctx, "insert access key", `INSERT INTO access_key (id, account, secret, created)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		k.ID, k.Account, k.Sealed, k.Created.UnixMicro())
}

// AccessKey implements iam.Store.
func (s *Store) AccessKey(ctx context.Context, id string) (*iam.AccessKey, error) {
	var found *iam.AccessKey
	err := s.readOne(ctx, "read access key",
		`SELECT id, account, secret, created FROM access_key WHERE id = $1`, []any{id},
		func(r sqlconn.Row) {
			found = &iam.AccessKey{ID: r.Text(0), Account: r.Text(1), Sealed: r.Bytes(2), Created: moment(r.Int(3))}
		})
	return found, err
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
