package server

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"reeve/internal/license"
)

// pageCache keeps encoded pages of usage within a number of bytes. A page at a
// revision can never change, so there is nothing to invalidate: what is asked
// for again is sent again. A nil pageCache keeps nothing.
type pageCache struct {
	max   int64
	seed  maphash.Seed
	stats *CacheStats

	mu    sync.Mutex
	pages map[pageKey]*keptPage
	clock []*keptPage // the pages, in the order in which eviction looks at them
	hand  int
	bytes int64

	// asked remembers the last requests for pages that are not kept. Only a
	// page that was asked for shortly before is kept: who walks a list, or asks
	// for pages at random, leaves those of others alone.
	asked [4096]uint64
}

// pageKey is all that a page depends on. List names whose list it is: the
// region, account, configuration and filters that its next token is bound to.
type pageKey struct {
	cursor license.Cursor
	limit  int
	list   string
}

type keptPage struct {
	key  pageKey
	body []byte
	used bool // since the hand last came by
}

// pageOverhead is about what a page takes beside its bytes and its list's name.
const pageOverhead = 256

// CacheStats count what a server finds among its encoded pages. The zero value
// is ready.
type CacheStats struct {
	hits, misses atomic.Uint64
	bytes        atomic.Int64
}

// Stats are how often a page was there and was not, since the start, and the
// bytes that are kept.
func (s *CacheStats) Stats() (hits, misses uint64, bytes int64) {
	return s.hits.Load(), s.misses.Load(), s.bytes.Load()
}

// newPageCache returns a cache that counts in stats, if they are not nil.
func newPageCache(bytes int64, stats *CacheStats) *pageCache {
	if bytes <= 0 {
		return nil
	}
	if stats == nil {
		stats = new(CacheStats)
	}
	return &pageCache{max: bytes, seed: maphash.MakeSeed(), stats: stats, pages: map[pageKey]*keptPage{}}
}

// page returns a page that is kept, or nil. Nobody may change it.
func (c *pageCache) page(key pageKey) []byte {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pages[key]
	if p == nil {
		c.stats.misses.Add(1)
		return nil
	}
	c.stats.hits.Add(1)
	p.used = true
	return p.body
}

// offer keeps a copy of a page if it is asked for often enough.
func (c *pageCache) offer(key pageKey, body []byte) {
	if c == nil {
		return
	}
	hash := maphash.Comparable(c.seed, key)
	size := int64(len(body)+len(key.list)) + pageOverhead
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := &c.asked[hash%uint64(len(c.asked))]; *last != hash {
		*last = hash
		return
	}
	if c.pages[key] != nil || size > c.max/8 {
		return
	}
	for c.bytes+size > c.max {
		c.evict()
	}
	p := &keptPage{key: key, body: slices.Clone(body), used: true} // or the next one would evict it
	c.pages[key], c.clock = p, append(c.clock, p)
	c.bytes += size
	c.stats.bytes.Store(c.bytes)
}

// evict drops the first page that was not used since the hand last came by.
func (c *pageCache) evict() {
	for {
		if c.hand >= len(c.clock) {
			c.hand = 0
		}
		p := c.clock[c.hand]
		if !p.used {
			break
		}
		p.used = false
		c.hand++
	}
	p, last := c.clock[c.hand], len(c.clock)-1
	c.clock[c.hand] = c.clock[last]
	c.clock[last] = nil
	c.clock = c.clock[:last]
	delete(c.pages, p.key)
	c.bytes -= int64(len(p.body)+len(p.key.list)) + pageOverhead
}
