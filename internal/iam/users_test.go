package iam_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"reeve/internal/iam"
	"reeve/internal/iam/policy"
)

const (
	allowAll  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	trustRoot = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole"}}`
)

// may tells whether a caller may do something with some configuration.
func may(who *iam.Identity) bool {
	return iam.Authorize(who, &policy.Request{Action: "license-manager:GetLicenseConfiguration", Resource: "arn:aws:license-manager:eu-west-1:222222222222:license-configuration:lic-1"}) == nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// person makes a user of an account with a key, and returns the key's ID.
func person(t *testing.T, d *iam.Directory, account iam.Identity, name string) string {
	t.Helper()
	_, err := d.CreateUser(t.Context(), account, "", name)
	must(t, err)
	id, _, err := d.CreateAccessKey(t.Context(), account, "", name)
	must(t, err)
	return id
}

func TestUsersMayDoWhatTheirPoliciesAllow(t *testing.T) {
	ctx := t.Context()
	d, _, one, _ := tenants(t, newDatabase(t))
	id := person(t, d, one, "ana")
	ana := iam.Holder{Account: one.Account, Type: iam.OfUser, Name: "ana"}
	look := func() *iam.Identity {
		t.Helper()
		_, who, err := d.Lookup(ctx, id)
		must(t, err)
		return &who
	}
	who := look()
	if who.Principal != "arn:aws:iam::222222222222:user/ana" || who.IsRootUser() || !strings.HasPrefix(who.ID, "AIDA") || may(who) {
		t.Errorf("a new user is %+v, and may: %v", who, may(who))
	}
	err := iam.Authorize(who, &policy.Request{Action: "license-manager:GetLicenseConfiguration", Resource: "*"})
	wantRefusal(t, err, iam.Denied, "User: arn:aws:iam::222222222222:user/ana is not authorized to perform: license-manager:GetLicenseConfiguration "+
		"because no identity-based policy allows the license-manager:GetLicenseConfiguration action")

	_, err = d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: ana, PolicyName: "all", Text: allowAll})
	must(t, err)
	if !may(look()) {
		t.Error("an inline policy does not allow")
	}
	no := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"license-manager:Get*","Resource":"*"}}`
	kept, err := d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: iam.Holder{Account: one.Account}, PolicyName: "no", Text: no})
	must(t, err)
	must(t, d.AttachPolicy(ctx, one, ana, kept.PolicyARN()))
	err = iam.Authorize(look(), &policy.Request{Action: "license-manager:GetLicenseConfiguration", Resource: "arn:x"})
	wantRefusal(t, err, iam.Denied, "is not authorized to perform: license-manager:GetLicenseConfiguration on resource: arn:x with an explicit deny in an identity-based policy")
	wantRefusal(t, d.DeletePolicy(ctx, one, iam.Holder{Account: one.Account}, "no"), iam.InUse, "attached to user ana")
	must(t, d.DetachPolicy(ctx, one, ana, kept.PolicyARN()))
	must(t, d.DeletePolicy(ctx, one, iam.Holder{Account: one.Account}, "no"))
	if !may(look()) {
		t.Error("a detached policy still denies")
	}
}

// An identity without policies and without the root user's name may nothing,
// however it came about.
func TestAnIdentityWithoutPoliciesIsNotTheRootUser(t *testing.T) {
	for _, who := range []iam.Identity{
		{}, {Account: "222222222222"}, {Principal: iam.PrincipalOf("222222222222")},
		{Account: "222222222222", Principal: iam.PrincipalOf("333333333333")},
		{Account: "222222222222", Principal: "arn:aws:sts::222222222222:assumed-role/r/s", Root: true},
	} {
		if may(&who) {
			t.Errorf("%+v may", who)
		}
	}
	root := rootUser("222222222222")
	if !may(&root) {
		t.Error("the root user may not")
	}
}

func TestNamesAndLimits(t *testing.T) {
	ctx := t.Context()
	d, root, one, two := tenants(t, newDatabase(t))
	person(t, d, one, "ana")
	ana := iam.Holder{Account: one.Account, Type: iam.OfUser, Name: "ana"}
	for name, words := range map[string]string{"ana": "exists already", "ANA": "exists already", "": "not usable", "a b": "not usable", strings.Repeat("x", 65): "not usable"} {
		_, err := d.CreateUser(ctx, one, "", name)
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("user %q: %v", name, err)
		}
	}
	_, err := d.CreateUser(ctx, two, "", "ana")
	must(t, err)
	_, err = d.CreateUser(ctx, two, one.Account, "eve")
	wantRefusal(t, err, iam.Denied, "own account")
	_, err = d.CreateUser(ctx, root, one.Account, "visitor")
	must(t, err)

	_, _, err = d.CreateAccessKey(ctx, one, "", "ana")
	must(t, err)
	_, _, err = d.CreateAccessKey(ctx, one, "", "ana")
	wantRefusal(t, err, iam.Full, "2 access keys")
	_, _, err = d.CreateAccessKey(ctx, one, "", "nobody")
	wantRefusal(t, err, iam.Missing, "no user nobody")

	for i := range 10 {
		_, err := d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: iam.Holder{Account: one.Account}, PolicyName: fmt.Sprint("p", i), Text: allowAll})
		must(t, err)
		must(t, d.AttachPolicy(ctx, one, ana, "arn:aws:iam::222222222222:policy/"+fmt.Sprint("p", i)))
	}
	must(t, d.AttachPolicy(ctx, one, ana, "arn:aws:iam::222222222222:policy/p0"))
	wantRefusal(t, d.AttachPolicy(ctx, one, ana, iam.ManagedARN(policy.Managed()[0].Name)), iam.Full, "10 attached")
	for _, arn := range []string{"arn:aws:iam::333333333333:policy/p0", "arn:aws:iam::222222222222:policy/none", iam.ManagedARN("None"), ""} {
		wantRefusal(t, d.AttachPolicy(ctx, one, ana, arn), iam.Missing, "has no policy")
	}
	long := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + strings.Repeat("x:y", 3000) + `","Resource":"*"}}`
	_, err = d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: ana, PolicyName: "long", Text: long})
	wantRefusal(t, err, iam.Invalid, "may have 6144")
	spaced := strings.Replace(allowAll, "{", "{"+strings.Repeat(" ", 7000), 1)
	_, err = d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: ana, PolicyName: "spaced", Text: spaced})
	must(t, err)
	_, err = d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: ana, PolicyName: "broken", Text: `{"Version":"2012-10-17","Statement":{"Effect":"Perhaps"}}`})
	wantRefusal(t, err, iam.Invalid, "not usable")
}

