package iam

import (
	"sync"
	"time"
)

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

// agentTokenCache holds tokens of agents, by hash, that were in the database a
// moment ago.
type agentTokenCache struct {
	mu     sync.RWMutex
	tokens map[string]cachedAgentToken
}

type cachedAgentToken struct {
	token *AgentToken
	until time.Time
}

func (c *agentTokenCache) get(hash string) *AgentToken {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e, ok := c.tokens[hash]; ok && time.Now().Before(e.until) {
		return e.token
	}
	return nil
}

func (c *agentTokenCache) put(hash string, t *AgentToken, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tokens == nil || len(c.tokens) >= cacheSize {
		c.tokens = make(map[string]cachedAgentToken)
	}
	c.tokens[hash] = cachedAgentToken{t, until}
}

// forget empties the cache: a token was revoked.
func (c *agentTokenCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens = nil
}
