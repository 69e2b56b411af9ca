package store_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"reeve/internal/license"
	"reeve/internal/store"
)

// BenchmarkInventory measures pages of 100 resources of inventories of 1,000
// machines and of REEVE_BENCH_MACHINES (30,000 unless it is set), each with 200
// applications, and reports how the two compare: "ratio" with the same search of
// the small inventory, "of-a-page" with a full page of it without filters, which
// says more where the small one has few matches. "first" is the first page,
// "middle" one from the middle of the inventory.
func BenchmarkInventory(b *testing.B) {
	machines := 30_000
	if text := os.Getenv("REEVE_BENCH_MACHINES"); text != "" {
		var err error
		if machines, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	small, large := newPark(b, 1000), newPark(b, machines)
	for _, c := range parkFilters() {
		for _, place := range []string{"first", "middle"} {
			b.Run(c.name+"/"+place, func(b *testing.B) {
				after := map[string][2]int64{"first": {}, "middle": {small.machines / 2, large.machines / 2}}[place]
				var took [3][]time.Duration
				var rows, pages [3]int
				for b.Loop() {
					for i, p := range []*park{small, large, small} {
						filters := c.filters
						if i == 2 {
							filters = nil
						}
						began := time.Now()
						rows[i], pages[i] = p.page(b, filters, after[i%2])
						took[i] = append(took[i], time.Since(began))
					}
				}
				b.ReportMetric(median(took[0]), "µs/1000")
				b.ReportMetric(median(took[1]), "µs/large")
				b.ReportMetric(median(took[1])/median(took[0]), "ratio")
				b.ReportMetric(median(took[1])/median(took[2]), "of-a-page")
				b.ReportMetric(float64(rows[0]), "rows/1000")
				b.ReportMetric(float64(rows[1]), "rows/large")
				b.ReportMetric(float64(pages[1]), "pages")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2]) / 1e3
}

// park is an inventory of made-up machines, numbered from 1.
type park struct {
	store    *store.Store
	machines int64
}

const (
	parkAccount  = "111122223333"
	parkPrograms = 20_000 // kinds of applications
	parkBatch    = 64
)

func newPark(b *testing.B, machines int) *park {
	b.Helper()
	p := &park{store: openBench(b), machines: int64(machines)}
	random := rand.New(rand.NewPCG(1, 2))
	began := time.Now()
	for first := 0; first < machines; first += parkBatch {
		var rs []*license.Resource
		var apps []license.Software
		for n := first; n < min(first+parkBatch, machines); n++ {
			r := parkMachine(n)
			rs = append(rs, r)
			apps = append(apps, license.Software{Resource: r.Num, Version: 1, Applications: parkSoftware(random)})
		}
		err := p.store.Update(context.Background(), func(tx license.Tx) error {
			if err := tx.InsertResources(rs); err != nil {
				return err
			}
			return tx.SaveSoftware(apps, 1)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d machines were written in %v", machines, time.Since(began).Round(time.Millisecond))
	return p
}

// parkMachine has a platform of few, one that a thousandth has, or one that ten
// have, and tags in the same way.
func parkMachine(n int) *license.Resource {
	platforms := []string{"Windows Server 2022", "Windows Server 2019", "Debian GNU/Linux 12", "Ubuntu 24.04", "Red Hat Enterprise Linux 9"}
	r := &license.Resource{
		Num: int64(n + 1), Account: parkAccount, Owner: parkAccount, Type: license.ManagedInstance, Version: 1,
		ARN:   fmt.Sprintf("arn:aws:ssm:eu-west-1:%s:managed-instance/mi-%017x", parkAccount, n),
		Facts: license.Facts{Status: "Online", Platform: platforms[n%len(platforms)], Software: 1},
	}
	r.Facts.Tags = []license.Tag{{Key: "env", Value: []string{"production", "test"}[n%2]}, {Key: "name", Value: fmt.Sprintf("host%d", n)}}
	switch {
	case n%2 == 0:
		r.Facts.LicenseIncluded = []string{"windows-server-datacenter"}
	case n%997 == 0:
		r.Facts.LicenseIncluded = []string{"sql-server-web"}
	}
	if n%997 == 1 {
		r.Facts.Platform, r.Owner = "Solaris 11", "444455556666"
		r.Facts.Tags[0].Value = "rare"
	}
	return r
}

// parkSoftware draws 200 applications: program k is on about one machine in k/100.
func parkSoftware(random *rand.Rand) []license.Application {
	names := map[int]bool{}
	for len(names) < 200 {
		names[int(math.Pow(parkPrograms, random.Float64()*1.05-0.05))] = true
	}
	apps := make([]license.Application, 0, len(names))
	for k := range names {
		apps = append(apps, license.Application{Name: parkProgram(k), Publisher: fmt.Sprintf("Publisher %d", k%700), Version: fmt.Sprintf("%d.%d", k%9, random.IntN(30))})
	}
	slices.SortFunc(apps, func(a, b license.Application) int { return compareNames(a.Name, b.Name) })
	return apps
}

func compareNames(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// parkProgram is the name of the k-th most frequent application.
func parkProgram(k int) string {
	words := []string{"Office", "Database", "Browser", "Runtime", "Library", "Agent", "Driver", "Viewer", "Compiler", "Monitor"}
	return fmt.Sprintf("%s %s %d", []string{"Acme", "Globex", "Initech", "Umbrella"}[k%4], words[k%len(words)], k)
}

type parkFilter struct {
	name    string
	filters []license.InventoryFilter
}

func parkFilters() []parkFilter {
	filter := func(name string, condition license.InventoryCondition, value string) license.InventoryFilter {
		return license.InventoryFilter{Name: name, Condition: condition, Value: value}
	}
	list := func(f ...license.InventoryFilter) []license.InventoryFilter { return f }
	dense, rare := filter("application_name", license.Equals, parkProgram(2)), filter("application_name", license.Equals, parkProgram(19_000))
	prefix := filter("application_name", license.BeginsWith, "Acme")
	return []parkFilter{
		{"none", nil},
		{"application/equals-dense", list(dense)},
		{"application/equals-rare", list(rare)},
		{"application/not-equals-dense", list(filter("application_name", license.NotEquals, parkProgram(2)))},
		{"application/not-equals-rare", list(filter("application_name", license.NotEquals, parkProgram(19_000)))},
		{"application/begins-dense", list(prefix)},
		{"application/begins-one-in-ten", list(filter("application_name", license.BeginsWith, "Globex Agent 1"))},
		{"application/begins-rare", list(filter("application_name", license.BeginsWith, "Globex Agent 1900"))},
		{"application/begins-none", list(filter("application_name", license.BeginsWith, "Zeta"))},
		{"application/contains-dense", list(filter("application_name", license.Contains, "Office"))},
		{"application/contains-rare", list(filter("application_name", license.Contains, "19005"))},
		{"license-included/equals-dense", list(filter("license_included", license.Equals, "windows-server-datacenter"))},
		{"license-included/equals-rare", list(filter("license_included", license.Equals, "sql-server-web"))},
		{"license-included/not-equals", list(filter("license_included", license.NotEquals, "windows-server-datacenter"))},
		{"resource-id/equals", list(filter("resource_id", license.Equals, fmt.Sprintf("mi-%017x", 900)))},
		{"resource-id/not-equals", list(filter("resource_id", license.NotEquals, fmt.Sprintf("mi-%017x", 900)))},
		{"platform/equals-dense", list(filter("platform", license.Equals, "Ubuntu 24.04"))},
		{"platform/equals-rare", list(filter("platform", license.Equals, "Solaris 11"))},
		{"platform/not-equals", list(filter("platform", license.NotEquals, "Ubuntu 24.04"))},
		{"platform/begins", list(filter("platform", license.BeginsWith, "Windows"))},
		{"platform/contains", list(filter("platform", license.Contains, "Server 20"))},
		{"account/equals", list(filter("account_id", license.Equals, parkAccount))},
		{"account/equals-rare", list(filter("account_id", license.Equals, "444455556666"))},
		{"account/not-equals-rare", list(filter("account_id", license.NotEquals, parkAccount))},
		{"tag/equals-dense", list(filter("tag:env", license.Equals, "production"))},
		{"tag/equals-rare", list(filter("tag:env", license.Equals, "rare"))},
		{"tag/equals-one", list(filter("tag:name", license.Equals, "host900"))},
		{"tag/not-equals", list(filter("tag:env", license.NotEquals, "production"))},
		{"tag/begins-all", list(filter("tag:name", license.BeginsWith, "host"))},
		{"two/dense-dense", list(dense, filter("platform", license.Equals, "Ubuntu 24.04"))},
		{"two/dense-rare", list(dense, filter("platform", license.Equals, "Solaris 11"))},
		{"two/never", list(filter("tag:env", license.Equals, "test"), filter("license_included", license.Equals, "windows-server-datacenter"))},
		{"two/begins-rare", list(prefix, filter("platform", license.Equals, "Solaris 11"))},
		{"three/dense", list(dense, prefix, filter("tag:env", license.NotEquals, "test"))},
		{"three/mixed", list(filter("platform", license.BeginsWith, "Windows"), filter("application_name", license.Equals, parkProgram(150)), filter("license_included", license.NotEquals, "sql-server-web"))},
	}
}

// page reads a page and returns how long it is, and how many pages it takes to
// get it when pages end early.
func (p *park) page(b *testing.B, filters []license.InventoryFilter, after int64) (rows, pages int) {
	for {
		var next int64
		err := p.store.View(context.Background(), func(tx license.Tx) error {
			page, n, err := tx.Inventory(parkAccount, filters, after, 101)
			rows, next = rows+len(page), n
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		pages++
		if rows > 0 || next == 0 || pages == 1 {
			return rows, pages
		}
		after = next
	}
}