func TestPrincipalsAreListedInPages(t *testing.T) {
	ctx := t.Context()
	d, _, one, two := tenants(t, newDatabase(t))
	for i := range 5 {
		_, err := d.CreateUser(ctx, one, "", fmt.Sprint("u", i))
		must(t, err)
	}
	_, err := d.CreateUser(ctx, two, "", "other")
	must(t, err)
	var seen []string
	for after := int64(0); ; {
		list, next, err := d.Principals(ctx, one, "", iam.OfUser, after, 2)
		must(t, err)
		for _, p := range list {
			seen = append(seen, p.Name)
		}
		if after = next; next == 0 {
			break
		}
	}
	if want := []string{"u0", "u1", "u2", "u3", "u4"}; !slices.Equal(seen, want) {
		t.Errorf("listed are %v", seen)
	}
}

func TestTheLastWayInStays(t *testing.T) {
	ctx := t.Context()
	d, root, one, _ := tenants(t, newDatabase(t))
	keys, err := d.AccessKeys(ctx, root, "", "")
	must(t, err)
	first := keys[0].ID
	wantRefusal(t, d.SetAccessKey(ctx, root, "", "", first, true), iam.InUse, "last active one")
	wantRefusal(t, d.DeleteAccessKey(ctx, root, "", "", first), iam.InUse, "last active one")
	second, _, err := d.CreateAccessKey(ctx, root, "", "")
	must(t, err)
	must(t, d.SetAccessKey(ctx, root, "", "", first, true))
	if _, _, err := d.Lookup(ctx, first); !errors.Is(err, iam.ErrUnknownAccessKey) {
		t.Errorf("a key that is inactive: %v", err)
	}
	wantRefusal(t, d.SetAccessKey(ctx, root, "", "", second, true), iam.InUse, "last active one")
	must(t, d.SetAccessKey(ctx, root, "", "", first, false))
	if _, _, err := d.Lookup(ctx, first); err != nil {
		t.Errorf("a key that is active again: %v", err)
	}
	must(t, d.DeleteAccessKey(ctx, root, "", "", first))

	tenant, _, err := d.CreateAccessKey(ctx, one, "", "")
	must(t, err)
	wantRefusal(t, d.DeleteAccessKey(ctx, one, "", "", second), iam.Missing, "has no access key")
	wantRefusal(t, d.DeleteAccessKey(ctx, one, "", "ana", tenant), iam.Missing, "has no access key")
	must(t, d.DeleteAccessKey(ctx, one, "", "", tenant)) // the root account can make another
}

