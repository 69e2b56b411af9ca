package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/console"
	"reeve/internal/licensetest"
)

const ledgerAccount = "222222222222"

// hostileText is a name that breaks a page wherever it is not written as text.
const hostileText = `"><script>alert(1)</script><b onmouseover='x'>{{.}}</b>&amp;`

// positionDesk is a desk whose clock is that of the ledgers, with somebody
// signed in who may see the names of machines.
func positionDesk(t testing.TB) *desk {
	t.Helper()
	d := openDeskWith(t, atTheClockOfTheLedgers)
	d.signIn(d.Credentials(ledgerAccount))
	return d
}

func atTheClockOfTheLedgers(s *licensetest.Server, cfg *console.Config) { cfg.Now = s.Clock.Now }

// newClient is another browser.
func newClient(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// create makes a configuration and returns its ARN and its page.
func (d *desk) create(in api.CreateLicenseConfigurationInput) (arn, path string) {
	d.t.Helper()
	if in.LicenseCountingType == nil {
		in.LicenseCountingType = new("vCPU")
	}
	var out api.CreateLicenseConfigurationOutput
	d.Call(ledgerAccount, "AWSLicenseManager.CreateLicenseConfiguration", &in, &out)
	return *out.LicenseConfigurationArn, "/console/configurations/" + (*out.LicenseConfigurationArn)[strings.LastIndexByte(*out.LicenseConfigurationArn, ':')+1:]
}

// use reports machines i-0, i-1 … of these sizes and associates them.
func (d *desk) use(arn string, sizes ...int64) {
	d.t.Helper()
	for i, n := range sizes {
		id := fmt.Sprintf("i-%d", i)
		d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, id, n))
		d.Call(ledgerAccount, "AWSLicenseManager.UpdateLicenseSpecificationsForResource", &api.UpdateLicenseSpecificationsForResourceInput{
			ResourceArn: new(licensetest.MachineARN(ledgerAccount, id)), AddLicenseSpecifications: []api.LicenseSpecification{{LicenseConfigurationArn: &arn}}}, nil)
	}
}

func (d *desk) update(in api.UpdateLicenseConfigurationInput) {
	d.t.Helper()
	d.Call(ledgerAccount, "AWSLicenseManager.UpdateLicenseConfiguration", &in, nil)
}

// page returns a page that must be there.
func (d *desk) page(path string) string {
	d.t.Helper()
	status, text := d.get(path)
	if status != http.StatusOK {
		d.t.Fatalf("%s answers %d:\n%s", path, status, words(text))
	}
	return text
}

var (
	tags   = regexp.MustCompile(`(?s)<script.*?</script>|<style.*?</style>|<title>.*?</title>|<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// words is what of a page is read: its text, without markup.
func words(text string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(text, " ")), " "))
}

// body leaves out of a page's words what every page has.
func body(read string) string {
	_, after, _ := strings.Cut(read, "Sign out")
	before, _, _ := strings.Cut(after, "Keyboard g o")
	return before
}

// says fails the test unless a page's text has all of the words.
func (d *desk) says(text string, want ...string) {
	d.t.Helper()
	read := words(text)
	for _, w := range want {
		if !strings.Contains(read, w) {
			d.t.Errorf("the page does not say %q:\n%s", w, body(read))
		}
	}
}

func (d *desk) silent(text string, unwanted ...string) {
	d.t.Helper()
	read := words(text)
	for _, w := range unwanted {
		if strings.Contains(read, w) {
			d.t.Errorf("the page says %q:\n%s", w, body(read))
		}
	}
}

// linkOf is the address of the first link whose text begins with these words.
func (d *desk) linkOf(text, begin string) string {
	d.t.Helper()
	_, text, _ = strings.Cut(text, "<main")
	for _, found := range regexp.MustCompile(`(?s)<a[^>]*href="([^"]*)"[^>]*>(.*?)</a>`).FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(words(found[2]), begin) {
			return strings.Split(html.UnescapeString(found[1]), "#")[0]
		}
	}
	d.t.Fatalf("there is no link %q in\n%s", begin, words(text))
	return ""
}

// at is the parameter of a moment.
func at(t time.Time) string { return url.Values{"at": {t.UTC().Format(time.RFC3339)}}.Encode() }

func TestTheFirstPageOfAnEmptyServerSaysWhatToDo(t *testing.T) {
	d := positionDesk(t)
	text := d.page("/console/")
	d.says(text, "Nothing is counted yet", "Create a licence configuration", "add a source")
	if d.linkOf(text, "Create the first configuration") != "/console/configurations/new" {
		t.Error("it does not lead to the form")
	}
	d.says(d.page("/console/configurations"), "There is no configuration yet")
}

