package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// carol is a third account: where alice owns something, she is a member of
// alice's organization, and bob a stranger.
const carol = "444444444444"

// organize makes an organization.
func organize(s *licensetest.Server, management string, members ...string) string {
	s.Credentials(management)
	var out api.CreateOrganizationOutput
	s.Call(licensetest.Root, "Reeve.CreateOrganization", &api.CreateOrganizationInput{ManagementAccountId: &management}, &out)
	for _, m := range members {
		s.Credentials(m)
		s.Call(licensetest.Root, "Reeve.AddAccountToOrganization", &api.AddAccountToOrganizationInput{AccountId: &m, OrganizationId: out.Organization.OrganizationId}, nil)
	}
	return *out.Organization.OrganizationId
}

func shareWith(s *licensetest.Server, owner, arn, with string) {
	s.Call(owner, "Reeve.ShareLicenseConfiguration", &api.ShareLicenseConfigurationInput{LicenseConfigurationArn: &arn, Principal: &with}, nil)
}

// TestMembersSeeTheirOwnAlone asks every operation, as a member, for a shared
// configuration and for the owner's machines. No answer may hold one of these.
func TestMembersSeeTheirOwnAlone(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	theirs := fleet(t, s, alice, 2)
	hidden := configure(t, s.Client(alice), nil)
	s.Call(alice, "AWSLicenseManager.TagResource", &api.TagResourceInput{ResourceArn: &theirs, Tags: []api.Tag{{Key: new("secret"), Value: new("v")}}}, nil)
	organize(s, alice, carol)
	shareWith(s, alice, theirs, carol)
	s.Put(carol, licensetest.Machine(carol, "i-mine", 4))
	mine := licensetest.MachineARN(carol, "i-mine")
	associate(t, s.Client(carol), theirs, mine)
	machine := licensetest.MachineARN(alice, "i-0000")
	const denied = "AccessDeniedException"
	for _, c := range []struct{ target, body, want string }{
		{"AWSLicenseManager.GetLicenseConfiguration", `{"LicenseConfigurationArn":"C"}`, `"OwnerAccountId":"` + alice + `"`},
		{"AWSLicenseManager.ListLicenseConfigurations", `{}`, theirs},
		{"AWSLicenseManager.ListUsageForLicenseConfiguration", `{"LicenseConfigurationArn":"C"}`, "i-mine"},
		{"AWSLicenseManager.ListUsageForLicenseConfiguration", `{"LicenseConfigurationArn":"C","Filters":[{"Name":"resourceArn","Values":["R"]}]}`, `List":[]`},
		{"AWSLicenseManager.ListUsageForLicenseConfiguration", `{"LicenseConfigurationArn":"C","Filters":[{"Name":"resourceAccount","Values":["` + alice + `"]}]}`, `List":[]`},
		{"AWSLicenseManager.ListAssociationsForLicenseConfiguration", `{"LicenseConfigurationArn":"C"}`, "i-mine"},
		{"AWSLicenseManager.ListFailuresForLicenseConfigurationOperations", `{"LicenseConfigurationArn":"C"}`, `List":[]`},
		{"AWSLicenseManager.ListLicenseSpecificationsForResource", `{"ResourceArn":"` + mine + `"}`, theirs},
		{"AWSLicenseManager.ListLicenseSpecificationsForResource", `{"ResourceArn":"R"}`, `[]`},
		{"AWSLicenseManager.ListLicenseConfigurationsForOrganization", `{}`, denied},
		{"AWSLicenseManager.ListResourceInventory", `{}`, "i-mine"},
		{"AWSLicenseManager.UpdateLicenseConfiguration", `{"LicenseConfigurationArn":"C","Name":"mine"}`, denied},
		{"AWSLicenseManager.DeleteLicenseConfiguration", `{"LicenseConfigurationArn":"C"}`, denied},
		{"AWSLicenseManager.UpdateLicenseSpecificationsForResource", `{"ResourceArn":"R","RemoveLicenseSpecifications":[{"LicenseConfigurationArn":"C"}]}`, "not in the inventory"},
		{"AWSLicenseManager.TagResource", `{"ResourceArn":"C","Tags":[{"Key":"k","Value":"v"}]}`, denied},
		{"AWSLicenseManager.ListTagsForResource", `{"ResourceArn":"C"}`, denied},
		{"Reeve.ExplainUsage", `{"LicenseConfigurationArn":"C","ResourceArn":"` + mine + `"}`, `"ConsumedLicenses":4`},
		{"Reeve.ExplainUsage", `{"LicenseConfigurationArn":"C","ResourceArn":"R"}`, "not in the inventory"},
		{"Reeve.GetUsageHistory", `{"LicenseConfigurationArn":"C"}`, denied},
		{"Reeve.CompareUsage", `{"LicenseConfigurationArn":"C","From":"0","To":"1"}`, denied},
		{"Reeve.ExportLedger", `{"LicenseConfigurationArn":"C"}`, "no ledger of that name"},
		{"Reeve.ListRevisions", `{"LicenseConfigurationArn":"C","IncludeTerms":true,"MaxChanges":10}`, denied},
		{"Reeve.ListAssociations", `{"LicenseConfigurationArn":"C"}`, "i-mine"},
		{"Reeve.ListPositions", `{"LicenseConfigurationArns":["C"]}`, theirs},
		{"Reeve.ListPositions", `{"IncludeHistory":true}`, `"UnlicensedCount":0}]`}, // without its history, which comes after that
		{"Reeve.ListPositions", `{"LicenseConfigurationArns":["C"],"AsOf":"` + s.Clock.Now().Format(time.RFC3339Nano) + `"}`, `[]`},
		{"Reeve.GetResource", `{"ResourceArn":"` + mine + `"}`, theirs},
		{"Reeve.GetResource", `{"ResourceArn":"R"}`, "not in the inventory"},
		{"Reeve.SimulateUsage", `{"Actions":[{"Launch":{"Machines":1,"VCpus":2,"LicenseConfigurationArns":["C"]}}]}`, `"Fits":true`},
		{"Reeve.ListExclusions", `{"LicenseConfigurationArn":"C"}`, denied},
		{"Reeve.ExcludeResource", `{"LicenseConfigurationArn":"C","ResourceArn":"` + mine + `","Reason":"r","Owner":"o"}`, denied},
		{"Reeve.DiscoverResources", `{"LicenseConfigurationArn":"C"}`, denied},
		{"Reeve.SimulateUsage", `{"Actions":[{"Configure":{"LicenseConfigurationArn":"C","LicenseCount":5}}]}`, "only its owner"},
		{"Reeve.ShareLicenseConfiguration", `{"LicenseConfigurationArn":"C","Principal":"organization"}`, "EnableIntegration"},
		{"Reeve.UnshareLicenseConfiguration", `{"LicenseConfigurationArn":"C","Principal":"` + carol + `","Force":true}`, denied},
		{"Reeve.ListLicenseConfigurationShares", `{"LicenseConfigurationArn":"C"}`, denied},
		{"Reeve.ListOrganizationAccounts", `{}`, denied},
		{"Reeve.RemoveAccountFromOrganization", `{"AccountId":"` + carol + `"}`, denied},
		{"Reeve.RegisterDelegatedAdministrator", `{"AccountId":"` + carol + `"}`, denied},
		{"Reeve.AddAccountToOrganization", `{"AccountId":"` + bob + `"}`, "only keys of the deployment's root account"},
		{"Reeve.VerifyLedgers", `{}`, `"Ledgers":[],"Inventories":1`},
	} {
		body := strings.NewReplacer(`"C"`, `"`+theirs+`"`, `"R"`, `"`+machine+`"`).Replace(c.body)
		got := s.Send(s.URL, carol, c.target, body).Body
		if !strings.Contains(got, c.want) {
			t.Errorf("%s %s answers %s, want %s in it", c.target, c.body, got, c.want)
		}
		for _, secret := range []string{"i-000", hidden, `"secret"`, `"Shares"`} {
			if strings.Contains(strings.ReplaceAll(got, machine, ""), secret) {
				t.Errorf("%s %s tells a member %q: %s", c.target, c.body, secret, got)
			}
		}
	}
}

