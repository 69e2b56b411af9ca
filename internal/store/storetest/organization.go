package storetest

import (
	"fmt"
	"strconv"
	"sync"

	"reeve/internal/license"
)

const carol = "777788889999"

// organization is one that alice manages.
func organization() *license.Organization {
	return &license.Organization{ID: "o-a", Management: alice, Created: 5}
}

// organize saves it with its accounts.
func (s *suite) organize(accounts ...string) {
	s.Helper()
	s.update(func(tx license.Tx) error {
		if err := tx.SaveOrganization(organization()); err != nil {
			return err
		}
		for i, account := range accounts {
			if err := tx.JoinOrganization("o-a", account, license.Time(10+i)); err != nil {
				return err
			}
		}
		return nil
	})
}

func organizationsKeepTheirAccounts(s *suite) {
	of := func(account string) *license.Organization {
		return read(s, func(tx license.Tx) (*license.Organization, error) { return tx.Organization(account) })
	}
	byID := func(id string) *license.Organization {
		return read(s, func(tx license.Tx) (*license.Organization, error) { return tx.OrganizationByID(id) })
	}
	accounts := func(after string, limit int) []license.OrganizationAccount {
		return read(s, func(tx license.Tx) ([]license.OrganizationAccount, error) {
			return tx.OrganizationAccounts("o-a", after, limit)
		})
	}
	s.same("before it is made", (*license.Organization)(nil), of(alice))
	s.organize(alice, bob)
	s.same("of its manager", organization(), of(alice))
	s.same("of a member", organization(), of(bob))
	s.same("of a stranger", (*license.Organization)(nil), of(carol))
	s.same("by ID", organization(), byID("o-a"))
	s.same("by no ID", (*license.Organization)(nil), byID("o-b"))
	first, second := license.OrganizationAccount{Account: alice, Joined: 10}, license.OrganizationAccount{Account: bob, Joined: 11}
	s.same("accounts", []license.OrganizationAccount{first, second}, accounts("", 9))
	s.same("one account", []license.OrganizationAccount{first}, accounts("", 1))
	s.same("accounts beyond", []license.OrganizationAccount{second}, accounts(alice, 9))

	delegated := organization()
	delegated.Delegated = bob
	s.update(func(tx license.Tx) error { return tx.SaveOrganization(delegated) })
	s.same("delegated", delegated, byID("o-a"))
	all := read(s, func(tx license.Tx) ([]*license.Organization, error) { return tx.Organizations(9) })
	s.same("all", []*license.Organization{delegated}, all)
	s.update(func(tx license.Tx) error { return tx.LeaveOrganization("o-a", bob, 20) })
	s.same("of who has left", (*license.Organization)(nil), of(bob))
	s.same("accounts that stay", []license.OrganizationAccount{first}, accounts("", 9))
	s.update(func(tx license.Tx) error { return tx.JoinOrganization("o-a", bob, 20) }) // at once
	s.same("of who is back", delegated, of(bob))
	exists := read(s, func(tx license.Tx) (bool, error) { return tx.AccountExists(alice) })
	s.same("an account that was never made", false, exists)
}

