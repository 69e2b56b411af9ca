package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"reeve/internal/iam"
	"reeve/internal/store/sqlconn"
)

// iam.Tx: users and roles, and their keys.

// iamGeneration is the name in meta of what changes with every change of users,
// roles, policies and keys. Its row is also their lock.
const iamGeneration = "iam.generation"

// iamTx is one transaction of package iam.
type iamTx struct{ conn sqlconn.Conn }

// ViewIAM implements iam.Store.
func (s *Store) ViewIAM(ctx context.Context, fn func(iam.Tx) error) error {
	return s.db.View(ctx, func(c sqlconn.Conn) error { return fn(iamTx{c}) })
}

// UpdateIAM implements iam.Store.
func (s *Store) UpdateIAM(ctx context.Context, fn func(iam.Tx) error) error {
	return s.db.Update(ctx, func(c sqlconn.Conn) error {
		if err := renewGeneration(c); err != nil {
			return err
		}
		return fn(iamTx{c})
	})
}

// renewGeneration draws another generation, and waits for whoever is changing
// something. Drawn, not counted: a database that was set back to a backup has
// another one too.
func renewGeneration(c sqlconn.Conn) error {
	fresh := make([]byte, 16)
	rand.Read(fresh)
	_, err := c.Exec(`INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2`, iamGeneration, fresh)
	if err != nil {
		return fmt.Errorf("change permissions: %w", err)
	}
	return nil
}

// Generation implements iam.Store.
func (s *Store) Generation(ctx context.Context) ([]byte, error) { return s.Meta(ctx, iamGeneration) }

// rows runs a query of the transaction.
func (t iamTx) rows(doing, sql string, args []any, each func(sqlconn.Row)) error {
	err := t.conn.Query(sql, args, func(r sqlconn.Row) error {
		each(r)
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func (t iamTx) exec(doing, sql string, args ...any) error {
	if _, err := t.conn.Exec(sql, args...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// insertNew is Store.insertNew within the transaction.
func (t iamTx) insertNew(doing, sql string, args ...any) error {
	n, err := t.conn.Exec(sql, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if n == 0 {
		return iam.ErrExists
	}
	return nil
}

func (t iamTx) count(doing, sql string, args ...any) (n int64, err error) {
	err = t.rows(doing, sql, args, func(r sqlconn.Row) { n = r.Int(0) })
	return n, err
}

const selectPrincipal = `SELECT account, type, name, num, id, created, max_session, trusted, trust FROM iam_principal`

func scanPrincipal(r sqlconn.Row) iam.Principal {
	return iam.Principal{
		Holder: iam.Holder{Account: r.Text(0), Type: iam.HolderType(r.Int(1)), Name: r.Text(2)},
		Num:    r.Int(3), ID: r.Text(4), Created: moment(r.Int(5)),
		MaxSession: time.Duration(r.Int(6)) * time.Second, Trusted: momentOrNone(r.Int(7)), Trust: r.Text(8),
	}
}

// Principal implements iam.Tx.
func (t iamTx) Principal(h iam.Holder) (*iam.Principal, error) {
	return t.principal(selectPrincipal+` WHERE account = $1 AND type = $2 AND name = $3`, h)
}

// PrincipalLike implements iam.Tx.
func (t iamTx) PrincipalLike(h iam.Holder) (*iam.Principal, error) {
	return t.principal(selectPrincipal+` WHERE account = $1 AND type = $2 AND LOWER(name) = LOWER($3)`, h)
}

func (t iamTx) principal(sql string, h iam.Holder) (found *iam.Principal, err error) {
	err = t.rows("read user or role", sql, []any{h.Account, int64(h.Type), h.Name}, func(r sqlconn.Row) { found = new(scanPrincipal(r)) })
	return found, err
}

// Principals implements iam.Tx.
func (t iamTx) Principals(account string, of iam.HolderType, after int64, limit int) (list []iam.Principal, err error) {
	err = t.rows("list users or roles", selectPrincipal+` WHERE account = $1 AND type = $2 AND num > $3 ORDER BY num LIMIT $4`,
		[]any{account, int64(of), after, int64(limit)}, func(r sqlconn.Row) { list = append(list, scanPrincipal(r)) })
	return list, err
}

// CountPrincipals implements iam.Tx.
func (t iamTx) CountPrincipals(account string, of iam.HolderType) (int64, error) {
	return t.count("count users or roles", `SELECT COUNT(*) FROM iam_principal WHERE account = $1 AND type = $2`, account, int64(of))
}

// InsertPrincipal implements iam.Tx.
func (t iamTx) InsertPrincipal(p iam.Principal) error {
	return t.insertNew("insert user or role", `INSERT INTO iam_principal
		(account, type, name, num, id, created, max_session, trusted, trust)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		p.Account, int64(p.Type), p.Name, p.Num, p.ID, p.Created.UnixMicro(), int64(p.MaxSession/time.Second), micros(p.Trusted), p.Trust)
}

// UpdateRole implements iam.Tx.
func (t iamTx) UpdateRole(p iam.Principal) error {
	return t.exec("update role", `UPDATE iam_principal SET max_session = $4, trusted = $5, trust = $6
		WHERE account = $1 AND type = $2 AND name = $3`,
		p.Account, int64(p.Type), p.Name, int64(p.MaxSession/time.Second), micros(p.Trusted), p.Trust)
}

// DeletePrincipal implements iam.Tx.
func (t iamTx) DeletePrincipal(h iam.Holder) error {
	for _, sql := range []string{
		`DELETE FROM iam_attachment WHERE account = $1 AND type = $2 AND owner = $3`,
		`DELETE FROM iam_policy WHERE account = $1 AND type = $2 AND owner = $3`,
		`DELETE FROM iam_principal WHERE account = $1 AND type = $2 AND name = $3`,
	} {
		if err := t.exec("delete user or role", sql, h.Account, int64(h.Type), h.Name); err != nil {
			return err
		}
	}
	if h.Type != iam.OfUser {
		return nil
	}
	return t.exec("delete keys of user", `DELETE FROM access_key WHERE account = $1 AND owner = $2`, h.Account, h.Name)
}

// Keys implements iam.Tx.
func (t iamTx) Keys(h iam.Holder, limit int) (list []iam.AccessKey, err error) {
	err = t.rows("list access keys", selectAccessKey+` WHERE account = $1 AND owner = $2 ORDER BY created, id LIMIT $3`,
		[]any{h.Account, h.Name, int64(limit)}, func(r sqlconn.Row) { list = append(list, scanAccessKey(r)) })
	return list, err
}

// InsertKey implements iam.Tx.
func (t iamTx) InsertKey(k iam.AccessKey) error {
	return t.insertNew("insert access key", insertAccessKey, accessKeyArgs(k)...)
}

// SetKeyInactive implements iam.Tx.
func (t iamTx) SetKeyInactive(id string, inactive bool) error {
	return t.exec("update access key", `UPDATE access_key SET inactive = $2 WHERE id = $1`, id, bit(inactive))
}

// DeleteKey implements iam.Tx.
func (t iamTx) DeleteKey(id string) error {
	return t.exec("delete access key", `DELETE FROM access_key WHERE id = $1`, id)
}
