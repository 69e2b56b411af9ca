package console_test

import (
	"testing"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// The overview leads to all machines that have no licence, whichever the licence.
func TestWhatHasNoLicenceIsOnOnePage(t *testing.T) {
	d := positionDesk(t)
	d.says(d.page("/console/configurations/failures"), "Every machine has the licences that it is tied to.")
	for _, name := range []string{"First licence", "Second licence"} {
		arn, _ := d.create(api.CreateLicenseConfigurationInput{Name: &name, LicenseCount: new(int64(2000)), LicenseCountHardLimit: new(true)})
		d.use(arn, 1)
	}
	d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, "i-0", 3000))
	overview := d.page("/console/")
	d.says(overview, "Unlicensed machines 2")
	d.says(d.page(d.linkOf(overview, "Unlicensed machines")), "Without a licence", "EC2 instance, "+ledgerAccount+" First licence", "Second licence",
		"Not enough licenses: i-0 needs 2,999 more of this configuration, 1 of 2,000 are in use and the limit is hard.")
	machine := d.page("/console/inventory/machine?arn=" + licensetest.MachineARN(ledgerAccount, "i-0"))
	d.says(machine, "Not enough licenses: i-0 needs 2,999 more of First licence, 1 of 2,000 are in use")
}
