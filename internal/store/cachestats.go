package store

// NodeCache tells of the cache of decoded nodes.
type NodeCache struct{ store *Store }

// NodeCache returns what tells of the store's cache of nodes.
func (s *Store) NodeCache() NodeCache { return NodeCache{s} }

// Stats are how often a node was there and was not, since the start, and the
// bytes that are kept; all 0 without a cache.
func (c NodeCache) Stats() (hits, misses uint64, bytes int64) { return c.store.cache.Stats() }