// A root key that was deleted does not come back when the server starts, and
// the operator can always name another one.
func TestDeletedRootKeysStayDeleted(t *testing.T) {
	ctx, store, dir := t.Context(), newDatabase(t), t.TempDir()
	d := open(t, store, iam.Options{Dir: dir})
	first := bootstrap(t, d, iam.RootOptions{})
	root := rootUser(first.Account)
	root.Root = true
	second, _, err := d.CreateAccessKey(ctx, root, "", "")
	must(t, err)
	must(t, d.DeleteAccessKey(ctx, root, "", "", first.AccessKeyID))
	d = open(t, store, iam.Options{Dir: dir})
	if again := bootstrap(t, d, iam.RootOptions{}); again.AccessKeyID != "" || again.Credentials != "" {
		t.Errorf("the next start has %+v", again)
	}
	if _, _, err := d.Lookup(ctx, first.AccessKeyID); !errors.Is(err, iam.ErrUnknownAccessKey) {
		t.Errorf("the deleted key: %v", err)
	}
	if _, _, err := d.Lookup(ctx, second); err != nil {
		t.Errorf("the other key: %v", err)
	}
	given := iam.RootOptions{AccessKeyID: "WAYIN", SecretAccessKey: iam.NewSecret("secret")}
	bootstrap(t, d, given)
	if _, who, err := d.Lookup(ctx, "WAYIN"); err != nil || !who.Root || !who.IsRootUser() {
		t.Errorf("the operator's key: %+v, %v", who, err)
	}
	must(t, d.SetAccessKey(ctx, root, "", "", "WAYIN", true))
	bootstrap(t, d, given)
	if _, _, err := d.Lookup(ctx, "WAYIN"); !errors.Is(err, iam.ErrUnknownAccessKey) {
		t.Errorf("a start makes an inactive key active: %v", err)
	}
}

// TestChangesReachOtherServers at once where they were made, and within seconds
// on a server that has just used what changed.
func TestChangesReachOtherServers(t *testing.T) {
	for name, change := range map[string]func(ctx context.Context, d *iam.Directory, one iam.Identity, key string) error{
		"a key is disabled": func(ctx context.Context, d *iam.Directory, one iam.Identity, key string) error {
			return d.SetAccessKey(ctx, one, "", "ana", key, true)
		},
		"a key is deleted": func(ctx context.Context, d *iam.Directory, one iam.Identity, key string) error {
			return d.DeleteAccessKey(ctx, one, "", "ana", key)
		},
		"a user is deleted": func(ctx context.Context, d *iam.Directory, one iam.Identity, _ string) error {
			return d.DeletePrincipal(ctx, one, iam.Holder{Account: one.Account, Type: iam.OfUser, Name: "ana"})
		},
		"an inline policy is deleted": func(ctx context.Context, d *iam.Directory, one iam.Identity, _ string) error {
			return d.DeletePolicy(ctx, one, iam.Holder{Account: one.Account, Type: iam.OfUser, Name: "ana"}, "all")
		},
		"a policy that denies is attached": func(ctx context.Context, d *iam.Directory, one iam.Identity, _ string) error {
			deny := strings.Replace(allowAll, "Allow", "Deny", 1)
			p, err := d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: iam.Holder{Account: one.Account}, PolicyName: "deny", Text: deny})
			if err != nil {
				return err
			}
			return d.AttachPolicy(ctx, one, iam.Holder{Account: one.Account, Type: iam.OfUser, Name: "ana"}, p.PolicyARN())
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newDatabase(t)
				here, _, one, _ := tenants(t, store)
				there := open(t, store, iam.Options{MasterKey: keyA})
				key := person(t, here, one, "ana")
				_, err := here.PutPolicy(t.Context(), one, iam.StoredPolicy{Holder: iam.Holder{Account: one.Account, Type: iam.OfUser, Name: "ana"}, PolicyName: "all", Text: allowAll})
				must(t, err)
				works := func(d *iam.Directory) bool {
					_, who, err := d.Lookup(t.Context(), key)
					return err == nil && may(&who)
				}
				if !works(here) || !works(there) {
					t.Fatal("the user may nothing")
				}
				must(t, change(t.Context(), here, one, key))
				if works(here) {
					t.Error("it still works where it was changed")
				}
				<-time.After(2*time.Second + time.Millisecond) // of the clock of the test
				if works(there) {
					t.Error("it still works on another server")
				}
			})
		})
	}
}