func TestTokensOfAMemberEndWithTheShare(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	theirs := fleet(t, s, alice, 2)
	organize(s, alice, carol)
	shareWith(s, alice, theirs, carol)
	for _, id := range []string{"i-a", "i-b"} {
		s.Put(carol, licensetest.Machine(carol, id, 1))
		associate(t, s.Client(carol), theirs, licensetest.MachineARN(carol, id))
	}
	in := &licensemanager.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &theirs, MaxResults: aws.Int32(1)}
	first, err := s.Client(carol).ListUsageForLicenseConfiguration(t.Context(), in)
	if err != nil || len(first.LicenseConfigurationUsageList) != 1 || first.NextToken == nil {
		t.Fatalf("the first page is %+v, %v", first, err)
	}
	in.NextToken = first.NextToken
	second, err := s.Client(carol).ListUsageForLicenseConfiguration(t.Context(), in)
	if err != nil || len(second.LicenseConfigurationUsageList) != 1 || second.NextToken != nil {
		t.Fatalf("the second page is %+v, %v", second, err)
	}
	s.Call(alice, "Reeve.UnshareLicenseConfiguration", &api.UnshareLicenseConfigurationInput{LicenseConfigurationArn: &theirs, Principal: new(carol), Force: new(true)}, nil)
	_, err = s.Client(carol).ListUsageForLicenseConfiguration(t.Context(), in)
	wantRefused(t, err, invalidParameter, "not shared")
}

