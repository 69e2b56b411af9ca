package iam_test

import (
	"context"
	"sync"

	"reeve/internal/iam"
)

// memory is a Store in memory. It counts reads of keys, so that a test can see
// what the cache saves.
type memory struct {
	mu       sync.Mutex
	accounts map[string]iam.Account
	keys     map[string]iam.AccessKey
	meta     map[string][]byte
	keyReads int
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
