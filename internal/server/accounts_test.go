package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

func TestEveryKeyMayAskWhoseItIs(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	for account, root := range map[string]bool{licensetest.Root: true, alice: false} {
		var got api.GetCallerIdentityOutput
		s.Call(account, "Reeve.GetCallerIdentity", &api.GetCallerIdentityInput{}, &got)
		want := api.GetCallerIdentityOutput{
			AccountId: &account, Arn: new("arn:aws:iam::" + account + ":root"),
			Region: new(licensetest.Region), Root: &root,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", account, diff)
		}
	}
}

func TestAccountsAreListedInPagesForTheRootAccountAlone(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	for _, id := range []string{"000000000007", "999999999999"} {
		s.Call(licensetest.Root, "Reeve.CreateAccount", &api.CreateAccountInput{Name: new("n " + id), AccountId: &id}, nil)
	}
	var seen []string
	in := api.ListAccountsInput{MaxResults: new(int64(2))}
	for range 3 {
		var out api.ListAccountsOutput
		s.Call(licensetest.Root, "Reeve.ListAccounts", &in, &out)
		for _, a := range out.Accounts {
			seen = append(seen, fmt.Sprint(*a.AccountId, " ", *a.Name, " ", *a.Root))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	want := []string{"000000000007 n 000000000007 false", licensetest.Root + " root true", "999999999999 n 999999999999 false"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	if got := s.Send(s.URL, alice, "Reeve.ListAccounts", "{}"); got.Status != 400 || !strings.Contains(got.Body, "AuthorizationException") {
		t.Errorf("another account is answered with %d %s", got.Status, got.Body)
	}
}
