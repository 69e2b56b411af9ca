package store

import (
	"bytes"
	"context"
	"fmt"

	"reeve/internal/audit"
	"reeve/internal/store/sqlconn"
)

// Audit is the store as package audit uses it.
func (s *Store) Audit() audit.Store { return auditStore{s.db} }

type auditStore struct{ db sqlconn.DB }

var _ audit.Store = auditStore{}

const selectAuditChain = `SELECT num, server, started, anchor, anchor_hash, kept, kept_hash, head, head_hash FROM audit_chain`

func scanAuditChain(r sqlconn.Row) audit.Chain {
	return audit.Chain{
		Num: r.Int(0), Server: r.Text(1), Started: r.Int(2),
		Anchor: audit.Link{Number: r.Int(3), Hash: r.Bytes(4)},
		Kept:   audit.Link{Number: r.Int(5), Hash: r.Bytes(6)},
		Head:   audit.Link{Number: r.Int(7), Hash: r.Bytes(8)},
	}
}

// BeginChain implements audit.Store. Two servers that begin at once clash over
// the number, and one of them takes the next.
func (s auditStore) BeginChain(ctx context.Context, server string, started int64) (audit.Chain, error) {
	var made audit.Chain
	err := s.db.Update(ctx, func(c sqlconn.Conn) error {
		var before audit.Chain
		err := c.Query(selectAuditChain+` ORDER BY num DESC LIMIT 1`, nil, func(r sqlconn.Row) error {
			before = scanAuditChain(r)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read newest chain: %w", err)
		}
		made = audit.Chain{Num: before.Num + 1, Server: server, Started: started, Anchor: before.Head}
		_, err = c.Exec(`INSERT INTO audit_chain (num, server, started, anchor, anchor_hash, kept, head) VALUES ($1, $2, $3, $4, $5, 0, 0)`,
			made.Num, made.Server, made.Started, made.Anchor.Number, made.Anchor.Hash)
		if err != nil {
			return fmt.Errorf("insert chain: %w", err)
		}
		return nil
	})
	return made, err
}

// Append implements audit.Store. Changes that are done wait for it, so it goes
// ahead of those that are not.
func (s auditStore) Append(ctx context.Context, seg audit.Segment) error {
	return s.db.UpdateFirst(ctx, func(c sqlconn.Conn) error {
		head, found, err := chainHead(c, seg.Chain)
		switch {
		case err != nil:
			return err
		case !found:
			return audit.ErrForked
		case head.Number == seg.Number && bytes.Equal(head.Hash, seg.Hash):
			return nil // an earlier attempt was committed, and its answer lost
		case head.Number != seg.Number-1 || head.Number > 0 && !bytes.Equal(head.Hash, seg.Previous):
			return audit.ErrForked
		}
		_, err = c.Exec(`INSERT INTO audit_segment (chain, number, first_at, last_at, events, previous, hash, data)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, seg.Chain, seg.Number, seg.First, seg.Last, seg.Events, seg.Previous, seg.Hash, seg.Data)
		if err != nil {
			return fmt.Errorf("insert audit segment: %w", err)
		}
		if _, err := c.Exec(`UPDATE audit_chain SET head = $2, head_hash = $3 WHERE num = $1`, seg.Chain, seg.Number, seg.Hash); err != nil {
			return fmt.Errorf("move head of audit chain: %w", err)
		}
		return nil
	})
}

// chainHead reads a chain's head and locks it.
func chainHead(c sqlconn.Conn, chain int64) (head audit.Link, found bool, err error) {
	err = c.Query(`SELECT head, head_hash FROM audit_chain WHERE num = $1`+c.ForUpdate(), []any{chain}, func(r sqlconn.Row) error {
		head, found = audit.Link{Number: r.Int(0), Hash: r.Bytes(1)}, true
		return nil
	})
	if err != nil {
		err = fmt.Errorf("read head of audit chain: %w", err)
	}
	return head, found, err
}

const selectAuditSegment = `SELECT chain, number, first_at, last_at, events, previous, hash, data FROM audit_segment`

func scanAuditSegment(r sqlconn.Row) audit.Segment {
	return audit.Segment{
		Chain: r.Int(0), Number: r.Int(1), First: r.Int(2), Last: r.Int(3), Events: r.Int(4),
		Previous: r.Bytes(5), Hash: r.Bytes(6), Data: r.Bytes(7),
	}
}

// Newest implements audit.Store.
func (s auditStore) Newest(ctx context.Context, q audit.Span) ([]audit.Segment, error) {
	return s.segments(ctx, selectAuditSegment+` WHERE last_at <= $1 AND (last_at < $1 OR chain < $2) AND last_at >= $3 AND first_at <= $4
		ORDER BY last_at DESC, chain DESC LIMIT $5`, q.After.Time, q.After.Chain, q.From, q.First, int64(q.Limit))
}

// Segments implements audit.Store.
func (s auditStore) Segments(ctx context.Context, chain, after int64, limit int) ([]audit.Segment, error) {
	return s.segments(ctx, selectAuditSegment+` WHERE chain = $1 AND number > $2 ORDER BY number LIMIT $3`, chain, after, int64(limit))
}

func (s auditStore) segments(ctx context.Context, sql string, args ...any) (list []audit.Segment, err error) {
	err = s.db.View(ctx, func(c sqlconn.Conn) error {
		list = nil
		return c.Query(sql, args, func(r sqlconn.Row) error {
			list = append(list, scanAuditSegment(r))
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read audit segments: %w", err)
	}
	return list, nil
}

// Chains implements audit.Store.
func (s auditStore) Chains(ctx context.Context, after int64, limit int) (list []audit.Chain, err error) {
	err = s.db.View(ctx, func(c sqlconn.Conn) error {
		list = nil
		return c.Query(selectAuditChain+` WHERE num > $1 ORDER BY num LIMIT $2`, []any{after, int64(limit)}, func(r sqlconn.Row) error {
			list = append(list, scanAuditChain(r))
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read audit chains: %w", err)
	}
	return list, nil
}

// Remove implements audit.Store. Of each chain the oldest go, since later
// segments end later; which one went last is kept, so that verification knows
// where the rest begins.
func (s auditStore) Remove(ctx context.Context, before int64, limit int) (removed int, err error) {
	err = s.db.Update(ctx, func(c sqlconn.Conn) error {
		removed = 0
		last, err := oldestAudit(c, before, limit)
		if err != nil {
			return err
		}
		for _, seg := range last {
			n, err := removeAuditUpTo(c, seg)
			if err != nil {
				return err
			}
			removed += int(n)
		}
		return forgetAuditChains(c, before)
	})
	return removed, err
}

// oldestAudit returns the last of the oldest segments of each chain, in the order
// of chains.
func oldestAudit(c sqlconn.Conn, before int64, limit int) ([]audit.Segment, error) {
	var last []audit.Segment
	err := c.Query(`SELECT chain, MAX(number) FROM (SELECT chain, number FROM audit_segment WHERE last_at < $1 ORDER BY last_at, chain LIMIT $2) old
		GROUP BY chain ORDER BY chain`, []any{before, int64(limit)}, func(r sqlconn.Row) error {
		last = append(last, audit.Segment{Chain: r.Int(0), Number: r.Int(1)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find old audit segments: %w", err)
	}
	return last, nil
}

func removeAuditUpTo(c sqlconn.Conn, seg audit.Segment) (int64, error) {
	if _, _, err := chainHead(c, seg.Chain); err != nil { // locked, or two servers would each move it
		return 0, err
	}
	_, err := c.Exec(`UPDATE audit_chain SET kept = $2, kept_hash = (SELECT hash FROM audit_segment WHERE chain = $1 AND number = $2)
		WHERE num = $1 AND kept < $2`, seg.Chain, seg.Number)
	if err != nil {
		return 0, fmt.Errorf("note removed audit segments: %w", err)
	}
	n, err := c.Exec(`DELETE FROM audit_segment WHERE chain = $1 AND number <= $2`, seg.Chain, seg.Number)
	if err != nil {
		return 0, fmt.Errorf("remove audit segments: %w", err)
	}
	return n, nil
}

// forgetAuditChains removes the oldest chains as far as nothing is left of them,
// but never the newest one, in which the next is anchored. A chain without any
// segment is of a server that is about to write its first, or that did not
// come to it.
func forgetAuditChains(c sqlconn.Conn, before int64) error {
	_, err := c.Exec(`DELETE FROM audit_chain WHERE num < (SELECT MAX(num) FROM audit_chain)
		AND num < COALESCE((SELECT MIN(num) FROM audit_chain WHERE kept < head OR head = 0 AND started >= $1), 9223372036854775807)`, before)
	if err != nil {
		return fmt.Errorf("forget empty audit chains: %w", err)
	}
	return nil
}
