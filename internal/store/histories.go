package store

import (
	"sync"

	"reeve/internal/license"
	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"
)

// A database may be set back to an earlier state while servers run: by a
// restore, or by a failover to a replica that had not everything. The ledgers
// then go on with other revisions under the numbers of those that were lost. So
// nothing that is kept in memory is found by the number of a revision alone, but
// by the history that the revision belongs to, which its hash proves: it covers
// all revisions before it.

// histories knows the history that the cache has nodes of, by configuration.
// The zero value knows none.
type histories struct {
	mu    sync.Mutex
	of    map[int64]*history
	last  int64  // id of the newest history
	clock int64  // counts what was learned
	lost  func() // is called when the database turns out to have been set back; may be nil
}

// history is one history of one configuration, as far as it was seen.
type history struct {
	id    int64
	marks map[int64]int64 // of revisions that belong to it
	top   int64           // the newest of these
	at    int64           // the clock when it was learned
}

// maxMarks bounds what is known of one history, and maxHistories of how many
// configurations something is.
const (
	maxMarks     = 4096
	maxHistories = 100_000
)

// now is the clock: a snapshot that begins later has all that was learned.
func (h *histories) now() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

// find returns the history of a revision that is known to be in it.
func (h *histories) find(cfg, rev, mark int64) (id int64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	of := h.of[cfg]
	if of == nil || mark == 0 || of.marks[rev] != mark {
		return 0, false
	}
	return of.id, true
}

// newest returns a copy of what is known of a configuration's history.
func (h *histories) newest(cfg int64) (history, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	of := h.of[cfg]
	if of == nil {
		return history{}, false
	}
	known := *of
	known.marks = map[int64]int64{of.top: of.marks[of.top]}
	return known, true
}

// learn notes revisions of a history, unless another one took its place. Id 0
// begins a new history in place of the one with the id old, if that is still
// there. It returns the id of the history, and 0 when it is not known any more.
func (h *histories) learn(cfg, id, old int64, marks map[int64]int64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	of := h.of[cfg]
	switch {
	case id != 0 && (of == nil || of.id != id), id == 0 && of != nil && of.id != old:
		return 0
	case id == 0:
		if of != nil && h.lost != nil {
			h.lost()
		}
		h.last++
		of = &history{id: h.last, marks: map[int64]int64{}}
		h.make(cfg, of)
	}
	if len(of.marks)+len(marks) > maxMarks {
		top := of.marks[of.top]
		clear(of.marks)
		of.marks[of.top] = top
	}
	for rev, mark := range marks {
		of.marks[rev] = mark
		if rev > of.top {
			h.clock++
			of.top, of.at = rev, h.clock
		}
	}
	return of.id
}

// beside notes a revision that a snapshot has, where the snapshot's newest is
// one that is known: then it belongs to the same history.
func (h *histories) beside(cfg, head, headMark, rev, mark int64) {
	id, ok := h.find(cfg, head, headMark)
	if _, known := h.find(cfg, rev, mark); ok && !known {
		h.learn(cfg, id, 0, map[int64]int64{rev: mark})
	}
}

// make adds a history, after forgetting all when there are too many: what the
// cache has under their ids is never found again and evicted in time.
func (h *histories) make(cfg int64, of *history) {
	if h.of == nil || len(h.of) >= maxHistories {
		h.of = map[int64]*history{}
	}
	h.of[cfg] = of
}

// readerOf returns a reader of a configuration at a revision: through the cache
// if the revision's history is the one that the cache has, else of the
// transaction's own snapshot alone. A mark other than 0 is that of the revision
// that is meant; the error is license.ErrNoRevision when the ledger has it not.
func (t *tx) readerOf(cfg, rev, mark int64) (mvtree.Reader, error) {
	if t.cache == nil {
		return mvtree.Reader{Source: mvtree.Fixed(t.conn)}, t.expect(cfg, rev, mark)
	}
	var head int64
	id, ok := t.histories.find(cfg, rev, mark)
	if !ok {
		var err error
		if id, head, err = t.historyOf(cfg, rev, mark); err != nil {
			return mvtree.Reader{}, err
		}
	}
	if id == 0 {
		return mvtree.Reader{Source: mvtree.Fixed(t.conn)}, nil
	}
	return mvtree.Reader{Source: ownSource{t, id, head}, Cache: t.cache, History: id}, nil
}

// ownSource is the mvtree.Source of a transaction that reads through the cache.
type ownSource struct {
	*tx
	history int64
	head    int64 // of the snapshot and in the history; 0 when it was not read yet
}

// Head implements mvtree.Source.
func (s ownSource) Head(cfg int64) (head int64, same bool, err error) {
	if s.head > 0 {
		return s.head, true, nil
	}
	return s.headIn(cfg, s.history)
}

// expect refuses a revision that the snapshot has not.
func (t *tx) expect(cfg, rev, mark int64) error {
	if mark == 0 {
		return nil
	}
	_, marks, err := t.headAnd(cfg, rev, 0)
	if err == nil && marks[rev] != mark {
		err = license.ErrNoRevision
	}
	return err
}

// historyOf finds the history of a revision by the snapshot, that which is
// known or a new one, and the snapshot's head. Id 0 says that the snapshot's
// own is neither.
func (t *tx) historyOf(cfg, rev, mark int64) (id, head int64, err error) {
	known, ok := t.histories.newest(cfg)
	head, marks, err := t.headAnd(cfg, rev, known.top)
	if err != nil {
		return 0, 0, err
	}
	switch {
	case rev > head || mark != 0 && marks[rev] != mark:
		return 0, 0, license.ErrNoRevision
	case marks[rev] == 0: // before the first
		return 0, head, nil
	case ok && marks[known.top] == known.marks[known.top]:
		return t.histories.learn(cfg, known.id, 0, marks), head, nil
	case !ok || known.at <= t.since: // the snapshot is younger, so what was known is lost
		return t.histories.learn(cfg, 0, known.id, marks), head, nil
	}
	return 0, head, nil
}

// headAnd reads the newest revision of a configuration, and its mark and those
// of two other revisions as far as the snapshot has them.
func (t *tx) headAnd(cfg, one, other int64) (head int64, marks map[int64]int64, err error) {
	marks = map[int64]int64{}
	err = t.query("read head", `SELECT head, head_hash, number, hash FROM configuration
		LEFT JOIN revision ON revision.configuration = num AND number IN ($2, $3)
		WHERE num = $1`, []any{cfg, one, other}, func(r sqlconn.Row) error {
		if head = r.Int(0); head > 0 {
			marks[head] = license.MarkOf(r.Bytes(1))
		}
		if number := r.Int(2); number > 0 {
			marks[number] = license.MarkOf(r.Bytes(3))
		}
		return nil
	})
	return head, marks, err
}

// headIn reads the newest revision of a configuration, and tells whether it
// belongs to a history: whether the newest one known of that is there too.
func (t *tx) headIn(cfg, history int64) (head int64, same bool, err error) {
	known, ok := t.histories.newest(cfg)
	head, marks, err := t.headAnd(cfg, known.top, 0)
	if err != nil || !ok || known.id != history || marks[known.top] != known.marks[known.top] {
		return head, false, err
	}
	return head, t.histories.learn(cfg, history, 0, marks) == history, nil
}
