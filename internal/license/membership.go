package license

import (
	"context"
	"errors"
)

// RemoveAccount takes a member out of an organization. It is refused while the
// account uses what others share or shares something itself, unless force is
// set: then these associations end first, each as a revision of its ledger, and
// its own configurations are no longer shared.
func (m *Manager) RemoveAccount(ctx context.Context, who Caller, id, account string, force bool) error {
	for range releaseRounds {
		err := m.store.Update(ctx, func(tx Tx) error { return m.leave(tx, who, id, account) })
		if !force || !errors.Is(err, errInUse) {
			return err
		}
		if err := m.releaseMember(ctx, who, account); err != nil && !errors.Is(err, errMore) {
			return err
		}
	}
	return refuse(Conflict, "The account %s goes on associating machines as fast as they are released. Try again.", clip(account))
}

// errInUse is why a member cannot leave; the message says what to do.
var errInUse = &Error{Kind: Conflict, Message: "The account uses license configurations that others share with it, or shares some itself. End that first, or force it."}

// leave takes an account out of an organization that it has nothing to do with
// any more, under the lock that keeps others from changing that.
func (m *Manager) leave(tx Tx, who Caller, id, account string) error {
	o, err := lockMember(tx, who, id, account)
	if err != nil {
		return err
	}
	switch account {
	case o.Management:
		return refuse(ManagementStays, "The management account cannot leave its organization.")
	case o.Delegated:
		return refuse(Conflict, "The account %s is the delegated administrator. Deregister it first.", account)
	}
	if err := unentangled(tx, o, account); err != nil {
		return err
	}
	now, err := m.now(tx)
	if err != nil {
		return err
	}
	return tx.LeaveOrganization(o.ID, account, now)
}

// unentangled refuses an account that shares, or is shared with by name, or has
// machines in configurations of others.
func unentangled(tx Tx, o *Organization, account string) error {
	own, err := tx.SharedBy(account, 1)
	if err != nil {
		return err
	}
	if len(own) > 0 {
		return errInUse
	}
	return eachShared(tx, account, o.ID, func(c *Configuration) error {
		if sharesReach(c.Terms.Shares, account, nil) {
			return errInUse
		}
		found, err := tx.ForeignAssociations(c.Num, account, 0, 1)
		if err == nil && len(found) > 0 {
			err = errInUse
		}
		return err
	})
}

// eachShared calls each for every configuration of others, of all regions, that
// is shared with an account or its organization.
func eachShared(tx Tx, account, organization string, each func(*Configuration) error) error {
	const page = 100
	for _, principal := range []string{account, organization} {
		for after, more := int64(0), true; more; {
			found, err := tx.SharedInAnyRegion(principal, after, page)
			if err != nil {
				return err
			}
			for _, c := range found {
				if after = c.Num; c.Account == account {
					continue
				}
				if err := each(c); err != nil {
					return err
				}
			}
			more = len(found) == page
		}
	}
	return nil
}

// releaseMember ends what ties an account to others: its associations with what
// is shared with it, the shares in its name, and its own.
func (m *Manager) releaseMember(ctx context.Context, who Caller, account string) error {
	var others, own []*Configuration
	err := m.store.View(ctx, func(tx Tx) error {
		others, own = nil, nil
		o, err := tx.Organization(account)
		if err != nil || o == nil {
			return err
		}
		if own, err = tx.SharedBy(account, releaseBatch); err != nil {
			return err
		}
		return eachShared(tx, account, o.ID, func(c *Configuration) error {
			others = append(others, c)
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, c := range others {
		if err := m.store.Update(ctx, func(tx Tx) error { return m.releaseFrom(tx, who, c, account) }); err != nil {
			return err
		}
	}
	for _, c := range own {
		if err := m.unshareAll(ctx, who, c); err != nil {
			return err
		}
	}
	return nil
}

// releaseFrom ends the associations of one account with a configuration, a batch
// at most, and the sharing with it by name.
func (m *Manager) releaseFrom(tx Tx, who Caller, c *Configuration, account string) error {
	if err := changeRules(tx, c.Account); err != nil {
		return err
	}
	r := m.release(tx, who, c)
	r.account = account
	if err := r.lock(); err != nil {
		return err
	}
	all := len(r.found) <= releaseBatch
	r.found = r.found[:min(len(r.found), releaseBatch)]
	if err := r.run(); err != nil {
		return err
	}
	return r.b.setShares(r.l, func(shares []string) []string {
		if !all {
			return shares
		}
		return without(shares, account)
	})
}

// unshareAll ends every share of a configuration of an account that leaves.
func (m *Manager) unshareAll(ctx context.Context, who Caller, c *Configuration) error {
	owner := who
	owner.Account, owner.Region = c.Account, c.Region
	for _, principal := range c.Terms.Shares {
		err := m.Unshare(ctx, owner, c.ARN(), principal, true)
		if err != nil && KindOf(err) != InvalidParameter { // not shared any more
			return err
		}
	}
	return nil
}
