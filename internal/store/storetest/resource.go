package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"reeve/internal/license"
)

func fullResource() *license.Resource {
	return &license.Resource{
		Num: 9, Account: alice, Owner: bob, ARN: instanceARN(bob, 9), Type: license.ManagedInstance,
		Created: 1, Seen: 2, Version: 1,
		Facts: license.Facts{
			Status: "Online", Platform: "Win%_'é", PlatformType: "Windows", PlatformVersion: "1", InstanceType: "t3",
			AMI: "ami-1", Host: "h-1", Tenancy: "host", VCPUs: 1, Cores: 2, ThreadsPerCore: 3, Sockets: 4,
			Virtual: pointer(false), UsageOperation: "o", ProductCodes: []string{"p"}, LicenseIncluded: []string{"b", "a"},
			EngineEdition: "e", LicensePacks: []string{"l"}, Name: "n", Tags: []license.Tag{{Key: "k"}, {Key: "l", Value: "v"}},
			Software: 3,
		},
	}
}

func resourceKeepsEverything(s *suite) {
	full := fullResource()
	s.declare(full, resource(10))
	get := func(tx license.Tx) (*license.Resource, error) { return tx.Resource(alice, full.ARN) }
	s.same("resource", full, read(s, get))
	s.same("of another account", (*license.Resource)(nil),
		read(s, func(tx license.Tx) (*license.Resource, error) { return tx.Resource(bob, full.ARN) }))
	s.same("of that name", []*license.Resource{full},
		read(s, func(tx license.Tx) ([]*license.Resource, error) { return tx.Namesakes(full.ARN, []string{bob, alice}) }))
	s.same("by number", map[int64]*license.Resource{9: full, 10: resource(10)},
		read(s, func(tx license.Tx) (map[int64]*license.Resource, error) { return tx.ResourcesByNum([]int64{10, 11, 9}) }))

	touched := *full
	touched.Seen = 50
	s.update(func(tx license.Tx) error { return tx.TouchResources([]*license.Resource{&touched}) })
	s.same("touched", &touched, read(s, get))

	next := touched
	next.Version, next.Seen, next.Facts = 2, 60, license.Facts{Status: "Inactive"}
	s.update(func(tx license.Tx) error { return tx.SaveResources([]*license.Resource{&next}, 55) })
	s.same("saved", &next, read(s, get))

	facts := func(version int64) *license.Facts {
		return read(s, func(tx license.Tx) (*license.Facts, error) { return tx.FactsOf(9, version) })
	}
	s.same("first facts", &full.Facts, facts(1))
	s.same("second facts", &next.Facts, facts(2))
	s.same("facts that are not there", (*license.Facts)(nil), facts(3))
	versions := func(before int64, limit int) []license.FactsVersion {
		return read(s, func(tx license.Tx) ([]license.FactsVersion, error) { return tx.FactsVersions(9, before, limit) })
	}
	newest, oldest := license.FactsVersion{Version: 2, At: 55, Facts: next.Facts}, license.FactsVersion{Version: 1, At: 1, Facts: full.Facts}
	s.same("versions, newest first", []license.FactsVersion{newest, oldest}, versions(3, 5))
	s.same("newest version alone", []license.FactsVersion{newest}, versions(3, 1))
	s.same("versions before the second", []license.FactsVersion{oldest}, versions(2, 5))
	if s.store.Update(s.ctx, func(tx license.Tx) error {
		return tx.SaveResources([]*license.Resource{resource(77)}, 1)
	}) == nil {
		s.Error("facts of a resource that does not exist were saved")
	}
}

func resourceClashRunsTheUpdateAgain(s *suite) {
	s.declare(resource(1))
	sameARN, sameNum, foreign := resource(2), resource(1), resource(3)
	sameARN.ARN, sameNum.ARN = resource(1).ARN, "other"
	for name, second := range map[string]*license.Resource{"ARN": sameARN, "number": sameNum} {
		runs := 0
		s.update(func(tx license.Tx) error {
			if runs++; runs == 1 {
				return tx.InsertResources([]*license.Resource{second})
			}
			return nil
		})
		s.same("runs after a clash of "+name, 2, runs)
	}
	foreign.Account, foreign.ARN = bob, resource(1).ARN
	s.declare(foreign) // two accounts may know the same machine
}

func resourcesAreLockedInOrder(s *suite) {
	gone := resource(2)
	gone.Facts.Status = "terminated"
	s.declare(resource(1), gone, resource(3))
	arns := []string{resource(3).ARN, resource(1).ARN, "unknown", resource(2).ARN}
	s.update(func(tx license.Tx) error {
		found, err := tx.LockResources(alice, arns)
		s.same("locked", map[string]*license.Resource{
			resource(1).ARN: resource(1), gone.ARN: gone, resource(3).ARN: resource(3),
		}, found)
		return err
	})
	s.update(func(tx license.Tx) error {
		found, err := tx.LockResources(alice, nil)
		s.same("nothing to lock", 0, len(found))
		return err
	})

	// Every one counts the last of the three up, naming them in another order:
	// nobody waits in a circle or decides on what changes, so none runs twice.
	const workers, rounds = 4, 5
	var runs atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		mine := slices.Clone(arns)
		if w%2 == 1 {
			slices.Reverse(mine)
		}
		wg.Go(func() {
			for range rounds {
				if err := s.store.Update(s.ctx, countUp(&runs, mine)); err != nil {
					s.Errorf("count up: %v", err)
				}
			}
		})
	}
	wg.Wait()
	last := read(s, func(tx license.Tx) (*license.Resource, error) { return tx.Resource(alice, resource(3).ARN) })
	s.same("versions", int64(1+workers*rounds), last.Version)
	s.same("runs", int64(workers*rounds), runs.Load())
}

