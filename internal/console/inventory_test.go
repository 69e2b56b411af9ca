package console_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// counting makes a vCPU configuration of the root account and associates
// machines with it; it returns its ARN and its address.
func (d *desk) counting(machines ...string) (arn, path string) {
	d.t.Helper()
	client := d.Client(licensetest.Root)
	made, err := client.CreateLicenseConfiguration(d.t.Context(), &licensemanager.CreateLicenseConfigurationInput{Name: aws.String("Oracle <b>EE</b>"), LicenseCountingType: types.LicenseCountingTypeVcpu})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, m := range machines {
		_, err := client.UpdateLicenseSpecificationsForResource(d.t.Context(), &licensemanager.UpdateLicenseSpecificationsForResourceInput{
			ResourceArn: &m, AddLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: made.LicenseConfigurationArn}}})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	arn = *made.LicenseConfigurationArn
	return arn, "/console/configurations/" + arn[strings.LastIndex(arn, ":")+1:]
}

// shows fails unless a page has all of the texts.
func (d *desk) shows(path string, texts ...string) string {
	d.t.Helper()
	status, page := d.get(path)
	if status != http.StatusOK {
		d.t.Fatalf("%s answers %d\n%s", path, status, page)
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			d.t.Errorf("%s lacks %q\n%s", path, text, page)
		}
	}
	return page
}

func stamp(t time.Time) string { return url.QueryEscape(t.Format(time.RFC3339)) }

func TestAnExplanationIsTrueAtItsMoment(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	machine := licensetest.MachineARN(licensetest.Root, "i-0")
	d.Put(licensetest.Root, licensetest.Machine(licensetest.Root, "i-0", 4))
	_, path := d.counting(machine)
	d.Clock.Advance(time.Hour)
	then := d.Clock.Now()
	d.Clock.Advance(time.Hour)
	d.Put(licensetest.Root, licensetest.Machine(licensetest.Root, "i-0", 16))
	explain := path + "/explain?resource=" + url.QueryEscape(machine)
	d.shows(explain, `<div class="huge">16</div>`, "virtual processors (vCPU)", "assigned by somebody", "Oracle &lt;b&gt;EE&lt;/b&gt;", "/console/inventory/machine?arn=")
	d.shows(explain+"&at="+stamp(then), `<div class="huge">4</div>`, path+"?at=2026-01-01T01")
	d.shows(explain+"&at=2025-12-31", `<div class="huge dim">0</div>`, "did not exist yet")
	d.Put(licensetest.Root, api.Resource{ResourceArn: &machine, Status: new("stopped")})
	d.shows(explain, `<div class="huge dim">0</div>`, "holds no licence")
	d.shows(path+"/explain", "Which machine, and when?")
	for _, wrong := range []string{"soon", "2030-01-01T12:00"} {
		status, text := d.get(explain + "&at=" + wrong)
		if status != http.StatusBadRequest || !strings.Contains(text, `value="`+wrong+`"`) || !strings.Contains(text, "autofocus") {
			t.Errorf("the moment %s answers %d\n%s", wrong, status, words(text))
		}
	}
}

func TestAnExplanationSaysWhatThingsWereCalledAndWhoSaidSo(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	m := licensetest.Machine(licensetest.Root, "i-0", 4)
	m.Name = new("first <name>")
	d.Put(licensetest.Root, m)
	arn, path := d.counting(*m.ResourceArn)
	d.Clock.Advance(time.Hour)
	m.VCpus = new(int64(1600))
	d.Put(licensetest.Root, m)
	d.Clock.Advance(time.Hour)
	then := d.Clock.Now()
	d.Clock.Advance(time.Hour)
	m.Name = new("second name")
	d.Put(licensetest.Root, m)
	d.Call(licensetest.Root, "AWSLicenseManager.UpdateLicenseConfiguration", &api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, Name: new("renamed")}, nil)
	explain := path + "/explain?resource=" + url.QueryEscape(*m.ResourceArn)
	now, past := d.page(explain), d.page(explain+"&at="+stamp(then))
	d.says(now, "second name i-0 consumes 1,600 licences of renamed", "So since 1 Jan 2026 01:00 : import or API, by root")
	d.says(past, "first <name> i-0 consumed 1,600 licences of Oracle <b>EE</b> at 1 Jan 2026 02:00", "So since 1 Jan 2026 01:00")
	if !strings.Contains(past, "<title>Why Oracle &lt;b&gt;EE&lt;/b&gt; counts first &lt;name&gt;") {
		t.Error("the title is of another moment")
	}
}

