package iam

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"time"

	"reeve/internal/iam/policy"
)

// HolderType is what policies and keys can belong to.
type HolderType int64

// The types of holders. The numbers are stored.
const (
	OfAccount HolderType = 0 // the account itself: its root user's keys, its policies that can be attached
	OfUser    HolderType = 1
	OfRole    HolderType = 2
)

// Holder names whom policies or keys belong to.
type Holder struct {
	Account string
	Type    HolderType
	Name    string // "" of an account
}

// ARN is the holder's name in policies: of an account, its root user's.
func (h Holder) ARN() string {
	switch h.Type {
	case OfUser:
		return "arn:aws:iam::" + h.Account + ":user/" + h.Name
	case OfRole:
		return "arn:aws:iam::" + h.Account + ":role/" + h.Name
	}
	return PrincipalOf(h.Account)
}

func (h Holder) String() string {
	switch h.Type {
	case OfUser:
		return "user " + h.Name
	case OfRole:
		return "role " + h.Name
	}
	return "the root user"
}

// Principal is a user or a role.
type Principal struct {
	Holder
	Num     int64  // its place in lists
	ID      string // AIDA… or AROA…; another principal of the same name has another one
	Created time.Time

	// Of roles alone.
	MaxSession time.Duration // how long a session lasts at most
	Trust      string        // the trust policy
	Trusted    time.Time     // since when that is the trust policy
}

// StoredPolicy is a policy of an account that can be attached (its Holder is
// the account), or an inline policy of a user or role.
type StoredPolicy struct {
	Holder
	PolicyName string
	Num        int64 // its place in lists
	Changed    time.Time
	Text       string

	Description string // of those alone that the program brings along
}

// Managed tells whether the program brings the policy along.
func (p *StoredPolicy) Managed() bool { return p.Account == managedAccount }

// PolicyARN is the policy's name in attachments. Inline policies have none.
func (p *StoredPolicy) PolicyARN() string {
	if p.Type != OfAccount {
		return ""
	}
	return "arn:aws:iam::" + p.Account + ":policy/" + p.PolicyName
}

// Limits, as AWS has them.
const (
	maxUsers          = 5000 // of an account
	maxRoles          = 1000
	maxPolicies       = 1500 // of an account, to attach
	maxAttached       = 10   // to one user or role
	maxInline         = 10   // policies of one user or role
	maxPolicyText     = 6144 // characters without white space
	maxTrustText      = 4096
	maxUserKeys       = 2
	maxRootKeys       = 100
	MinSession        = 15 * time.Minute // that can be asked for
	MaxSession        = 12 * time.Hour
	defaultMaxSession = time.Hour
)

var principalName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

func checkPrincipalName(h Holder) error {
	if !principalName.MatchString(h.Name) {
		return refuse(Invalid, "the name %q is not usable: give 1 to 64 letters, digits and any of _+=,.@-", clip(h.Name))
	}
	return nil
}

func newPrincipalID(t HolderType) string {
	prefix := "AIDA"
	if t == OfRole {
		prefix = "AROA"
	}
	var b [10]byte
	rand.Read(b[:])
	return prefix + base32.StdEncoding.EncodeToString(b[:])
}

// CreateUser makes a user, who may do nothing until a policy says so.
func (d *Directory) CreateUser(ctx context.Context, who Identity, account, name string) (*Principal, error) {
	return d.createPrincipal(ctx, who, Principal{Holder: Holder{account, OfUser, name}}, maxUsers)
}

// CreateRole makes a role that whoever trust names may assume. A longest
// session of 0 is an hour.
func (d *Directory) CreateRole(ctx context.Context, who Identity, account, name, trust string, longest time.Duration) (*Principal, error) {
	if longest == 0 {
		longest = defaultMaxSession
	}
	if err := checkRole(trust, longest); err != nil {
		return nil, err
	}
	return d.createPrincipal(ctx, who, Principal{
		Holder: Holder{account, OfRole, name}, MaxSession: longest, Trust: trust, Trusted: now(),
	}, maxRoles)
}

func checkRole(trust string, longest time.Duration) error {
	if longest < time.Hour || longest > MaxSession {
		return refuse(Invalid, "a longest session of %d seconds is not possible: give 3600 to 43200", int64(longest/time.Second))
	}
	if n := letters(trust); n > maxTrustText {
		return refuse(Invalid, "the trust policy has %d characters besides white space: at most %d are possible", n, maxTrustText)
	}
	if _, err := policy.ParseTrust([]byte(trust)); err != nil {
		return refuse(Invalid, "the trust policy is not usable: %s", err)
	}
	return nil
}

