package sqlite

import (
	"sync"
	"testing"

	"reeve/internal/store/sqlconn"
)

const (
	GroupMembers = groupMembers
	GroupTime    = groupTime
)

// EnforceForeignKeys gives a test a COMMIT that fails.
func EnforceForeignKeys(t *testing.T, d *DB) {
	t.Helper()
	w := <-d.writer
	defer func() { d.writer <- w }()
	if _, err := w.pragma("foreign_keys = ON"); err != nil {
		t.Fatal(err)
	}
}

// Together runs callers of Update at once. The first Update of each is run in
// one group, in their order; it returns when all callers have.
func Together(d *DB, callers ...func()) {
	var all sync.WaitGroup
	defer all.Wait()
	c := <-d.writer
	g := sqlconn.NewGroup(&common{c}, d.opts.Log)
	defer d.leave(g, c)
	var members []*sqlconn.Member
	for _, call := range callers {
		all.Go(call)
		members = append(members, <-d.waiting)
	}
	for _, m := range members {
		g.Run(m)
	}
	g.Commit()
}