func TestTheOverviewShowsTheWorstFirst(t *testing.T) {
	d := positionDesk(t)
	calm, _ := d.create(api.CreateLicenseConfigurationInput{Name: new("calm"), LicenseCount: new(int64(100))})
	over, _ := d.create(api.CreateLicenseConfigurationInput{Name: new("over"), LicenseCount: new(int64(4))})
	d.create(api.CreateLicenseConfigurationInput{Name: new("free")})
	d.create(api.CreateLicenseConfigurationInput{Name: new("ending"), LicenseCount: new(int64(5)), LicenseExpiry: new(d.Clock.Now().Add(70 * 24 * time.Hour).Unix())})
	hard, _ := d.create(api.CreateLicenseConfigurationInput{Name: new("hard"), LicenseCount: new(int64(3)), LicenseCountHardLimit: new(true)})
	d.use(hard, 2)
	d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, "i-0", 9)) // does not fit
	d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, "i-0", 2))
	d.use(calm, 2, 1)
	d.use(over, 2, 1)
	d.Clock.Advance(40 * 24 * time.Hour)
	d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, "i-1", 5))
	d.Clock.Advance(24 * time.Hour)

	text := d.page("/console/")
	read := words(text)
	last := 0
	for _, name := range []string{"over vCPUs 3 over since 10 Feb 2026 00:00 7 4 175 % in use 7 7 7", "ending vCPUs 0 5", "hard vCPUs · hard limit 2 3", "calm vCPUs 7 100 7 % in use", "free vCPUs 0 unlimited"} {
		i := strings.Index(read, name)
		if i < last {
			t.Errorf("%q is not in its place (%d after %d) of\n%s", name, i, last, read)
		}
		last = i
	}
	d.says(text, "Configurations 5", "Over-used 1", "Failures 0", "Expired or soon 1", "12 Mar 2026 in 29 days")

	past := d.page("/console/?" + at(d.Clock.Now().Add(-10*24*time.Hour)))
	d.says(past, "This is how it was at 1 Feb 2026 00:00", "Over-used 0", "over vCPUs 3 4")
	d.silent(past, "Failures 0", "Unlicensed")
	if href := d.linkOf(past, "over"); !strings.Contains(href, "at=2026-02-01T00%3A00%3A00Z") {
		t.Errorf("its rows lead to %s", href)
	}
	d.says(d.page("/console/?"+at(licensetest.Epoch.Add(-time.Hour))), "There was no configuration at that moment.")
	status, text := d.get("/console/?at=2030-01-01")
	if status != http.StatusBadRequest || !strings.Contains(text, "in the future") {
		t.Errorf("the future answers %d: %s", status, words(text))
	}
	d.has("the page that refuses it", text, `name="at" step="1" value="2030-01-01"`, `id="field-at"`, "autofocus")
}

func TestTheOverviewCountsFailures(t *testing.T) {
	d := positionDesk(t)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("hard"), LicenseCount: new(int64(4)), LicenseCountHardLimit: new(true)})
	d.use(arn, 2, 2)
	d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, "i-1", 9))
	text := d.page("/console/")
	d.says(text, "Failures 1 of single machines", "Unlicensed machines 1", "1 1 unlicensed")
	failures := d.page(path + "?tab=failures")
	d.says(failures, "Not enough licenses: i-1 needs 7 more of this configuration, 4 of 4 are in use")
	d.says(d.page(path+"?tab=associations"), "i-1 no licence EC2 instance")
}

func TestTheOverviewIsPaged(t *testing.T) {
	d := positionDesk(t)
	for i := range 53 {
		d.create(api.CreateLicenseConfigurationInput{Name: new(fmt.Sprintf("licence %02d", i)), LicenseCount: new(int64(1))})
	}
	first := d.page("/console/")
	d.says(first, "1–50 of 53", "licence 49")
	d.silent(first, "licence 50")
	second := d.page(d.linkOf(first, "Next"))
	d.says(second, "51–53 of 53", "licence 52")
	d.silent(second, "licence 49")
	if back := d.page(d.linkOf(second, "← Previous")); words(back) != words(first) {
		t.Error("the way back leads elsewhere")
	}
	if n := len(first); n > 100_000 {
		t.Errorf("the page has %d bytes", n)
	}
}
