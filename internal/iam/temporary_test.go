package iam_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"reeve/internal/iam"
)

// worker makes a role that users of account one may assume, and a user of it
// with a policy.
func worker(t *testing.T, d *iam.Directory, one iam.Identity) (role iam.Holder, ana *iam.Identity) {
	t.Helper()
	ctx := t.Context()
	_, err := d.CreateRole(ctx, one, "", "worker", trustRoot, 2*time.Hour)
	must(t, err)
	role = iam.Holder{Account: one.Account, Type: iam.OfRole, Name: "worker"}
	_, err = d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: role, PolicyName: "all", Text: allowAll})
	must(t, err)
	id := person(t, d, one, "ana")
	assume := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:role/*"}}`
	_, err = d.PutPolicy(ctx, one, iam.StoredPolicy{Holder: iam.Holder{Account: one.Account, Type: iam.OfUser, Name: "ana"}, PolicyName: "assume", Text: assume})
	must(t, err)
	_, who, err := d.Lookup(ctx, id)
	must(t, err)
	return role, &who
}

func assumption(by *iam.Identity, role string) iam.Assumption {
	return iam.Assumption{Account: "222222222222", Role: role, Session: "job", Action: "sts:AssumeRole", Principal: by.Principal, By: by, Keys: map[string][]string{}}
}

func TestASessionIsItsRole(t *testing.T) {
	ctx := t.Context()
	d, _, one, _ := tenants(t, newDatabase(t))
	_, ana := worker(t, d, one)
	before := time.Now().Truncate(time.Second)
	got, err := d.Assume(ctx, assumption(ana, "worker"))
	must(t, err)
	after := time.Now()
	secret, who, err := d.LookupSigner(ctx, got.AccessKeyID, got.Token.Reveal())
	must(t, err)
	if secret != got.Secret.Reveal() || who.Principal != "arn:aws:sts::222222222222:assumed-role/worker/job" || !may(who) || who.Root ||
		!strings.HasSuffix(who.ID, ":job") || !strings.HasPrefix(got.AccessKeyID, "ASIA") {
		t.Errorf("the session is %+v", who)
	}
	if got.Expires.Before(before.Add(time.Hour)) || got.Expires.After(after.Add(time.Hour)) {
		t.Errorf("it was made between %v and %v, and lasts until %v", before, after, got.Expires)
	}
	for name, pair := range map[string][2]string{
		"no token":         {got.AccessKeyID, ""},
		"another key":      {"ASIAAAAAAAAAAAAAAAAA", got.Token.Reveal()},
		"an altered token": {got.AccessKeyID, "AAAA" + got.Token.Reveal()[4:]},
		"a cut token":      {got.AccessKeyID, got.Token.Reveal()[:40]},
		"no base64":        {got.AccessKeyID, "!"},
		"a huge token":     {got.AccessKeyID, strings.Repeat("A", 5000)},
	} {
		if _, who, err := d.LookupSigner(ctx, pair[0], pair[1]); !errors.Is(err, iam.ErrUnknownAccessKey) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	if shown := fmt.Sprintf("%v %+v %#v", got, *got, *got); strings.Contains(shown, secret) || strings.Contains(shown, got.Token.Reveal()) {
		t.Errorf("credentials print as %s", shown)
	}
}

func TestWhoMayAssumeARole(t *testing.T) {
	ctx := t.Context()
	d, root, one, two := tenants(t, newDatabase(t))
	_, ana := worker(t, d, one)
	look := func(account iam.Identity, name string) *iam.Identity {
		_, who, err := d.Lookup(ctx, person(t, d, account, name))
		must(t, err)
		return &who
	}
	ben, other, outside := look(one, "ben"), look(two, "other"), look(root, "outside")
	_, err := d.CreateRole(ctx, one, "", "bens", strings.Replace(trustRoot, "222222222222", "arn:aws:iam::222222222222:user/ben", 1), 0)
	must(t, err)
	for name, c := range map[string]struct {
		by    *iam.Identity
		role  string
		words string
	}{
		"a user whose policy allows it":                 {ana, "worker", ""},
		"a user without a policy":                       {ben, "worker", "no identity-based policy allows"},
		"a user whom the trust names":                   {ben, "bens", ""},
		"a user whom the trust does not name":           {ana, "bens", "not authorized to perform: sts:AssumeRole"},
		"a user of another account":                     {other, "worker", "not authorized to perform: sts:AssumeRole"},
		"a user of the root account":                    {outside, "worker", "not authorized to perform: sts:AssumeRole"},
		"a role that does not exist":                    {ana, "none", "User: " + ana.Principal + " is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/none"},
		"the account's root user, as AWS has it":        {&one, "worker", "Roles may not be assumed by root accounts."},
		"the account's root user of a role that is not": {&one, "none", "Roles may not be assumed by root accounts."},
	} {
		_, err := d.Assume(ctx, assumption(c.by, c.role))
		if c.words == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantRefusal(t, err, iam.Denied, c.words)
	}
	long := assumption(ana, "worker")
	long.Duration = 3 * time.Hour
	_, err = d.Assume(ctx, long)
	wantRefusal(t, err, iam.Invalid, "exceeds the MaxSessionDuration")
	long.Duration = time.Minute
	_, err = d.Assume(ctx, long)
	wantRefusal(t, err, iam.Invalid, "900")
	long.Duration, long.Session = 0, "a b"
	_, err = d.Assume(ctx, long)
	wantRefusal(t, err, iam.Invalid, "RoleSessionName")
}

// A session ends by its time, and within seconds when its role is deleted or
// trusts somebody else, on every server; what its role may it may at that moment.
func TestSessionsEnd(t *testing.T) {
	type change func(ctx context.Context, d *iam.Directory, one iam.Identity, role iam.Holder) error
	for name, c := range map[string]struct {
		change change
		after  time.Duration
		err    error // nil: it may nothing any more
	}{
		"by its time": {nil, time.Hour, iam.ErrExpiredToken},
		"with its role": {func(ctx context.Context, d *iam.Directory, one iam.Identity, role iam.Holder) error {
			return d.DeletePrincipal(ctx, one, role)
		}, 2 * time.Second, iam.ErrUnknownAccessKey},
		"with another role of that name": {func(ctx context.Context, d *iam.Directory, one iam.Identity, role iam.Holder) error {
			if err := d.DeletePrincipal(ctx, one, role); err != nil {
				return err
			}
			_, err := d.CreateRole(ctx, one, "", role.Name, trustRoot, 0)
			return err
		}, 2 * time.Second, iam.ErrUnknownAccessKey},
		"with its trust": {func(ctx context.Context, d *iam.Directory, one iam.Identity, role iam.Holder) error {
			other := strings.Replace(trustRoot, "222222222222", "333333333333", 1)
			_, err := d.UpdateRole(ctx, one, "", role.Name, iam.RoleChange{Trust: &other})
			return err
		}, 2 * time.Second, iam.ErrExpiredToken},
		"with its permissions": {func(ctx context.Context, d *iam.Directory, one iam.Identity, role iam.Holder) error {
			return d.DeletePolicy(ctx, one, role, "all")
		}, 2 * time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newDatabase(t)
				here, _, one, _ := tenants(t, store)
				there := open(t, store, iam.Options{MasterKey: keyA})
				role, ana := worker(t, here, one)
				got, err := here.Assume(t.Context(), assumption(ana, "worker"))
				must(t, err)
				for _, d := range []*iam.Directory{here, there} {
					if _, who, err := d.LookupSigner(t.Context(), got.AccessKeyID, got.Token.Reveal()); err != nil || !may(who) {
						t.Fatalf("the session does not work: %v", err)
					}
				}
				if c.change != nil {
					must(t, c.change(t.Context(), here, one, role))
				}
				<-time.After(c.after + time.Millisecond)
				for _, d := range []*iam.Directory{here, there} {
					_, who, err := d.LookupSigner(t.Context(), got.AccessKeyID, got.Token.Reveal())
					if !errors.Is(err, c.err) || err == nil && may(who) {
						t.Errorf("afterwards: %+v, %v", who, err)
					}
				}
			})
		})
	}
}

func TestRolesForSingleSignOn(t *testing.T) {
	ctx := t.Context()
	d, _, one, _ := tenants(t, newDatabase(t))
	role, _ := worker(t, d, one)
	who, err := d.RoleSession(ctx, one.Account, "worker", "ana@example.com")
	must(t, err)
	if who.Principal != "arn:aws:sts::222222222222:assumed-role/worker/ana@example.com" || !may(&who) {
		t.Errorf("it is %+v", who)
	}
	must(t, d.DeletePrincipal(ctx, one, role))
	for _, account := range []string{one.Account, "999999999999", ""} {
		if who, err := d.RoleSession(ctx, account, "worker", "ana"); !errors.Is(err, iam.ErrUnknownAccessKey) {
			t.Errorf("account %q without the role: %+v, %v", account, who, err)
		}
	}
}
