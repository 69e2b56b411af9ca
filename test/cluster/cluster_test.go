//go:build unix

package cluster_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/store/postgres/pgtest"
)

// TestTokenOnAnyServer asks another server for each page.
func TestTokenOnAnyServer(t *testing.T) {
	d := deploy(t, sharedCluster(t), pgtest.Leader)
	var each []*account
	for i := range d.servers {
		each = append(each, through(t, "http://"+d.servers[i].Load().address()))
	}
	arn, err := each[0].pool(t.Context(), "listed", 60)
	must(t, "create configuration", err)
	var ids []string
	for n := range 40 {
		ids = append(ids, fmt.Sprint("listed-", n))
	}
	must(t, "report machines", each[1].report(t.Context(), ids...))
	for n, id := range ids {
		must(t, "associate", each[n%3].take(t.Context(), arn, id))
	}
	whole, err := usage(t.Context(), arn, 100, func(int) *account { return each[0] })
	must(t, "list usage", err)
	if len(whole) != len(ids) {
		t.Errorf("%d machines are listed, want %d", len(whole), len(ids))
	}
	for shift := range 3 {
		got, err := usage(t.Context(), arn, 7, func(page int) *account { return each[(page+shift)%3] })
		must(t, "list usage across servers", err)
		if diff := cmp.Diff(arns(whole), arns(got)); diff != "" {
			t.Errorf("pages of different servers are not the list of one (-one +all):\n%s", diff)
		}
	}
}

func arns(rows []types.LicenseConfigurationUsage) (list []string) {
	for _, row := range rows {
		list = append(list, *row.ResourceArn)
	}
	return list
}

// TestRaceThroughThree lets 64 racers ask for 500 licences, several times.
func TestRaceThroughThree(t *testing.T) {
	d := deploy(t, sharedCluster(t), pgtest.Leader)
	for round := range rounds(5, 10) {
		race(t, d, fmt.Sprintf("race%d", round))
	}
	through(t, d.balancer.URL).verify(t)
}

const (
	racers      = 64
	raceLimit   = 500
	ofEachRacer = 10
)

// race is one race. Each racer asks for its machines in turn until it is
// refused, so the pool is empty in the end.
func race(t *testing.T, d *deployment, name string) {
	t.Helper()
	a := through(t, d.balancer.URL)
	arn, err := a.pool(t.Context(), name, raceLimit)
	must(t, "create configuration", err)
	var ids []string
	for n := range racers * ofEachRacer {
		ids = append(ids, fmt.Sprintf("%s-%d", name, n))
	}
	must(t, "report machines", a.report(t.Context(), ids...))
	var granted atomic.Int64
	var all sync.WaitGroup
	for racer := range racers {
		all.Go(func() {
			n, err := takeAll(t.Context(), a, arn, ids[racer*ofEachRacer:][:ofEachRacer])
			granted.Add(n)
			if err != nil {
				t.Errorf("racer %d: %v", racer, err)
			}
		})
	}
	all.Wait()
	consumed, err := a.consumed(t.Context(), arn)
	must(t, "get configuration", err)
	rows, err := usage(t.Context(), arn, 100, func(int) *account { return a })
	must(t, "list usage", err)
	if granted.Load() != raceLimit || consumed != raceLimit || len(rows) != raceLimit {
		t.Errorf("%d licences were granted, the counter says %d, the usage %d; want exactly %d", granted.Load(), consumed, len(rows), raceLimit)
	}
}

func takeAll(ctx context.Context, a *account, arn string, ids []string) (granted int64, err error) {
	for _, id := range ids {
		err := a.take(ctx, arn, id)
		if isRefused(err) {
			return granted, nil
		}
		if err != nil {
			return granted, err
		}
		granted++
	}
	return granted, nil
}

// TestServerKilledMidWrite kills one server after another under load.
func TestServerKilledMidWrite(t *testing.T) {
	d := deploy(t, sharedCluster(t), pgtest.Leader)
	w := startTraffic(t, d)
	made := startMaking(t, d, false)
	for round := range rounds(4, 30) {
		w.advance(20 + rand.Int64N(40))
		i := round % len(d.servers)
		d.servers[i].Load().kill()
		w.advance(20) // two servers do
		d.launch(i)
		d.servers[i].Load().waitReady(t)
	}
	made.finish()
	w.finish()
}

// TestPostgresRestarted crashes PostgreSQL under load.
func TestPostgresRestarted(t *testing.T) {
	c := sharedCluster(t)
	d := deploy(t, c, pgtest.Leader)
	w := startTraffic(t, d)
	made := startMaking(t, d, false)
	for range rounds(2, 12) {
		w.advance(40 + rand.Int64N(40))
		must(t, "crash PostgreSQL", c.Kill(pgtest.Leader))
		must(t, "start PostgreSQL", c.Start(pgtest.Leader))
	}
	w.advance(40)
	made.finish()
	w.finish()
}

// TestCommitCut cuts connections where a commit is on its way, until that has
// met enough of them.
func TestCommitCut(t *testing.T) {
	d := deploy(t, sharedCluster(t), pgtest.Leader)
	network := d.networks[pgtest.Leader]
	w := startTraffic(t, d)
	made := startMaking(t, d, true)
	ways := []pgtest.Cut{pgtest.CutBefore, pgtest.CutMiddle, pgtest.CutAfter, pgtest.CutAnswer, pgtest.CutLate}
	d.choose(func() pgtest.Cut {
		if rand.IntN(4) > 0 {
			return pgtest.CutNone
		}
		return ways[rand.IntN(len(ways))]
	})
	for want := int64(rounds(60, 1000)); network.Cuts() < want; {
		w.advance(10)
	}
	d.choose(nil)
	made.finish()
	t.Logf("%d of %d commits were cut", network.Cuts(), network.Commits())
	w.finish()
}

// TestFailover ends the primary for good, under load, and goes on with its
// replica, which has all that was acknowledged.
func TestFailover(t *testing.T) {
	c, err := pgtest.NewCluster()
	needed(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("end PostgreSQL: %v", err)
		}
	})
	must(t, "start replica", c.Follow(t.Context()))
	d := deploy(t, c, pgtest.Leader, pgtest.Follower)
	w := startTraffic(t, d)
	made := startMaking(t, d, false)
	w.advance(100)
	must(t, "kill the primary", c.Kill(pgtest.Leader))
	must(t, "promote the replica", c.Promote())
	w.advance(100)
	made.finish()
	w.finish()
}
