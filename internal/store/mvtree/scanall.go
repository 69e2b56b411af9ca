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
// any more. So of all rows with the same Key and From (copies of one interval
// in several nodes) the largest To is the interval's true end, and Open if it
// still holds. each may use c.
func ScanAll(c sqlconn.Conn, cfg, tree int64, each func(node int64, row Row) error) error {
	lives, err := rootLives(c, cfg, tree)
	if err != nil {
		return fmt.Errorf("read roots of tree %d of configuration %d: %w", tree, cfg, err)
	}
	for height := len(lives) - 1; height >= 0; height-- {
		for _, num := range slices.Sorted(maps.Keys(lives[height])) {
			if err := scanNode(c, cfg, num, height, lives, each); err != nil {
				return fmt.Errorf("read node %d of tree %d of configuration %d: %w", num, tree, cfg, err)
			}
		}
		lives[height] = nil
	}
	return nil
}

// ends says at which revision each node was reached no more.
type ends map[int64]int64

func (e ends) add(num, to int64) { e[num] = max(e[num], to) }

// rootLives returns the nodes that were roots, by height.
func rootLives(c sqlconn.Conn, cfg, tree int64) ([]ends, error) {
	spans, err := loadRoots(c, cfg, tree)
	if err != nil {
		return nil, err
	}
	var lives []ends
	for _, s := range spans {
		if s.height < 0 || s.height > maxHeight {
			return nil, errTooHigh
		}
		for len(lives) <= s.height {
			lives = append(lives, ends{})
		}
		lives[s.height].add(s.node, s.to)
	}
	return lives, nil
}

// scanNode hands out a leaf's rows, or adds a directory's children to those
// that will be scanned.
func scanNode(c sqlconn.Conn, cfg, num int64, height int, lives []ends, each func(int64, Row) error) error {
	nodes, err := loadNodes(c, cfg, []int64{num}, height, whole)
	if err != nil {
		return err
	}
	end := lives[height][num]
	for i, r := range nodes[0].rows {
		to := min(r.to, end)
		if height > 0 {
			lives[height-1].add(r.child, to)
			continue
		}
		if err := each(num, Row{Key: r.Key, From: r.from, To: to, Value: nodes[0].value(i)}); err != nil {
			return err
		}
	}
	return nil
}
