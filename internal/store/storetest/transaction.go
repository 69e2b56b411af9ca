package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"reeve/internal/license"
)

func rollbackLeavesNothing(s *suite) {
	o := newOracle(s, 7)
	o.commit(newRandom().usageChanges(nil, 50))
	s.declare(resource(1))
	before := o.c
	err := s.store.Update(s.ctx, func(tx license.Tx) error {
		c, err := tx.LockConfiguration(7)
		if err != nil {
			return err
		}
		if err := writeEverything(o, tx, c); err != nil {
			return err
		}
		// The transaction sees what it wrote; nobody else may be shown it.
		own, err := tx.ScanUsage(nil, license.UsageScan{Configuration: 7, Revision: 2, Limit: 1000})
		if err != nil {
			return err
		}
		if slices.Equal(own, rows(o.usage[1], license.UsageScan{Limit: 1000}, func(license.Usage) bool { return true })) {
			s.Error("the transaction does not see its own changes")
		}
		return errStop
	})
	if !errors.Is(err, errStop) {
		s.Fatalf("update: %v, want the function's own error", err)
	}
	s.view(func(tx license.Tx) error {
		c, err := tx.Configuration(before.ID)
		s.same("configuration", before, c)
		o.checkUsage(tx, license.UsageScan{Revision: 1, Limit: 1000})
		return err
	})
	s.view(func(tx license.Tx) error {
		r, err := tx.Revision(7, 2)
		s.same("revision", (*license.Revision)(nil), r)
		return err
	})
	s.view(func(tx license.Tx) error {
		all, _, err := tx.Inventory(alice, nil, 0, 10)
		s.same("inventory", []*license.Resource{resource(1)}, all)
		return err
	})
	s.view(func(tx license.Tx) error {
		as, err := tx.AssociationsOf([]int64{1})
		s.same("associations", 0, len(as))
		return err
	})
	// What comes next reuses the numbers of what never was.
	o.commit([]license.Change{{Key: license.Key{Owner: 3, Resource: 4}, Kind: license.KindUsage, Usage: &license.Usage{
		Key: license.Key{Owner: 3, Resource: 4}, ResourceARN: "a", Type: license.RDS, Status: "s", Consumed: 1,
	}}})
	s.view(func(tx license.Tx) error {
		o.checkUsage(tx, license.UsageScan{Revision: 2, Limit: 1000})
		return nil
	})
	o.checkTrees()
}

func writeEverything(o *oracle, tx license.Tx, c *license.Configuration) error {
	r := newRandom()
	return errors.Join(
		o.write(tx, c, r.usageChanges(o.usage[1], 50)),
		tx.InsertResources([]*license.Resource{resource(2)}),
		tx.SaveSoftware([]license.Software{{Resource: 2, Version: 1, Applications: []license.Application{{Name: "a"}}}}, 1),
		tx.SaveAssociations([]license.OpenAssociation{open(7, 1)}),
		tx.SaveFailures(7, []license.Failure{{Key: license.Key{Owner: 1, Resource: 1}, Type: license.RDS}}),
		tx.SaveSettings(alice, region, license.ServiceSettings{Integration: true}),
	)
}

// viewIsOneSnapshot: what another transaction commits meanwhile is not seen,
// not even when another view brings it into a cache.
func viewIsOneSnapshot(s *suite) {
	r, o := newRandom(), newOracle(s, 7)
	o.commit(r.usageChanges(nil, 60))
	s.view(func(tx license.Tx) error {
		first, err := tx.Configuration(o.c.ID)
		if err != nil {
			return err
		}
		for range 5 {
			// The rows of a tree that this view has not read yet.
			o.commit(r.usageChanges(o.usage[o.c.Head], 60))
			s.view(func(tx license.Tx) error {
				o.checkUsage(tx, license.UsageScan{Revision: o.c.Head, Limit: 1000})
				o.checkUsage(tx, r.scan(o.c.Head))
				return nil
			})
			o.checkUsage(tx, license.UsageScan{Revision: first.Head, Limit: 1000})
			o.checkUsage(tx, r.scan(first.Head))
		}
		again, err := tx.Configuration(o.c.ID)
		s.same("configuration read again", first, again)
		return err
	})
}

