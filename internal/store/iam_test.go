package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"reeve/internal/iam"
	"reeve/internal/store"
)

// changeIAM runs one transaction over users, roles, policies and keys.
func changeIAM(t *testing.T, s *store.Store, f func(tx iam.Tx)) {
	t.Helper()
	err := s.UpdateIAM(t.Context(), func(tx iam.Tx) error {
		f(tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func user(account, name string) iam.Holder {
	return iam.Holder{Account: account, Type: iam.OfUser, Name: name}
}

func principalsAreKept(t *testing.T, s *store.Store) {
	at := func(n int64) time.Time { return time.UnixMicro(n).UTC() }
	ana := iam.Principal{Holder: user("000000000021", "Ana"), Num: 21, ID: "AIDA21", Created: at(21)}
	role := iam.Principal{
		Holder: iam.Holder{Account: "000000000021", Type: iam.OfRole, Name: "Ana"}, Num: 22, ID: "AROA22", Created: at(22),
		MaxSession: 2 * time.Hour, Trust: `{"é":"'%"}`, Trusted: at(23),
	}
	changeIAM(t, s, func(tx iam.Tx) {
		ok(t, tx.InsertPrincipal(ana))
		ok(t, tx.InsertPrincipal(role))
		for name, p := range map[string]iam.Principal{
			"number": {Holder: user(ana.Account, "b"), Num: 21, ID: "AIDA23"}, "ID": {Holder: user(ana.Account, "b"), Num: 23, ID: "AIDA21"},
			"name, in another case": {Holder: user(ana.Account, "ANA"), Num: 23, ID: "AIDA23"},
		} {
			if err := tx.InsertPrincipal(p); !errors.Is(err, iam.ErrExists) {
				t.Errorf("insert of the same %s: %v", name, err)
			}
		}
	})
	changeIAM(t, s, func(tx iam.Tx) {
		got, err := tx.Principal(ana.Holder)
		check(t, "user", &ana, got, err)
		got, err = tx.Principal(user(ana.Account, "ana"))
		check(t, "user in other letters", nil, got, err)
		got, err = tx.PrincipalLike(user(ana.Account, "ANA"))
		check(t, "user, whatever the letters", &ana, got, err)
		role.MaxSession, role.Trust, role.Trusted = time.Hour, "{}", at(24)
		ok(t, tx.UpdateRole(role))
		got, err = tx.Principal(role.Holder)
		check(t, "role", &role, got, err)
		list, err := tx.Principals(ana.Account, iam.OfUser, 0, 10)
		check(t, "users", []iam.Principal{ana}, list, err)
		list, err = tx.Principals(ana.Account, iam.OfUser, 21, 10)
		check(t, "users behind the last", nil, list, err)
		n, err := tx.CountPrincipals(ana.Account, iam.OfRole)
		check(t, "number of roles", 1, n, err)
	})
	stop := errors.New("stop")
	err := s.UpdateIAM(t.Context(), func(tx iam.Tx) error {
		ok(t, tx.DeletePrincipal(ana.Holder))
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("a transaction that was given up: %v", err)
	}
	changeIAM(t, s, func(tx iam.Tx) {
		got, err := tx.Principal(ana.Holder)
		check(t, "user after a transaction that was given up", &ana, got, err)
	})
}

func policiesAreKept(t *testing.T, s *store.Store) {
	account, ana := iam.Holder{Account: "000000000022"}, user("000000000022", "ana")
	own := iam.StoredPolicy{Holder: ana, PolicyName: "p", Num: 31, Changed: time.UnixMicro(31).UTC(), Text: "{}"}
	kept := iam.StoredPolicy{Holder: account, PolicyName: "p", Num: 32, Changed: time.UnixMicro(32).UTC(), Text: `{"é":"'%"}`}
	changeIAM(t, s, func(tx iam.Tx) {
		ok(t, tx.InsertPrincipal(iam.Principal{Holder: ana, Num: 33, ID: "AIDA33"}))
		ok(t, tx.InsertPolicy(own))
		ok(t, tx.InsertPolicy(kept))
		if err := tx.InsertPolicy(iam.StoredPolicy{Holder: ana, PolicyName: "q", Num: 31}); !errors.Is(err, iam.ErrExists) {
			t.Errorf("the same number: %v", err)
		}
		own.Text, own.Changed = "[]", time.UnixMicro(40).UTC()
		ok(t, tx.UpdatePolicy(own))
		got, err := tx.Policy(ana, "p")
		check(t, "inline policy", &own, got, err)
		got, err = tx.Policy(account, "p")
		check(t, "policy of the account", &kept, got, err)
		list, err := tx.Policies(account, 0, 10)
		check(t, "policies of the account", []iam.StoredPolicy{kept}, list, err)
		n, err := tx.CountPolicies(ana)
		check(t, "number of inline policies", 1, n, err)
		for _, arn := range []string{"b", "a", "b"} {
			ok(t, tx.Attach(ana, arn))
		}
		arns, err := tx.Attachments(ana)
		check(t, "attached", []string{"a", "b"}, arns, err)
		by, err := tx.Attached(ana.Account, "b")
		check(t, "who has it", &ana, by, err)
		by, err = tx.Attached("000000000023", "b")
		check(t, "who has it elsewhere", nil, by, err)
		found, err := tx.Detach(ana, "b")
		check(t, "detached", true, found, err)
		found, err = tx.Detach(ana, "b")
		check(t, "detached again", false, found, err)
		ok(t, tx.DeletePrincipal(ana))
		n, err = tx.CountPolicies(ana)
		check(t, "inline policies of nobody", 0, n, err)
		arns, err = tx.Attachments(ana)
		check(t, "attached to nobody", nil, arns, err)
		ok(t, tx.DeletePolicy(account, "p"))
		got, err = tx.Policy(account, "p")
		check(t, "deleted policy", nil, got, err)
	})
}

func keysOfUsersAreKept(t *testing.T, s *store.Store) {
	account, ana := iam.Holder{Account: "000000000024"}, user("000000000024", "ana")
	key := iam.AccessKey{ID: "AKIA24", Account: ana.Account, User: "ana", Sealed: []byte{1}, Created: time.UnixMicro(5).UTC()}
	root := iam.AccessKey{ID: "AKIA25", Account: ana.Account, Sealed: []byte{2}, Created: time.UnixMicro(4).UTC()}
	changeIAM(t, s, func(tx iam.Tx) {
		ok(t, tx.InsertPrincipal(iam.Principal{Holder: ana, Num: 51, ID: "AIDA51"}))
		ok(t, tx.InsertKey(key))
		ok(t, tx.InsertKey(root))
		if err := tx.InsertKey(key); !errors.Is(err, iam.ErrExists) {
			t.Errorf("the same key: %v", err)
		}
		ok(t, tx.SetKeyInactive(key.ID, true))
		key.Inactive = true
		list, err := tx.Keys(ana, 10)
		check(t, "keys of the user", []iam.AccessKey{key}, list, err)
		list, err = tx.Keys(account, 10)
		check(t, "keys of the root user", []iam.AccessKey{root}, list, err)
		ok(t, tx.DeletePrincipal(ana))
		list, err = tx.Keys(ana, 10)
		check(t, "keys of nobody", nil, list, err)
		list, err = tx.Keys(account, 10)
		check(t, "keys of the root user after that", []iam.AccessKey{root}, list, err)
		ok(t, tx.DeleteKey(root.ID))
		list, err = tx.Keys(account, 10)
		check(t, "deleted keys", nil, list, err)
	})
}

func everyChangeIsAnotherGeneration(t *testing.T, s *store.Store) {
	before, err := s.Generation(t.Context())
	ok(t, err)
	if again, err := s.Generation(t.Context()); err != nil || !bytes.Equal(before, again) {
		t.Errorf("reading it is another generation (%v)", err)
	}
	ok(t, s.TouchAccessKey(t.Context(), "AKIA", time.Now()))
	if again, err := s.Generation(t.Context()); err != nil || !bytes.Equal(before, again) {
		t.Errorf("using a key is another generation (%v)", err)
	}
	changeIAM(t, s, func(iam.Tx) {})
	if after, err := s.Generation(t.Context()); err != nil || bytes.Equal(before, after) {
		t.Errorf("a change is the same generation (%v)", err)
	}
}
