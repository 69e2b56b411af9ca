package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// setBack is a database that turns into an earlier state of itself under a
// running server, as after a restore or a failover that lost something.
type setBack struct {
	sqlconn.DB
	earlier sqlconn.DB
	now     atomic.Bool
}

func (s *setBack) at() sqlconn.DB {
	if s.now.Load() {
		return s.earlier
	}
	return s.DB
}

func (s *setBack) View(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return s.at().View(ctx, fn)
}

func (s *setBack) Update(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return s.at().Update(ctx, fn)
}

func (s *setBack) UpdateTogether(ctx context.Context, key string, fn func(sqlconn.Conn) error) error {
	return s.at().UpdateTogether(ctx, key, fn)
}

func (s *setBack) UpdateFirst(ctx context.Context, fn func(sqlconn.Conn) error) error {
	return s.at().UpdateFirst(ctx, fn)
}

func (s *setBack) Close() error { return errors.Join(s.DB.Close(), s.earlier.Close()) }

// setBackServer is a Manager with a cache over a database that can be set back,
// and one without a cache beside it.
type setBackServer struct {
	t         *testing.T
	db        *setBack
	m, plain  *license.Manager
	arn       string
	machines  int
	exclusive int // numbers that no change has had yet
	moments   []license.Time
}

func startSetBack(t *testing.T, machines int) *setBackServer {
	t.Helper()
	s := &setBackServer{t: t, machines: machines}
	dir := t.TempDir()
	path := filepath.Join(dir, "reeve.db")
	first, err := sqlite.Open(path, sqlite.Options{})
	s.must(err)
	s.manage(first)
	s.arn, err = s.m.CreateConfiguration(t.Context(), replicatedCaller, license.ConfigurationSpec{Terms: license.Terms{Name: "n", CountingType: license.VCPU}})
	s.must(err)
	image := "arn:aws:ec2:eu-west-1::image/ami-1"
	s.must(s.m.UpdateSpecifications(t.Context(), replicatedCaller, image, []license.Specification{{ConfigurationARN: s.arn}}, nil))
	for n := range machines {
		s.put(n, 1)
	}
	s.must(first.Close())
	text, err := os.ReadFile(path)
	s.must(err)
	s.must(os.WriteFile(filepath.Join(dir, "earlier.db"), text, 0o600))
	s.db = &setBack{}
	s.db.DB, err = sqlite.Open(path, sqlite.Options{})
	s.must(err)
	s.db.earlier, err = sqlite.Open(filepath.Join(dir, "earlier.db"), sqlite.Options{})
	s.must(err)
	t.Cleanup(func() { s.must(s.db.Close()) })
	s.manage(s.db)
	return s
}

func (s *setBackServer) manage(db sqlconn.DB) {
	s.t.Helper()
	cached, err := store.New(s.t.Context(), db, store.Options{})
	s.must(err)
	plain, err := store.New(s.t.Context(), db, store.Options{CacheBytes: -1})
	s.must(err)
	s.m, s.plain = license.New(cached, license.Settings{}), license.New(plain, license.Settings{})
}

func (s *setBackServer) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// put makes a revision in which one machine has a size that none had before.
func (s *setBackServer) put(machine int, vcpus int64) {
	s.t.Helper()
	arn := fmt.Sprintf("arn:aws:ec2:eu-west-1:123456789012:instance/i-%d", machine)
	_, err := s.m.PutResources(s.t.Context(), replicatedCaller, license.Put{Reports: []license.Report{{ARN: arn, AMI: new("ami-1"), VCPUs: &vcpus}}})
	s.must(err)
}

func (s *setBackServer) change(machine int) {
	s.t.Helper()
	s.exclusive++
	s.put(machine, int64(100+s.exclusive))
	c, err := s.plain.Configuration(s.t.Context(), replicatedCaller, s.arn)
	s.must(err)
	s.moments = append(s.moments, c.HeadAt)
}

// compare reads the whole list with and without a cache: as of some moments,
// of which some may be lost, and now.
func (s *setBackServer) compare() {
	s.t.Helper()
	for i := len(s.moments) - 1; i >= 0; i -= 3 {
		s.compareList(license.UsageFilter{AsOf: &s.moments[i]})
	}
	s.compareList(license.UsageFilter{})
}

func (s *setBackServer) compareList(f license.UsageFilter) {
	s.t.Helper()
	got, err := s.m.ListUsage(s.t.Context(), replicatedCaller, s.arn, f, nil, 1000)
	s.must(err)
	want, err := s.plain.ListUsage(s.t.Context(), replicatedCaller, s.arn, f, nil, 1000)
	s.must(err)
	if diff := cmp.Diff(want.Usage, got.Usage); diff != "" {
		s.t.Fatalf("the cache has another history (-database +cache):\n%s", diff)
	}
}

// Lists are those of the database that is there, whatever was read of one that
// is not any more.
func TestADatabaseThatWasSetBackIsNotMixedWithWhatItWas(t *testing.T) {
	for seed := range uint64(5) {
		dice := rand.New(rand.NewPCG(seed, 1))
		s := startSetBack(t, 150)
		for range 1 + dice.IntN(12) { // what will be lost
			s.change(dice.IntN(s.machines))
			if dice.IntN(2) == 0 {
				s.compare()
			}
		}
		s.compare()
		s.db.now.Store(true)
		if dice.IntN(2) == 0 {
			s.compare()
		}
		for range 1 + dice.IntN(15) { // below, at and beyond the numbers that were lost
			s.change(dice.IntN(s.machines))
			s.compare()
		}
	}
}

// A page token of what was lost is refused, also when the new history has got
// as far.
func TestATokenOfALostRevisionIsRefused(t *testing.T) {
	s := startSetBack(t, 20)
	s.change(1)
	first, err := s.m.ListUsage(t.Context(), replicatedCaller, s.arn, license.UsageFilter{}, nil, 5)
	s.must(err)
	s.db.now.Store(true)
	for range 3 {
		for name, m := range map[string]*license.Manager{"cached": license.New(s.fresh(), license.Settings{}), "uncached": s.plain} {
			_, err := m.ListUsage(t.Context(), replicatedCaller, s.arn, license.UsageFilter{}, first.Next, 5)
			var refused *license.Error
			if !errors.As(err, &refused) || refused.Kind != license.InvalidParameter {
				t.Errorf("%s: a token of a lost revision: %v", name, err)
			}
		}
		s.change(2)
	}
	s.compare()
}

// fresh is another server over the same database, with a cache of its own.
func (s *setBackServer) fresh() *store.Store {
	s.t.Helper()
	cached, err := store.New(s.t.Context(), s.db, store.Options{})
	s.must(err)
	return cached
}
