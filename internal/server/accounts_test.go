package server_test

import (
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
