package console_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

// BenchmarkFirstByte says how long the main pages take to their first byte over
// REEVE_BENCH_RECORDS usage records of one configuration, and how many times as
// long as one page of ListUsageForLicenseConfiguration in the same run.
func BenchmarkFirstByte(b *testing.B) {
	records, err := strconv.Atoi(os.Getenv("REEVE_BENCH_RECORDS"))
	if err != nil {
		records = 12_000 // more than the console sorts
	}
	d := positionDesk(b)
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("fleet"), LicenseCount: new(int64(records))})
	d.fleet(arn, records)
	then := d.Clock.Now().Format(time.RFC3339)
	d.Clock.Advance(24 * time.Hour)
	machine := url.QueryEscape(licensetest.MachineARN(ledgerAccount, "i-"+strconv.Itoa(records/2)))
	in := &api.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &arn, MaxResults: new(int64(50))}
	for _, page := range []struct{ name, path string }{
		{"overview", "/console/"}, {"overview-past", "/console/?at=" + then}, {"configurations", "/console/configurations"},
		{"usage", path}, {"usage-past", path + "?at=" + then}, {"usage-filtered", path + "?arn=" + machine}, {"associations", path + "?tab=associations"},
		{"revisions", path + "?tab=revisions"}, {"explain", path + "/explain?resource=" + machine}, {"compare", path + "/compare?from=" + then},
		{"what-if", "/console/what-if?do=launch&machines=10&vcpus=2&configuration=" + url.QueryEscape(arn)},
		{"inventory", "/console/inventory"}, {"inventory-found", "/console/inventory?q=i-" + strconv.Itoa(records/2)}, {"machine", "/console/inventory/machine?arn=" + machine},
	} {
		b.Run(page.name, func(b *testing.B) {
			var list, first time.Duration
			for b.Loop() {
				begin := time.Now()
				d.Call(ledgerAccount, "AWSLicenseManager.ListUsageForLicenseConfiguration", in, nil)
				list += time.Since(begin)
				first += d.firstByte(page.path)
			}
			b.ReportMetric(float64(first.Microseconds())/float64(b.N)/1000, "ms-first-byte")
			b.ReportMetric(float64(first)/float64(list), "times-ListUsage")
			b.ReportMetric(0, "ns/op") // both together say nothing
		})
	}
}

// firstByte is the time from asking for a page to the first byte of its text.
func (d *desk) firstByte(path string) time.Duration {
	d.t.Helper()
	begin := time.Now()
	answer, err := d.client.Get(d.url + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	_, err = io.ReadFull(answer.Body, make([]byte, 1))
	took := time.Since(begin)
	if err != nil || answer.StatusCode != http.StatusOK {
		d.t.Fatalf("%s is answered with %d, %v", path, answer.StatusCode, err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		d.t.Fatal(err)
	}
	return took
}
