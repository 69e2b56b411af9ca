//go:build unix

package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/postgres"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
)

// treeReads counts the Views of a database in which trees were read.
type treeReads struct {
	sqlconn.DB
	n atomic.Int64
}

func (d *treeReads) View(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return d.DB.View(ctx, func(c sqlconn.Conn) error { return fn(treeReadsConn{c, d}) })
}

type treeReadsConn struct {
	sqlconn.Conn
	of *treeReads
}

func (c treeReadsConn) Query(sql string, args []any, each func(sqlconn.Row) error) error {
	if strings.Contains(sql, "tree_root") {
		c.of.n.Add(1)
	}
	return c.Conn.Query(sql, args, each)
}

// logged is a log that a test reads while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// replicated is a primary and its replica under one store, whose lists are compared
// with what was written last.
type replicated struct {
	t                *testing.T
	servers          *pgtest.Cluster
	primary, replica *treeReads
	log              logged
	m                *license.Manager
	arn              string
	vcpus            int64
}

const replicatedMachine = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"

var replicatedCaller = license.Caller{Account: "123456789012", Region: "eu-west-1", Principal: "arn:aws:iam::123456789012:root", Root: true, Operation: "Test"}

func openReplicated(t *testing.T, servers *pgtest.Cluster, cacheBytes int64) *replicated {
	t.Helper()
	r := &replicated{t: t, servers: servers}
	primary, err := postgres.Open(t.Context(), servers.URL(pgtest.Leader), postgres.Options{})
	r.must(err)
	replica, err := postgres.Open(t.Context(), servers.URL(pgtest.Follower), postgres.Options{Late: true, Patience: -1})
	r.must(err)
	r.primary, r.replica = &treeReads{DB: primary}, &treeReads{DB: replica}
	s := open(t, r.primary, store.Options{CacheBytes: cacheBytes, Replica: r.replica, Log: slog.New(slog.NewTextHandler(&r.log, nil))})
	r.m = license.New(s, license.Settings{})
	r.arn, err = r.m.CreateConfiguration(t.Context(), replicatedCaller, license.ConfigurationSpec{Terms: license.Terms{Name: "n", CountingType: license.VCPU}})
	r.must(err)
	r.write()
	r.must(r.m.UpdateSpecifications(t.Context(), replicatedCaller, replicatedMachine, []license.Specification{{ConfigurationARN: r.arn}}, nil))
	return r
}

func (r *replicated) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// write makes the machine larger by one vCPU.
func (r *replicated) write() {
	r.t.Helper()
	r.vcpus++
	_, err := r.m.PutResources(r.t.Context(), replicatedCaller, license.Put{Reports: []license.Report{{ARN: replicatedMachine, VCPUs: new(r.vcpus)}}})
	r.must(err)
}

// read checks that what was written last is seen, and reports whether the
// replica showed it.
func (r *replicated) read() (fromReplica bool) {
	r.t.Helper()
	before := r.replica.n.Load()
	if got := r.consumed(nil); got != r.vcpus {
		r.t.Fatalf("the list says %d, written was %d", got, r.vcpus)
	}
	return r.replica.n.Load() > before
}

func (r *replicated) consumed(asOf *license.Time) int64 {
	r.t.Helper()
	page, err := r.m.ListUsage(r.t.Context(), replicatedCaller, r.arn, license.UsageFilter{AsOf: asOf}, nil, 10)
	r.must(err)
	if len(page.Usage) != 1 {
		r.t.Fatalf("the list is %v", page.Usage)
	}
	return page.Usage[0].Consumed
}

// await writes and reads until a condition holds.
func (r *replicated) await(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: not within minutes; the log:\n%s", what, r.log.text.String())
		}
		r.write()
		r.read()
	}
}

func (r *replicated) usesReplica() bool { r.write(); return r.read() }

