package store

import (
	"fmt"

	"reeve/internal/license"
	"reeve/internal/store/mvtree"
)

// license.TreeTx: what the trees hold and how they change. Reading is in
// scan.go.

// The trees of a configuration. Their numbers are stored: they never change
// their meaning. 1 to 5 hold the usage of one resource type each.
const (
	allUsage     = 0
	associations = 6
	treeCount    = 7
)

// usageTree is the tree that holds the usage of a type alone, or of every type.
func usageTree(t license.ResourceType) (int64, error) {
	if t == "" {
		return allUsage, nil
	}
	n, err := typeNumber(t)
	if err != nil {
		return 0, err
	}
	return 1 + n, nil
}

// treeChanges are the changes of a revision, by tree.
type treeChanges [treeCount][]mvtree.Change

// ApplyChanges implements license.TreeTx.
func (t *tx) ApplyChanges(c *license.Configuration, changes []license.Change) ([]int64, error) {
	var trees treeChanges
	for i := range changes {
		if err := trees.add(&changes[i]); err != nil {
			return nil, fmt.Errorf("change the ledger of %s: %w", c.ID, err)
		}
	}
	w := t.writerOf(c.Num, c.Head, c.NextNode)
	delete(t.writers, c.Num) // it ends here
	if err := w.Load(trees.keys()); err != nil {
		return nil, err
	}
	for tree, list := range trees {
		if err := w.Apply(int64(tree), list); err != nil {
			return nil, err
		}
	}
	next, touched, err := w.Flush()
	if err != nil {
		return nil, err
	}
	c.NextNode = next
	return touched, nil
}

// OpenUsage implements license.TreeTx. The newest revision is also the one
// that the writer of the next one starts from.
func (t *tx) OpenUsage(c *license.Configuration, keys []license.Key) (map[license.Key]*license.Usage, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	treeKeys := make([]mvtree.Key, len(keys))
	for i, k := range keys {
		treeKeys[i] = treeKey(k)
	}
	found, err := t.writerOf(c.Num, c.Head+1, c.NextNode).GetAll(allUsage, treeKeys)
	if err != nil {
		return nil, err
	}
	open := make(map[license.Key]*license.Usage, len(found))
	for k, value := range found {
		u := &license.Usage{Key: license.Key{Owner: k.Owner, Resource: k.ID}}
		if err := u.ParseText(value); err != nil {
			return nil, err
		}
		open[u.Key] = u
	}
	return open, nil
}

// treeWriter is what an Update has read of a configuration's trees for the
// revision that it may write.
type treeWriter struct {
	*mvtree.Writer
	revision, nextNode int64
}

// writerOf is the writer of a revision of a locked configuration: the one that
// is there already, if it is for that very revision.
func (t *tx) writerOf(configuration, revision, nextNode int64) *mvtree.Writer {
	if w, ok := t.writers[configuration]; ok && w.revision == revision && w.nextNode == nextNode {
		return w.Writer
	}
	w := mvtree.NewWriter(t.conn, configuration, revision, nextNode)
	if t.writers == nil {
		t.writers = map[int64]treeWriter{}
	}
	t.writers[configuration] = treeWriter{w, revision, nextNode}
	return w
}

// keys are the keys of the changes, by tree.
func (trees *treeChanges) keys() map[int64][]mvtree.Key {
	all := map[int64][]mvtree.Key{}
	for tree, list := range trees {
		for i := range list {
			all[int64(tree)] = append(all[int64(tree)], list[i].Key)
		}
	}
	return all
}

func (trees *treeChanges) add(ch *license.Change) error {
	switch ch.Kind {
	case license.KindUsage:
		return trees.addUsage(ch)
	case license.KindAssociation:
		return trees.addAssociation(ch)
	}
	return fmt.Errorf("kind %q of a change is unknown", ch.Kind)
}

// addUsage changes the tree of everything and the tree of the type; a row that
// changes its type moves from one to the other.
func (trees *treeChanges) addUsage(ch *license.Change) error {
	if ch.Usage == nil {
		trees.put(allUsage, mvtree.Change{Key: treeKey(ch.Key), Close: true})
		return trees.closeType(ch)
	}
	if ch.WasType != "" && ch.WasType != ch.Usage.Type {
		if err := trees.closeType(ch); err != nil {
			return err
		}
	}
	value, err := usageText(ch)
	if err != nil {
		return err
	}
	tree, err := usageTree(ch.Usage.Type)
	if err != nil {
		return err
	}
	opened := mvtree.Change{Key: treeKey(ch.Key), Value: value}
	trees.put(allUsage, opened)
	trees.put(tree, opened)
	return nil
}

// closeType closes the row in the tree of the type that it had.
func (trees *treeChanges) closeType(ch *license.Change) error {
	n, err := typeNumber(ch.WasType)
	if err != nil {
		return fmt.Errorf("close usage of %v: %w", ch.Key, err)
	}
	trees.put(1+n, mvtree.Change{Key: treeKey(ch.Key), Close: true})
	return nil
}

func (trees *treeChanges) addAssociation(ch *license.Change) error {
	if ch.Association == nil {
		trees.put(associations, mvtree.Change{Key: treeKey(ch.Key), Close: true})
		return nil
	}
	value, err := associationText(ch)
	if err != nil {
		return err
	}
	trees.put(associations, mvtree.Change{Key: treeKey(ch.Key), Value: value})
	return nil
}

func (trees *treeChanges) put(tree int64, c mvtree.Change) { trees[tree] = append(trees[tree], c) }

// usageText is the value of a usage row. It is read back at once: a text that
// means something else must never get into a ledger.
func usageText(ch *license.Change) (string, error) {
	text := string(ch.Usage.AppendText(nil))
	back := license.Usage{Key: ch.Key}
	if err := back.ParseText(text); err != nil {
		return "", err
	}
	if back != *ch.Usage {
		return "", fmt.Errorf("write usage of %v: %q would be read as something else", ch.Key, text)
	}
	return text, nil
}

// associationText is usageText for associations.
func associationText(ch *license.Change) (string, error) {
	text := string(ch.Association.AppendText(nil))
	back := license.Association{Key: ch.Key}
	if err := back.ParseText(text); err != nil {
		return "", err
	}
	if back != *ch.Association {
		return "", fmt.Errorf("write association of %v: %q would be read as something else", ch.Key, text)
	}
	return text, nil
}

func treeKey(k license.Key) mvtree.Key { return mvtree.Key{Owner: k.Owner, ID: k.Resource} }
