package store

import (
	"context"

	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"
)

// readTree runs read over the trees of a configuration at a revision: through
// the cache, then a replica that has the revision, then the transaction's own
// connection. When the replica fails, read is run once more. See readerOf for
// mark and for the error that is not the database's.
func (t *tx) readTree(cfg, rev, mark int64, read func(mvtree.Reader) error) error {
	own, err := t.readerOf(cfg, rev, mark)
	if err != nil {
		return err
	}
	if t.replica == nil || own.Cache == nil && t.cache != nil {
		return read(own)
	}
	src := &replicaSource{tx: t, cfg: cfg, rev: rev, history: own.History}
	err = read(mvtree.Reader{Source: src, Cache: own.Cache, History: own.History})
	used := src.end(err)
	if err == nil || !used || t.ctx.Err() != nil {
		return err
	}
	t.replica.failed(t.ctx, err)
	return read(own)
}

// replicaSource is the mvtree.Source of a View that may read a replica. It
// decides with the first statement that the cache leaves to be run.
type replicaSource struct {
	tx       *tx
	cfg, rev int64
	history  int64
	asked    bool
	snapshot *snapshot // nil: the primary's is to be read
	cancel   context.CancelFunc
}

// from is the transaction to read.
func (s *replicaSource) from() *tx {
	if !s.asked {
		s.asked = true
		ctx, cancel := context.WithTimeout(s.tx.ctx, replicaTimeout)
		s.cancel = cancel
		s.snapshot = s.tx.replica.open(ctx, s.tx.conn, s.cfg, s.rev)
	}
	if s.snapshot == nil {
		return s.tx
	}
	return &tx{conn: s.snapshot, histories: s.tx.histories}
}

// end ends what was begun and reports whether the replica was read.
func (s *replicaSource) end(err error) (used bool) {
	if s.snapshot != nil {
		_ = s.snapshot.end(err) // a View has nothing to commit
	}
	if s.cancel != nil {
		s.cancel()
	}
	return s.snapshot != nil
}

// Conn implements mvtree.Source.
func (s *replicaSource) Conn() (sqlconn.Conn, error) { return s.from().conn, nil }

// Head implements mvtree.Source.
func (s *replicaSource) Head(cfg int64) (int64, bool, error) {
	return s.from().headIn(cfg, s.history)
}

// Touched implements mvtree.Source.
func (s *replicaSource) Touched(cfg, after, to int64) ([]int64, error) {
	return s.from().Touched(cfg, after, to)
}
