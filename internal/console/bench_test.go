package console_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// BenchmarkFirstByte says how long the main pages take to their first byte and to
// their last one, over REEVE_BENCH_RECORDS usage records of one configuration, and
// how many times as long as pages of ListUsageForLicenseConfiguration, which are
// asked for in turns with it, signed and over HTTP: one of 50 and one of 1000 rows,
// always the same, which the server keeps, and one of 1000 rows that was not asked
// for before. All figures are medians.
func BenchmarkFirstByte(b *testing.B) {
	records, err := strconv.Atoi(os.Getenv("REEVE_BENCH_RECORDS"))
	if err != nil {
		records = 12_000 // more than the console sorts
	}
	f := largeFleet(b, records)
	for _, page := range f.pages() {
		b.Run(page.name, func(b *testing.B) {
			var small, large, other, first, whole []time.Duration
			size := 0
			for b.Loop() {
				small, large, other = append(small, f.apiPage(50)), append(large, f.apiPage(1000)), append(other, f.newPage())
				begun, done, n := f.visit(page.path)
				first, whole, size = append(first, begun), append(whole, done), n
			}
			b.ReportMetric(middle(first)*1000, "ms-first-byte")
			b.ReportMetric(middle(whole)*1000, "ms-whole")
			b.ReportMetric(middle(small)*1000, "ms-page-50")
			b.ReportMetric(middle(large)*1000, "ms-page-1000")
			b.ReportMetric(middle(other)*1000, "ms-page-1000-new")
			b.ReportMetric(middle(first)/middle(small), "first/page-50")
			b.ReportMetric(middle(first)/middle(large), "first/page-1000")
			b.ReportMetric(middle(first)/middle(other), "first/page-1000-new")
			b.ReportMetric(float64(size)/1000, "kB")
			b.ReportMetric(0, "ns/op") // all together say nothing
		})
	}
}

// middle is the median in seconds.
func middle(of []time.Duration) float64 {
	slices.Sort(of)
	return of[len(of)/2].Seconds()
}

// benchFleet is a configuration with very many machines, of which the first have
// changed since then.
type benchFleet struct {
	*desk
	arn, path string
	records   int
	then      string
	next      string // token of the next newPage; "" for the first
}

// changedSince is how many machines of a benchFleet have changed, spread over it.
const changedSince = 50

func largeFleet(t testing.TB, records int) *benchFleet {
	f := &benchFleet{desk: positionDesk(t), records: records}
	f.arn, f.path = f.create(api.CreateLicenseConfigurationInput{Name: new("fleet"), LicenseCount: new(int64(records))})
	f.Clock.Advance(24 * time.Hour)
	f.fleet(f.arn, records)
	f.Clock.Advance(24 * time.Hour)
	f.then = f.Clock.Now().Format(time.RFC3339)
	f.Clock.Advance(24 * time.Hour)
	var changed []api.Resource
	for i := 0; i < records; i += max(1, records/changedSince) {
		changed = append(changed, api.Resource{ResourceArn: new(f.machine(i)), VCpus: new(int64(7)), AmiId: new("ami-1"), Status: new("running")})
	}
	f.Put(ledgerAccount, changed...)
	f.Clock.Advance(24 * time.Hour)
	return f
}

func (f *benchFleet) machine(i int) string {
	return licensetest.MachineARN(ledgerAccount, "i-"+strconv.Itoa(i))
}

// benchPage is a page of the console by the name that it is reported under.
type benchPage struct{ name, path string }

// pages are the pages that read the ledger or the inventory, each in the ways that
// cost the most.
func (f *benchFleet) pages() []benchPage {
	start := licensetest.Epoch.Add(time.Hour).Format(time.RFC3339) // before the first machine
	machine := url.QueryEscape(f.machine(f.records / 2))
	path := f.path
	return []benchPage{
		{"overview", "/console/"}, {"overview-past", "/console/?at=" + f.then}, {"configurations", "/console/configurations"},
		{"usage", path}, {"usage-past", path + "?at=" + f.then}, {"usage-machine", path + "?arn=" + machine},
		{"usage-type", path + "?type=EC2_INSTANCE"}, {"associations", path + "?tab=associations"}, {"revisions", path + "?tab=revisions"},
		{"explain", path + "/explain?resource=" + machine}, {"explain-past", path + "/explain?resource=" + machine + "&at=" + f.then},
		{"compare-few", path + "/compare?from=" + f.then}, {"compare-all", path + "/compare?from=" + start},
		{"what-if", "/console/what-if?" + url.Values{"plan": {url.Values{"do": {"launch"}, "machines": {"10"}, "vcpus": {"2"}, "configuration": {f.arn}}.Encode()}}.Encode()},
		{"inventory", "/console/inventory"}, {"inventory-found", "/console/inventory?q=i-" + strconv.Itoa(f.records/2)},
		{"inventory-none", "/console/inventory?q=nothing-has-this"}, {"inventory-platform", "/console/inventory?field=platform&is=EQUALS&value=LINUX_UNIX"},
		{"machine", "/console/inventory/machine?arn=" + machine},
	}
}

// nextPage finds the token in an answer.
var nextPage = regexp.MustCompile(`"NextToken":"([^"]*)"`)

// apiPage is the time that the first page of usage takes as programs ask for it.
func (f *benchFleet) apiPage(rows int) time.Duration {
	f.t.Helper()
	took, _ := f.list(fmt.Sprintf(`{"LicenseConfigurationArn":%q,"MaxResults":%d}`, f.arn, rows))
	return took
}

// newPage is the same for 1000 rows behind those that it had before. After the last
// it begins anew, with pages that the server has kept: 1,000,000 records are enough
// for 50 of each page of the console.
func (f *benchFleet) newPage() time.Duration {
	f.t.Helper()
	in := fmt.Sprintf(`{"LicenseConfigurationArn":%q,"MaxResults":1000}`, f.arn)
	if f.next != "" {
		in = fmt.Sprintf(`{"LicenseConfigurationArn":%q,"MaxResults":1000,"NextToken":%q}`, f.arn, f.next)
	}
	took, answer := f.list(in)
	f.next = ""
	if found := nextPage.FindStringSubmatch(answer); found != nil {
		f.next = found[1]
	}
	return took
}

func (f *benchFleet) list(in string) (took time.Duration, answer string) {
	f.t.Helper()
	begin := time.Now()
	sent := f.Send(f.URL, ledgerAccount, "AWSLicenseManager.ListUsageForLicenseConfiguration", in)
	took = time.Since(begin)
	if sent.Status != http.StatusOK {
		f.t.Fatalf("a page of usage is answered with %d: %s", sent.Status, sent.Body)
	}
	return took, sent.Body
}

// visit is the time from asking for a page to the first and to the last byte of
// its text, and how many it has.
func (f *benchFleet) visit(path string) (first, whole time.Duration, size int) {
	f.t.Helper()
	begin := time.Now()
	answer, err := f.client.Get(f.url + path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer answer.Body.Close()
	text := make([]byte, 1)
	_, err = io.ReadFull(answer.Body, text)
	first = time.Since(begin)
	if err != nil || answer.StatusCode != http.StatusOK {
		f.t.Fatalf("%s is answered with %d, %v", path, answer.StatusCode, err)
	}
	rest, err := io.Copy(io.Discard, answer.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return first, time.Since(begin), 1 + int(rest)
}
