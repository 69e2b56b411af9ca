package iam

import "sync"

// cacheSize bounds the keys in memory: some 3 MB when full.
const cacheSize = 10_000

// cachedKey is an opened access key.
type cachedKey struct {
	secret string
	who    Identity
}

// keyCache holds opened access keys. Keys never change, so an entry is never
// stale; when the cache is full, any one entry makes room.
type keyCache struct {
	mu   sync.RWMutex
	keys map[string]cachedKey
}

func (c *keyCache) get(id string) (cachedKey, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.keys[id]
	return e, ok
}

func (c *keyCache) put(id string, e cachedKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = make(map[string]cachedKey)
	}
	if _, known := c.keys[id]; !known && len(c.keys) >= cacheSize {
		for any := range c.keys {
			delete(c.keys, any)
			break
		}
	}
	c.keys[id] = e
}
