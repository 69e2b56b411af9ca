package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"reeve/internal/iam"
	"reeve/internal/store"
	"reeve/internal/store/postgres/pgtest"
)

func TestSessions(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { testSessions(t, open(t, openSQLite(t), store.Options{})) })
	t.Run("Postgres", func(t *testing.T) {
		pgtest.URL(t)
		testSessions(t, open(t, openPostgres(t), store.Options{}))
	})
}

func testSessions(t *testing.T, s *store.Store) {
	t.Run("kept", func(t *testing.T) { sessionsAreKept(t, s) })
	t.Run("bounded", func(t *testing.T) { sessionsAreBounded(t, s) })
}

func micro(n int64) time.Time { return time.UnixMicro(n).UTC() }

func sessionsAreKept(t *testing.T, s *store.Store) {
	ctx := context.Background()
	one := iam.Session{
		ID: "cs-1", Hash: []byte{0, 1, 255}, Account: "000000000001", Principal: "arn:one", Person: "é '%", AccessKeyID: "AKIA",
		Region: "eu-west-1", Regions: []string{"eu-west-1"}, Address: "::1", Browser: "Büro/1", Created: micro(10), Used: micro(10),
	}
	two := iam.Session{ID: "cs-2", Hash: []byte{2}, Account: one.Account, Principal: "arn:two", Role: "admin", Regions: []string{}, Created: micro(20), Used: micro(20)}
	other := iam.Session{ID: "cs-3", Hash: []byte{3}, Account: "000000000002", Principal: "arn:one", Regions: []string{}, Created: micro(30), Used: micro(30)}
	for _, each := range []iam.Session{one, two, other} {
		if err := s.InsertSession(ctx, each, 10); err != nil {
			t.Fatal(err)
		}
	}
	for _, used := range []int64{50, 40} {
		if err := s.TouchSession(ctx, "cs-1", micro(used)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetSessionRegion(ctx, "cs-1", "us-east-1", []string{"us-east-1", "eu-west-1"}); err != nil {
		t.Fatal(err)
	}
	one.Used, one.Region, one.Regions = micro(50), "us-east-1", []string{"us-east-1", "eu-west-1"}
	got, err := s.Session(ctx, one.Hash)
	check(t, "session", &one, got, err)
	got, err = s.Session(ctx, []byte{9})
	check(t, "session that nobody has", nil, got, err)
	list, err := s.Sessions(ctx, one.Account, "", iam.SessionPlace{}, 10)
	check(t, "sessions of the account, the newest first", []iam.Session{two, one}, list, err)
	list, err = s.Sessions(ctx, one.Account, "arn:one", iam.SessionPlace{}, 10)
	check(t, "sessions of one principal", []iam.Session{one}, list, err)
	list, err = s.Sessions(ctx, one.Account, "", iam.SessionPlace{}, 1)
	check(t, "one session", []iam.Session{two}, list, err)
	list, err = s.Sessions(ctx, one.Account, "", iam.SessionPlace{Created: two.Created, ID: two.ID}, 10)
	check(t, "sessions after the first", []iam.Session{one}, list, err)

	found, err := s.DeleteSession(ctx, one.Account, "arn:one", "cs-2")
	check(t, "deleted by another principal", false, found, err)
	found, err = s.DeleteSession(ctx, one.Account, "", "cs-3")
	check(t, "deleted by another account", false, found, err)
	found, err = s.DeleteSession(ctx, one.Account, "", "cs-2")
	check(t, "deleted by the account", true, found, err)
	got, err = s.Session(ctx, two.Hash)
	check(t, "deleted session", nil, got, err)

	n, err := s.DeleteSessions(ctx, micro(50), micro(0))
	check(t, "number that was idle", 1, n, err)
	n, err = s.DeleteSessions(ctx, micro(0), micro(11))
	check(t, "number that was old", 1, n, err)
	got, err = s.Session(ctx, one.Hash)
	check(t, "old session", nil, got, err)
}

// Of more sessions than a principal may have, those that are used stay.
func sessionsAreBounded(t *testing.T, s *store.Store) {
	ctx := context.Background()
	for n := range int64(6) {
		one := iam.Session{ID: fmt.Sprint("cs-b", n), Hash: []byte{100, byte(n)}, Account: "000000000003", Principal: "arn:one", Created: micro(100 + n), Used: micro(100 + n)}
		if err := s.InsertSession(ctx, one, 3); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			if err := s.TouchSession(ctx, one.ID, micro(1000)); err != nil {
				t.Fatal(err)
			}
		}
	}
	list, err := s.Sessions(ctx, "000000000003", "", iam.SessionPlace{}, 10)
	var ids []string
	for _, each := range list {
		ids = append(ids, each.ID)
	}
	check(t, "sessions that are left", []string{"cs-b5", "cs-b4", "cs-b0"}, ids, err)
}
