package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// changing is a configuration whose name, limit, rules, machines and exclusions
// have changed, with the moments between.
func changing(d *desk) (arn, path string, moments []time.Time) {
	arn, path = d.create(api.CreateLicenseConfigurationInput{Name: new("old name"), Description: new("old words"), LicenseCount: new(int64(2)), Tags: []api.Tag{{Key: new("team"), Value: new("blue")}}})
	d.use(arn, 2, 1)
	d.Clock.Advance(time.Hour)
	moments = append(moments, d.Clock.Now())
	d.Clock.Advance(30 * 24 * time.Hour)
	d.update(api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, Name: new("new name"), Description: new("new words"), LicenseCount: new(int64(1234)),
		ProductInformationList: []api.ProductInformation{{ResourceType: new("SSM_MANAGED"), ProductInformationFilterList: []api.ProductInformationFilter{
			{ProductInformationFilterName: new("Platform Name"), ProductInformationFilterComparator: new("EQUALS"), ProductInformationFilterValue: []string{"BeOS"}}}}}})
	d.Call(ledgerAccount, "Reeve.DeleteResources", &api.DeleteResourcesInput{ResourceArns: []string{licensetest.MachineARN(ledgerAccount, "i-0")}}, nil)
	d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, "i-1", 700))
	d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, "i-9", 1))
	d.Call(ledgerAccount, "Reeve.ExcludeResource", &api.ExcludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: new(licensetest.MachineARN(ledgerAccount, "i-9")), Reason: new("a spare"), Owner: new("sam")}, nil)
	d.Clock.Advance(time.Hour)
	moments = append(moments, d.Clock.Now())
	d.Clock.Advance(22 * time.Hour)
	return arn, path, moments
}

func TestAConfigurationsPageIsOfItsMoment(t *testing.T) {
	d := positionDesk(t)
	arn, path, moments := changing(d)
	now := d.page(path)
	d.says(now, "new name vCPU", "new words", "In use 700 vCPUs, 57 % in use", "Bought 1,234", "team: blue", "1 resource, 700 licences", "i-1 EC2 instance 222222222222 running 700", "why 700", arn)
	d.silent(now, "old name", "i-0 ", "Everything here is as it was")
	past := d.page(path + "?" + at(moments[0]))
	d.says(past, "Everything here is as it was at 1 Jan 2026 01:00", "old name vCPU", "old words", "In use 3 vCPUs, 150 % in use", "Bought 2", "Over 1 since 1 Jan 2026 00:00", "2 resources, 3 licences", "i-0 EC2 instance 222222222222 running 2", "i-1 EC2 instance 222222222222 running 1")
	d.silent(past, "new name", "Bought 1,234", "Failures 0")

	for tab, want := range map[string][2][]string{
		"associations": {{"i-1 EC2 instance 222222222222 by request"}, {"i-0 EC2 instance", "i-1 EC2 instance"}},
		"discovery":    {{"Machines that run the operating system “BeOS”", "i-9 a spare sam"}, {"There were no discovery rules", "Nothing was kept out."}},
		"revisions":    {{"Changed the terms", "Name: old name → new name", "Licences bought: 2 → 1,234", "Discovery rules: Machines that run", "Removed machines: 1 resource fewer"}, {"Created", "What is counted: vCPU"}},
		"failures":     {{"Nothing is wrong."}, {"these are of the present"}},
	} {
		now, past := d.page(path+"?tab="+tab), d.page(path+"?tab="+tab+"&"+at(moments[0]))
		d.says(now, append(want[0], "new name")...)
		d.says(past, append(want[1], "old name")...)
		for _, unwanted := range []string{"BeOS", "a spare", "new name", "Bought 1,234"} {
			d.silent(past, unwanted)
		}
	}
	d.silent(d.page(path+"?tab=associations"), "i-0 ")

	before := d.page(path + "?" + at(licensetest.Epoch.Add(-time.Second)))
	d.says(before, "It did not exist at 31 Dec 2025 23:59", "it was created at 1 Jan 2026 00:00")
	for _, wrong := range []string{"at=2030-01-01", "at=yesterday", "from=2026-99-01", "to=never", "from=2026-01-20&to=2026-01-10"} {
		if status, text := d.get(path + "?" + wrong); status != http.StatusBadRequest {
			t.Errorf("%s answers %d: %s", wrong, status, words(text))
		}
	}
}