func TestTheInventoryIsSearchedAndPaged(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	for n := range 60 {
		m := licensetest.Machine(licensetest.Root, fmt.Sprintf("i-%d", n), 1)
		m.Platform, m.Tags = new("Windows <script>"), []api.Tag{{Key: new("Name"), Value: new(fmt.Sprintf("=web%d", n))}}
		d.Put(licensetest.Root, m)
	}
	page := d.shows("/console/inventory?field=platform&is=CONTAINS&value=%3Cscript&tag=", "i-49", "Windows &lt;script&gt;", "Next →")
	if strings.Contains(page, "/i-50\"") || strings.Contains(page, "<script>") {
		t.Error("the first page has more than it should")
	}
	next := page[strings.LastIndex(page, `href="/console/inventory?`)+len(`href="`):]
	next = strings.ReplaceAll(next[:strings.Index(next, `"`)], "&amp;", "&")
	second := d.shows(next, "i-59", "← Previous")
	if first := d.page(d.linkOf(second, "← Previous")); !strings.Contains(first, "/i-49\"") || strings.Contains(first, "/i-50\"") {
		t.Error("the way back leads elsewhere")
	}
	d.shows("/console/inventory?q="+url.QueryEscape(licensetest.MachineARN(licensetest.Root, "i-3")), "What is known", "Tag Name")
	d.shows("/console/inventory?q="+strings.Repeat("x", 10_000), "Nothing is found.")
	if n := strings.Count(d.shows("/console/inventory?field=platform&is=EQUALS&value=x&tag=&add=1"), `name="field"`); n != 2 {
		t.Errorf("after adding one there are %d conditions", n)
	}
	status, text := d.get("/console/inventory?field=application_name&is=NOT_EQUALS&value=kept")
	if status != http.StatusBadRequest || !strings.Contains(text, "Installed program cannot be searched with") || !strings.Contains(text, `value="kept"`) {
		t.Errorf("%d\n%s", status, text)
	}
}

func TestTheSearchBoxFindsAMachineByWhatPeopleKnowOfIt(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	for n := range 60 {
		d.Put(licensetest.Root, licensetest.Machine(licensetest.Root, fmt.Sprintf("i-%d", n), 1))
	}
	m := licensetest.Machine(licensetest.Root, "i-abc", 1)
	m.Name, m.Platform, m.HostId = new("billing <db>"), new("BeOS"), new("h-0123")
	m.Tags, m.Applications = []api.Tag{{Key: new("team"), Value: new("red")}}, []api.Application{{Name: new("Oracle Database 19c")}}
	d.Put(licensetest.Root, m)
	for what, text := range map[string]string{
		"a name": "BILLING", "an ID": "i-abc", "a part of the ARN": "instance/i-ab", "a host": "h-0123", "a platform": "beos", "a tag": "team=red",
	} {
		page := d.shows("/console/inventory?q="+url.QueryEscape(text), "billing &lt;db&gt;")
		if strings.Contains(page, "/i-1\"") {
			t.Errorf("%s finds others too", what)
		}
	}
	d.Put(licensetest.Root, api.Resource{ResourceArn: m.ResourceArn, Name: new("oracle-1")})
	page := d.shows("/console/inventory?q=oracle", "oracle-1", "Installed programs", "on 1 machine")
	d.shows(d.linkOf(page, "Oracle Database 19c"), "oracle-1")
	page = d.page("/console/inventory?q=i-")
	d.says(page, "i-49", "Next")
	if next := d.page(d.linkOf(page, "Next")); !strings.Contains(next, "oracle-1") {
		t.Error("the second page lacks the last machine")
	}
	d.shows("/console/inventory?q=nothing+of+the+kind", "Nothing is found.")
}

