package iam_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/iam"
)

// front is a deployment's sessions with a clock that a test moves.
type front struct {
	*iam.Sessions
	t   *testing.T
	now time.Time
}

func openFront(t *testing.T, store iam.SessionStore) *front {
	t.Helper()
	f := &front{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	f.Sessions = iam.NewSessions(store, iam.SessionOptions{Idle: time.Hour, Lifetime: 3 * time.Hour, Now: func() time.Time { return f.now }})
	return f
}

// signIn opens a session and returns its token.
func (f *front) signIn(who iam.Identity) (*iam.Session, string) {
	f.t.Helper()
	s, token, err := f.Open(f.t.Context(), iam.Session{Account: who.Account, Principal: who.Principal, AccessKeyID: "AKIA", Region: "eu-west-1"})
	must(f.t, err)
	return s, token.Reveal()
}

// works says whether a token opens a session.
func (f *front) works(token string) bool {
	f.t.Helper()
	_, err := f.Lookup(f.t.Context(), token)
	if err != nil && !errors.Is(err, iam.ErrUnknownSession) {
		f.t.Fatal(err)
	}
	return err == nil
}

func userOf(account, name string) iam.Identity {
	return iam.Identity{Account: account, Principal: "arn:aws:iam::" + account + ":user/" + name}
}

func TestASessionIsOpenedByItsTokenAlone(t *testing.T) {
	store := newDatabase(t)
	f := openFront(t, store)
	session, token := f.signIn(rootUser("222222222222"))
	again, other := f.signIn(rootUser("222222222222"))
	if token == other || session.ID == again.ID {
		t.Error("two sessions are one")
	}
	kept, err := store.Session(t.Context(), session.Hash)
	must(t, err)
	if len(kept.Hash) != 32 || bytes.Contains(kept.Hash, []byte(token)) {
		t.Errorf("of the token %x is kept", kept.Hash)
	}
	for _, wrong := range []string{"", session.ID, token[:len(token)-1], token + "A", token[1:] + "A", strings.ToUpper(token), strings.Repeat("A", 43)} {
		if f.works(wrong) {
			t.Errorf("%q opens a session", wrong)
		}
	}
	got, err := f.Lookup(t.Context(), token)
	must(t, err)
	if diff := cmp.Diff(session, got); diff != "" {
		t.Errorf("session (-opened +found):\n%s", diff)
	}
}

func TestSessionsEndByTime(t *testing.T) {
	f := openFront(t, newDatabase(t))
	_, used := f.signIn(rootUser("222222222222"))
	_, idle := f.signIn(rootUser("222222222222"))
	for range 5 {
		f.now = f.now.Add(31 * time.Minute)
		if !f.works(used) {
			t.Fatal("a session that is used ended before its time")
		}
	}
	if f.works(idle) {
		t.Error("an idle session goes on")
	}
	n, err := f.Sweep(t.Context())
	must(t, err)
	list, _, err := f.List(t.Context(), rootUser("222222222222"), iam.SessionPlace{}, 10)
	must(t, err)
	if n != 1 || len(list) != 1 {
		t.Errorf("swept were %d, left are %d", n, len(list))
	}
	if f.now = f.now.Add(25 * time.Minute); f.works(used) {
		t.Error("a session outlives its lifetime")
	}
	if list, _, err := f.List(t.Context(), rootUser("222222222222"), iam.SessionPlace{}, 10); err != nil || len(list) != 0 {
		t.Errorf("listed are %d that are over (%v)", len(list), err)
	}
}

// Browsers ask several times a second; the database hears of it once a minute.
func TestTheLastUseIsKeptToTheMinute(t *testing.T) {
	store := newDatabase(t)
	f := openFront(t, store)
	session, token := f.signIn(rootUser("222222222222"))
	for _, step := range []struct {
		after time.Duration
		noted bool
	}{{59 * time.Second, false}, {time.Second, true}, {time.Second, false}} {
		before := f.now
		f.now = f.now.Add(step.after)
		f.works(token)
		kept, err := store.Session(t.Context(), session.Hash)
		must(t, err)
		if noted := kept.Used.Equal(f.now); noted != step.noted {
			t.Errorf("%v after %v: noted is %t", step.after, before, noted)
		}
	}
}

func TestWhoMayEndWhichSession(t *testing.T) {
	ana, ben, owner, stranger := userOf("222222222222", "ana"), userOf("222222222222", "ben"), rootUser("222222222222"), rootUser("333333333333")
	for name, c := range map[string]struct {
		of, by iam.Identity
		may    bool
	}{
		"own":                  {ana, ana, true},
		"another user's":       {ana, ben, false},
		"a user's by the root": {ana, owner, true},
		"the root's by a user": {owner, ana, false},
		"another account's":    {ana, stranger, false},
		"same name elsewhere":  {ana, userOf("333333333333", "ana"), false},
	} {
		t.Run(name, func(t *testing.T) {
			here := newDatabase(t)
			f, there := openFront(t, here), openFront(t, here)
			session, token := f.signIn(c.of)
			list, _, err := f.List(t.Context(), c.by, iam.SessionPlace{}, 10)
			must(t, err)
			if seen := len(list) == 1; seen != c.may {
				t.Errorf("listed are %d", len(list))
			}
			err = f.Revoke(t.Context(), c.by, session.ID)
			if !c.may {
				wantRefusal(t, err, iam.Invalid, "no session")
			} else {
				must(t, err)
			}
			if there.works(token) == c.may {
				t.Errorf("on another server the session goes on: %t", !c.may)
			}
		})
	}
}

// An identity that was not filled in is nobody, and not the whole account.
func TestNobodyMayEndASession(t *testing.T) {
	f := openFront(t, newDatabase(t))
	session, token := f.signIn(rootUser("222222222222"))
	for _, nobody := range []iam.Identity{{}, {Account: "222222222222"}} {
		_, _, err := f.List(t.Context(), nobody, iam.SessionPlace{}, 10)
		wantRefusal(t, err, iam.Denied, "not signed")
		wantRefusal(t, f.Revoke(t.Context(), nobody, session.ID), iam.Denied, "not signed")
	}
	if !f.works(token) {
		t.Error("nobody has ended a session")
	}
}

func TestRegionsAreRememberedInASession(t *testing.T) {
	f := openFront(t, newDatabase(t))
	session, token := f.signIn(rootUser("222222222222"))
	for _, region := range []string{"a-a-1", "a-a-2", "a-a-3", "a-a-1", "a-a-4", "a-a-5", "a-a-6", "a-a-7", "a-a-8"} {
		must(t, f.Look(t.Context(), session, region))
	}
	got, err := f.Lookup(t.Context(), token)
	must(t, err)
	want := []string{"a-a-8", "a-a-7", "a-a-6", "a-a-5", "a-a-4", "a-a-1", "a-a-3", "a-a-2"}
	if diff := cmp.Diff(want, got.Regions); diff != "" || got.Region != "a-a-8" {
		t.Errorf("region %s (-want +got):\n%s", got.Region, diff)
	}
}

// What a browser and a provider say may be anything at all.
func TestTextsFromOutsideAreMadeLegible(t *testing.T) {
	f := openFront(t, newDatabase(t))
	session, token, err := f.Open(t.Context(), iam.Session{
		Account: "222222222222", Principal: "arn:x", Region: "eu-west-1",
		Person: "Ana\x00\r\n\xff", Browser: strings.Repeat("ä", 10_000), Address: "<b>",
	})
	must(t, err)
	if session.Person != "Ana�" || session.Browser != strings.Repeat("ä", 200)+"…" || session.Address != "<b>" {
		t.Errorf("kept are %q, %d bytes and %q", session.Person, len(session.Browser), session.Address)
	}
	if !f.works(token.Reveal()) {
		t.Error("the session does not work")
	}
}
