package license

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
)

// Organization is a group of accounts: one manages it, the others are its
// members. An account is in one organization at most. The management account
// is in it for ever.
type Organization struct {
	ID         string // o- and 16 hex digits
	Management string // account
	Delegated  string // account that may do for licences what Management may; "" for none
	Created    Time
}

// administers reports whether an account may do what License Manager leaves to
// the management account and its delegated administrator.
func (o *Organization) administers(account string) bool {
	return o != nil && (account == o.Management || account == o.Delegated)
}

// administrators are the accounts for which administers holds, sorted.
func (o *Organization) administrators() []string {
	accounts := []string{o.Management}
	if o.Delegated != "" {
		accounts = append(accounts, o.Delegated)
	}
	slices.Sort(accounts)
	return accounts
}

// OrganizationAccount is an account that is in an organization.
type OrganizationAccount struct {
	Account string
	Name    string
	Joined  Time
}

// CreateOrganization makes an organization with a management account. Callers
// of the root account alone may; whoever makes an organization puts accounts
// into each other's reach.
func (m *Manager) CreateOrganization(ctx context.Context, who Caller, management string) (o Organization, err error) {
	if err := onlyRoot(who, "make an organization"); err != nil {
		return o, err
	}
	err = m.store.Update(ctx, func(tx Tx) error {
		now, err := m.now(tx)
		if err != nil {
			return err
		}
		o = Organization{ID: newOrganizationID(), Management: management, Created: now}
		if err := joinable(tx, management); err != nil {
			return err
		}
		if err := tx.SaveOrganization(&o); err != nil {
			return err
		}
		return m.join(tx, &o, management, now)
	})
	return o, err
}

func newOrganizationID() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return "o-" + hex.EncodeToString(random[:])
}

func onlyRoot(who Caller, what string) error {
	if !who.Root {
		return refuse(Denied, "Only callers of the deployment's root account may %s.", what)
	}
	return nil
}

// joinable refuses accounts that are not there, or in an organization already.
func joinable(tx Tx, account string) error {
	exists, err := tx.AccountExists(account)
	if err != nil {
		return err
	}
	if !exists {
		return refuse(AccountNotFound, "There is no account %s. Make it with CreateAccount first.", clip(account))
	}
	o, err := tx.Organization(account)
	if err != nil {
		return err
	}
	if o != nil {
		return refuse(AlreadyInOrganization, "The account %s is in an organization already.", account)
	}
	return nil
}

// join puts an account into an organization, and lets the rules of those who
// discover across accounts look at its inventory. Every set of discovery rules
// that can match its resources is locked first, as a change of rules is.
func (m *Manager) join(tx Tx, o *Organization, account string, now Time) error {
	if err := changeRulesOf(tx, append(o.administrators(), account)); err != nil {
		return err
	}
	if err := tx.LockOrganization(o.ID, true); err != nil {
		return err
	}
	if err := tx.JoinOrganization(o.ID, account, now); err != nil {
		return err
	}
	return m.passAdministrators(tx, o)
}

// changeRulesOf is changeRules for several accounts, in one order.
func changeRulesOf(tx Tx, accounts []string) error {
	slices.Sort(accounts)
	for _, account := range slices.Compact(accounts) {
		if err := changeRules(tx, account); err != nil {
			return err
		}
	}
	return nil
}

// passAdministrators makes a pass due for what an organization's
// administrators discover.
func (m *Manager) passAdministrators(tx Tx, o *Organization) error {
	for _, account := range o.administrators() {
		if err := m.passAll(tx, self(account, "DiscoverResources"), func(Discovering) bool { return true }); err != nil {
			return err
		}
	}
	return nil
}

// AddAccount puts an account into an organization. There are no invitations:
// callers of the root account alone may, who answer for every account.
func (m *Manager) AddAccount(ctx context.Context, who Caller, organization, account string) error {
	if err := onlyRoot(who, "add an account to an organization"); err != nil {
		return err
	}
	err := m.store.Update(ctx, func(tx Tx) error {
		o, err := theOrganization(tx, who, organization)
		if err != nil {
			return err
		}
		if err := joinable(tx, account); err != nil {
			return err
		}
		now, err := m.now(tx)
		if err != nil {
			return err
		}
		return m.join(tx, o, account, now)
	})
	if err == nil {
		m.wake()
	}
	return err
}

// theOrganization finds the organization that a caller means: the named one,
// its own, or the only one there is. Others than callers of the root account
// see their own alone.
func theOrganization(tx Tx, who Caller, id string) (*Organization, error) {
	own, err := tx.Organization(who.Account)
	if err != nil {
		return nil, err
	}
	if own != nil && (id == "" || id == own.ID) {
		return own, nil
	}
	if !who.Root {
		return nil, refuse(OrganizationsNotInUse, "Your account is not a member of an organization.")
	}
	if id != "" {
		o, err := tx.OrganizationByID(id)
		if err == nil && o == nil {
			err = refuse(OrganizationsNotInUse, "There is no organization %s.", clip(id))
		}
		return o, err
	}
	all, err := tx.Organizations(2)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, refuse(OrganizationsNotInUse, "There is no organization. Make one with CreateOrganization.")
	case len(all) > 1:
		return nil, refuse(InvalidParameter, "There are several organizations: name one by its OrganizationId.")
	}
	return all[0], nil
}

// managed is theOrganization for who may manage it.
func managed(tx Tx, who Caller, id string) (*Organization, error) {
	o, err := theOrganization(tx, who, id)
	if err == nil && !who.Root && who.Account != o.Management {
		return nil, refuse(AccessDenied, "Only the management account of the organization may do this.")
	}
	return o, err
}

