package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/console"
	"reeve/internal/licensetest"
	"reeve/internal/server"
)

// lacking is the API for somebody who may not call one operation, or, allowed, whom
// it answers with an error of the server's.
type lacking struct {
	console.API
	operation *string
	allowed   *bool
}

func (l lacking) Allows(ctx context.Context, who server.Caller, operation string, in any) bool {
	return (*l.allowed || operation != *l.operation) && l.API.Allows(ctx, who, operation, in)
}

func (l lacking) Call(ctx context.Context, who server.Caller, operation string, in, out any) error {
	switch {
	case operation != *l.operation:
		return l.API.Call(ctx, who, operation, in, out)
	case *l.allowed:
		return errors.New("the database is gone")
	}
	return &awsjson.Fault{Code: "AuthorizationException", Status: http.StatusBadRequest, Message: "Your policies do not allow " + operation}
}

// A page that begins before all of it is read has the status of whatever refuses
// it, and shows no figures where they could not be read.
func TestAPageThatBeginsEarlyIsRefusedAndFailsAsAWhole(t *testing.T) {
	var operation string
	var allowed bool
	d := openDeskWith(t, func(s *licensetest.Server, cfg *console.Config) {
		cfg.Now, cfg.API = s.Clock.Now, lacking{cfg.API, &operation, &allowed}
	})
	d.signIn(d.Credentials(ledgerAccount))
	arn, path := d.create(api.CreateLicenseConfigurationInput{Name: new("fleet"), LicenseCount: new(int64(10))})
	d.use(arn, 2, 3)
	machine := "resource=" + url.QueryEscape(licensetest.MachineARN(ledgerAccount, "i-0"))
	for page, of := range map[string]struct {
		figures    string // that it has
		operations []string
	}{
		"/console/":                {"Over-used", []string{"ListPositions"}},
		path:                       {"In use", []string{"GetUsageHistory", "ListPositions", "ListUsageForLicenseConfiguration"}},
		path + "?type=RDS":         {"In use", []string{"GetUsageHistory", "ListPositions"}},
		path + "?tab=associations": {"In use", []string{"ListAssociations"}},
		path + "?tab=discovery":    {"In use", []string{"ListExclusions"}},
		path + "?tab=failures":     {"In use", []string{"ListFailuresForLicenseConfigurationOperations"}},
		path + "/compare?from=" + licensetest.Epoch.Format(time.RFC3339): {"consumed", []string{"CompareUsage"}},
		"/console/inventory":        {"Kind", []string{"ListResourceInventory"}},
		"/console/inventory?q=none": {"Nothing is found", []string{"FindResources"}},
		"/console/what-if":          {"Launch machines", []string{"ListLicenseConfigurations"}},
		"/console/inventory/machine?arn=" + strings.TrimPrefix(machine, "resource="): {"version 1", []string{"ListResourceVersions"}},
	} {
		operation = ""
		d.says(d.page(page), of.figures)
		for _, operation = range of.operations {
			allowed = false
			if status, text := d.get(page); status != http.StatusForbidden || !strings.Contains(text, "do not allow "+operation) {
				t.Errorf("%s without %s answers %d:\n%s", page, operation, status, words(text))
			}
			allowed = true
			text := d.page(page)
			d.says(text, "the server could not finish the page")
			d.silent(text, of.figures)
		}
	}
}

// Where policies allow a page, what else its address has wrong is still refused with
// the status of that, before anything is sent.
func TestAPageThatBeginsEarlyRefusesItsAddress(t *testing.T) {
	d := positionDesk(t)
	_, path := d.create(api.CreateLicenseConfigurationInput{Name: new("fleet"), LicenseCount: new(int64(10))})
	for _, wrong := range []string{
		path + "?token=nonsense", path + "?type=RDS&token=nonsense", path + "?sort=since&token=nonsense",
		path + "?tab=associations&token=nonsense", path + "?tab=revisions&token=nonsense", path + "?tab=failures&token=nonsense", path + "?from=2030-01-01",
		path + "/compare?from=2030-01-01T12:00", path + "/compare?from=1900-01-01", path + "/compare?from=2026-01-01&to=2030-01-01T12:00",
		path + "/explain?resource=nonsense", "/console/?at=2030-01-01", "/console/inventory?page=nonsense", "/console/inventory?q=a&page=nonsense",
		"/console/inventory/machine?history=nonsense&arn=" + url.QueryEscape(licensetest.MachineARN(ledgerAccount, "i-0")),
	} {
		if status, text := d.get(wrong); status < 400 || status >= 500 {
			t.Errorf("%s answers %d: %s", wrong, status, words(text))
		}
	}
}

// The parts of pages that are read last say so where they cannot be read.
func TestWhatCannotBeReadLaterIsNotShownAsNothing(t *testing.T) {
	operation, allowed := "", true
	d := openDeskWith(t, func(s *licensetest.Server, cfg *console.Config) {
		cfg.Now, cfg.API = s.Clock.Now, lacking{cfg.API, &operation, &allowed}
	})
	d.signIn(d.Credentials(ledgerAccount))
	arn, _ := d.create(api.CreateLicenseConfigurationInput{Name: new("fleet"), LicenseCount: new(int64(10))})
	d.use(arn, 2, 3)
	operation = "ListSoftware"
	text := d.page("/console/inventory?q=nothing-has-this")
	d.says(text, "The search could not be finished.")
	d.silent(text, "Nothing is found")
}

// Who looks for an ID finds it first, once, and what else has it in its name.
func TestAnIDIsFoundFirstAndOnce(t *testing.T) {
	d := positionDesk(t)
	for _, id := range []string{"i-10", "i-100", "i-1"} {
		d.Put(ledgerAccount, licensetest.Machine(ledgerAccount, id, 2))
	}
	text := d.page("/console/inventory?" + url.Values{"q": {"i-1"}}.Encode())
	_, table, _ := strings.Cut(text, "<tbody>")
	var last int
	for _, id := range []string{"i-1", "i-10", "i-100"} {
		at := strings.Index(table, ">"+id+"<")
		if at <= last || strings.Count(table, ">"+id+"<") != 1 {
			t.Errorf("%s is in the wrong place or not there once:\n%s", id, words(table))
		}
		last = at
	}
}

// Pages stay below 100 KB, whatever the configuration or the inventory holds.
func TestPagesOfALargeFleetAreSmall(t *testing.T) {
	f := largeFleet(t, 1200)
	var named []api.Resource
	for i := range 1000 {
		named = append(named, api.Resource{ResourceArn: new(f.machine(i)), Name: new(strings.Repeat("long-name.", 6))})
	}
	f.Put(ledgerAccount, named...)
	for i := range 20 { // revisions of many machines
		f.Clock.Advance(1)
		changed := make([]api.Resource, 20)
		for n := range changed {
			changed[n] = api.Resource{ResourceArn: new(f.machine(n)), VCpus: new(int64(i + 10))}
		}
		f.Put(ledgerAccount, changed...)
	}
	for _, page := range f.pages() {
		if n := len(f.page(page.path)); n > 100_000 {
			t.Errorf("%s has %d bytes", page.name, n)
		}
	}
}