func TestOrganizationOnTheWire(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	id := organize(s, alice, bob, carol)
	lists := func(account string, token *string) *licensemanager.ListLicenseConfigurationsForOrganizationOutput {
		out, err := s.Client(account).ListLicenseConfigurationsForOrganization(t.Context(), &licensemanager.ListLicenseConfigurationsForOrganizationInput{MaxResults: aws.Int32(1), NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	_, err := s.Client(alice).UpdateServiceSettings(t.Context(), &licensemanager.UpdateServiceSettingsInput{
		OrganizationConfiguration: &types.OrganizationConfiguration{EnableIntegration: true}, EnableCrossAccountsDiscovery: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	settings, err := s.Client(alice).GetServiceSettings(t.Context(), &licensemanager.GetServiceSettingsInput{})
	if err != nil || !settings.OrganizationConfiguration.EnableIntegration || !*settings.EnableCrossAccountsDiscovery ||
		!strings.Contains(aws.ToString(settings.LicenseManagerResourceShareArn), ":resource-share/") {
		t.Errorf("the settings are %+v, %v", settings, err)
	}
	arn := configure(t, s.Client(bob), nil)
	configure(t, s.Client(alice), nil)
	first := lists(alice, nil)
	second := lists(alice, first.NextToken)
	if *first.LicenseConfigurations[0].OwnerAccountId != alice || *second.LicenseConfigurations[0].LicenseConfigurationArn != arn || *second.LicenseConfigurations[0].OwnerAccountId != bob {
		t.Errorf("the organization's list is %+v, %+v", first, second)
	}
	_, err = s.Client(carol).UpdateServiceSettings(t.Context(), &licensemanager.UpdateServiceSettingsInput{EnableCrossAccountsDiscovery: aws.Bool(true)})
	wantRefused(t, err, "AccessDeniedException", "management account")
	s.Call(alice, "Reeve.RegisterDelegatedAdministrator", &api.RegisterDelegatedAdministratorInput{AccountId: new(carol)}, nil)
	lists(carol, nil)
	var accounts api.ListOrganizationAccountsOutput
	s.Call(carol, "Reeve.ListOrganizationAccounts", &api.ListOrganizationAccountsInput{MaxResults: new(int64(2))}, &accounts)
	if len(accounts.Accounts) != 2 || *accounts.Accounts[0].Role != "MANAGEMENT" || accounts.NextToken == nil {
		t.Errorf("the accounts are %+v", accounts)
	}
	if got := s.Send(s.URL, licensetest.Root, "Reeve.AddAccountToOrganization", `{"OrganizationId":"`+id+`","AccountId":"`+bob+`"}`); !strings.Contains(got.Body, `"AlreadyInOrganizationException"`) {
		t.Errorf("adding a member again answers %s", got.Body)
	}
	if got := s.Send(s.URL, alice, "Reeve.RemoveAccountFromOrganization", `{"AccountId":"`+alice+`"}`); !strings.Contains(got.Body, `"MasterCannotLeaveOrganizationException"`) {
		t.Errorf("removing the management account answers %s", got.Body)
	}

	s.Put(bob, licensetest.Machine(bob, "i-b", 1))
	s.Put(alice, licensetest.Machine(alice, "i-a", 1))
	var found []string
	in := &licensemanager.ListResourceInventoryInput{MaxResults: aws.Int32(1)}
	for more := true; more; more = in.NextToken != nil {
		out, err := s.Client(carol).ListResourceInventory(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.ResourceInventoryList {
			found = append(found, *r.ResourceOwningAccountId+" "+*r.ResourceId)
		}
		in.NextToken = out.NextToken
	}
	if got := strings.Join(found, ", "); len(found) != 2 || !strings.Contains(got, bob+" i-b") || !strings.Contains(got, alice+" i-a") {
		t.Errorf("the inventory of the organization is %s", got)
	}
}
