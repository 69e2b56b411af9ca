package mvtree

import (
	"fmt"
	"maps"
	"slices"

	"reeve/internal/store/sqlconn"
)

// newestRootSQL finds the root that a writer starts from.
const newestRootSQL = `SELECT node, height FROM tree_root WHERE cfg = $1 AND tree = $2
	ORDER BY from_rev DESC LIMIT 1`

// Load brings in the nodes on the way to keys, by tree: a level of all trees in
// one round trip. Get and Apply of these keys then read nothing more, but for
// the siblings of nodes that are merged.
func (w *Writer) Load(keys map[int64][]Key) error {
	wanted := make(map[int64][]Change, len(keys))
	for tree, of := range keys {
		changes := make([]Change, len(of))
		for i, k := range of {
			changes[i].Key = k
		}
		slices.SortFunc(changes, func(a, b Change) int { return a.Key.Compare(b.Key) })
		wanted[tree] = changes
	}
	trees := slices.Sorted(maps.Keys(wanted))
	if err := w.loadRoots(trees); err != nil {
		return fmt.Errorf("load roots of configuration %d: %w", w.cfg, err)
	}
	height := 0
	for _, tree := range trees {
		height = max(height, w.trees[tree].height)
	}
	for ; height >= 0; height-- {
		if err := w.loadLevel(trees, wanted, height); err != nil {
			return err
		}
	}
	return nil
}

// loadRoots brings in the roots that are not yet here.
func (w *Writer) loadRoots(trees []int64) error {
	trees = slices.DeleteFunc(slices.Clone(trees), func(tree int64) bool { return w.trees[tree] != nil })
	args := make([][]any, len(trees))
	for i, tree := range trees {
		args[i] = []any{w.cfg, tree}
		w.trees[tree] = &writeTree{}
	}
	if len(args) == 0 {
		return nil
	}
	return w.conn.QueryEach(newestRootSQL, args, func(i int, r sqlconn.Row) error {
		t := w.trees[trees[i]]
		if t.root, t.height = r.Int(0), int(r.Int(1)); t.height < 0 || t.height > maxHeight {
			return errTooHigh
		}
		return nil
	})
}

// loadLevel brings in the nodes of one height in all trees.
func (w *Writer) loadLevel(trees []int64, wanted map[int64][]Change, height int) error {
	var nums []int64
	for _, tree := range trees {
		switch t := w.trees[tree]; {
		case t.root == 0 || t.height < height:
		case t.height == height:
			nums = append(nums, t.root)
		default:
			of, err := w.children(t, wanted[tree], height)
			if err != nil {
				return err
			}
			nums = append(nums, of...)
		}
	}
	return w.load(nums, height)
}

// GetAll returns the values of the open rows of keys; keys without one are
// left out.
func (w *Writer) GetAll(tree int64, keys []Key) (map[Key]string, error) {
	if err := w.Load(map[int64][]Key{tree: keys}); err != nil {
		return nil, err
	}
	found := make(map[Key]string, len(keys))
	for _, k := range keys {
		row, ok, err := w.Get(tree, k)
		if err != nil {
			return nil, err
		}
		if ok {
			found[k] = row.Value
		}
	}
	return found, nil
}
