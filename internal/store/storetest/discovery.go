package storetest

import (
	"fmt"

	"reeve/internal/license"
)

// discovering is a configuration with discovery rules.
func discovering(num int64) *license.Configuration {
	c := configuration(num)
	c.TermsRev = 1
	c.Terms.Products = []license.ProductInformation{{ResourceType: "RDS", Filters: []license.ProductFilter{{Name: "License Pack", Values: []string{"olap"}, Comparator: "EQUALS"}}}}
	return c
}

func discoveryGenerationsAreKeptPerAccount(s *suite) {
	generation := func(account string, hold bool) (n int64) {
		s.update(func(tx license.Tx) (err error) {
			n, err = tx.DiscoveryGeneration(account, hold)
			return err
		})
		return n
	}
	s.same("before the first", int64(0), generation(alice, false))
	s.same("held before the first", int64(0), generation(alice, true))
	for _, n := range []int64{7, 9} {
		s.update(func(tx license.Tx) error { return tx.SetDiscoveryGeneration(alice, n) })
		s.same("set", n, generation(alice, false))
		s.same("held", n, generation(alice, true))
	}
	s.same("of another account", int64(0), generation(bob, false))
}

func discoveringConfigurationsAreFound(s *suite) {
	disabled, deleted, loading, foreign, plain := discovering(2), discovering(3), discovering(4), discovering(5), configuration(6)
	disabled.Terms.Status, deleted.Deleted, loading.Loading, foreign.Account = license.Disabled, 1, true, bob
	last := discovering(7)
	last.Region = "us-east-1"
	s.insert(discovering(1), disabled, deleted, loading, foreign, plain, last)
	s.update(func(tx license.Tx) error {
		return tx.SaveSettings(alice, region, license.ServiceSettings{SourceRegions: []string{"a", "b"}})
	})
	found := func() []license.Discovering {
		return read(s, func(tx license.Tx) ([]license.Discovering, error) { return tx.Discovering(alice) })
	}
	first := license.Discovering{Configuration: 1, Region: region, TermsRev: 1, SourceRegions: []string{"a", "b"}}
	second := license.Discovering{Configuration: 7, Region: "us-east-1", TermsRev: 1}
	s.same("discovering", []license.Discovering{first, second}, found())
	last.Terms.Status = license.Disabled
	s.update(func(tx license.Tx) error { return tx.SaveConfiguration(last) })
	s.same("after one was disabled", []license.Discovering{first}, found())
}

func passesAreListedWhileDue(s *suite) {
	var all []*license.Configuration
	for num := int64(1); num <= 5; num++ {
		c := discovering(num)
		c.Pass, c.LastRun = num, license.Time(100+num)
		all = append(all, c)
	}
	all[1].Deleted, all[2].Loading, all[3].Pass = 1, true, 0
	s.insert(all...)
	due := func(after int64, limit int) []*license.Configuration {
		return read(s, func(tx license.Tx) ([]*license.Configuration, error) { return tx.DuePasses(after, limit) })
	}
	s.same("due", []*license.Configuration{all[0], all[4]}, due(0, 10))
	s.same("one", []int64{1}, idsOf(due(0, 1)))
	s.same("beyond", []int64{5}, idsOf(due(1, 10)))
	all[0].Pass, all[0].LastRun = 0, 999
	s.update(func(tx license.Tx) error { return tx.SaveConfiguration(all[0]) })
	s.same("after it ended", []int64{5}, idsOf(due(0, 10)))
	s.same("the last run is kept", all[0], read(s, func(tx license.Tx) (*license.Configuration, error) { return tx.Configuration(all[0].ID) }))
}

func failuresAreFoundByResource(s *suite) {
	failure := func(resource int64) license.Failure {
		return license.Failure{Key: license.Key{Owner: 1, Resource: resource}, ResourceARN: "a", Type: license.RDS, Message: "m", Time: 3, Operation: "o", RequestedBy: "r"}
	}
	s.update(func(tx license.Tx) error {
		if err := tx.SaveFailures(2, []license.Failure{failure(10), failure(11)}); err != nil {
			return err
		}
		return tx.SaveFailures(1, []license.Failure{failure(10)})
	})
	found := read(s, func(tx license.Tx) ([]license.OpenFailure, error) { return tx.FailuresOf([]int64{10, 12}) })
	s.same("failures", []license.OpenFailure{{Configuration: 1, Failure: failure(10)}, {Configuration: 2, Failure: failure(10)}}, found)
}

