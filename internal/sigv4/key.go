package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
	"sync"
)

// keyID says which signing key: secrets do not sign, a key derived from them
// for one day, region and service does.
type keyID struct {
	accessKeyID, date, region, service string
}

// signingKey is a derived key with ready-made hashes, which are the expensive
// part of an HMAC.
type signingKey struct {
	secret string
	macs   sync.Pool // of *mac
}

// mac is an HMAC keyed with a derived key, and room for its result.
type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}

func deriveKey(id keyID, secret string) *signingKey {
	key := []byte("AWS4" + secret)
	for _, part := range [...]string{id.date, id.region, id.service, terminator} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	k := &signingKey{secret: secret}
	k.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, key)} }
	return k
}

type hexSignature [2 * sha256.Size]byte

func (k *signingKey) sign(text []byte) (signature hexSignature) {
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	m.Reset()
	m.Write(text)
	hex.Encode(signature[:], m.Sum(m.sum[:0]))
	return signature
}

// made reports whether signature is the key's signature of text. The time it
// takes does not depend on how much of it is right.
func (k *signingKey) made(signature string, text []byte) bool {
	var given hexSignature
	if len(signature) != len(given) {
		return false
	}
	copy(given[:], signature)
	right := k.sign(text)
	return hmac.Equal(given[:], right[:])
}

// maxKeys bounds the cache. A deployment has a few keys and regions, and two
// days are valid at once only around midnight.
const maxKeys = 1024

// keyCache remembers derived keys, so that a request costs one HMAC and not
// five. The zero value is ready for use.
type keyCache struct {
	mu   sync.RWMutex
	keys map[keyID]*signingKey
}

// find returns nil when the key is not there or was derived from another
// secret, as after an access key was replaced under the same id.
func (c *keyCache) find(id keyID, secret string) *signingKey {
	c.mu.RLock()
	key := c.keys[id]
	c.mu.RUnlock()
	if key == nil || key.secret != secret {
		return nil
	}
	return key
}

// keep forgets everything when the cache is full: keys of past days fill it
// slowly, and deriving the live ones again is cheap.
func (c *keyCache) keep(id keyID, key *signingKey) {
	id = keyID{strings.Clone(id.accessKeyID), strings.Clone(id.date), strings.Clone(id.region), strings.Clone(id.service)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxKeys {
		c.keys = make(map[keyID]*signingKey)
	}
	c.keys[id] = key
}
