//go:build unix

package cluster_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/store/postgres/pgtest"
)

// TestSizes measures what a fleet takes in the database, by what happens to
// it. REEVE_SIZES=10000,100000 says how many machines; docs/operating.md has
// what came of it. Otherwise it is a small fleet, of which nothing may take
// much more than it does today.
func TestSizes(t *testing.T) {
	machines, limited := sizesToMeasure(t)
	for _, n := range machines {
		t.Run(fmt.Sprint("SQLite", n), func(t *testing.T) { measureSizes(t, onSQLite(t), n, limited) })
		t.Run(fmt.Sprint("PostgreSQL", n), func(t *testing.T) { measureSizes(t, onPostgres(t), n, limited) })
	}
}

func sizesToMeasure(t *testing.T) (machines []int, limited bool) {
	asked := os.Getenv("REEVE_SIZES")
	if asked == "" {
		return []int{1000}, true
	}
	for _, text := range strings.Split(asked, ",") {
		n, err := strconv.Atoi(text)
		must(t, "read REEVE_SIZES", err)
		machines = append(machines, n)
	}
	return machines, false
}

// mostBytes is what one of each may add to a small database: about twice what
// it does on PostgreSQL, where it is more than on SQLite.
var mostBytes = map[string]int64{
	"resource without a licence":         2600,
	"resource with a usage record":       4800,
	"change of a record, 1000 a request": 5300,
	"second change of it":                5300,
	"change of a record, alone":          4800,
	"report that changes nothing":        400,
}

// measured is a server whose database is looked at.
type measured struct {
	*account
	size func() int64  // of the database, in bytes
	log  func() int64  // written to its log since it began, in bytes
	most func() string // the largest tables, with their indexes
}

// measureSizes brings a fleet of n machines through its life.
func measureSizes(t *testing.T, m *measured, n int, limited bool) {
	arn, err := m.CreateLicenseConfiguration(t.Context(), &licensemanager.CreateLicenseConfigurationInput{
		Name: aws.String("sizes"), LicenseCountingType: types.LicenseCountingTypeVcpu,
	})
	must(t, "create configuration", err)
	image := "ami-0123456789abcdef0"
	imageARN := "arn:aws:ec2:" + region + "::image/" + image // an image is nobody's
	must(t, "report image", m.put(t, []api.Resource{{ResourceArn: &imageARN}}))
	_, err = m.UpdateLicenseSpecificationsForResource(t.Context(), &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: &imageARN, AddLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: arn.LicenseConfigurationArn}},
	})
	must(t, "associate image", err)
	fleet := func(first, count int, image string, vcpus int64) []api.Resource {
		var all []api.Resource
		for i := range count {
			all = append(all, sizedMachine(first+i, image, vcpus))
		}
		return all
	}
	alone := min(n, 1000)
	m.step(t, limited, "resource without a licence", n, func() { must(t, "report", m.put(t, fleet(0, n, "", 4))) })
	m.step(t, limited, "resource with a usage record", n, func() { must(t, "report", m.put(t, fleet(n, n, image, 4))) })
	m.step(t, limited, "change of a record, 1000 a request", n, func() { must(t, "report", m.put(t, fleet(n, n, image, 8))) })
	m.step(t, limited, "second change of it", n, func() { must(t, "report", m.put(t, fleet(n, n, image, 4))) })
	m.step(t, limited, "change of a record, alone", alone, func() {
		for i := range alone {
			must(t, "report", m.put(t, fleet(n+i, 1, image, 16)))
		}
	})
	m.step(t, limited, "report that changes nothing", n, func() { must(t, "report", m.put(t, fleet(0, n, "", 4))) })
	t.Logf("the largest tables, in per cent: %s", m.most())
}

