package mvtree_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"reeve/internal/store/mvtree"
	"reeve/internal/store/sqlconn"
)

// TestCheckFinds breaks a sound tree in one way at a time.
func TestCheckFinds(t *testing.T) {
	// someDir and someLeaf are nodes of the newest revision's tree; alive
	// rows of theirs are open.
	const someDir = `(SELECT node FROM tree_root ORDER BY from_rev DESC LIMIT 1)`
	const someLeaf = `(SELECT MAX(node) FROM tree_leaf)`
	for name, tc := range map[string]struct{ sql, says string }{
		"key out of the node's range":    {`UPDATE tree_leaf SET owner = 0 WHERE node = ` + someLeaf, "is outside of"},
		"interval that ends first":       {`UPDATE tree_leaf SET to_rev = from_rev WHERE node = ` + someLeaf, "is alive from revision"},
		"interval beyond the head":       {`UPDATE tree_leaf SET to_rev = 1000 WHERE node = ` + someLeaf, "but the newest is"},
		"row of a later revision":        {`UPDATE tree_leaf SET from_rev = 1000 WHERE node = ` + someLeaf, "but the newest is"},
		"row alive twice":                {`INSERT INTO tree_leaf SELECT cfg, node, owner, id, from_rev - 1, to_rev, value FROM tree_leaf WHERE node = ` + someLeaf, "is alive twice"},
		"leaf lost":                      {`DELETE FROM tree_leaf WHERE node = ` + someLeaf, "0 rows are alive, at least 1 must be"},
		"too many rows":                  {`INSERT INTO tree_leaf SELECT cfg, node, owner, id, n, n + 1, value FROM tree_leaf, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8) AS ns WHERE from_rev > 8 AND node = ` + someLeaf, "at most 8 may be"},
		"directory that starts too high": {`UPDATE tree_dir SET id = id + 1 WHERE owner = 0 AND id = 0 AND to_rev = 140737488355327 AND node = ` + someDir, "the lowest child starts at"},
		"first child lost":               {`DELETE FROM tree_dir WHERE owner = 0 AND id = 0 AND to_rev = 140737488355327 AND node = ` + someDir, "the lowest child starts at"},
		"floor above the child's keys":   {`UPDATE tree_dir SET id = id + 1 WHERE (owner, id) > (0, 0) AND to_rev = 140737488355327 AND node = ` + someDir, "is outside of"},
		"two places for one child":       {`UPDATE tree_dir SET child = (SELECT MIN(child) FROM tree_dir d WHERE d.node = tree_dir.node AND d.to_rev = 140737488355327) WHERE to_rev = 140737488355327 AND node = ` + someDir, "node"},
		"directory of one child":         {`DELETE FROM tree_dir WHERE (owner, id) > (0, 0) AND to_rev = 140737488355327 AND node = ` + someDir, "1 rows are alive, at least 2 must be"},
		"root too low":                   {`UPDATE tree_root SET height = height - 1`, "height"},
		"root too high":                  {`UPDATE tree_root SET height = height + 1`, "height"},
		"root of impossible height":      {`UPDATE tree_root SET height = 1000`, "height"},
		"root is no node":                {`UPDATE tree_root SET node = 0`, "is node 0"},
		"root of the future":             {`UPDATE tree_root SET from_rev = 1000 WHERE from_rev = (SELECT MAX(from_rev) FROM tree_root)`, "beyond the newest revision"},
	} {
		t.Run(name, func(t *testing.T) {
			on8(t, func(w *world) {
				rng := rand.New(rand.NewPCG(7, 8))
				w.commit(series(1, 1, 400)...)
				for range 30 {
					w.commit(localChurn(w, rng, 20)...)
				}
				w.check(1, 20, w.head)
				w.update(func(c sqlconn.Conn) error {
					n, err := c.Exec(tc.sql)
					if err == nil && n == 0 {
						t.Error("nothing was broken")
					}
					return err
				})
				err := w.db.View(context.Background(), func(c sqlconn.Conn) error {
					return mvtree.CheckOf(8, c, w.cfg, []int64{0}, w.head, []int64{w.head})
				})
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("Check says %v, want %q", err, tc.says)
				}
			})
		})
	}
}
