package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

const guestAccount = "444444444444"

// sharedDesk has somebody of guestAccount signed in, with which ledgerAccount
// shares a configuration of 10 vCPUs: its own machine uses 3, the guest's 4.
func sharedDesk(t testing.TB) (d *desk, arn, path string) {
	t.Helper()
	d = openDeskWith(t, atTheClockOfTheLedgers)
	arn, path = d.create(api.CreateLicenseConfigurationInput{Name: new("Lent licence"), LicenseCount: new(int64(10)), Tags: []api.Tag{{Key: new("cost-centre"), Value: new("secret")}}})
	d.use(arn, 3)
	d.Credentials(guestAccount)
	var made api.CreateOrganizationOutput
	d.Call(licensetest.Root, "Reeve.CreateOrganization", &api.CreateOrganizationInput{ManagementAccountId: new(ledgerAccount)}, &made)
	d.Call(licensetest.Root, "Reeve.AddAccountToOrganization", &api.AddAccountToOrganizationInput{AccountId: new(guestAccount), OrganizationId: made.Organization.OrganizationId}, nil)
	d.Call(ledgerAccount, "Reeve.ShareLicenseConfiguration", &api.ShareLicenseConfigurationInput{LicenseConfigurationArn: &arn, Principal: new(guestAccount)}, nil)
	d.Put(guestAccount, licensetest.Machine(guestAccount, "i-guest", 4))
	d.Call(guestAccount, "AWSLicenseManager.UpdateLicenseSpecificationsForResource", &api.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: new(licensetest.MachineARN(guestAccount, "i-guest")), AddLicenseSpecifications: []api.LicenseSpecification{{LicenseConfigurationArn: &arn}}}, nil)
	d.Clock.Advance(time.Hour)
	d.signIn(d.Credentials(guestAccount))
	return d, arn, strings.Replace(path, "lic-", ledgerAccount+":lic-", 1)
}

// A member sees the terms, the total and its own machines, on every page that
// leads there, and of the owner's nothing.
func TestAMemberSeesWhatIsSharedWithIt(t *testing.T) {
	d, arn, path := sharedDesk(t)
	mine := url.QueryEscape(licensetest.MachineARN(guestAccount, "i-guest"))
	moment := d.Clock.Now()
	for page, want := range map[string][]string{
		"/console/":                              {"Lent licence", "shared by " + ledgerAccount, "7 10"},
		"/console/configurations":                {"Lent licence shared by " + ledgerAccount},
		path:                                     {"In use 7", "by all accounts", "Bought 10", "i-guest", "1 resource, 4 licences, of your account", "its owner's to see"},
		path + "?" + at(moment):                  {"i-guest", "1 resource, 4 licences, of your account", "as they were at"},
		path + "?tab=associations":               {"i-guest"},
		path + "?tab=discovery":                  {"Its owner changes the rules"},
		path + "?tab=failures":                   {"Nothing is wrong."},
		path + "?tab=revisions":                  {"1 resource, 4 licences"}, // there are none for a member: the first part is shown
		path + "/explain?resource=" + mine:       {"consumes 4 licences of Lent licence"},
		"/console/inventory/machine?arn=" + mine: {"Lent licence shared by " + ledgerAccount, "4 licences"},
		"/console/?" + at(moment):                {"for the present alone"},
	} {
		text := d.page(page)
		d.says(text, want...)
		d.silent(text, "i-0", "secret", "Edit", "Delete", "Leave it out")
	}
	row := d.csv(path + "/usage.csv")
	if len(row) != 4 || row[0][7] != ledgerAccount || row[2][4] != "4" {
		t.Errorf("the file is %q", row)
	}
	plan := d.page("/console/what-if?do=launch&machines=10&vcpus=1&configuration=" + url.QueryEscape(arn))
	d.says(plan, "Lent licence 7 → 17 of 10")
}

// What the owner alone may see and do is refused in a sentence.
func TestAMemberIsToldWhatIsTheOwners(t *testing.T) {
	d, _, path := sharedDesk(t)
	for _, page := range []string{path + "/edit", path + "/delete", path + "/compare", path + "/compare/csv"} {
		status, text := d.get(page)
		if status != http.StatusForbidden {
			t.Errorf("%s answers %d", page, status)
		}
		d.says(text, "belongs to the account "+ledgerAccount+", which shares it with yours")
	}
	status, text := d.get(path + "/explain?resource=" + url.QueryEscape(licensetest.MachineARN(ledgerAccount, "i-0")))
	if d.says(text, "is not in the inventory"); status != http.StatusBadRequest {
		t.Errorf("of the owner's machine it answers %d", status)
	}
	d.client = newClient(t)
	d.signIn(d.Credentials("555555555555"))
	if status, text := d.get(path); status == http.StatusOK || strings.Contains(text, "Lent licence") {
		t.Errorf("a stranger is answered %d:\n%s", status, words(text))
	}
}