// lockSerialises: what was decided under the lock still holds at the commit.
func lockSerialises(s *suite) {
	s.insert(configuration(1), configuration(2))
	const workers, rounds = 6, 10
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				err := s.store.Update(s.ctx, func(tx license.Tx) error {
					for _, num := range []int64{1, 2} {
						c, err := tx.LockConfiguration(num)
						if err != nil {
							return err
						}
						c.Head++
						if err := tx.SaveConfiguration(c); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					s.Errorf("count up: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for _, c := range read(s, func(tx license.Tx) ([]*license.Configuration, error) { return tx.EveryConfiguration(0, 9) }) {
		s.same("head", int64(workers*rounds), c.Head)
	}
}

func otherConfigurationsDoNotWait(s *suite) {
	s.insert(configuration(1), configuration(2))
	s.update(func(tx license.Tx) error {
		if _, err := tx.LockConfiguration(1); err != nil {
			return err
		}
		s.update(func(tx license.Tx) error { // would never end if it waited
			c, err := tx.LockConfiguration(2)
			if err != nil {
				return err
			}
			c.Head++
			return tx.SaveConfiguration(c)
		})
		return nil
	})
}

// resourceLocksNeverCross: of two transactions that lock the same resources,
// the second takes none before the first has let it through.
func resourceLocksNeverCross(s *suite) {
	s.declare(resource(1), resource(2))
	var runs atomic.Int64
	began, ended := make(chan struct{}), make(chan error, 1)
	second := func() {
		ended <- s.store.Update(s.ctx, func(tx license.Tx) error {
			if runs.Add(1) == 2 {
				close(began)
			}
			_, err := tx.LockResources(alice, []string{resource(2).ARN, resource(1).ARN})
			return err
		})
	}
	s.update(func(tx license.Tx) error {
		if _, err := tx.LockResources(alice, []string{resource(1).ARN}); err != nil {
			return err
		}
		if runs.Add(1) == 1 {
			go second()
			<-began
		}
		for range 100 { // round trips, during which the other gets as far as it can
			if _, err := tx.Now(); err != nil {
				return err
			}
		}
		_, err := tx.LockResources(alice, []string{resource(2).ARN})
		return err
	})
	if err := <-ended; err != nil {
		s.Errorf("second update: %v", err)
	}
	s.same("runs", int64(2), runs.Load())
}

// clockRunsInsideATransaction: the time of a revision is taken under the lock,
// which may have been waited for.
func clockRunsInsideATransaction(s *suite) {
	s.update(func(tx license.Tx) error {
		first, err := tx.Now()
		if err != nil {
			return err
		}
		if first < license.Time(1_577_836_800_000_000) {
			s.Errorf("the clock says %v", first)
		}
		for now := first; now == first; {
			if s.ctx.Err() != nil {
				s.Fatal("the clock stands still inside a transaction")
			}
			if now, err = tx.Now(); err != nil {
				return err
			}
			if now < first {
				s.Fatalf("the clock went back from %v to %v", first, now)
			}
		}
		return nil
	})
}

func viewCannotWrite(s *suite) {
	if s.store.View(s.ctx, func(tx license.Tx) error { return tx.InsertConfiguration(configuration(1)) }) == nil {
		s.Error("a view wrote")
	}
	s.same("configurations", 0,
		len(read(s, func(tx license.Tx) ([]*license.Configuration, error) { return tx.EveryConfiguration(0, 9) })))
}

func cancelledContextCommitsNothing(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	err := s.store.Update(ctx, func(tx license.Tx) error {
		defer cancel()
		return tx.InsertConfiguration(configuration(1))
	})
	if !errors.Is(err, context.Canceled) {
		s.Errorf("update: %v, want that it was cancelled", err)
	}
	s.same("configurations", 0,
		len(read(s, func(tx license.Tx) ([]*license.Configuration, error) { return tx.EveryConfiguration(0, 9) })))
	if err := s.store.View(ctx, func(license.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		s.Errorf("view with a cancelled context: %v", err)
	}
}

// rehearsalLeavesNothing: its updates see each other, an attempt that fails is
// undone alone, and nobody else ever sees any of it.
func rehearsalLeavesNothing(s *suite) {
	o := newOracle(s, 7)
	o.commit(newRandom().usageChanges(nil, 50))
	before := o.c
	err := s.store.Rehearse(s.ctx, func(r license.Rehearsal) error {
		attempt := func(num int64, end error) error {
			return r.Attempt(s.ctx, func() error {
				insert := func(tx license.Tx) error { return tx.InsertResources([]*license.Resource{resource(num)}) }
				return errors.Join(r.Update(s.ctx, insert), end)
			})
		}
		if err := attempt(1, nil); err != nil {
			return err
		}
		if err := attempt(2, errStop); !errors.Is(err, errStop) {
			s.Errorf("attempt: %v, want the function's own error", err)
		}
		return r.UpdateTogether(s.ctx, "any", func(tx license.Tx) error {
			all, _, err := tx.Inventory(alice, nil, 0, 10)
			s.same("inventory of the rehearsal", []*license.Resource{resource(1)}, all)
			c, failed := tx.LockConfiguration(7)
			if err := errors.Join(err, failed); err != nil {
				return err
			}
			return writeEverything(o, tx, c)
		})
	})
	if err != nil {
		s.Fatalf("rehearse: %v", err)
	}
	s.view(func(tx license.Tx) error {
		c, err := tx.Configuration(before.ID)
		s.same("configuration", before, c)
		all, _, failed := tx.Inventory(alice, nil, 0, 10)
		s.same("inventory", 0, len(all))
		o.checkUsage(tx, license.UsageScan{Revision: 1, Limit: 1000})
		return errors.Join(err, failed)
	})
	o.commit(newRandom().usageChanges(o.usage[1], 20)) // with the numbers of what never was
	o.checkTrees()
	if err := s.store.Rehearse(s.ctx, func(license.Rehearsal) error { return errStop }); !errors.Is(err, errStop) {
		s.Errorf("rehearse: %v, want the function's own error", err)
	}
}