func TestADeletedConfigurationAnswersForItsTime(t *testing.T) {
	d := positionDesk(t)
	arn, path, moments := changing(d)
	d.Call(ledgerAccount, "Reeve.DeleteResources", &api.DeleteResourcesInput{ResourceArns: []string{licensetest.MachineARN(ledgerAccount, "i-1")}}, nil)
	d.Call(ledgerAccount, "AWSLicenseManager.DeleteLicenseConfiguration", &api.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &arn}, nil)
	for _, tab := range []string{"usage", "associations", "discovery", "revisions", "failures"} {
		d.says(d.page(path+"?tab="+tab), "This configuration was deleted at 1 Feb 2026 00:00")
		past := d.page(path + "?tab=" + tab + "&" + at(moments[0]))
		d.says(past, "In use 3 vCPUs")
	}
	d.silent(d.page(path), "Edit")
	d.silent(d.page("/console/"), "new name")
	d.says(d.page("/console/?"+at(moments[1])), "new name")
	if status, _ := d.get(path + "/edit"); status != http.StatusNotFound && status != http.StatusBadRequest {
		t.Errorf("its form answers %d", status)
	}
}

func TestConfigurationsOfOthersAreNotShown(t *testing.T) {
	d := positionDesk(t)
	_, path, _ := changing(d)
	other := openDeskOver(d, licensetest.Root)
	own := strings.Replace(path, "lic-", ledgerAccount+":lic-", 1)
	d.says(d.page(own), "new name")
	for _, address := range []string{path, own, path + "/edit", path + "/delete", path + "/usage.csv", path + "/usage.xlsx", "/console/configurations/lic-x", "/console/configurations/" + ledgerAccount + ":lic-" + strings.Repeat("0", 32)} {
		status, text := other.get(address)
		if status == http.StatusOK || strings.Contains(text, "new name") {
			t.Errorf("%s shows another account %d:\n%s", address, status, words(text))
		}
	}
}

// openDeskOver is another browser at the same console, with somebody of another
// account.
func openDeskOver(d *desk, account string) *desk {
	d.t.Helper()
	other := *d
	other.client = newClient(d.t)
	other.signIn(d.Credentials(account))
	return &other
}

func TestUsageIsFilteredSortedAndPaged(t *testing.T) {
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("many")})
	sizes := make([]int64, 60)
	for i := range sizes {
		sizes[i] = int64(i%7 + 1)
	}
	d.use(arn, sizes...)
	first := d.page(path)
	d.says(first, "60 resources, 234 licences", "1–50 of 60")
	names := func(text string) []string { return regexp.MustCompile(`i-\d+ EC2`).FindAllString(words(text), -1) }
	second := d.page(d.linkOf(first, "Next"))
	if a, b := names(first), names(second); len(a) != 50 || len(b) != 10 || a[0] != "i-0 EC2" || b[0] != "i-50 EC2" {
		t.Errorf("the pages have %d and %d rows: %v %v", len(a), len(b), a, b)
	}
	if back := d.page(d.linkOf(second, "← Previous")); words(back) != words(first) {
		t.Error("the way back leads elsewhere")
	}

	largest := d.page(d.linkOf(first, "Licences"))
	if got := names(largest)[:3]; strings.Join(got, " ") != "i-6 EC2 i-13 EC2 i-20 EC2" || !strings.Contains(largest, `aria-sort="descending"`) {
		t.Errorf("the largest are %v", got)
	}
	smallest := d.page(d.linkOf(largest, "Licences"))
	if got := names(smallest)[0]; !strings.Contains(smallest, `aria-sort="ascending"`) || !strings.Contains(words(smallest), got+" instance 222222222222 running 1 ") {
		t.Errorf("the smallest is %v", got)
	}
	if got := names(d.page(d.linkOf(smallest, "Next"))); len(got) != 10 {
		t.Errorf("a sorted list has another page of %v", got)
	}

	one := d.page(path + "?" + url.Values{"arn": {licensetest.MachineARN(ledgerAccount, "i-7")}}.Encode())
	d.says(one, "1 resource, 1 licence", "i-7 EC2 instance")
	d.says(d.page(path+"?type=RDS"), "Nothing that matches the filters uses this licence")
	d.says(d.page(path+"?type=EC2_INSTANCE&owner="+ledgerAccount), "60 resources")
	d.says(d.page(path+"?owner=999999999999"), "Nothing that matches")
}