func (d *Directory) createPrincipal(ctx context.Context, who Identity, p Principal, most int64) (*Principal, error) {
	if err := d.within(ctx, who, &p.Account); err != nil {
		return nil, err
	}
	if err := checkPrincipalName(p.Holder); err != nil {
		return nil, err
	}
	p.Created = now()
	for attempt := range int64(attempts) {
		p.ID, p.Num = newPrincipalID(p.Type), now().UnixMicro()+attempt
		err := d.change(ctx, func(tx Tx) error { return insertPrincipal(tx, p, most) })
		if !errors.Is(err, ErrExists) {
			return &p, err
		}
	}
	return nil, errors.New("create user or role: its numbers are taken")
}

func insertPrincipal(tx Tx, p Principal, most int64) error {
	if there, err := tx.PrincipalLike(p.Holder); err != nil {
		return err
	} else if there != nil {
		return refuse(Exists, "%s exists already: choose another name", there.Holder)
	}
	if n, err := tx.CountPrincipals(p.Account, p.Type); err != nil {
		return err
	} else if n >= most {
		return refuse(Full, "account %s has %d of them and cannot have more: delete what nobody needs", p.Account, n)
	}
	return tx.InsertPrincipal(p)
}

// Principals lists up to limit users or roles of an account behind a place in
// the order of their creation; next is 0 after the last.
func (d *Directory) Principals(ctx context.Context, who Identity, account string, t HolderType, after int64, limit int) (list []Principal, next int64, err error) {
	if err := d.within(ctx, who, &account); err != nil {
		return nil, 0, err
	}
	err = d.store.ViewIAM(ctx, func(tx Tx) error {
		list, err = tx.Principals(account, t, after, limit+1)
		return err
	})
	if err == nil && len(list) > limit {
		list, next = list[:limit], list[limit-1].Num
	}
	return list, next, err
}

// RoleChange is what UpdateRole changes; nil and 0 leave as it is.
type RoleChange struct {
	Trust      *string
	MaxSession time.Duration
}

// UpdateRole changes a role. Sessions of a role whose trust policy changes
// end: whoever is still trusted assumes it again.
func (d *Directory) UpdateRole(ctx context.Context, who Identity, account, name string, change RoleChange) (*Principal, error) {
	var role *Principal
	err := d.onHolder(ctx, who, Holder{account, OfRole, name}, func(tx Tx, p *Principal) error {
		role = p
		if change.Trust != nil && *change.Trust != p.Trust {
			p.Trust, p.Trusted = *change.Trust, later(p.Trusted)
		}
		if change.MaxSession != 0 {
			p.MaxSession = change.MaxSession
		}
		if err := checkRole(p.Trust, p.MaxSession); err != nil {
			return err
		}
		return tx.UpdateRole(*p)
	})
	return role, err
}

// later is now, and in any case after a moment of before: sessions are told
// apart by it, also when the clock is set back.
func later(before time.Time) time.Time {
	if at := now(); at.After(before) {
		return at
	}
	return before.Add(time.Microsecond)
}

// DeletePrincipal deletes a user or role with its keys, its inline policies and
// its attachments.
func (d *Directory) DeletePrincipal(ctx context.Context, who Identity, h Holder) error {
	return d.onHolder(ctx, who, h, func(tx Tx, p *Principal) error { return tx.DeletePrincipal(p.Holder) })
}

// onHolder changes something of a user or role, which it reads first.
func (d *Directory) onHolder(ctx context.Context, who Identity, h Holder, f func(Tx, *Principal) error) error {
	if err := d.within(ctx, who, &h.Account); err != nil {
		return err
	}
	return d.change(ctx, func(tx Tx) error {
		p, err := known(tx, h)
		if err != nil {
			return err
		}
		return f(tx, p)
	})
}

// known reads a user or role; one that does not exist is a refusal.
func known(tx Tx, h Holder) (*Principal, error) {
	p, err := tx.Principal(h)
	if err == nil && p == nil {
		err = unknown(h)
	}
	return p, err
}

func unknown(h Holder) error {
	return refuse(Missing, "account %s has no %s", h.Account, Holder{h.Account, h.Type, clip(h.Name)})
}

// change runs a change of users, roles, policies or keys, which holds for this
// server at once, and for the others within trust.
func (d *Directory) change(ctx context.Context, f func(Tx) error) error {
	err := d.store.UpdateIAM(ctx, f)
	d.fresh.forget()
	return err
}

// within fills in the caller's own account where none is named, and refuses
// another one unless the caller is of the root account. That the account
// exists is looked up last.
func (d *Directory) within(ctx context.Context, who Identity, account *string) error {
	if *account == "" {
		*account = who.Account
	}
	if who.Account == "" {
		return errUnsigned
	}
	if *account == who.Account {
		return nil
	}
	if !who.Root {
		return refuse(Denied, "%s may do this in its own account only", who.Principal)
	}
	if err := checkAccountID(*account); err != nil {
		return err
	}
	a, err := d.store.Account(ctx, *account)
	if err != nil {
		return fmt.Errorf("read account: %w", err)
	}
	if a == nil {
		return refuse(Invalid, "there is no account %s: make it with CreateAccount first", *account)
	}
	return nil
}
