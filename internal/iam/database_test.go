package iam_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"reeve/internal/iam"
	"reeve/internal/store"
	"reeve/internal/store/testdb"
)

// database is a store that counts reads, so that a test can see what memory
// saves.
type database struct {
	*store.Store
	keyReads, tokenReads, checks atomic.Int32

	away atomic.Bool // every question about changes fails after a second
}

var errAway = errors.New("the database is away")

func newDatabase(t *testing.T) *database {
	t.Helper()
	s, err := store.New(t.Context(), testdb.New(t).Open(nil), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &database{Store: s}
}

func (d *database) AccessKey(ctx context.Context, id string) (*iam.AccessKey, error) {
	d.keyReads.Add(1)
	return d.Store.AccessKey(ctx, id)
}

func (d *database) AgentToken(ctx context.Context, hash []byte) (*iam.AgentToken, error) {
	d.tokenReads.Add(1)
	return d.Store.AgentToken(ctx, hash)
}

func (d *database) Generation(ctx context.Context) ([]byte, error) {
	d.checks.Add(1)
	if d.away.Load() {
		<-time.After(time.Second)
		return nil, errAway
	}
	return d.Store.Generation(ctx)
}