func TestRowsLeadOn(t *testing.T) {
	d := positionDesk(t)
	_, path, moments := changing(d)
	text := d.page(path + "?" + at(moments[0]))
	machine := url.QueryEscape(licensetest.MachineARN(ledgerAccount, "i-0"))
	moment := url.QueryEscape(moments[0].Format(time.RFC3339))
	for begin, want := range map[string]string{
		"i-0": "/console/inventory/machine?arn=" + machine, "why 2": path + "/explain?at=" + moment + "&resource=" + machine,
		"Compare": path + "/compare?from=" + moment, "What if": "/console/what-if?configuration=" + path[strings.LastIndexByte(path, '/')+1:],
		"CSV": path + "/usage.csv?at=" + moment, "Edit": path + "/edit",
	} {
		if got := d.linkOf(text, begin); got != want {
			t.Errorf("%q leads to %s, want %s", begin, got, want)
		}
	}
}

func TestRevisionsArePaged(t *testing.T) {
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("counted"), LicenseCount: new(int64(0))})
	for i := range 45 {
		d.update(api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, LicenseCount: new(int64(i + 1))})
	}
	numbers := func(text string) string {
		return strings.Join(regexp.MustCompile(`revision \d+ ·`).FindAllString(words(text), -1), " ")
	}
	first := d.page(path + "?tab=revisions")
	second := d.page(d.linkOf(first, "Next"))
	third := d.page(d.linkOf(second, "Next"))
	if a, b, c := numbers(first), numbers(second), numbers(third); !strings.HasPrefix(a, "revision 46 ·") || !strings.HasPrefix(b, "revision 26 ·") || !strings.HasSuffix(c, "revision 1 ·") {
		t.Errorf("the pages have\n%s\n%s\n%s", a, b, c)
	}
	if numbers(d.page(d.linkOf(third, "← Previous"))) != numbers(second) || numbers(d.page(d.linkOf(second, "← Previous"))) != numbers(first) {
		t.Error("the way back leads elsewhere")
	}
	then := d.page(d.linkOf(third, "the page as of then"))
	d.says(then, "counted", "by revision")
}

func TestHostileNamesAreText(t *testing.T) {
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{
		Name: new(hostileText), Description: new(hostileText), LicenseCount: new(int64(1)), Tags: []api.Tag{{Key: new("k"), Value: new("<i>v</i>")}},
		ProductInformationList: []api.ProductInformation{{ResourceType: new("SSM_MANAGED"), ProductInformationFilterList: []api.ProductInformationFilter{
			{ProductInformationFilterName: new("Application Name"), ProductInformationFilterComparator: new("EQUALS"), ProductInformationFilterValue: []string{hostileText}},
			{ProductInformationFilterName: new("Tag:" + hostileText), ProductInformationFilterComparator: new("NOT_EQUALS")}}}},
	})
	d.use(arn, 3)
	machine := licensetest.MachineARN(ledgerAccount, "i-0")
	d.Put(ledgerAccount, api.Resource{ResourceArn: &machine, Name: new(hostileText)})
	d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, "i-9", 1))
	d.Call(ledgerAccount, "Reeve.ExcludeResource", &api.ExcludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: new(licensetest.MachineARN(ledgerAccount, "i-9")), Reason: new(hostileText), Owner: new(hostileText)}, nil)
	d.update(api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, Name: new("was " + hostileText)})
	q := url.Values{"arn": {hostileText}, "type": {hostileText}, "owner": {hostileText}, "sort": {hostileText}, "tab": {hostileText}, "range": {hostileText}, "q": {hostileText}, "token": {hostileText}}.Encode()
	for _, page := range []string{
		"/console/", "/console/configurations", "/console/configurations?" + q, path, path + "?tab=associations", path + "?tab=discovery", path + "?tab=revisions", path + "?tab=failures",
		path + "/edit", path + "/delete", path + "?" + q, path + "?range=" + url.QueryEscape(hostileText) + "&sort=" + url.QueryEscape(hostileText),
	} {
		_, text := d.get(page)
		body := text[strings.Index(text, "<main"):]
		if strings.Contains(body, "<script") || strings.Contains(body, "onmouseover='") || strings.Contains(body, "<i>v") || regexp.MustCompile(`\sstyle=`).MatchString(body) {
			t.Errorf("%s has markup of others:\n%s", page, body)
		}
	}
	d.says(d.page(path), "was "+hostileText, "k: <i>v</i>", hostileText+" i-0")
	d.says(d.page(path+"?tab=discovery"), "“"+hostileText+"”", "i-9 "+hostileText)
	d.says(d.page(path+"?tab=revisions"), "Name: "+hostileText+" → was "+hostileText)
}