// countUp saves one more version of the third resource under a lock of all.
func countUp(runs *atomic.Int64, arns []string) func(license.Tx) error {
	return func(tx license.Tx) error {
		runs.Add(1)
		found, err := tx.LockResources(alice, arns)
		if err != nil {
			return err
		}
		r := found[resource(3).ARN]
		r.Version++
		return tx.SaveResources([]*license.Resource{r}, 1)
	}
}

func resourcesAreFoundByHost(s *suite) {
	on := func(num int64, host string) *license.Resource {
		r := resource(num)
		r.Facts.Host = host
		return r
	}
	foreign := on(5, "h-1")
	foreign.Account = bob
	moved := on(4, "h-1")
	s.declare(on(3, "h-1"), on(2, "h-2"), on(1, "h-1"), moved, foreign, on(6, ""), on(7, "H-1"))
	moved.Facts.Host, moved.Version = "h-2", 2
	s.update(func(tx license.Tx) error { return tx.SaveResources([]*license.Resource{moved}, 1) })
	for host, want := range map[string][]int64{"h-1": {1, 3}, "h-2": {2, 4}, "h-3": {}, "": {}} {
		found := read(s, func(tx license.Tx) ([]*license.Resource, error) { return tx.ResourcesOnHosts(alice, []string{host}) })
		s.same("on "+host, want, numsOf(found))
		guests := read(s, func(tx license.Tx) ([]*license.Resource, error) { return tx.GuestsOf(alice, host, 1) })
		s.same("first on "+host, want[:min(1, len(want))], numsOf(guests))
	}
	first := on(1, "h-1")
	first.Facts.Status, first.Version = "terminated", 2
	s.update(func(tx license.Tx) error { return tx.SaveResources([]*license.Resource{first}, 2) })
	left := read(s, func(tx license.Tx) ([]*license.Resource, error) { return tx.GuestsOf(alice, "h-1", 5) })
	s.same("left on h-1", []int64{3}, numsOf(left))
}

func unseenResourcesAreManagedInstances(s *suite) {
	managed := func(num int64, seen license.Time, status string) *license.Resource {
		r := resource(num)
		r.Type, r.Seen, r.Facts.Status = license.ManagedInstance, seen, status
		return r
	}
	foreign := managed(7, 5, "ConnectionLost")
	foreign.Account = bob
	s.declare(managed(1, 30, "Online"), managed(2, 10, "Online"), managed(3, 10, "Online"),
		managed(4, 1, "Inactive"), managed(5, 1, "deregistered"), resource(6), foreign)
	list := func(before license.Time, limit int) []int64 {
		return numsOf(read(s, func(tx license.Tx) ([]*license.Resource, error) { return tx.UnseenResources(before, limit) }))
	}
	s.same("before 30", []int64{7, 2, 3}, list(30, 10))
	s.same("before 31", []int64{7, 2, 3, 1}, list(31, 10))
	s.same("two of them", []int64{7, 2}, list(31, 2))

	idle := managed(2, 10, "Inactive")
	idle.Version = 2
	s.update(func(tx license.Tx) error { return tx.SaveResources([]*license.Resource{idle}, 40) })
	s.same("after one became inactive", []int64{7, 3}, list(30, 10))
}

func softwareIsKeptByVersion(s *suite) {
	s.declare(resource(1), resource(2))
	versions := [][]license.Application{
		{{Name: "b", Publisher: "p", Version: "1"}, {Name: "a"}, {Name: "b", Version: "2"}, {Name: "Größe %_'"}},
		nil,
		{{Name: "c"}},
	}
	for i, apps := range versions {
		s.update(func(tx license.Tx) error {
			return tx.SaveSoftware([]license.Software{{Resource: 1, Version: int64(i + 1), Applications: apps}}, 5)
		})
	}
	for i, want := range append(versions, nil) {
		got := read(s, func(tx license.Tx) ([]license.Application, error) { return tx.Software(1, int64(i+1)) })
		s.same(fmt.Sprintf("version %d", i+1), want, got)
	}
	all := []license.Software{{Resource: 1, Version: 3}, {Resource: 2, Version: 9}, {Resource: 1, Version: 1}}
	s.view(func(tx license.Tx) error { return tx.SoftwareOf(all) })
	s.same("several versions", []license.Software{
		{Resource: 1, Version: 3, Applications: versions[2]}, {Resource: 2, Version: 9}, {Resource: 1, Version: 1, Applications: versions[0]},
	}, all)
	if s.store.Update(s.ctx, func(tx license.Tx) error { return tx.SaveSoftware([]license.Software{{Resource: 77, Version: 1}}, 5) }) == nil {
		s.Error("software of a resource that does not exist was saved")
	}
	many := make([]license.Application, 2000)
	for i := range many {
		many[i].Name = strings.Repeat("x", 100) + fmt.Sprint(i)
	}
	s.update(func(tx license.Tx) error {
		return tx.SaveSoftware([]license.Software{{Resource: 2, Version: 1, Applications: many}}, 5)
	})
	s.same("long list", many,
		read(s, func(tx license.Tx) ([]license.Application, error) { return tx.Software(2, 1) }))
}
