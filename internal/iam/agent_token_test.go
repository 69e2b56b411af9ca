package iam_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"reeve/internal/iam"
)

// tenants returns a directory with a root and two ordinary accounts.
func tenants(t *testing.T, store *database) (d *iam.Directory, root, one, two iam.Identity) {
	t.Helper()
	d = open(t, store, iam.Options{MasterKey: keyA})
	root = rootUser(bootstrap(t, d, iam.RootOptions{}).Account)
	root.Root = true
	for i, id := range []string{"222222222222", "333333333333"} {
		if _, err := d.CreateAccount(t.Context(), root, fmt.Sprint("tenant ", i), id); err != nil {
			t.Fatal(err)
		}
	}
	return d, root, rootUser("222222222222"), rootUser("333333333333")
}

// rootUser is an account's root user.
func rootUser(account string) iam.Identity {
	return iam.Identity{Account: account, Principal: iam.PrincipalOf(account)}
}

func TestAgentTokens(t *testing.T) {
	ctx, store := context.Background(), newDatabase(t)
	d, root, one, two := tenants(t, store)
	token, text, err := d.CreateAgentToken(ctx, one, "", "eu-west-1", "Büro")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^at-[0-9a-f]{17}$`).MatchString(token.ID) || token.Account != one.Account || token.Name != "Büro" ||
		token.Principal() != "arn:aws:iam::222222222222:agent-token/"+token.ID {
		t.Errorf("the token is %+v", token)
	}
	tokens, err := store.AgentTokens(ctx, one.Account, 0, 10)
	if err != nil || len(tokens) != 1 {
		t.Fatalf("%d tokens are kept (%v)", len(tokens), err)
	}
	for _, kept := range tokens {
		if bytes.Contains(kept.Hash, []byte(text.Reveal())) || len(kept.Hash) != 32 {
			t.Errorf("of the token %x is kept", kept.Hash)
		}
	}
	if shown := fmt.Sprintf("%v %+v %#v", text, text, text); strings.Contains(shown, text.Reveal()) {
		t.Errorf("the token prints as %s", shown)
	}
	got, err := d.LookupAgentToken(ctx, text.Reveal())
	if err != nil || got.ID != token.ID || got.Account != one.Account || got.Region != "eu-west-1" {
		t.Errorf("the token belongs to %+v (%v)", got, err)
	}
	for _, other := range []string{"", "x", token.ID, text.Reveal() + "a", strings.ToUpper(text.Reveal()), "reeve-agent-" + strings.Repeat("a", 40)} {
		if got, err := d.LookupAgentToken(ctx, other); !errors.Is(err, iam.ErrUnknownAgentToken) {
			t.Errorf("%q is %+v (%v)", other, got, err)
		}
	}
	if _, _, err := d.CreateAgentToken(ctx, root, two.Account, "eu-west-1", ""); err != nil {
		t.Errorf("the root account makes a token of another: %v", err)
	}
	list, next, err := d.AgentTokens(ctx, one, "", 0, 10)
	if err != nil || len(list) != 1 || list[0].ID != token.ID || list[0].Used.IsZero() || next != 0 {
		t.Errorf("listed are %+v, %d (%v)", list, next, err)
	}
}

func TestAgentTokensOfOthers(t *testing.T) {
	ctx := context.Background()
	d, root, one, two := tenants(t, newDatabase(t))
	token, _, err := d.CreateAgentToken(ctx, one, "", "eu-west-1", "")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = d.CreateAgentToken(ctx, two, one.Account, "eu-west-1", "")
	wantRefusal(t, err, iam.Denied, "own account")
	_, _, err = d.AgentTokens(ctx, two, one.Account, 0, 10)
	wantRefusal(t, err, iam.Denied, "own account")
	wantRefusal(t, d.RevokeAgentToken(ctx, two, one.Account, token.ID), iam.Denied, "own account")
	wantRefusal(t, d.RevokeAgentToken(ctx, two, "", token.ID), iam.Invalid, "has no agent token")
	wantRefusal(t, d.RevokeAgentToken(ctx, one, "", "at-x"), iam.Invalid, "not the ID")
	_, _, err = d.CreateAgentToken(ctx, root, "444444444444", "eu-west-1", "")
	wantRefusal(t, err, iam.Invalid, "there is no account")
	_, _, err = d.CreateAgentToken(ctx, iam.Identity{}, "", "eu-west-1", "")
	wantRefusal(t, err, iam.Denied, "not signed")
	_, _, err = d.CreateAgentToken(ctx, one, "", "eu-west-1", "a\nb")
	wantRefusal(t, err, iam.Invalid, "name")
}

func TestAgentTokensAreListedInPages(t *testing.T) {
	ctx := context.Background()
	d, _, one, _ := tenants(t, newDatabase(t))
	var made, seen []string
	for range 5 {
		token, _, err := d.CreateAgentToken(ctx, one, "", "eu-west-1", "")
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, token.ID)
	}
	for after := int64(0); ; {
		list, next, err := d.AgentTokens(ctx, one, "", after, 2)
		if err != nil || len(list) > 2 {
			t.Fatalf("%d tokens, %v", len(list), err)
		}
		for _, token := range list {
			seen = append(seen, token.ID)
		}
		if after = next; next == 0 {
			break
		}
	}
	if fmt.Sprint(seen) != fmt.Sprint(made) {
		t.Errorf("listed are %v, made were %v", seen, made)
	}
}

// TestARevokedAgentTokenEnds at once where it was revoked, and within seconds
// on a server that has just used it.
func TestARevokedAgentTokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, store := t.Context(), newDatabase(t)
		here, _, one, _ := tenants(t, store)
		there := open(t, store, iam.Options{MasterKey: keyA})
		token, text, err := here.CreateAgentToken(ctx, one, "", "eu-west-1", "")
		if err != nil {
			t.Fatal(err)
		}
		before := store.tokenReads.Load()
		for range 3 {
			if _, err := there.LookupAgentToken(ctx, text.Reveal()); err != nil {
				t.Fatal(err)
			}
		}
		if n := store.tokenReads.Load() - before; n != 1 {
			t.Errorf("the database was asked %d times", n)
		}
		if err := here.RevokeAgentToken(ctx, one, "", token.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := here.LookupAgentToken(ctx, text.Reveal()); !errors.Is(err, iam.ErrUnknownAgentToken) {
			t.Errorf("where it was revoked: %v", err)
		}
		<-time.After(3 * time.Second) // of the clock of the test
		if _, err := there.LookupAgentToken(ctx, text.Reveal()); !errors.Is(err, iam.ErrUnknownAgentToken) {
			t.Errorf("on another server: %v", err)
		}
	})
}
