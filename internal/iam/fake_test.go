package iam_test

import (
	"bytes"
	"context"
	"sync"
	"time"

	"reeve/internal/iam"
)

// memory is a Store in memory. It counts reads of keys, so that a test can see
// what the cache saves.
type memory struct {
	mu       sync.Mutex
	accounts map[string]iam.Account
	keys     map[string]iam.AccessKey
	meta     map[string][]byte
	tokens   []iam.AgentToken
	keyReads int

	tokenReads int
}

func newMemory() *memory {
	return &memory{accounts: map[string]iam.Account{}, keys: map[string]iam.AccessKey{}, meta: map[string][]byte{}}
}

func (m *memory) InsertAccount(_ context.Context, a iam.Account) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.accounts[a.ID]; taken || a.Root && m.root() != nil {
		return iam.ErrExists
	}
	m.accounts[a.ID] = a
	return nil
}

func (m *memory) root() *iam.Account {
	for _, a := range m.accounts {
		if a.Root {
			return &a
		}
	}
	return nil
}

func (m *memory) Account(_ context.Context, id string) (*iam.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a, ok := m.accounts[id]; ok {
		return &a, nil
	}
	return nil, nil
}

func (m *memory) RootAccount(context.Context) (*iam.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.root(), nil
}

func (m *memory) InsertAccessKey(_ context.Context, k iam.AccessKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.keys[k.ID]; taken {
		return iam.ErrExists
	}
	m.keys[k.ID] = k
	return nil
}

func (m *memory) AccessKey(_ context.Context, id string) (*iam.AccessKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keyReads++
	if k, ok := m.keys[id]; ok {
		return &k, nil
	}
	return nil, nil
}

func (m *memory) Meta(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.meta[name], nil
}

func (m *memory) PutMetaIfAbsent(_ context.Context, name string, value []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.meta[name]; !there {
		m.meta[name] = value
	}
	return m.meta[name], nil
}

func (m *memory) InsertAgentToken(_ context.Context, t iam.AgentToken) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.tokens {
		if other.ID == t.ID || other.Num == t.Num {
			return iam.ErrExists
		}
	}
	m.tokens = append(m.tokens, t)
	return nil
}

func (m *memory) AgentToken(_ context.Context, hash []byte) (*iam.AgentToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokenReads++
	for _, t := range m.tokens {
		if bytes.Equal(t.Hash, hash) {
			return &t, nil
		}
	}
	return nil, nil
}

func (m *memory) AgentTokens(_ context.Context, account string, after int64, limit int) (list []iam.AgentToken, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tokens {
		if t.Account == account && t.Num > after && len(list) < limit {
			list = append(list, t)
		}
	}
	return list, nil
}

func (m *memory) CountAgentTokens(context.Context, string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.tokens)), nil
}

func (m *memory) RevokeAgentToken(_ context.Context, account, id string, at time.Time) (bool, error) {
	return m.change(func(t *iam.AgentToken) bool { return t.Account == account && t.ID == id }, func(t *iam.AgentToken) { t.Revoked = at }), nil
}

func (m *memory) TouchAgentToken(_ context.Context, id string, used time.Time) error {
	m.change(func(t *iam.AgentToken) bool { return t.ID == id }, func(t *iam.AgentToken) { t.Used = used })
	return nil
}

func (m *memory) change(which func(*iam.AgentToken) bool, how func(*iam.AgentToken)) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.tokens {
		if which(&m.tokens[i]) {
			how(&m.tokens[i])
			return true
		}
	}
	return false
}
