package storetest

import (
	"slices"

	"reeve/internal/license"
)

// open returns an association of a resource with a configuration, as reads
// return it.
func open(configurationNum, resourceNum int64) license.OpenAssociation {
	c := configuration(configurationNum)
	return license.OpenAssociation{
		Configuration: c.Num, ConfigurationID: c.ID, Region: c.Region, Account: c.Account,
		Association: license.Association{
			Key: license.Key{Owner: 5, Resource: resourceNum}, ResourceARN: instanceARN(alice, resourceNum),
			Type: license.EC2Instance, AssociationTime: 8, Origin: license.OriginRequest, Facts: 1,
		},
	}
}

func hold(configurationNum, resourceNum int64, until license.Time) license.OpenAssociation {
	a := open(configurationNum, resourceNum)
	a.Origin, a.Until = license.OriginAffinity, until
	return a
}

func (s *suite) associate(as ...license.OpenAssociation) {
	s.Helper()
	s.update(func(tx license.Tx) error { return tx.SaveAssociations(as) })
}

func openAssociationsByResource(s *suite) {
	s.insert(configuration(1), configuration(2), configuration(3))
	onHost := resource(11)
	onHost.Facts.Host = "h-1"
	gone := resource(12)
	gone.Facts.Host, gone.Facts.Status = "h-1", "terminated"
	s.declare(resource(10), onHost, gone)
	full := open(2, 10)
	full.Scope, full.Unlicensed, full.Origin, full.Facts = "cross-account", true, license.OriginAMI, 7
	s.associate(open(3, 10), full, open(1, 11), hold(1, 12, 9), hold(1, 10, 9))

	of := func(nums ...int64) []license.OpenAssociation {
		return read(s, func(tx license.Tx) ([]license.OpenAssociation, error) { return tx.AssociationsOf(nums) })
	}
	s.same("of some", []license.OpenAssociation{open(1, 11), hold(1, 10, 9), full, open(3, 10)}, of(11, 99, 10))
	s.same("of none", []license.OpenAssociation{}, of())

	specifications := func(after int64, limit int) []license.OpenAssociation {
		return read(s, func(tx license.Tx) ([]license.OpenAssociation, error) { return tx.SpecificationsOf(10, after, limit) })
	}
	s.same("specifications", []license.OpenAssociation{full, open(3, 10)}, specifications(0, 10))
	s.same("one", []license.OpenAssociation{full}, specifications(0, 1))
	s.same("beyond", []license.OpenAssociation{open(3, 10)}, specifications(2, 10))

	host := func(configuration int64, account, host string) []license.OpenAssociation {
		return read(s, func(tx license.Tx) ([]license.OpenAssociation, error) {
			return tx.AssociationsOnHosts(configuration, account, []string{host})
		})
	}
	s.same("on the host", []license.OpenAssociation{open(1, 11), hold(1, 12, 9)}, host(1, alice, "h-1"))
	s.same("of another configuration", []license.OpenAssociation{}, host(2, alice, "h-1"))
	s.same("on another host", []license.OpenAssociation{}, host(1, alice, "h-2"))
	s.same("of another account", []license.OpenAssociation{}, host(1, bob, "h-1"))

	for num, want := range map[int64]int64{1: 3, 2: 1, 3: 1, 4: 0} {
		s.same("count", want, read(s, func(tx license.Tx) (int64, error) { return tx.CountAssociations(num) }))
	}

	replaced := open(2, 10)
	s.associate(replaced)
	s.same("replaced", []license.OpenAssociation{hold(1, 10, 9), replaced, open(3, 10)}, of(10))
	s.update(func(tx license.Tx) error {
		return tx.DeleteAssociations([]license.OpenAssociation{open(2, 10), open(1, 10), open(99, 10)})
	})
	s.same("deleted", []license.OpenAssociation{open(3, 10)}, of(10))
}

func holdsExpireInOrder(s *suite) {
	s.insert(configuration(1), configuration(2))
	never := open(2, 14)
	never.Until = 1 // not a hold
	s.associate(hold(1, 10, 30), hold(2, 10, 20), hold(1, 11, 20), hold(1, 12, 40), never)
	list := func(at license.Time, limit int) []license.OpenAssociation {
		return read(s, func(tx license.Tx) ([]license.OpenAssociation, error) { return tx.ExpiredHolds(at, limit) })
	}
	all := []license.OpenAssociation{hold(2, 10, 20), hold(1, 11, 20), hold(1, 10, 30)}
	s.same("at 30", all, list(30, 10))
	s.same("at 29", all[:2], list(29, 10))
	s.same("at 19", []license.OpenAssociation{}, list(19, 10))
	s.same("one", all[:1], list(30, 1))
}

func failuresAreKeptPerResource(s *suite) {
	failure := func(owner, resource int64, message string) license.Failure {
		return license.Failure{
			Key: license.Key{Owner: owner, Resource: resource}, ResourceARN: instanceARN(alice, resource),
			Type: license.RDS, Message: message, Time: 5, Operation: "PutResources", RequestedBy: "é",
		}
	}
	save := func(configuration int64, fs ...license.Failure) {
		s.update(func(tx license.Tx) error { return tx.SaveFailures(configuration, fs) })
	}
	list := func(configuration int64, after license.Key, limit int) []license.Failure {
		return read(s, func(tx license.Tx) ([]license.Failure, error) { return tx.Failures(configuration, after, limit) })
	}
	all := []license.Failure{failure(1, 9, "a"), failure(2, 1, "b"), failure(2, 3, "c"), failure(10, 2, "d")}
	shuffled := slices.Clone(all)
	slices.Reverse(shuffled)
	save(1, shuffled...)
	save(2, failure(1, 9, "another configuration's"))
	s.same("all", all, list(1, license.Key{}, 10))
	s.same("first page", all[:2], list(1, license.Key{}, 2))
	s.same("second page", all[2:], list(1, all[1].Key, 2))

	all[1] = failure(2, 1, "newer")
	save(1, all[1])
	s.same("replaced", all, list(1, license.Key{}, 10))
	s.update(func(tx license.Tx) error {
		return tx.DeleteFailures(1, []license.Key{all[0].Key, all[3].Key, {Owner: 7, Resource: 7}})
	})
	s.same("deleted", all[1:3], list(1, license.Key{}, 10))
	s.same("of the other", []license.Failure{failure(1, 9, "another configuration's")}, list(2, license.Key{}, 10))
}
