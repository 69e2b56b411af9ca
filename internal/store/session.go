package store

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"reeve/internal/iam"
	"reeve/internal/store/sqlconn"
)

// iam.SessionStore: who is signed in to the console.

// InsertSession implements iam.SessionStore.
func (s *Store) InsertSession(ctx context.Context, one iam.Session, keep int) error {
	return s.db.Update(ctx, func(c sqlconn.Conn) error {
		_, err := c.Exec(`INSERT INTO session
			(id, hash, account, principal, person, access_key, role, region, regions, address, browser, created, used)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			one.ID, one.Hash, one.Account, one.Principal, one.Person, one.AccessKeyID, one.Role, one.Region,
			strings.Join(one.Regions, " "), one.Address, one.Browser, one.Created.UnixMicro(), one.Used.UnixMicro())
		if err != nil {
			return fmt.Errorf("insert session: %w", err)
		}
		_, err = c.Exec(`DELETE FROM session WHERE account = $1 AND principal = $2 AND id <> $3 AND id NOT IN
			(SELECT id FROM session WHERE account = $1 AND principal = $2 AND id <> $3 ORDER BY used DESC, id LIMIT $4)`,
			one.Account, one.Principal, one.ID, int64(keep-1))
		if err != nil {
			return fmt.Errorf("bound sessions: %w", err)
		}
		return nil
	})
}

const selectSession = `SELECT id, hash, account, principal, person, access_key, role, region, regions, address, browser, created, used FROM session`

func scanSession(r sqlconn.Row) iam.Session {
	return iam.Session{
		ID: r.Text(0), Hash: r.Bytes(1), Account: r.Text(2), Principal: r.Text(3), Person: r.Text(4), AccessKeyID: r.Text(5),
		Role: r.Text(6), Region: r.Text(7), Regions: strings.Fields(r.Text(8)), Address: r.Text(9), Browser: r.Text(10),
		Created: moment(r.Int(11)), Used: moment(r.Int(12)),
	}
}

// Session implements iam.SessionStore.
func (s *Store) Session(ctx context.Context, hash []byte) (*iam.Session, error) {
	var found *iam.Session
	err := s.readOne(ctx, "read session", selectSession+` WHERE hash = $1`, []any{hash}, func(r sqlconn.Row) {
		found = new(scanSession(r))
	})
	return found, err
}

// Sessions implements iam.SessionStore.
func (s *Store) Sessions(ctx context.Context, account, principal string, after iam.SessionPlace, limit int) ([]iam.Session, error) {
	before := int64(math.MaxInt64)
	if !after.Created.IsZero() {
		before = after.Created.UnixMicro()
	}
	var found []iam.Session
	err := s.readOne(ctx, "list sessions", selectSession+` WHERE account = $1 AND ($2 = '' OR principal = $2)
		AND (created < $3 OR created = $3 AND id > $4) ORDER BY created DESC, id LIMIT $5`,
		[]any{account, principal, before, after.ID, int64(limit)}, func(r sqlconn.Row) { found = append(found, scanSession(r)) })
	return found, err
}

// TouchSession implements iam.SessionStore.
func (s *Store) TouchSession(ctx context.Context, id string, used time.Time) error {
	_, err := s.change(ctx, "note use of session", `UPDATE session SET used = $2 WHERE id = $1 AND used < $2`, id, used.UnixMicro())
	return err
}

// SetSessionRegion implements iam.SessionStore.
func (s *Store) SetSessionRegion(ctx context.Context, id, region string, regions []string) error {
	_, err := s.change(ctx, "set region of session", `UPDATE session SET region = $2, regions = $3 WHERE id = $1`, id, region, strings.Join(regions, " "))
	return err
}

// DeleteSession implements iam.SessionStore.
func (s *Store) DeleteSession(ctx context.Context, account, principal, id string) (found bool, err error) {
	n, err := s.change(ctx, "delete session", `DELETE FROM session WHERE id = $1 AND account = $2 AND ($3 = '' OR principal = $3)`, id, account, principal)
	return n > 0, err
}

// DeleteSessions implements iam.SessionStore.
func (s *Store) DeleteSessions(ctx context.Context, usedBefore, createdBefore time.Time) (int, error) {
	n, err := s.change(ctx, "delete sessions", `DELETE FROM session WHERE used < $1 OR created < $2`, usedBefore.UnixMicro(), createdBefore.UnixMicro())
	return int(n), err
}

// change runs one statement in a transaction of its own and returns how many
// rows it changed.
func (s *Store) change(ctx context.Context, doing, sql string, args ...any) (n int64, err error) {
	err = s.db.Update(ctx, func(c sqlconn.Conn) error {
		if n, err = c.Exec(sql, args...); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return nil
	})
	return n, err
}
