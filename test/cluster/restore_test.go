//go:build unix

package cluster_test

import (
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"reeve/internal/store/postgres/pgtest"
)

// TestRestoreToAMoment recovers a deployment to a moment behind its base
// backup, as docs/operating.md says, and goes on from there.
func TestRestoreToAMoment(t *testing.T) {
	c, err := pgtest.NewCluster()
	needed(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("end PostgreSQL: %v", err)
		}
	})
	must(t, "archive the log", c.Archive())
	d := deploy(t, c, pgtest.Leader)
	a := through(t, d.balancer.URL)
	arn, err := a.pool(t.Context(), "restored", 100)
	must(t, "create configuration", err)
	must(t, "report machines", a.report(t.Context(), "r-0", "r-1", "r-2", "r-3", "r-4", "r-5", "r-6", "r-7", "r-8"))
	a.change(t, arn, "+r-0", "+r-1", "+r-2", "+r-3")
	must(t, "take a base backup", c.BackUp())
	a.change(t, arn, "+r-4", "+r-5", "-r-0") // these come from the log
	before := d.remember(a, arn)
	a.change(t, arn, "+r-6", "+r-7", "-r-1") // these are to be lost
	lost := d.remember(a, arn)
	must(t, "archive the last of the log", c.FinishLog())

	// One server is left running, and has in its memory what is to be lost.
	for i := range d.servers[1:] {
		d.servers[1+i].Load().kill()
	}
	must(t, "kill PostgreSQL", c.Kill(pgtest.Leader))
	must(t, "restore", c.Restore(t.Context(), before.moment))
	for i := range d.servers[1:] {
		d.launch(1 + i)
	}
	for i := range d.servers {
		d.servers[i].Load().waitReady(t)
	}
	a.verify(t)
	before.compare(t, d.remember(a, arn), 0)
	before.compareUsage(t, a.usageAt(t, arn, before.moment))
	before.goOn(t, a, arn)

	a.change(t, arn, "+r-8")
	a.verify(t)
	after := d.remember(a, arn)
	before.compare(t, after, 1)
	if slices.Contains(lost.chain, after.chain[len(after.chain)-1]) {
		t.Error("the new revision has the hash of a lost one")
	}
	before.compareUsage(t, a.usageAt(t, arn, before.moment))
}

// TestRestoreADump moves a deployment with pg_dump and pg_restore, from under a
// server that is running.
func TestRestoreADump(t *testing.T) {
	c := sharedCluster(t)
	d := deploy(t, c, pgtest.Leader)
	a := through(t, d.balancer.URL)
	arn, err := a.pool(t.Context(), "dumped", 100)
	must(t, "create configuration", err)
	must(t, "report machines", a.report(t.Context(), "d-0", "d-1", "d-2", "d-3"))
	a.change(t, arn, "+d-0", "+d-1", "+d-2", "-d-1")
	before := d.remember(a, arn)
	file := filepath.Join(t.TempDir(), "reeve.dump")
	run(t, "pg_dump", "--format=custom", "--file="+file, d.database)
	a.change(t, arn, "+d-3")

	copied := &deployment{t: t, cluster: c, master: d.master}
	copied.database = strings.Replace(c.URL(pgtest.Leader), "/postgres?", "/"+newDatabase(t, c)+"?", 1)
	run(t, "pg_restore", "--exit-on-error", "--dbname="+copied.database, file)
	copied.launch(0)
	copied.servers[0].Load().waitReady(t)
	b := through(t, "http://"+copied.servers[0].Load().address())
	b.verify(t)
	before.compare(t, copied.remember(b, arn), 0)
	b.change(t, arn, "+d-1")
	b.verify(t)
	before.compare(t, copied.remember(b, arn), 1)
}

// run runs a program of PostgreSQL's.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	needed(t, err)
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// memory is what a configuration's ledger was at a moment.
type memory struct {
	moment time.Time // by the database's clock, when nothing was on its way
	usage  []string  // ARNs, as listed for that moment
	chain  []string  // the hashes of all revisions
	token  *string   // of the second page of the list at that moment
}

