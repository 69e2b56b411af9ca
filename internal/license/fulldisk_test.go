package license_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/testdb"
)

// disk is full or not. What a real full disk does is tested in test/chaos.
type disk struct{ full atomic.Bool }

// onDisk is a database on a disk that can be full: then it takes no writes.
type onDisk struct {
	sqlconn.DB
	disk *disk
}

func (d *onDisk) Update(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return d.DB.Update(ctx, func(c sqlconn.Conn) error { return fn(&diskConn{c, d.disk}) })
}

func (d *onDisk) UpdateTogether(ctx context.Context, key string, fn func(sqlconn.Conn) error) error {
	return d.DB.UpdateTogether(ctx, key, func(c sqlconn.Conn) error { return fn(&diskConn{c, d.disk}) })
}

func (d *onDisk) Promised() int64 {
	if p, ok := d.DB.(interface{ Promised() int64 }); ok {
		return p.Promised()
	}
	return 0
}

type diskConn struct {
	sqlconn.Conn
	disk *disk
}

func (c *diskConn) Exec(sql string, args ...any) (int64, error) {
	if c.disk.full.Load() {
		return 0, sqlconn.ErrUnwritable
	}
	return c.Conn.Exec(sql, args...)
}

func (c *diskConn) ExecEach(sql string, args [][]any) error {
	if c.disk.full.Load() {
		return sqlconn.ErrUnwritable
	}
	return c.Conn.ExecEach(sql, args)
}

func (c *diskConn) Promise(at int64) error {
	if p, ok := c.Conn.(sqlconn.Promiser); ok {
		return p.Promise(at)
	}
	return sqlconn.ErrUnwritable
}

func (c *diskConn) Shared() bool { return c.Conn.(sqlconn.Sharer).Shared() }

// newDiskWorld is a world on a disk that can be full, with one machine of one
// configuration.
func newDiskWorld(t *testing.T) (w *world, arn string) {
	w = newWorld(t, license.Settings{})
	w.must(w.store.Close())
	w.disk = &disk{}
	w.open()
	arn = w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.associate(arn, instance("a"))
	return w, arn
}

// resize reports another size, and the error of it.
func (w *world) resize(size int64) error {
	_, err := w.m.PutResources(w.ctx, w.who, license.Put{Reports: []license.Report{{ARN: instance("a"), VCPUs: &size}}})
	return err
}

// With SQLite the present can be asked for on a full disk, and what was answered
// stays, whatever the clock does then; over a restart too.
func TestThePresentOnAFullDisk(t *testing.T) {
	if testdb.Postgres() {
		t.Skip("PostgreSQL may have other servers: see TestThePresentOnAFullDiskOfPostgreSQL")
	}
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			w, arn := newDiskWorld(t)
			w.advance(time.Hour)
			w.disk.full.Store(true)
			asked := w.now()
			if diff := gocmp.Diff(map[string]int64{"i-a": 4}, w.usageAt(arn, asked)); diff != "" {
				t.Fatalf("on a full disk the present is (-want +got):\n%s", diff)
			}
			if err := w.resize(5); err == nil || !strings.Contains(err.Error(), "disk is full") {
				t.Fatalf("a change on a full disk: %v", err)
			}
			w.advance(-30 * time.Minute)
			if restart {
				w.must(w.store.Close())
				w.open()
			}
			w.disk.full.Store(false)
			w.must(w.resize(8))
			if diff := gocmp.Diff(map[string]int64{"i-a": 4}, w.usageAt(arn, asked)); diff != "" {
				t.Errorf("what was answered for %s is another now (-want +got):\n%s", asked, diff)
			}
			if at := w.configuration(arn).HeadAt; at <= asked {
				t.Errorf("a revision is of %s, and that moment was answered for up to %s", at, asked)
			}
		})
	}
}

// What was promised is in the database once that can be written, so that a copy
// keeps it elsewhere.
func TestPromisesAreKeptInTheDatabase(t *testing.T) {
	if testdb.Postgres() {
		t.Skip("there are no promises with PostgreSQL")
	}
	w, arn := newDiskWorld(t)
	other := w.create(license.VCPU, -1)
	w.advance(time.Hour)
	w.disk.full.Store(true)
	asked := w.now()
	w.usageAt(arn, asked)
	if _, err := w.store.KeepPromise(w.ctx); err == nil {
		t.Error("a promise was written on a full disk")
	}
	w.disk.full.Store(false)
	for _, want := range []int{2, 0} {
		if n, err := w.store.KeepPromise(w.ctx); n != want || err != nil {
			t.Errorf("keeping the promise changed %d rows, want %d: %v", n, want, err)
		}
	}
	for _, c := range []*license.Configuration{w.configuration(arn), w.configuration(other)} {
		if c.Settled != asked {
			t.Errorf("%s is settled up to %s, want %s", c.ID, c.Settled, asked)
		}
	}
}

// Several servers may share a PostgreSQL, and one cannot promise for the others.
func TestThePresentOnAFullDiskOfPostgreSQL(t *testing.T) {
	if !testdb.Postgres() {
		t.Skip("this is about PostgreSQL (REEVE_TEST_DATABASE=postgres)")
	}
	w, arn := newDiskWorld(t)
	w.advance(time.Hour)
	w.disk.full.Store(true)
	now, past := w.now(), w.configuration(arn).HeadAt
	if _, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{AsOf: &now}, nil, 10); err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("the present on a full disk: %v", err)
	}
	if diff := gocmp.Diff(map[string]int64{"i-a": 4}, w.usageAt(arn, past)); diff != "" {
		t.Errorf("the past on a full disk is (-want +got):\n%s", diff)
	}
	h, err := w.m.GetHistory(w.ctx, w.who, arn, nil, nil, 0)
	if err != nil || h.To != past {
		t.Errorf("the history on a full disk: %+v, %v", h, err)
	}
}

// However questions, changes, full disks, restarts and clocks that step follow
// each other, an answer for a moment stays.
func TestAnswersHoldOverFullDisks(t *testing.T) {
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	w, arn := newDiskWorld(t)
	known := map[license.Time]map[string]int64{}
	for range 400 {
		w.advance(time.Duration(dice.Int64N(int64(time.Second))))
		switch dice.IntN(12) {
		case 0:
			w.advance(-time.Duration(dice.Int64N(int64(20 * time.Second))))
		case 1, 2:
			w.disk.full.Store(!w.disk.full.Load())
		case 3:
			w.must(w.store.Close())
			w.open()
		case 4:
			_, _ = w.store.KeepPromise(w.ctx)
		case 5, 6, 7:
			_ = w.resize(1 + dice.Int64N(96))
		default:
			w.remember(arn, w.now(), known)
		}
	}
	w.disk.full.Store(false)
	w.advance(time.Hour)
	for at, first := range known {
		if diff := gocmp.Diff(first, w.usageAt(arn, at)); diff != "" {
			t.Fatalf("seed %d: what was answered for %s is another now (-want +got):\n%s", seed, at, diff)
		}
	}
	t.Logf("%d moments", len(known))
}

// remember asks for a moment and keeps the answer, if there is one.
func (w *world) remember(arn string, at license.Time, known map[license.Time]map[string]int64) {
	w.t.Helper()
	page, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{AsOf: &at}, nil, 10)
	if err != nil {
		return
	}
	usage, _ := usageMap(page.Usage)
	if first, ok := known[at]; ok {
		if diff := gocmp.Diff(first, usage); diff != "" {
			w.t.Fatalf("what was answered for %s is another now (-want +got):\n%s", at, diff)
		}
	}
	known[at] = usage
}