func TestSheetsHaveEveryRowAndNoFormula(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	m := licensetest.Machine(licensetest.Root, "i-0", 1)
	m.Platform, m.InstanceType = new("=HYPERLINK(1)"), new("＝1+1")
	d.Put(licensetest.Root, m, licensetest.Machine(licensetest.Root, "i-1", 1))
	_, text := d.get("/console/inventory/csv")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][3] != "'=HYPERLINK(1)" || rows[1][5] != "'＝1+1" {
		t.Errorf("%v\n%q", err, rows)
	}
}

func TestAMachinePageIsSmallAndTakesNamesAsText(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	machine := licensetest.MachineARN(licensetest.Root, "i-0")
	m := licensetest.Machine(licensetest.Root, "i-0", 4)
	m.Name = new("<script>alert(1)</script>\u202egnp")
	for n := range 1000 {
		m.Applications = append(m.Applications, api.Application{Name: new(fmt.Sprintf("Program <%d>", n)), Publisher: new(strings.Repeat("p", 200)), Version: new("1")})
	}
	d.Put(licensetest.Root, m)
	d.counting(machine)
	d.Clock.Advance(time.Hour)
	m.VCpus, m.Applications = new(int64(8)), m.Applications[:999]
	d.Put(licensetest.Root, m)
	path := "/console/inventory/machine?arn=" + url.QueryEscape(machine)
	page := d.shows(path, "&lt;script&gt;alert(1)", "<bdi>", "999 programs", "4 → <strong>8</strong> licences", `<span class="old"><bdi>4</bdi></span> → <bdi>8</bdi>`, "removed", "/explain?resource=")
	if len(page) > 100_000 || strings.Contains(page, "<script>alert") {
		t.Errorf("the page has %d bytes", len(page))
	}
	d.shows(path+"&software=%3C77%3E", "1 of 999 programs", "Program &lt;77&gt;")
}

func TestLeavingOutNeedsAReasonAndIsTakenBack(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	machine := licensetest.MachineARN(licensetest.Root, "i-0")
	d.Put(licensetest.Root, licensetest.Machine(licensetest.Root, "i-0", 4))
	arn, _ := d.counting(machine)
	form := url.Values{"arn": {machine}, "configuration": {arn}, "owner": {"ann <i>"}, "until": {"2001-01-01"}}
	status, text := d.post("/console/inventory/exclude", form)
	if status != http.StatusBadRequest {
		t.Errorf("without a reason: %d", status)
	}
	d.has("the refused form", text, "an auditor will ask", `value="ann &lt;i&gt;"`, `value="2001-01-01"`, "autofocus", `id="field-reason"`, `aria-describedby="reason-fault"`, `href="#field-reason"`)
	form.Del("until")
	form.Set("reason", "a spare <i>")
	if _, text := d.post("/console/inventory/exclude", form); !strings.Contains(text, "a spare &lt;i&gt;") || !strings.Contains(text, "Count it again") {
		t.Errorf("excluded:\n%s", text)
	}
	if _, text := d.post("/console/inventory/include", form); !strings.Contains(text, "no longer left out") || strings.Contains(text, "a spare") {
		t.Errorf("included:\n%s", text)
	}
}

func TestAComparisonCountsWhatChanged(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	var machines []string
	for n := range 120 {
		id := fmt.Sprintf("i-%03d", n)
		d.Put(licensetest.Root, licensetest.Machine(licensetest.Root, id, 2))
		machines = append(machines, licensetest.MachineARN(licensetest.Root, id))
	}
	arn, path := d.counting(machines...)
	d.Clock.Advance(time.Hour)
	then := d.Clock.Now()
	d.Clock.Advance(time.Hour)
	d.Put(licensetest.Root, licensetest.Machine(licensetest.Root, "i-000", 7))
	m := licensetest.Machine(licensetest.Root, "i-001", 2)
	m.Name = new("billing <db>")
	d.Put(licensetest.Root, m)
	d.Call(licensetest.Root, "AWSLicenseManager.UpdateLicenseConfiguration", &api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, Name: new("a later name")}, nil)
	compare := path + "/compare?from="
	d.says(d.shows(compare+stamp(then), "&#43;5", ">240<", ">245<", "i-000"), "0 new (0) 0 no longer (0) 1 changed (+5)", "a later name")
	page := d.shows(compare+"2025-12-31", "&#43;245", "billing &lt;db&gt;")
	d.says(page, "120 new (+245)", "1–100 of 120")
	if n := strings.Count(page, "why?"); n != 100 {
		t.Errorf("the first page has %d rows", n)
	}
	second := d.page(d.linkOf(page, "Next"))
	d.says(second, "101–120 of 120", "120 new (+245)")
	if back := d.page(d.linkOf(second, "← Previous")); words(back) != words(d.page(d.linkOf(second, "← Previous"))) || !strings.Contains(back, "billing") {
		t.Error("the way back leads elsewhere")
	}
	d.says(d.page(compare+"2025-12-31&to="+stamp(then)), "What changed in Oracle <b>EE</b>")
	for _, wrong := range []string{"from=soon", "from=2026-02-01&to=2026-01-01", "from=2030-01-01T12:00"} {
		if status, text := d.get(path + "/compare?" + wrong); status != http.StatusBadRequest || !strings.Contains(text, "autofocus") || !strings.Contains(text, `name="from"`) {
			t.Errorf("%s is answered with %d\n%s", wrong, status, text)
		}
	}
	_, text := d.get(path + "/compare/csv?from=2025-12-31")
	if n := strings.Count(text, "\nadded,"); n != 120 {
		t.Errorf("the sheet has %d rows", n)
	}
}