// TestTheDatabaseIsAskedOnceASecond whether something has changed, however many
// callers there are, and of what has not changed nothing is read again.
func TestTheDatabaseIsAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newDatabase(t)
		d, _, one, _ := tenants(t, store)
		keys := []string{person(t, d, one, "ana"), person(t, d, one, "ben")}
		d = open(t, store, iam.Options{MasterKey: keyA})
		reads, checks := store.keyReads.Load(), store.checks.Load()
		for range 100 {
			for _, key := range keys {
				if _, _, err := d.Lookup(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
			<-time.After(100 * time.Millisecond)
		}
		if n := store.keyReads.Load() - reads; n != 2 {
			t.Errorf("keys were read %d times in 10 seconds", n)
		}
		if n := store.checks.Load() - checks; n < 5 || n > 11 {
			t.Errorf("the database was asked %d times in 10 seconds", n)
		}
	})
}

// While the database is away nobody is let in on what was right once, and
// callers wait for it together, not one after the other.
func TestADatabaseThatIsAwayIsWaitedForTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newDatabase(t)
		d, _, one, _ := tenants(t, store)
		key := person(t, d, one, "ana")
		if _, _, err := d.Lookup(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Second)
		store.away.Store(true)
		start := time.Now()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, _, err := d.Lookup(t.Context(), key); !errors.Is(err, errAway) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("50 callers waited %v", took)
		}
		store.away.Store(false)
		if _, _, err := d.Lookup(t.Context(), key); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestLastUseIsKeptToTheHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		d, _, one, _ := tenants(t, newDatabase(t))
		id := person(t, d, one, "ana")
		used := func() time.Time {
			list, err := d.AccessKeys(ctx, one, "", "ana")
			must(t, err)
			return list[0].Used
		}
		_, who, err := d.Lookup(ctx, id)
		must(t, err)
		if !used().IsZero() {
			t.Error("looking a key up counts as use, before its signature was checked")
		}
		d.NoteUse(ctx, &who)
		first := used()
		if time.Since(first) > time.Minute {
			t.Fatalf("the key was used at %v", first)
		}
		<-time.After(30 * time.Minute)
		d.NoteUse(ctx, &who)
		if !used().Equal(first) {
			t.Error("the second use within an hour was written")
		}
		<-time.After(31 * time.Minute)
		d.NoteUse(ctx, &who)
		if !used().After(first) {
			t.Error("the use after an hour was not written")
		}
	})
}

func TestEveryManagedPolicyCanBeAttached(t *testing.T) {
	ctx := t.Context()
	d, _, one, _ := tenants(t, newDatabase(t))
	id := person(t, d, one, "ana")
	for _, m := range policy.Managed() {
		must(t, d.AttachPolicy(ctx, one, iam.Holder{Account: one.Account, Type: iam.OfUser, Name: "ana"}, iam.ManagedARN(m.Name)))
	}
	_, who, err := d.Lookup(ctx, id)
	must(t, err)
	if !may(&who) {
		t.Error("with all of them the user may not see a configuration")
	}
	list, _, err := d.AccountPolicies(ctx, one, "", 0, 10)
	must(t, err)
	if len(list) != len(policy.Managed()) || list[0].Description == "" {
		t.Errorf("listed are %+v", list)
	}
	_, err = d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: iam.Holder{Account: one.Account}, PolicyName: "own", Text: allowAll})
	must(t, err)
	var seen []string
	for after := int64(0); ; {
		page, next, err := d.AccountPolicies(ctx, one, "", after, 2)
		must(t, err)
		for _, p := range page {
			seen = append(seen, p.PolicyName)
		}
		if len(page) > 2 {
			t.Errorf("a page of %d", len(page))
		}
		if after = next; next == 0 {
			break
		}
	}
	if len(seen) != len(list)+1 || seen[len(seen)-1] != "own" {
		t.Errorf("in pages they are %v", seen)
	}
}

// The policies that the page about permissions shows can be used as they are.
func TestExamplesOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/permissions.md")
	must(t, err)
	blocks := strings.Split(string(text), "```json\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		example, _, _ := strings.Cut(block, "```")
		if strings.Contains(example, `"Principal"`) {
			_, err = policy.ParseTrust([]byte(example))
		} else {
			_, err = policy.Parse([]byte(example))
		}
		if err != nil {
			t.Errorf("%v in\n%s", err, example)
		}
	}
}