// memberOf refuses accounts that are not in an organization.
func memberOf(tx Tx, o *Organization, account string) error {
	in, err := tx.Organization(account)
	if err == nil && (in == nil || in.ID != o.ID) {
		return refuse(AccountNotFound, "The account %s is not in the organization.", clip(account))
	}
	return err
}

// Organization returns the caller's organization; callers of the root account
// may name any.
func (m *Manager) Organization(ctx context.Context, who Caller, id string) (o *Organization, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		o, err = theOrganization(tx, who, id)
		return err
	})
	return o, err
}

// OrganizationAccounts returns up to limit accounts of an organization beyond
// after, in the order of their numbers, and where to go on; "" after the last.
// Its administrators may, and callers of the root account.
func (m *Manager) OrganizationAccounts(ctx context.Context, who Caller, id, after string, limit int) (list []OrganizationAccount, next string, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		o, err := theOrganization(tx, who, id)
		if err != nil {
			return err
		}
		if !who.Root && !o.administers(who.Account) {
			return refuse(AccessDenied, "Only the management account of the organization and its delegated administrator may do this.")
		}
		list, err = tx.OrganizationAccounts(o.ID, after, limit+1)
		return err
	})
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].Account
	}
	return list, next, err
}

// Delegate makes a member the delegated administrator of an organization; ""
// ends the delegation of account. There is one at most.
func (m *Manager) Delegate(ctx context.Context, who Caller, id, account string) error {
	return m.changeDelegate(ctx, who, id, account, func(o *Organization) error {
		switch {
		case o.Management == account:
			return refuse(InvalidParameter, "The management account cannot be its own delegated administrator.")
		case o.Delegated == account:
			return refuse(AlreadyRegistered, "The account %s is the delegated administrator already.", account)
		case o.Delegated != "":
			return refuse(Conflict, "The account %s is the delegated administrator. Deregister it first: there is one at most.", o.Delegated)
		}
		o.Delegated = account
		return nil
	})
}

// Undelegate ends the delegation of an account.
func (m *Manager) Undelegate(ctx context.Context, who Caller, id, account string) error {
	return m.changeDelegate(ctx, who, id, account, func(o *Organization) error {
		if o.Delegated != account {
			return refuse(NotRegistered, "The account %s is not the delegated administrator.", clip(account))
		}
		o.Delegated = ""
		return nil
	})
}

// changeDelegate changes the delegated administrator under every lock that
// discovery across accounts needs.
func (m *Manager) changeDelegate(ctx context.Context, who Caller, id, account string, change func(*Organization) error) error {
	err := m.store.Update(ctx, func(tx Tx) error {
		o, err := lockMember(tx, who, id, account)
		if err != nil {
			return err
		}
		before := *o
		if err := change(o); err != nil {
			return err
		}
		if err := tx.SaveOrganization(o); err != nil {
			return err
		}
		if before.Delegated != "" {
			o = &before
		}
		return m.passAdministrators(tx, o)
	})
	if err == nil {
		m.wake()
	}
	return err
}

// lockMember takes every lock that a change of a member's part in an
// organization needs, and returns the organization as it then is.
func lockMember(tx Tx, who Caller, id, account string) (*Organization, error) {
	o, err := managed(tx, who, id)
	if err != nil {
		return nil, err
	}
	if err := memberOf(tx, o, account); err != nil {
		return nil, err
	}
	if err := changeRulesOf(tx, append(o.administrators(), account)); err != nil {
		return nil, err
	}
	if o, err = lockOrganization(tx, o.ID); err != nil {
		return nil, err
	}
	return o, memberOf(tx, o, account)
}

// lockOrganization locks an organization and returns it as it then is.
func lockOrganization(tx Tx, id string) (*Organization, error) {
	if err := tx.LockOrganization(id, true); err != nil {
		return nil, err
	}
	o, err := tx.OrganizationByID(id)
	if err == nil && o == nil {
		err = fmt.Errorf("lock organization %s: it is not there", id)
	}
	return o, err
}

// The region-wide switches of an organization are those of its management
// account, whoever of its administrators sets them.

// switches returns the settings that hold for an organization in a region.
func switches(tx Tx, o *Organization, region string) (ServiceSettings, error) {
	s, err := tx.Settings(o.Management, region)
	if err != nil {
		return s, fmt.Errorf("read settings of the organization: %w", err)
	}
	return s, nil
}

// discoversAcross reports whether discovery looks at the machines of members.
func (s *ServiceSettings) discoversAcross() bool { return s.Integration && s.CrossAccountDiscovery }

// accounts lists every account of an organization, in order.
func accounts(tx Tx, o *Organization) (all []string, err error) {
	const page = 1000
	for after := ""; ; {
		found, err := tx.OrganizationAccounts(o.ID, after, page)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			all = append(all, a.Account)
			after = a.Account
		}
		if len(found) < page {
			return all, nil
		}
	}
}

// integrated returns the organization that a caller administers, once it is
// integrated with License Manager in the caller's region.
func integrated(tx Tx, who Caller) (*Organization, error) {
	o, err := administered(tx, who)
	if err != nil {
		return nil, err
	}
	s, err := switches(tx, o, who.Region)
	if err == nil && !s.Integration {
		err = refuse(AccessDenied, "The organization is not integrated in %s. Set OrganizationConfiguration.EnableIntegration with UpdateServiceSettings first.", who.Region)
	}
	return o, err
}

// administered returns the organization that a caller's account administers.
func administered(tx Tx, who Caller) (*Organization, error) {
	o, err := tx.Organization(who.Account)
	if err == nil && !o.administers(who.Account) {
		err = refuse(AccessDenied, "Only the management account of an organization and its delegated administrator may do this.")
	}
	return o, err
}
