package mvtree

import (
	"fmt"
	"maps"
	"slices"

	"reeve/internal/store/sqlconn"
)

const rootsSQL = `SELECT from_rev, node, height FROM tree_root WHERE cfg = $1 AND tree = $2 ORDER BY from_rev`

// loadRoots returns every root that a tree ever had.
func loadRoots(c sqlconn.Conn, cfg, tree int64) ([]rootSpan, error) {
	var spans []rootSpan
	err := c.Query(rootsSQL, []any{cfg, tree}, func(r sqlconn.Row) error {
		if len(spans) > 0 {
			spans[len(spans)-1].to = r.Int(0)
		}
		spans = append(spans, rootSpan{from: r.Int(0), to: Open, node: r.Int(1), height: int(r.Int(2))})
		return nil
	})
	return spans, err
}

// ScanAll calls each for every stored row of every leaf that any revision
// reaches: node by node, in a node by key and From. It is for verifying, not
// for answering: memory and time grow with the number of nodes.
//
// Row.To is where the node stops knowing: the row's own end, or the end of
// the node's life if that is earlier, since a dead node's rows are not closed
// any more; since is where it starts to know: at Row.From, or at the start of
// the node's life if that is later. So all rows with the same Key and From
// (copies of one interval in several nodes) follow each other without a gap,
// and the largest To is the interval's true end, Open if it still holds. each
// may use c.
func ScanAll(c sqlconn.Conn, cfg, tree int64, each func(node, since int64, row Row) error) error {
	levels, err := rootLives(c, cfg, tree)
	if err != nil {
		return fmt.Errorf("read roots of tree %d of configuration %d: %w", tree, cfg, err)
	}
	for height := len(levels) - 1; height >= 0; height-- {
		for _, num := range slices.Sorted(maps.Keys(levels[height])) {
			if err := scanNode(c, cfg, num, height, levels, each); err != nil {
				return fmt.Errorf("read node %d of tree %d of configuration %d: %w", num, tree, cfg, err)
			}
		}
		levels[height] = nil
	}
	return nil
}

// life is the time in which a node was reached.
type life struct{ from, to int64 }

// lives are the lives of nodes by number.
type lives map[int64]life

func (l lives) add(num, from, to int64) {
	if known, ok := l[num]; ok {
		from, to = min(from, known.from), max(to, known.to)
	}
	l[num] = life{from, to}
}

// rootLives returns the nodes that were roots, by height.
func rootLives(c sqlconn.Conn, cfg, tree int64) ([]lives, error) {
	spans, err := loadRoots(c, cfg, tree)
	if err != nil {
		return nil, err
	}
	var levels []lives
	for _, s := range spans {
		if s.height < 0 || s.height > maxHeight {
			return nil, errTooHigh
		}
		for len(levels) <= s.height {
			levels = append(levels, lives{})
		}
		levels[s.height].add(s.node, s.from, s.to)
	}
	return levels, nil
}

// scanNode hands out a leaf's rows, or adds a directory's children to those
// that will be scanned.
func scanNode(c sqlconn.Conn, cfg, num int64, height int, levels []lives, each func(node, since int64, row Row) error) error {
	nodes, err := loadNodes(c, cfg, []int64{num}, height, whole)
	if err != nil {
		return err
	}
	life := levels[height][num]
	for i, r := range nodes[0].rows {
		to := min(r.to, life.to)
		if height > 0 {
			levels[height-1].add(r.child, r.from, to)
			continue
		}
		if err := each(num, max(r.from, life.from), Row{Key: r.Key, From: r.from, To: to, Value: nodes[0].value(i).Text}); err != nil {
			return err
		}
	}
	return nil
}
