package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"strings"
	"sync"

	"reeve/internal/license"
)

// A page token says where the next page of a list starts: a few numbers,
// authenticated with the deployment's key, so that every server of the
// deployment takes it, also after a restart, and nobody can write one.
//
// What the token is bound to (operation, account, region, configuration,
// filters) goes into the authentication code and not into the token: a token
// presented anywhere else is simply not authentic there.
const (
	tokenVersion  = 1
	tokenMAC      = 16  // bytes of HMAC-SHA256 that are kept
	maxTokenChars = 200 // the longest that is looked at; ours stay below 120
	maxCursor     = 5   // numbers in the largest cursor

	tokenLabel   = "reeve page token"
	tokenRefusal = "This NextToken does not belong to this list. Use it with the same credentials, " +
		"operation, configuration and filters as the page it came from, or leave it out to start from the first page."
)

var tokenText = base64.RawURLEncoding.Strict()

// pageScope is what a token is bound to. Parts holds what else makes a list
// the one it is: the configuration, the resource, every filter, each at its
// own place, so that two lists with equal parts are the same list.
type pageScope struct {
	who   license.Caller
	parts []string
}

// scopeOf returns the scope of a list that who asks for.
func scopeOf(who license.Caller, parts ...string) pageScope {
	return pageScope{who: who, parts: parts}
}

// name tells the scope from every other one of the same operation.
func (s pageScope) name() string {
	b := make([]byte, 0, 256)
	b = appendPart(b, s.who.Account)
	b = appendPart(b, s.who.Region)
	for _, p := range s.parts {
		b = appendPart(b, p)
	}
	return string(b)
}

// tokenKey authenticates page tokens. Its keyed hashes are made once and used
// again: they are most of what a token costs.
type tokenKey struct{ macs sync.Pool }

func newTokenKey(key []byte) *tokenKey {
	return &tokenKey{sync.Pool{New: func() any { return &tokenMACer{Hash: hmac.New(sha256.New, key)} }}}
}

// tokenMACer is a keyed hash with the memory that one code needs.
type tokenMACer struct {
	hash.Hash
	text []byte
	sum  [sha256.Size]byte
}

// seal writes the token for a place in a list.
func (k *tokenKey) seal(scope pageScope, cursor ...int64) *string {
	buf := make([]byte, 1, 1+maxCursor*binary.MaxVarintLen64+tokenMAC)
	buf[0] = tokenVersion
	for _, n := range cursor {
		buf = binary.AppendVarint(buf, n)
	}
	mac := k.mac(scope, buf)
	buf = append(buf, mac[:]...)
	text := tokenText.EncodeToString(buf)
	return &text
}

// open reads a token of the list back into exactly len(cursor) numbers. An
// absent or empty token is the first page: it leaves cursor as it is and
// reports false. Whatever is wrong with a token, the refusal is the same.
func (k *tokenKey) open(scope pageScope, token *string, cursor []int64) (bool, error) {
	if token == nil || *token == "" {
		return false, nil
	}
	body, ok := k.authentic(scope, *token)
	if !ok || !readCursor(body, cursor) {
		return false, &license.Error{Kind: license.InvalidParameter, Message: tokenRefusal}
	}
	return true, nil
}

// authentic returns what a token carries, without version and code.
func (k *tokenKey) authentic(scope pageScope, token string) ([]byte, bool) {
	if len(token) > maxTokenChars || strings.ContainsAny(token, "\r\n") { // which base64 skips
		return nil, false
	}
	raw, err := tokenText.DecodeString(token)
	if err != nil || len(raw) < 1+tokenMAC || raw[0] != tokenVersion {
		return nil, false
	}
	body, mac := raw[:len(raw)-tokenMAC], raw[len(raw)-tokenMAC:]
	right := k.mac(scope, body)
	return body[1:], hmac.Equal(mac, right[:])
}

// mac authenticates body in its scope. Every part goes in with its length, so
// that no two scopes can read alike.
func (k *tokenKey) mac(scope pageScope, body []byte) (mac [tokenMAC]byte) {
	m := k.macs.Get().(*tokenMACer)
	defer k.macs.Put(m)
	m.text = m.text[:0]
	for _, part := range [...]string{tokenLabel, scope.who.Operation, scope.who.Account, scope.who.Region} {
		m.text = appendPart(m.text, part)
	}
	m.text = binary.AppendUvarint(m.text, uint64(len(scope.parts)))
	for _, part := range scope.parts {
		m.text = appendPart(m.text, part)
	}
	m.text = append(m.text, body...)
	m.Reset()
	m.Write(m.text)
	copy(mac[:], m.Sum(m.sum[:0]))
	return mac
}

func appendPart(dst []byte, part string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(part)))
	return append(dst, part...)
}

// readCursor fills cursor from body, which must hold that many numbers and
// nothing behind them.
func readCursor(body []byte, cursor []int64) bool {
	for i := range cursor {
		n, size := binary.Varint(body)
		if size <= 0 {
			return false
		}
		cursor[i], body = n, body[size:]
	}
	return len(body) == 0
}