func TestOtherAccountsAreOutOfReach(t *testing.T) {
	const other = "222222222222"
	d := signedIn(t, other)
	machine := licensetest.MachineARN(licensetest.Root, "i-0")
	d.Put(licensetest.Root, licensetest.Machine(licensetest.Root, "i-0", 4))
	arn, _ := d.counting(machine)
	path := "/console/configurations/" + licensetest.Root + ":" + arn[strings.LastIndex(arn, ":")+1:]
	for _, page := range []string{"/console/inventory/machine?arn=" + url.QueryEscape(machine), path + "/explain?resource=" + url.QueryEscape(machine), path + "/compare?from=2025-12-31", path + "/compare/csv?from=2025-12-31"} {
		if status, text := d.get(page); status < 400 || strings.Contains(text, "Oracle") {
			t.Errorf("%s answers %d\n%s", page, status, text)
		}
	}
	if _, text := d.get("/console/inventory"); strings.Contains(text, "i-0<") {
		t.Error("the inventory has another account's machine")
	}
	status, text := d.get("/console/sources")
	if status != http.StatusForbidden || !strings.Contains(text, "kept by the root account") || !strings.Contains(text, "Agents on machines") {
		t.Errorf("sources: %d\n%s", status, text)
	}
	if status, _ := d.post("/console/sources/x/run", nil); status != http.StatusForbidden {
		t.Errorf("running a source answers %d", status)
	}
}

func TestASourceIsPausedResumedAndRun(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	d.shows("/console/sources", "There is none yet", "glpi-agent --server")
	d.Call(licensetest.Root, api.Reeve+".PutSources", &api.PutSourcesInput{Sources: []api.SourceDefinition{{
		Name: new("drop"), Kind: new("directory"), Settings: new(`{"path":"` + t.TempDir() + `"}`), AccountId: new(licensetest.Root), Region: new(licensetest.Region)}}}, nil)
	d.shows("/console/sources", "/console/sources/drop")
	for action, shown := range map[string]string{"pause": "Resume", "run": "A run is asked for"} {
		if status, text := d.post("/console/sources/drop/"+action, nil); status != http.StatusOK || !strings.Contains(text, shown) {
			t.Errorf("%s answers %d\n%s", action, status, text)
		}
	}
	if status, _ := d.post("/console/sources/none/pause", nil); status < 400 {
		t.Errorf("pausing a source that is not there answers %d", status)
	}
	if status, _ := d.post("/console/sources/drop/remove", nil); status != http.StatusNotFound {
		t.Errorf("an unknown action answers %d", status)
	}
}

func TestSoftwareLeadsToCountingIt(t *testing.T) {
	d := signedIn(t, licensetest.Root)
	m := licensetest.Machine(licensetest.Root, "i-0", 4)
	m.Applications = []api.Application{{Name: new("Toad & <Co>"), Publisher: new("Quest")}}
	d.Put(licensetest.Root, m)
	d.shows("/console/inventory/software", "Toad &amp; &lt;Co&gt;", "/console/configurations/new?application=Toad&#43;%26&#43;%3CCo%3E&amp;publisher=Quest")
}
