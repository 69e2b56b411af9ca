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
		"accounts": accountsAreKept, "keys": keysAreKept, "meta": firstValueStays,
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
	got, err = s.AccessKey(ctx, "akia")
	check(t, "key in other letters", nil, got, err)
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
