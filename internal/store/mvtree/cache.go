package mvtree

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Cache keeps decoded nodes within a number of bytes; any number of Readers
// share it. A nil Cache is empty and takes nothing.
//
// What is a configuration here is one history of it, see Reader.
//
// Per configuration it knows the revision S that its nodes are synced to: each
// node there is what the table has at S, hence what every revision up to S
// reads, for a later revision only closes or adds rows that earlier ones do
// not see. So:
//
//   - A reader of revision R <= S takes nodes as they are, without any SQL.
//   - A reader of R > S, or one that misses a node, first advances the cache
//     to the newest revision L of its own snapshot: exactly the nodes touched
//     by S < r <= L are dropped, then S is L.
//   - A node loaded from a snapshot goes into the cache only if its L is S at
//     that moment. When another reader has advanced the cache meanwhile, the
//     node may be stale for it; the loader uses it, nobody else.
//
// Revisions are committed in order, under the configuration's lock, so a
// snapshot with head L has all of r <= L and nothing of r > L.
type Cache struct {
	max    int64
	packer Packer // nil keeps values as they are

	mu    sync.RWMutex
	cfgs  map[int64]*cached
	bytes int64
	hand  *entry // of the clock: the next to be looked at for eviction

	hits, misses atomic.Uint64
}

// cached is what is kept of one configuration; without nodes there is none.
type cached struct {
	cfg    int64
	synced int64
	nodes  map[int64]*entry
}

// entry is one node in the ring of the clock.
type entry struct {
	of         *cached
	num        int64
	node       *node
	bytes      int64
	used       atomic.Bool // since the hand last came by
	prev, next *entry
}

const (
	entryBytes = 200  // of an entry and its places in the maps
	maxLag     = 4096 // revisions behind which a configuration is dropped instead of advanced
	maxRoots   = 256  // root spans of one tree
)

// NewCache returns a cache that holds about maxBytes of nodes, whose leaves
// are in the form that packer gives them, if it is not nil.
func NewCache(maxBytes int64, packer Packer) *Cache {
	return &Cache{max: maxBytes, packer: packer, cfgs: map[int64]*cached{}}
}

// Bytes is roughly the memory in use.
func (c *Cache) Bytes() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.bytes
}

// Stats are how often a node was there and was not, and Bytes. A nil cache has
// none.
func (c *Cache) Stats() (hits, misses uint64, bytes int64) {
	if c == nil {
		return 0, 0, 0
	}
	return c.hits.Load(), c.misses.Load(), c.Bytes()
}

// node returns a node that is right for a revision, or nil.
func (c *Cache) node(cfg, num, rev int64) *node {
	if c == nil {
		return nil
	}
	n := c.find(cfg, num, rev)
	if n != nil {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
	return n
}

func (c *Cache) find(cfg, num, rev int64) *node {
	c.mu.RLock()
	defer c.mu.RUnlock()
	of := c.cfgs[cfg]
	if of == nil || of.synced < rev {
		return nil
	}
	e := of.nodes[num]
	if e == nil {
		return nil
	}
	if !e.used.Load() {
		e.used.Store(true)
	}
	return e.node
}

// advance syncs a configuration to a snapshot with that head and reports
// whether it is at that very revision then.
func (c *Cache) advance(cfg, head int64, touched func(after, to int64) ([]int64, error)) (bool, error) {
	c.mu.RLock()
	was := head
	if of := c.cfgs[cfg]; of != nil {
		was = of.synced
	}
	c.mu.RUnlock()
	switch {
	case was >= head:
		return was == head, nil
	case head-was > maxLag:
		c.drop(cfg, head)
		return true, nil
	}
	nums, err := touched(was, head)
	if err != nil {
		return false, err
	}
	return c.forget(cfg, was, head, nums), nil
}

// forget drops the nodes touched by was < r <= head and reports whether the
// configuration is synced to head.
func (c *Cache) forget(cfg, was, head int64, nums []int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.cfgs[cfg]
	if of == nil {
		return true
	}
	// Another reader may have advanced it further, or dropped it and begun
	// again with an older snapshot: then nums is not all there is to drop.
	if of.synced < was || of.synced >= head {
		return of.synced == head
	}
	of.synced = head
	for _, num := range nums {
		if e := of.nodes[num]; e != nil {
			c.remove(e)
		}
	}
	return true
}

// drop forgets a configuration that is synced to less than head.
func (c *Cache) drop(cfg, head int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.cfgs[cfg]; of != nil && of.synced < head {
		for _, e := range of.nodes {
			c.remove(e)
		}
	}
}

// put adds a node of some height that was loaded from a snapshot with that
// head. Nobody else has the node yet.
func (c *Cache) put(cfg, head, num int64, n *node, height int) {
	n.rows = slices.Clone(n.rows) // without room to grow: it stays
	var shared int64
	if height == 0 && c.packer != nil {
		shared = n.pack(c.packer)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.at(cfg, head)
	if of == nil || of.nodes[num] != nil {
		return
	}
	c.insert(of, num, n, shared)
}

// putRoot adds a root span that was loaded from a snapshot with that head to
// the pseudo node of its tree.
func (c *Cache) putRoot(cfg, head, num int64, span rootSpan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.at(cfg, head)
	if of == nil {
		return
	}
	n := &node{roots: []rootSpan{span}}
	if e := of.nodes[num]; e != nil {
		if _, known := e.node.root(span.from); known {
			return
		}
		if len(e.node.roots) < maxRoots {
			n.roots = withSpan(e.node.roots, span)
		}
		c.detach(e)
	}
	c.insert(of, num, n, 0)
}

// withSpan returns a copy of ordered spans with one more.
func withSpan(spans []rootSpan, span rootSpan) []rootSpan {
	all := make([]rootSpan, 0, len(spans)+1)
	i := 0
	for ; i < len(spans) && spans[i].from < span.from; i++ {
		all = append(all, spans[i])
	}
	return append(append(all, span), spans[i:]...)
}

// at returns what is kept of a configuration if it is synced to head, or
// begins to keep it.
func (c *Cache) at(cfg, head int64) *cached {
	of := c.cfgs[cfg]
	if of == nil {
		of = &cached{cfg: cfg, synced: head, nodes: map[int64]*entry{}}
		c.cfgs[cfg] = of
	}
	if of.synced != head {
		return nil
	}
	return of
}

// insert adds an entry behind the hand and evicts what no longer fits.
func (c *Cache) insert(of *cached, num int64, n *node, shared int64) {
	e := &entry{of: of, num: num, node: n, bytes: n.bytes() + shared + entryBytes}
	e.prev, e.next = e, e
	if c.hand != nil {
		e.prev, e.next = c.hand.prev, c.hand
		e.prev.next, e.next.prev = e, e
	} else {
		c.hand = e
	}
	of.nodes[num] = e
	c.bytes += e.bytes
	for c.bytes > c.max && c.hand != nil {
		if c.hand.used.Swap(false) {
			c.hand = c.hand.next
		} else {
			c.remove(c.hand)
		}
	}
}

// remove takes an entry out, and its configuration when it was the last.
func (c *Cache) remove(e *entry) {
	c.detach(e)
	if len(e.of.nodes) == 0 {
		delete(c.cfgs, e.of.cfg)
	}
}

func (c *Cache) detach(e *entry) {
	if c.hand == e {
		c.hand = e.next
	}
	if c.hand == e {
		c.hand = nil
	}
	e.prev.next, e.next.prev = e.next, e.prev
	delete(e.of.nodes, e.num)
	c.bytes -= e.bytes
}
