package storetest

import "reeve/internal/license"

func fullConfiguration() *license.Configuration {
	c := configuration(7)
	c.Deleted, c.Loading = 3, true
	c.Head, c.HeadAt, c.HeadHash = 9, 123, []byte{0, 255, 1}
	c.TermsRev, c.NextNode = 4, 77
	c.Terms = license.Terms{
		Name: "Größe %_'\"\\", Description: "d", CountingType: license.Core, Count: pointer(int64(0)),
		HardLimit: true, Rules: []string{"#a=b"}, Status: license.Disabled, Disassociate: true,
		Products: []license.ProductInformation{{ResourceType: "RDS", Filters: []license.ProductFilter{
			{Name: "n", Values: []string{"v", ""}, Comparator: "EQUALS"}}}},
		Expiry: pointer(int64(5)), Tags: []license.Tag{{Key: "k", Value: ""}, {Key: "l", Value: "é"}},
	}
	c.Counters = license.Counters{Consumed: 6, ConsumedBy: [5]int64{1, 0, 2, 0, 3}, AssociatedBy: [5]int64{0, 9, 0, 8, 0}}
	return c
}

func configurationKeepsEverything(s *suite) {
	c := fullConfiguration()
	s.insert(c)
	get := func(tx license.Tx) (*license.Configuration, error) { return tx.Configuration(c.ID) }
	s.same("configuration", c, read(s, get))
	s.update(func(tx license.Tx) error {
		locked, err := tx.LockConfiguration(c.Num)
		s.same("locked configuration", c, locked)
		return err
	})

	bare := configuration(7)
	s.update(func(tx license.Tx) error { return tx.SaveConfiguration(bare) })
	s.same("saved configuration", bare, read(s, get))
	s.same("unlimited", (*int64)(nil), read(s, get).Terms.Count)

	s.update(func(tx license.Tx) error {
		none, err := tx.LockConfiguration(8)
		s.same("lock of nothing", (*license.Configuration)(nil), none)
		return err
	})
	s.same("unknown configuration", (*license.Configuration)(nil),
		read(s, func(tx license.Tx) (*license.Configuration, error) { return tx.Configuration("lic-") }))
	if s.store.Update(s.ctx, func(tx license.Tx) error { return tx.SaveConfiguration(configuration(8)) }) == nil {
		s.Error("a configuration that does not exist was saved")
	}
}

func clashRunsTheUpdateAgain(s *suite) {
	s.insert(configuration(1))
	for name, second := range map[string]*license.Configuration{"num": configuration(1), "id": configuration(2)} {
		second.ID = map[string]string{"num": "lic-other", "id": configuration(1).ID}[name]
		runs := 0
		s.update(func(tx license.Tx) error {
			if runs++; runs == 1 {
				return tx.InsertConfiguration(second)
			}
			return nil
		})
		s.same("runs after a clash of "+name, 2, runs)
	}
}

func configurationsAreListedInOrder(s *suite) {
	var all []*license.Configuration
	// The same moment for several, and numbers against the order of time.
	for i, at := range []license.Time{50, 10, 30, 30, 30, 20} {
		c := configuration(int64(i + 1))
		c.Created = at
		all = append(all, c)
	}
	others := []*license.Configuration{configuration(11), configuration(12), configuration(13), configuration(14)}
	others[0].Deleted = 1
	others[1].Loading = true
	others[2].Account = bob
	others[3].Region = "EU-central-1"
	s.insert(append(all, others...)...)

	list := func(created license.Time, num int64, limit int) []int64 {
		return idsOf(read(s, func(tx license.Tx) ([]*license.Configuration, error) {
			return tx.Configurations(alice, region, created, num, limit)
		}))
	}
	s.same("all", []int64{2, 6, 3, 4, 5, 1}, list(0, 0, 100))
	s.same("first page", []int64{2, 6, 3}, list(0, 0, 3))
	s.same("second page", []int64{4, 5, 1}, list(30, 3, 3))
	s.same("last page", []int64{}, list(50, 1, 3))
}

func configurationsOfATimeAreListed(s *suite) {
	lived := func(num int64, created, deleted license.Time) *license.Configuration {
		c := configuration(num)
		c.Created, c.Deleted = created, deleted
		return c
	}
	loading, foreign := lived(6, 10, 0), lived(7, 10, 0)
	loading.Loading, foreign.Account = true, bob
	s.insert(lived(1, 10, 0), lived(2, 20, 30), lived(3, 30, 0), lived(4, 20, 0), loading, foreign)
	list := func(at, created license.Time, num int64, limit int) []int64 {
		return idsOf(read(s, func(tx license.Tx) ([]*license.Configuration, error) {
			return tx.ConfigurationsAt(alice, region, at, created, num, limit)
		}))
	}
	s.same("before all", []int64{}, list(9, 0, 0, 9))
	s.same("as one begins", []int64{1}, list(10, 0, 0, 9))
	s.same("while all live", []int64{1, 2, 4}, list(29, 0, 0, 9))
	s.same("once one is deleted", []int64{1, 4, 3}, list(30, 0, 0, 9))
	s.same("a page", []int64{2}, list(29, 10, 1, 1))
}

func configurationsAreCounted(s *suite) {
	gone, loading, foreign := configuration(3), configuration(4), configuration(5)
	gone.Deleted, loading.Loading, foreign.Account = 1, true, bob
	s.insert(configuration(1), configuration(2), gone, loading, foreign)
	s.view(func(tx license.Tx) error {
		existing, created, err := tx.CountConfigurations(alice, region, 2_000_000)
		s.same("existing", int64(2), existing)
		s.same("created since", int64(3), created)
		return err
	})
	s.view(func(tx license.Tx) error {
		existing, created, err := tx.CountConfigurations(bob, "nowhere", 0)
		s.same("none", [2]int64{}, [2]int64{existing, created})
		return err
	})
}

func everyConfigurationIsListed(s *suite) {
	gone, loading, foreign := configuration(3), configuration(2), configuration(5)
	gone.Deleted, loading.Loading, foreign.Account = 1, true, bob
	s.insert(foreign, gone, loading, configuration(4))
	list := func(after int64, limit int) []int64 {
		return idsOf(read(s, func(tx license.Tx) ([]*license.Configuration, error) {
			return tx.EveryConfiguration(after, limit)
		}))
	}
	s.same("all", []int64{2, 3, 4, 5}, list(0, 10))
	s.same("page", []int64{4}, list(3, 1))
}

func settingsAreKeptPerAccountAndRegion(s *suite) {
	get := func(account, region string) license.ServiceSettings {
		return read(s, func(tx license.Tx) (license.ServiceSettings, error) { return tx.Settings(account, region) })
	}
	s.same("never saved", license.ServiceSettings{}, get(alice, region))
	full := license.ServiceSettings{
		S3BucketARN: "arn:aws:s3:::b", SNSTopicARN: "t", Integration: true,
		CrossAccountDiscovery: true, SourceRegions: []string{"b", "a"},
	}
	for _, saved := range []license.ServiceSettings{full, {Integration: true}} {
		s.update(func(tx license.Tx) error { return tx.SaveSettings(alice, region, saved) })
		s.same("saved", saved, get(alice, region))
	}
	s.same("another region", license.ServiceSettings{}, get(alice, "us-east-1"))
	s.same("another account", license.ServiceSettings{}, get(bob, region))
}