func exclusionsAreKeptWhenTheyEnd(s *suite) {
	s.insert(configuration(1), configuration(2))
	exclusion := func(configuration, resource int64, created, until license.Time) license.Exclusion {
		return license.Exclusion{Configuration: configuration, Account: alice, Resource: resource, ResourceARN: "a", Created: created,
			CreatedBy: "me", Reason: "'%", Owner: "é", Until: until}
	}
	a, b, c := exclusion(1, 10, 5, 0), exclusion(1, 11, 6, 20), exclusion(2, 10, 7, 30)
	s.update(func(tx license.Tx) error {
		for _, e := range []license.Exclusion{b, a, c} {
			if err := tx.SaveExclusion(&e); err != nil {
				return err
			}
		}
		return nil
	})
	of := func(nums ...int64) []license.Exclusion {
		return read(s, func(tx license.Tx) ([]license.Exclusion, error) { return tx.ExclusionsOf(nums) })
	}
	list := func(resource int64, created license.Time, all bool, limit int) []license.Exclusion {
		return read(s, func(tx license.Tx) ([]license.Exclusion, error) {
			return tx.Exclusions(1, resource, created, all, limit)
		})
	}
	due := func(at license.Time) []license.Exclusion {
		return read(s, func(tx license.Tx) ([]license.Exclusion, error) { return tx.DueExclusions(at, 10) })
	}
	s.same("of a resource", []license.Exclusion{a, c}, of(10))
	s.same("due", []license.Exclusion{b}, due(20))
	s.same("not due", []license.Exclusion{}, due(19))
	b.Ended, b.EndedBy = 20, "you"
	again := exclusion(1, 11, 21, 0)
	s.update(func(tx license.Tx) error {
		if err := tx.SaveExclusion(&b); err != nil {
			return err
		}
		return tx.SaveExclusion(&again)
	})
	s.same("after one ended", []license.Exclusion{again}, of(11))
	s.same("nothing is due", []license.Exclusion{}, due(29))
	s.same("those that hold", []license.Exclusion{a, again}, list(0, 0, false, 10))
	s.same("all", []license.Exclusion{a, b, again}, list(0, 0, true, 10))
	s.same("one", []license.Exclusion{a}, list(0, 0, true, 1))
	s.same("beyond", []license.Exclusion{again}, list(11, 6, true, 10))
}

func overdueResourcesAreConnected(s *suite) {
	var rs []*license.Resource
	for num, status := range []string{"Online", "ConnectionLost", "Inactive", "deregistered", "Online"} {
		r := resource(int64(num + 1))
		r.Type, r.Facts.Status, r.Seen = license.ManagedInstance, status, license.Time(10+num)
		rs = append(rs, r)
	}
	s.declare(rs...)
	overdue := func(t license.Time) []int64 {
		return numsOf(read(s, func(tx license.Tx) ([]*license.Resource, error) { return tx.OverdueResources(t, 10) }))
	}
	s.same("overdue", []int64{1}, overdue(14))
	s.same("later", []int64{1, 5}, overdue(15))
	rs[0].Facts.Status, rs[0].Version = "ConnectionLost", 2
	s.update(func(tx license.Tx) error { return tx.SaveResources(rs[:1], 20) })
	s.same("after one was marked", []int64{5}, overdue(15))
}

// softwareIsCountedByMachines: what counts is the newest version of what is
// there, however often and late it is counted.
func softwareIsCountedByMachines(s *suite) {
	one, two, foreign := resource(1), resource(2), resource(3)
	foreign.Account, foreign.ARN = bob, instanceARN(bob, 3)
	s.declare(one, two, foreign)
	report := func(num, version int64, names ...string) {
		var apps []license.Application
		for i, name := range names {
			apps = append(apps, license.Application{Name: name, Publisher: "p", Version: fmt.Sprint(i)})
		}
		s.update(func(tx license.Tx) error {
			return tx.SaveSoftware([]license.Software{{Resource: num, Version: version, Applications: apps}}, 1)
		})
	}
	count := func(want int) {
		s.Helper()
		var n int
		s.update(func(tx license.Tx) (err error) {
			n, err = tx.CountSoftware(10)
			return err
		})
		s.same("counted", want, n)
	}
	machines := func() map[string]int64 {
		found := map[string]int64{}
		var at license.SoftwareCursor
		for at.Rank = -1 << 62; ; {
			page := read(s, func(tx license.Tx) ([]license.SoftwareCount, error) { return tx.SoftwareCounts(alice, at, 1) })
			if len(page) == 0 {
				return found
			}
			if page[0].Cursor.Rank < at.Rank || page[0].Publisher != "p" {
				s.Errorf("%+v after %+v", page[0], at)
			}
			found[page[0].Name], at = page[0].Machines, page[0].Cursor
		}
	}
	report(1, 1, "db", "db", "mail")
	report(2, 1, "db")
	report(3, 1, "db")
	s.same("not counted yet", map[string]int64{}, machines())
	count(3)
	s.same("counted", map[string]int64{"db": 2, "mail": 1}, machines())
	count(0)
	report(1, 2, "web")
	report(1, 3, "db", "web")
	count(1)
	s.same("after changes", map[string]int64{"db": 2, "web": 1}, machines())
	one.Facts.Status, one.Version = "terminated", 2
	s.update(func(tx license.Tx) error { return tx.SaveResources([]*license.Resource{one}, 2) })
	count(1)
	s.same("after it went", map[string]int64{"db": 1}, machines())
	one.Facts.Status, one.Version = "running", 3
	s.update(func(tx license.Tx) error { return tx.SaveResources([]*license.Resource{one}, 3) })
	count(1)
	s.same("after it came back", map[string]int64{"db": 2, "web": 1}, machines())
}