// sizedMachine is a machine with the facts that a cloud tells.
func sizedMachine(i int, image string, vcpus int64) api.Resource {
	id := fmt.Sprintf("%017x", 0x9e3779b97f4a7c15*uint64(i+1)>>8)
	r := api.Resource{
		ResourceArn: aws.String(machine(id)), Status: aws.String("running"), Name: aws.String("app-" + strconv.Itoa(i)),
		Platform: aws.String("Linux/UNIX"), InstanceType: aws.String("m6i.xlarge"), Tenancy: aws.String("EC2-Default"),
		VCpus: &vcpus, Tags: []api.Tag{{Key: aws.String("team"), Value: aws.String("team-" + strconv.Itoa(i%50))}},
	}
	if image != "" {
		r.AmiId = &image
	}
	return r
}

// put reports resources, 1000 a request.
func (m *measured) put(t *testing.T, all []api.Resource) error {
	for len(all) > 0 {
		n := min(len(all), 1000)
		in := &api.PutResourcesInput{Mode: aws.String("observe"), Resources: all[:n]}
		if _, err := client.Call[api.PutResourcesInput, api.PutResourcesOutput](t.Context(), m.reeve, "Reeve.PutResources", in); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// step measures what some of something add.
func (m *measured) step(t *testing.T, limited bool, what string, count int, do func()) {
	t.Helper()
	size, log, began := m.size(), m.log(), time.Now()
	do()
	rate := float64(count) / time.Since(began).Seconds()
	each, logged := (m.size()-size)/int64(count), (m.log()-log)/int64(count)
	t.Logf("%-34s %7d times, %5.0f a second: %5d bytes each, %5d of log; %11d bytes in all", what, count, rate, each, logged, m.size())
	if limited && each > mostBytes[what] {
		t.Errorf("a %s takes %d bytes, want at most %d", what, each, mostBytes[what])
	}
}

// single starts one server over a database, SQLite's for "".
func single(t *testing.T, c *pgtest.Cluster, database string) *server {
	t.Helper()
	d := &deployment{t: t, cluster: c, database: database, master: fmt.Sprintf("%064x", 7)}
	d.launch(0)
	s := d.servers[0].Load()
	s.waitReady(t)
	return s
}

func onSQLite(t *testing.T) *measured {
	s := single(t, nil, "")
	conn, err := sqlite.OpenConn(filepath.Join(s.data, "reeve.db"), sqlite.OpenReadOnly)
	must(t, "open database", err)
	t.Cleanup(func() { _ = conn.Close() })
	size := func() (bytes int64) {
		for _, pragma := range []string{"page_count", "page_size"} {
			n, err := sqlitex.ResultInt64(conn.Prep("PRAGMA " + pragma))
			must(t, "read "+pragma, err)
			bytes = max(bytes, 1) * n
		}
		return bytes
	}
	return &measured{through(t, "http://"+s.address()), size, func() int64 { return 0 }, func() string { return "not told" }}
}

func onPostgres(t *testing.T) *measured {
	c := sharedCluster(t)
	url := strings.Replace(c.URL(pgtest.Leader), "/postgres?", "/"+newDatabase(t, c)+"?", 1)
	s := single(t, c, url)
	conn, err := pgx.Connect(t.Context(), url)
	must(t, "connect", err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return &measured{through(t, "http://"+s.address()),
		asking[int64](t, conn, `SELECT pg_database_size(current_database())`),
		asking[int64](t, conn, `SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint`),
		asking[string](t, conn, `SELECT string_agg(relname || ' ' || share, ', ') FROM (
			SELECT relname, round(100 * pg_total_relation_size(oid) / pg_database_size(current_database())) AS share
			FROM pg_class WHERE relkind = 'r' ORDER BY share DESC LIMIT 6) AS t`)}
}

// asking is a question with one answer.
func asking[T any](t *testing.T, conn *pgx.Conn, sql string) func() T {
	return func() (answer T) {
		must(t, "ask PostgreSQL", conn.QueryRow(t.Context(), sql).Scan(&answer))
		return answer
	}
}