func organizationsAreLocked(s *suite) {
	s.organize(alice)
	const workers, rounds = 6, 10
	count := func(tx license.Tx) error {
		if err := tx.LockOrganization("o-a", true); err != nil {
			return err
		}
		o, err := tx.OrganizationByID("o-a")
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(o.Delegated)
		o.Delegated = strconv.Itoa(n + 1)
		return tx.SaveOrganization(o)
	}
	hold := func(tx license.Tx) error { return tx.LockOrganization("o-a", false) }
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				for _, fn := range []func(license.Tx) error{count, hold} {
					if err := s.store.Update(s.ctx, fn); err != nil {
						s.Errorf("lock: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
	o := read(s, func(tx license.Tx) (*license.Organization, error) { return tx.OrganizationByID("o-a") })
	s.same("counted under the lock", fmt.Sprint(workers*rounds), o.Delegated)
}

func sharesAreFoundByPrincipal(s *suite) {
	var all []*license.Configuration
	for num := int64(1); num <= 6; num++ {
		all = append(all, configuration(num))
	}
	all[2].Region, all[4].Account = "us-east-1", bob
	s.insert(all...)
	save := func(num int64, principals ...string) {
		s.Helper()
		s.update(func(tx license.Tx) error { return tx.SaveShares(all[num-1], principals) })
	}
	save(1, bob)
	save(2, bob, "o-a")
	save(3, "o-a", bob)
	save(5, "o-a")
	save(6, carol)
	shared := func(principal string, after *license.Configuration, limit int) []int64 {
		return idsOf(read(s, func(tx license.Tx) ([]*license.Configuration, error) {
			return tx.SharedConfigurations(principal, region, after.Created, after.Num, limit)
		}))
	}
	start := &license.Configuration{}
	s.same("with bob", []int64{1, 2}, shared(bob, start, 9))
	s.same("with the organization", []int64{2, 5}, shared("o-a", start, 9))
	s.same("the first", []int64{1}, shared(bob, start, 1))
	s.same("beyond the first", []int64{2}, shared(bob, all[0], 9))
	s.same("with nobody", []int64{}, shared("", start, 9))
	anywhere := func(after int64, limit int) []int64 {
		return idsOf(read(s, func(tx license.Tx) ([]*license.Configuration, error) {
			return tx.SharedInAnyRegion(bob, after, limit)
		}))
	}
	s.same("in every region", []int64{1, 2, 3}, anywhere(0, 9))
	s.same("in every region, beyond one", []int64{2}, anywhere(1, 1))
	by := func(account string) []int64 {
		return idsOf(read(s, func(tx license.Tx) ([]*license.Configuration, error) { return tx.SharedBy(account, 9) }))
	}
	s.same("by alice", []int64{1, 2, 3, 6}, by(alice))
	s.same("by bob", []int64{5}, by(bob))
	with := func(principal string) int {
		return read(s, func(tx license.Tx) (int, error) { return tx.SharesWith(principal, region, 9) })
	}
	s.same("how many with the organization", 2, with("o-a"))
	save(2, carol)
	s.same("after a change", []int64{1}, shared(bob, start, 9))
	save(2)
	s.same("after the end", 1, with("o-a"))
}

func foreignAssociationsAreListed(s *suite) {
	s.insert(configuration(1), configuration(2))
	var all []*license.Resource
	for num := int64(10); num < 14; num++ {
		all = append(all, resource(num))
	}
	all[1].Account, all[2].Account, all[3].Account = bob, carol, bob
	s.declare(all...)
	s.associate(open(1, 10), open(1, 11), hold(1, 12, 9), open(1, 13), open(2, 11))
	foreign := func(account string, after int64, limit int) (nums []int64) {
		found := read(s, func(tx license.Tx) ([]license.ForeignAssociation, error) {
			return tx.ForeignAssociations(1, account, after, limit)
		})
		for _, a := range found {
			if r := all[a.Resource-10]; r.Account != a.Account || a.ResourceARN != r.ARN {
				s.Errorf("the association of %d is %+v", a.Resource, a)
			}
			nums = append(nums, a.Resource)
		}
		return nums
	}
	s.same("of anybody", []int64{11, 12, 13}, foreign("", 0, 9))
	s.same("two", []int64{11, 12}, foreign("", 0, 2))
	s.same("beyond", []int64{13}, foreign("", 12, 9))
	s.same("of one", []int64{11, 13}, foreign(bob, 0, 9))
}

func imagesOfAnOrganizationAreFound(s *suite) {
	s.organize(alice, bob)
	const name = "arn:aws:ec2:eu-central-1::image/ami-1"
	image := func(num int64, account string) *license.Resource {
		r := resource(num)
		r.Account, r.Owner, r.ARN, r.Type = account, account, name, license.EC2AMI
		return r
	}
	gone, foreign := image(3, bob), image(4, carol)
	gone.Facts.Status = "deregistered"
	s.declare(image(2, alice), gone, foreign)
	found := func() []*license.Resource {
		return read(s, func(tx license.Tx) ([]*license.Resource, error) {
			return tx.SharedImages("o-a", []string{name, "arn:aws:ec2:eu-central-1::image/ami-2"})
		})
	}
	s.same("images", []*license.Resource{image(2, alice)}, found())
	s.update(func(tx license.Tx) error { return tx.LeaveOrganization("o-a", alice, 99) })
	s.same("after their account has left", []*license.Resource{}, found())
}
