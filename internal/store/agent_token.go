package store

import (
	"context"
	"fmt"
	"time"

	"reeve/internal/iam"
	"reeve/internal/store/sqlconn"
)

// iam.Store: the tokens of inventory agents. A time of 0 is none.

// InsertAgentToken implements iam.Store; without the token's account it is
// ErrNoAccount.
func (s *Store) InsertAgentToken(ctx context.Context, t iam.AgentToken) error {
	if a, err := s.Account(ctx, t.Account); err != nil {
		return err
	} else if a == nil { // accounts are never removed, so this cannot change
		return fmt.Errorf("insert agent token: %w: %s", ErrNoAccount, t.Account)
	}
	return s.insertNew(ctx, "insert agent token", `INSERT INTO agent_token
		(num, id, hash, account, region, name, created, used, revoked)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		t.Num, t.ID, t.Hash, t.Account, t.Region, t.Name, t.Created.UnixMicro(), micros(t.Used), micros(t.Revoked))
}

const selectAgentToken = `SELECT num, id, hash, account, region, name, created, used, revoked FROM agent_token`

func scanAgentToken(r sqlconn.Row) iam.AgentToken {
	return iam.AgentToken{
		Num: r.Int(0), ID: r.Text(1), Hash: r.Bytes(2), Account: r.Text(3), Region: r.Text(4), Name: r.Text(5),
		Created: moment(r.Int(6)), Used: momentOrNone(r.Int(7)), Revoked: momentOrNone(r.Int(8)),
	}
}

// AgentToken implements iam.Store.
func (s *Store) AgentToken(ctx context.Context, hash []byte) (*iam.AgentToken, error) {
	var found *iam.AgentToken
	err := s.readOne(ctx, "read agent token", selectAgentToken+` WHERE hash = $1`, []any{hash}, func(r sqlconn.Row) {
		found = new(scanAgentToken(r))
	})
	return found, err
}

// AgentTokens implements iam.Store.
func (s *Store) AgentTokens(ctx context.Context, account string, after int64, limit int) ([]iam.AgentToken, error) {
	var found []iam.AgentToken
	err := s.readOne(ctx, "list agent tokens", selectAgentToken+` WHERE account = $1 AND num > $2 ORDER BY num LIMIT $3`,
		[]any{account, after, int64(limit)}, func(r sqlconn.Row) { found = append(found, scanAgentToken(r)) })
	return found, err
}

// CountAgentTokens implements iam.Store.
func (s *Store) CountAgentTokens(ctx context.Context, account string) (n int64, err error) {
	err = s.readOne(ctx, "count agent tokens", `SELECT COUNT(*) FROM agent_token WHERE account = $1`,
		[]any{account}, func(r sqlconn.Row) { n = r.Int(0) })
	return n, err
}

// RevokeAgentToken implements iam.Store.
func (s *Store) RevokeAgentToken(ctx context.Context, account, id string, at time.Time) (found bool, err error) {
	err = s.db.Update(ctx, func(c sqlconn.Conn) error {
		n, err := c.Exec(`UPDATE agent_token SET revoked = CASE WHEN revoked = 0 THEN $3 ELSE revoked END
			WHERE account = $1 AND id = $2`, account, id, at.UnixMicro())
		if err != nil {
			return fmt.Errorf("revoke agent token: %w", err)
		}
		found = n > 0
		return nil
	})
	return found, err
}

// TouchAgentToken implements iam.Store.
func (s *Store) TouchAgentToken(ctx context.Context, id string, used time.Time) error {
	return s.db.Update(ctx, func(c sqlconn.Conn) error {
		if _, err := c.Exec(`UPDATE agent_token SET used = $2 WHERE id = $1 AND used < $2`, id, used.UnixMicro()); err != nil {
			return fmt.Errorf("note use of agent token: %w", err)
		}
		return nil
	})
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func momentOrNone(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return moment(micros)
}
