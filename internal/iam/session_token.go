package iam

import (
	"context"
	"errors"
	"time"
)

// How long credentials of GetSessionToken may last, as AWS has it: those of a
// root user an hour, those of others twelve unless they ask for another time.
const (
	MaxSessionToken     = 36 * time.Hour
	defaultSessionToken = 12 * time.Hour
	maxRootSessionToken = time.Hour
)

// SessionToken makes temporary credentials of whoever signs with an access key.
// They may do what their maker may at that moment, but for [Identity.Manages],
// and end with the key that they were made with. A duration of 0 is the default;
// a root user has an hour at most, whatever is asked for.
func (d *Directory) SessionToken(who *Identity, duration time.Duration) (*Temporary, error) {
	if who.use == nil || !who.Issued.IsZero() {
		return nil, refuse(Denied, "Cannot call GetSessionToken with session credentials")
	}
	if duration == 0 {
		duration = defaultSessionToken
	}
	if who.IsRootUser() {
		duration = min(duration, maxRootSessionToken)
	}
	return d.temporary(sealedSession{Account: who.Account, RoleID: who.ID, Maker: who.use.id}, duration)
}

// OfSessionToken tells whether somebody calls with credentials of
// GetSessionToken: as a user or root user, but for a time.
func (who *Identity) OfSessionToken() bool {
	return !who.Issued.IsZero() && who.Holder.Type != OfRole
}

// Manages refuses credentials of GetSessionToken for an action on users, roles,
// policies or keys: without MFA "you cannot call any IAM API operations"
// (GetSessionToken in STS's API reference), so they are no way to lasting ones.
func (who *Identity) Manages(action string) error {
	if who.OfSessionToken() {
		return refuse(Denied, "User: %s is not authorized to perform: %s because credentials of GetSessionToken may not manage users, roles, policies and keys: sign with the access key itself, or assume a role", who.Principal, action)
	}
	return nil
}

// identifyMaker finds out who a session of GetSessionToken is, which is who its
// access key belongs to.
func (d *Directory) identifyMaker(ctx context.Context, s *sealedSession) (Identity, error) {
	e, err := d.read(ctx, s.Maker)
	if errors.Is(err, ErrUnknownAccessKey) || err == nil && (e.who.Account != s.Account || e.who.ID != s.RoleID) {
		return Identity{}, ErrExpiredToken
	}
	if err != nil {
		return Identity{}, err
	}
	who := *e.who
	return who, s.tell(&who)
}