const rememberedPage = 2 // rows on the page before token

// remember notes the ledger as it is.
func (d *deployment) remember(a *account, arn string) memory {
	d.t.Helper()
	conn, err := pgx.Connect(d.t.Context(), d.database)
	must(d.t, "connect", err)
	defer conn.Close(d.t.Context())
	var m memory
	must(d.t, "read clock", conn.QueryRow(d.t.Context(), `SELECT clock_timestamp()`).Scan(&m.moment))
	rows, err := conn.Query(d.t.Context(), `SELECT r.hash FROM revision r JOIN configuration c ON c.num = r.configuration
		WHERE $1 LIKE '%' || c.id ORDER BY r.number`, arn)
	must(d.t, "read revisions", err)
	hashes, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	must(d.t, "read revisions", err)
	for _, hash := range hashes {
		m.chain = append(m.chain, hex.EncodeToString(hash))
	}
	m.usage = a.usageAt(d.t, arn, m.moment)
	m.token = a.page(d.t, arn, rememberedPage, nil).NextToken
	return m
}

// compare wants later to have the same chain with more revisions behind it,
// and the same usage when there are none.
func (m memory) compare(t *testing.T, later memory, more int) {
	t.Helper()
	if len(later.chain) != len(m.chain)+more {
		t.Fatalf("the ledger has %d revisions, want the %d of the moment and %d more", len(later.chain), len(m.chain), more)
	}
	if diff := cmp.Diff(m.chain, later.chain[:len(m.chain)]); diff != "" {
		t.Errorf("the chain is not the one of the moment (-then +now):\n%s", diff)
	}
	if more == 0 {
		m.compareUsage(t, later.usage)
	}
}

func (m memory) compareUsage(t *testing.T, got []string) {
	t.Helper()
	if diff := cmp.Diff(m.usage, got); diff != "" {
		t.Errorf("the usage is not the one of the moment (-then +now):\n%s", diff)
	}
}

// goOn wants a token from before the restore to lead to the rest of its list.
func (m memory) goOn(t *testing.T, a *account, arn string) {
	t.Helper()
	rest := arns(a.page(t, arn, 100, m.token).LicenseConfigurationUsageList)
	if diff := cmp.Diff(m.usage[rememberedPage:], rest); diff != "" {
		t.Errorf("a token of the moment leads elsewhere (-then +now):\n%s", diff)
	}
}

// change takes (+) and gives back (-) licences, one revision each.
func (a *account) change(t *testing.T, arn string, machines ...string) {
	t.Helper()
	for _, m := range machines {
		if m[0] == '+' {
			must(t, "take "+m, a.take(t.Context(), arn, m[1:]))
		} else {
			must(t, "give "+m, a.give(t.Context(), arn, m[1:]))
		}
	}
}

// usageAt is the ARNs of what used a configuration at a moment.
func (a *account) usageAt(t *testing.T, arn string, moment time.Time) []string {
	t.Helper()
	out, err := a.ListUsageForLicenseConfiguration(t.Context(), &licensemanager.ListUsageForLicenseConfigurationInput{
		LicenseConfigurationArn: &arn, MaxResults: aws.Int32(100),
		Filters: []types.Filter{{Name: aws.String("asOf"), Values: []string{moment.UTC().Format(time.RFC3339Nano)}}},
	})
	must(t, fmt.Sprint("list usage as of ", moment), err)
	return arns(out.LicenseConfigurationUsageList)
}

// page is a page of the newest usage.
func (a *account) page(t *testing.T, arn string, size int32, token *string) *licensemanager.ListUsageForLicenseConfigurationOutput {
	t.Helper()
	out, err := a.ListUsageForLicenseConfiguration(t.Context(), &licensemanager.ListUsageForLicenseConfigurationInput{
		LicenseConfigurationArn: &arn, MaxResults: &size, NextToken: token,
	})
	must(t, "list usage", err)
	return out
}
