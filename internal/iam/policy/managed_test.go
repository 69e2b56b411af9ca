package policy_test

import (
	"strings"
	"testing"

	"reeve/internal/iam/policy"
)

func managedText(t testing.TB, name string) []byte {
	t.Helper()
	for _, m := range policy.Managed() {
		if m.Name == name {
			return m.Text
		}
	}
	t.Fatalf("there is no managed policy %s", name)
	return nil
}

func TestManagedPoliciesAreValid(t *testing.T) {
	for _, m := range policy.Managed() {
		if m.Description == "" || !strings.HasSuffix(m.Description, ".") {
			t.Errorf("%s: %q does not describe it", m.Name, m.Description)
		}
		if _, err := policy.Parse(m.Text); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

// TestManagedPoliciesKeepTheirPromise: what each is for, and what it must
// never allow.
func TestManagedPoliciesKeepTheirPromise(t *testing.T) {
	for _, c := range []struct{ name, allowed, refused string }{
		{"Agent", "reeve:PutResources",
			"reeve:DeleteResources reeve:CreateAccessKey license-manager:ListResourceInventory license-manager:UpdateLicenseSpecificationsForResource"},
		{"ReadOnly", "license-manager:ListUsageForLicenseConfiguration license-manager:GetLicenseConfiguration reeve:ExplainUsage reeve:ListSources",
			"license-manager:GetAccessToken license-manager:TagResource license-manager:DeleteLicenseConfiguration reeve:PutResources reeve:CreateUser reeve:ListUsers"},
		{"Auditor", "license-manager:ListResourceInventory reeve:VerifyLedgers reeve:ExplainUsage reeve:GetUsageHistory reeve:ListUsers",
			"license-manager:GetAccessToken license-manager:UpdateServiceSettings license-manager:TagResource reeve:PutResources reeve:CreateAccessKey reeve:DeleteSource sts:AssumeRole"},
		{"Operator", "license-manager:CreateLicenseConfiguration license-manager:UpdateLicenseSpecificationsForResource reeve:PutResources reeve:RunSource license-manager:UntagResource",
			"reeve:CreateAccount reeve:CreateAccessKey reeve:CreateUser reeve:AttachUserPolicy reeve:CreateAgentToken license-manager:UpdateServiceSettings sts:AssumeRole"},
		{"Admin", "reeve:CreateUser license-manager:UpdateServiceSettings sts:AssumeRole", ""},
	} {
		policies := []policy.Policy{{Name: c.name, Document: mustParse(t, string(managedText(t, c.name)))}}
		check := func(actions string, want bool) {
			for action := range strings.FieldsSeq(actions) {
				if policy.Evaluate(policies, &policy.Request{Action: action, Resource: "*"}).Allowed != want {
					t.Errorf("%s: %s: allowed is %t", c.name, action, !want)
				}
			}
		}
		check(c.allowed, true)
		check(c.refused, false)
	}
}
