package iam

import (
	"sync"
	"time"
)

// cacheSize bounds the keys in memory: some 20 MB when full.
const cacheSize = 10_000

// cachedKey is an opened access key, long-term or temporary.
type cachedKey struct {
	secret  string
	who     *Identity // shared: nobody changes it
	expires time.Time // zero for never
}

// keyCache holds opened access keys, by their ID, and temporary ones by their
// token's digest besides. It is emptied when something about users, roles,
// policies or keys has changed; when it is full, any one entry makes room.
type keyCache struct {
	mu      sync.RWMutex
	keys    map[string]cachedKey
	cleared int // how often
}

// get returns an entry. Of one that is not there it says what put is to be told.
func (c *keyCache) get(id string) (e cachedKey, cleared int, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok = c.keys[id]
	return e, c.cleared, ok
}

// put keeps what was read since get, unless the cache was emptied in between:
// then it may be of before the change.
func (c *keyCache) put(id string, e cachedKey, cleared int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cleared != cleared {
		return
	}
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

func (c *keyCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = nil
	c.cleared++
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