func TestPagesAreSmall(t *testing.T) {
	d := positionDesk(t)
	long := strings.Repeat("a long name ", 10)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: &long, LicenseCount: new(int64(50))})
	for i := range 70 {
		machine := fmt.Sprintf("i-%017d", i)
		d.Put(ledgerAccount, api.Resource{ResourceArn: new(licensetest.MachineARN(ledgerAccount, machine)), VCpus: new(int64(i + 1)), Status: new("running"), Name: new(fmt.Sprintf("application-server-%d", i))})
		d.Call(ledgerAccount, "AWSLicenseManager.UpdateLicenseSpecificationsForResource", &api.UpdateLicenseSpecificationsForResourceInput{
			ResourceArn: new(licensetest.MachineARN(ledgerAccount, machine)), AddLicenseSpecifications: []api.LicenseSpecification{{LicenseConfigurationArn: &arn}}}, nil)
		d.Clock.Advance(5 * 24 * time.Hour)
	}
	for _, tab := range []string{"usage", "associations", "discovery", "revisions", "failures"} {
		for _, span := range []string{"30d", "1y", "all"} {
			if n := len(d.page(path + "?tab=" + tab + "&range=" + span)); n > 100_000 {
				t.Errorf("%s over %s has %d bytes", tab, span, n)
			}
		}
	}
}

func TestAListThatIsTooLongToSortIsPagedByTokens(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes more than ten thousand machines")
	}
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("fleet")})
	d.fleet(arn, 10_060)
	d.Clock.Advance(time.Minute)
	first := d.page(path + "?sort=licences")
	d.says(first, "More than 10,000 rows", "i-0 EC2", "i-49 EC2")
	d.silent(first, "i-50 EC2")
	unsorted := d.page(path)
	d.says(unsorted, "In the order of their coming", "i-0 EC2", "i-49 EC2")
	d.linkOf(unsorted, "Licences")
	if strings.Contains(first, "aria-sort") {
		t.Error("it claims to be sorted")
	}
	next := d.linkOf(first, "Next")
	d.Call(ledgerAccount, "Reeve.DeleteResources", &api.DeleteResourcesInput{ResourceArns: []string{licensetest.MachineARN(ledgerAccount, "i-60")}}, nil)
	second := d.page(next)
	d.says(second, "i-50 EC2", "i-60 EC2", "i-99 EC2") // as it was when the first page was read
	third := d.page(d.linkOf(second, "Next"))
	d.says(third, "i-100 EC2", "i-149 EC2")
	d.says(d.page(d.linkOf(third, "← Previous")), "i-50 EC2", "i-60 EC2")
	d.says(d.page(d.linkOf(second, "← Previous")), "i-0 EC2")
	d.says(d.page(path+"?arn="+url.QueryEscape(licensetest.MachineARN(ledgerAccount, "i-10055"))), "1 resource, 3 licences")
}