func (r *replicated) onReplica(sql string) {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), r.servers.URL(pgtest.Follower))
	r.must(err)
	defer conn.Close(r.t.Context())
	_, err = conn.Exec(r.t.Context(), sql)
	r.must(err)
}

func startReplica(t *testing.T) *pgtest.Cluster {
	t.Helper()
	servers, err := pgtest.NewCluster()
	if err != nil && os.Getenv("REEVE_REQUIRE_ALL") != "1" {
		t.Skipf("no PostgreSQL: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = servers.Close() })
	db, err := postgres.Open(t.Context(), servers.URL(pgtest.Leader), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.New(t.Context(), db, store.Options{}) // the replica begins with the schema
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), servers.Attach()); err != nil {
		t.Fatal(err)
	}
	return servers
}

func TestAReplicaServesWhatItHas(t *testing.T) {
	servers := startReplica(t)
	for name, cacheBytes := range map[string]int64{"cache": 0, "no cache": -1} {
		t.Run(name, func(t *testing.T) {
			r := openReplicated(t, servers, cacheBytes)
			for range 20 {
				r.write()
				r.read()
			}
			r.await("the replica is read", r.usesReplica)
			r.paused()
			r.down()
		})
	}
}

// paused: a replica that lags is read at revisions that it has, and only there.
func (r *replicated) paused() {
	r.t.Helper()
	r.write()
	r.await("the replica is read", r.usesReplica)
	c, err := r.m.Configuration(r.t.Context(), replicatedCaller, r.arn)
	r.must(err)
	then, vcpus := c.HeadAt, r.vcpus
	r.onReplica("SELECT pg_wal_replay_pause()")
	r.await("the replay pauses", func() bool { return !r.usesReplica() })
	for range 10 {
		if r.usesReplica() {
			r.t.Error("a replica whose replay is paused has what was just written")
		}
	}
	if got := r.consumed(&then); got != vcpus {
		r.t.Errorf("as of %s %d are consumed, then it was %d", then, got, vcpus)
	}
	r.onReplica("SELECT pg_wal_replay_resume()")
	r.await("the replica is read again", r.usesReplica)
}

// down: without the replica everything is answered; one warning says so, and one
// line that it is back. On a machine that pauses, it may have been away before.
func (r *replicated) down() {
	r.t.Helper()
	r.must(r.servers.Kill(pgtest.Follower))
	before := r.log.count("level=WARN")
	for range 10 {
		if r.usesReplica() && r.log.count("level=WARN") > before {
			r.t.Error("a replica that is down was read")
		}
	}
	r.must(r.servers.Start(pgtest.Follower))
	r.await("the replica is read again", r.usesReplica)
	if warnings, again := r.log.count("level=WARN"), r.log.count("answers again"); warnings <= before || warnings != again {
		r.t.Errorf("the log says %d times that the replica is away, and %d times that it is back:\n%s", warnings, again, r.log.text.String())
	}
}

// A replica that was promoted and written to has another history. Nothing of
// it may be shown.
func TestAPromotedReplicaIsNotRead(t *testing.T) {
	servers := startReplica(t)
	r := openReplicated(t, servers, 0)
	r.await("the replica is read", r.usesReplica)
	r.must(servers.Promote())
	db, err := postgres.Open(t.Context(), servers.URL(pgtest.Follower), postgres.Options{})
	r.must(err)
	other := license.New(open(t, db, store.Options{}), license.Settings{})
	for i := range 50 { // far ahead
		_, err := other.PutResources(t.Context(), replicatedCaller, license.Put{Reports: []license.Report{{ARN: replicatedMachine, VCPUs: new(int64(1000 + i))}}})
		r.must(err)
	}
	for range 60 { // the same numbers, and beyond
		r.write()
		if r.read(); r.consumed(nil) >= 1000 {
			t.Fatal("the promoted replica's own writes are shown")
		}
	}
	if r.log.count("level=WARN") == 0 {
		t.Errorf("nothing is logged:\n%s", r.log.text.String())
	}
}
