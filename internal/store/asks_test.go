package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
)

// asks counts what Views ask their database: each is a round trip where the
// database has round trips.
type asks struct {
	sqlconn.DB
	n atomic.Int64
}

func (d *asks) View(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return d.DB.View(ctx, func(c sqlconn.Conn) error { return fn(asksConn{c, d}) })
}

type asksConn struct {
	sqlconn.Conn
	of *asks
}

func (c asksConn) Query(sql string, args []any, each func(sqlconn.Row) error) error {
	c.of.n.Add(1)
	return c.Conn.Query(sql, args, each)
}

func (c asksConn) QueryEach(sql string, args [][]any, each func(int, sqlconn.Row) error) error {
	c.of.n.Add(1)
	return c.Conn.QueryEach(sql, args, each)
}

func (c asksConn) Now() (int64, error) {
	c.of.n.Add(1)
	return c.Conn.Now()
}

// asked is a server with a history, whose lists are read while it counts.
type asked struct {
	t       *testing.T
	db      *asks
	m       *license.Manager
	arn     string
	vcpus   int64          // of the machines that were changed last
	moments []license.Time // of the changes of all machines
}

// askedMachines fill several leaves; askedOwn are of the caller's account.
const (
	askedMachines = 300
	askedOwn      = 297
)

func startAsked(t *testing.T, db sqlconn.DB) *asked {
	t.Helper()
	a := &asked{t: t, db: &asks{DB: db}}
	a.m = license.New(open(t, a.db, store.Options{}), license.Settings{})
	var err error
	a.arn, err = a.m.CreateConfiguration(t.Context(), replicatedCaller, license.ConfigurationSpec{Terms: license.Terms{Name: "n", CountingType: license.VCPU}})
	a.must(err)
	image := "arn:aws:ec2:eu-west-1::image/ami-1"
	a.must(a.m.UpdateSpecifications(t.Context(), replicatedCaller, image, []license.Specification{{ConfigurationARN: a.arn}}, nil))
	a.change(askedMachines)
	for n := askedOwn; n < askedMachines; n++ {
		a.must(a.m.UpdateSpecifications(t.Context(), replicatedCaller, askedMachine(n), []license.Specification{{ConfigurationARN: a.arn}}, nil))
	}
	for range 5 {
		a.moments = append(a.moments, a.change(askedMachines))
	}
	return a
}

func (a *asked) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// askedMachine is the name of a machine; the last ones are of another account.
func askedMachine(n int) string {
	owner := "123456789012"
	if n >= askedOwn {
		owner = "222222222222"
	}
	return fmt.Sprintf("arn:aws:ec2:eu-west-1:%s:instance/i-%d", owner, n)
}

// change gives machines a size that none had before and returns when that was.
func (a *asked) change(machines int) license.Time {
	a.t.Helper()
	a.vcpus++
	reports := make([]license.Report, machines)
	for i := range reports {
		reports[i] = license.Report{ARN: askedMachine(i), AMI: new("ami-1"), VCPUs: &a.vcpus}
	}
	_, err := a.m.PutResources(a.t.Context(), replicatedCaller, license.Put{Reports: reports})
	a.must(err)
	c, err := a.m.Configuration(a.t.Context(), replicatedCaller, a.arn)
	a.must(err)
	return c.HeadAt
}

// first reads the first page of a list and returns how often that asked.
func (a *asked) first(f license.UsageFilter) (page license.UsagePage, n int64) {
	a.t.Helper()
	before := a.db.n.Load()
	page, err := a.m.ListUsage(a.t.Context(), replicatedCaller, a.arn, f, nil, 50)
	a.must(err)
	return page, a.db.n.Load() - before
}

// want reads a first page and says when it asked more than often.
func (a *asked) want(what string, f license.UsageFilter, most int64) license.UsagePage {
	a.t.Helper()
	page, n := a.first(f)
	if n > most {
		a.t.Errorf("%s: %d questions to the database, want at most %d", what, n, most)
	}
	if len(page.Usage) == 0 {
		a.t.Errorf("%s: the list is empty", what)
	}
	return page
}

// A page of the past, or of a filter, asks the database no more often than the
// current first page, which reads the configuration.
func TestPagesOfThePastAskNoMoreThanThoseOfThePresent(t *testing.T) {
	for name, db := range map[string]func(*testing.T) sqlconn.DB{
		"sqlite":   func(t *testing.T) sqlconn.DB { return openSQLite(t) },
		"postgres": func(t *testing.T) sqlconn.DB { pgtest.URL(t); return openPostgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			a := startAsked(t, db(t))
			filters := map[string]license.UsageFilter{
				"all": {}, "a type": {ResourceType: "EC2_INSTANCE"}, "an account": {Account: "123456789012"},
			}
			for _, f := range filters { // whose nodes are cached from here on
				a.walk(f)
				for i := range a.moments {
					f.AsOf = &a.moments[i]
					a.walk(f)
				}
			}
			for what, f := range filters {
				a.want(what, f, 1)
				for i := range a.moments {
					f.AsOf = &a.moments[i]
					a.want(fmt.Sprintf("%s, as of change %d", what, i), f, 1)
				}
			}
			for _, n := range []int{7, askedOwn} {
				one := license.UsageFilter{ResourceARN: askedMachine(n)}
				a.want("a machine", one, 2)
				one.AsOf = &a.moments[1]
				a.want("a machine of the past", one, 2)
			}
			a.smallChanges()
		})
	}
}

// smallChanges: a moment whose revision was never read costs no more either, as
// long as the newest was read, and one question more when it was not.
func (a *asked) smallChanges() {
	a.t.Helper()
	sizes := map[license.Time]int64{}
	for range 10 {
		sizes[a.change(1)] = a.vcpus
	}
	a.walk(license.UsageFilter{})
	a.want("now, after small changes", license.UsageFilter{}, 1)
	for at, want := range sizes {
		page := a.want("between small changes", license.UsageFilter{AsOf: &at}, 1)
		if got := page.Usage[0].Consumed; got != want {
			a.t.Errorf("as of %s a machine consumes %d, want %d", at, got, want)
		}
	}
	unread := a.change(1) - 1
	a.change(1)
	a.want("as of a moment that was read, after a change", license.UsageFilter{AsOf: &a.moments[0]}, 1)
	a.want("as of another, of a revision that was read", license.UsageFilter{AsOf: &unread}, 1)
}

// walk reads a list to its end: behind the first page that asks nothing, unless
// the nodes have to be loaded.
func (a *asked) walk(f license.UsageFilter) {
	a.t.Helper()
	page, _ := a.first(f)
	for again := range 2 {
		rows, before := len(page.Usage), a.db.n.Load()
		for next := page.Next; next != nil; {
			more, err := a.m.ListUsage(a.t.Context(), replicatedCaller, a.arn, f, next, 50)
			a.must(err)
			rows, next = rows+len(more.Usage), more.Next
		}
		want := askedMachines
		if f.Account != "" {
			want = askedOwn
		}
		if rows != want {
			a.t.Errorf("%d rows, want %d", rows, want)
		}
		if n := a.db.n.Load() - before; again > 0 && n > 0 {
			a.t.Errorf("pages behind the first asked %d times", n)
		}
	}
}
