package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/iam"
	"reeve/internal/store"
	"reeve/internal/store/postgres/pgtest"
)

func TestAccounts(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { testAccounts(t, open(t, openSQLite(t), store.Options{})) })
	t.Run("Postgres", func(t *testing.T) {
		pgtest.URL(t)
		testAccounts(t, open(t, openPostgres(t), store.Options{}))
	})
}

func testAccounts(t *testing.T, s *store.Store) {
	for name, test := range map[string]func(*testing.T, *store.Store){
		"accounts": accountsAreKept, "keys": keysAreKept, "agent tokens": agentTokensAreKept, "meta": firstValueStays,
		"users and roles": principalsAreKept, "policies": policiesAreKept, "keys of users": keysOfUsersAreKept, "generation": everyChangeIsAnotherGeneration,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

// check fails the test unless got is want and there was no error.
func check[T any](t *testing.T, what string, want T, got T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func accountsAreKept(t *testing.T, s *store.Store) {
	ctx := context.Background()
	none, err := s.RootAccount(ctx)
	check(t, "root before there is one", nil, none, err)
	created := time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)
	root := iam.Account{ID: "000000000001", Name: "é '%", Root: true, Created: created}
	plain := iam.Account{ID: "000000000002", Created: created}
	for _, a := range []iam.Account{root, plain} {
		if err := s.InsertAccount(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	for name, a := range map[string]iam.Account{"same ID": plain, "second root": {ID: "000000000003", Root: true, Created: created}} {
		if err := s.InsertAccount(ctx, a); !errors.Is(err, iam.ErrExists) {
			t.Errorf("insert of the %s: %v, want that it exists", name, err)
		}
	}
	got, err := s.Account(ctx, root.ID)
	check(t, "root", &root, got, err)
	got, err = s.RootAccount(ctx)
	check(t, "root account", &root, got, err)
	got, err = s.Account(ctx, plain.ID)
	check(t, "account", &plain, got, err)
	got, err = s.Account(ctx, "000000000003")
	check(t, "account that was refused", nil, got, err)
}

func keysAreKept(t *testing.T, s *store.Store) {
	ctx := context.Background()
	owner := iam.Account{ID: "000000000009", Created: time.UnixMicro(1)}
	if err := s.InsertAccount(ctx, owner); err != nil {
		t.Fatal(err)
	}
	key := iam.AccessKey{ID: "AKIA", Account: owner.ID, Sealed: []byte{0, 1, 255}, Created: time.UnixMicro(5).UTC()}
	if err := s.InsertAccessKey(ctx, key); err != nil {
		t.Fatal(err)
	}
	if err := s.InsertAccessKey(ctx, key); !errors.Is(err, iam.ErrExists) {
		t.Errorf("second insert: %v, want that it exists", err)
	}
	orphan := iam.AccessKey{ID: "AKIB", Account: "000000000010", Sealed: []byte{1}}
	if err := s.InsertAccessKey(ctx, orphan); !errors.Is(err, store.ErrNoAccount) {
		t.Errorf("key of no account: %v", err)
	}
	got, err := s.AccessKey(ctx, key.ID)
	check(t, "key", &key, got, err)
	for _, used := range []int64{20, 30, 10} {
		if err := s.TouchAccessKey(ctx, key.ID, time.UnixMicro(used)); err != nil {
			t.Fatal(err)
		}
	}
	key.Used = time.UnixMicro(30).UTC()
	got, err = s.AccessKey(ctx, key.ID)
	check(t, "key that was used", &key, got, err)
	got, err = s.AccessKey(ctx, "akia")
	check(t, "key in other letters", nil, got, err)
}

func agentTokensAreKept(t *testing.T, s *store.Store) {
	ctx, at := context.Background(), func(n int64) time.Time { return time.UnixMicro(n).UTC() }
	owner := iam.Account{ID: "000000000011", Created: at(1)}
	if err := s.InsertAccount(ctx, owner); err != nil {
		t.Fatal(err)
	}
	token := iam.AgentToken{Num: 5, ID: "at-1", Hash: []byte{0, 1, 255}, Account: owner.ID, Region: "eu-west-1", Name: "é '%", Created: at(5)}
	second := iam.AgentToken{Num: 6, ID: "at-2", Hash: []byte{2}, Account: owner.ID, Created: at(6)}
	for _, one := range []iam.AgentToken{token, second} {
		if err := s.InsertAgentToken(ctx, one); err != nil {
			t.Fatal(err)
		}
	}
	for name, taken := range map[string]iam.AgentToken{
		"number": {Num: 5, ID: "at-3", Hash: []byte{3}, Account: owner.ID},
		"ID":     {Num: 7, ID: "at-1", Hash: []byte{3}, Account: owner.ID},
		"hash":   {Num: 7, ID: "at-3", Hash: []byte{2}, Account: owner.ID},
	} {
		if err := s.InsertAgentToken(ctx, taken); !errors.Is(err, iam.ErrExists) {
			t.Errorf("insert of the same %s: %v, want that it exists", name, err)
		}
	}
	if err := s.InsertAgentToken(ctx, iam.AgentToken{Num: 9, ID: "at-9", Hash: []byte{9}, Account: "000000000012"}); !errors.Is(err, store.ErrNoAccount) {
		t.Errorf("token of no account: %v", err)
	}
	for _, used := range []int64{20, 30, 10} {
		if err := s.TouchAgentToken(ctx, "at-1", at(used)); err != nil {
			t.Fatal(err)
		}
	}
	for _, revoked := range []int64{40, 50} {
		found, err := s.RevokeAgentToken(ctx, owner.ID, "at-1", at(revoked))
		check(t, "revoked", true, found, err)
	}
	found, err := s.RevokeAgentToken(ctx, "000000000009", "at-2", at(40))
	check(t, "revoked by another account", false, found, err)
	token.Used, token.Revoked = at(30), at(40)
	got, err := s.AgentToken(ctx, token.Hash)
	check(t, "token", &token, got, err)
	got, err = s.AgentToken(ctx, []byte{7})
	check(t, "token that nobody has", nil, got, err)
	list, err := s.AgentTokens(ctx, owner.ID, 0, 1)
	check(t, "first page", []iam.AgentToken{token}, list, err)
	list, err = s.AgentTokens(ctx, owner.ID, 5, 10)
	check(t, "second page", []iam.AgentToken{second}, list, err)
	n, err := s.CountAgentTokens(ctx, owner.ID)
	check(t, "number of tokens", 2, n, err)
}

func firstValueStays(t *testing.T, s *store.Store) {
	ctx := context.Background()
	none, err := s.Meta(ctx, "n")
	check(t, "nothing yet", nil, none, err)
	kept := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range kept {
		wg.Go(func() {
			var err error
			if kept[i], err = s.PutMetaIfAbsent(ctx, "n", []byte{0, byte(i)}); err != nil {
				t.Errorf("put: %v", err)
			}
		})
	}
	wg.Wait()
	got, err := s.Meta(ctx, "n")
	for _, k := range kept {
		check(t, "what everyone was told", got, k, err)
	}
}
