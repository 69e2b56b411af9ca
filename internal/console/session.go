package console

import (
	"context"
	"errors"

	"reeve/internal/console/sso"
	"reeve/internal/iam"
	"reeve/internal/server"
)

const (
	signInPath    = "/console/sign-in"
	sessionCookie = "reeve-session"
)

// visitor finds out who sent a request: nobody, where there is no session or
// one that is over.
func (c *console) visitor(v *visit) error {
	cookie, err := v.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	session, err := c.Sessions.Lookup(v.Context(), cookie.Value)
	if errors.Is(err, iam.ErrUnknownSession) {
		v.stale = true
		return nil
	}
	if err != nil {
		return err
	}
	who, err := c.identityOf(v.Context(), session)
	if errors.Is(err, iam.ErrUnknownAccessKey) || errors.Is(err, iam.ErrUnknownSession) {
		v.stale = true
		return c.Sessions.End(v.Context(), session)
	}
	if err != nil {
		return err
	}
	v.session = session
	v.who = server.Caller{
		Identity: who, AccessKeyID: session.AccessKeyID, Region: session.Region,
		Origin: c.from(v.Request),
	}
	return nil
}

// identityOf says who a session acts as at this moment: the owner of its access
// key, if that still works, or a role that some group of the identity provider
// may still act as. [iam.ErrUnknownAccessKey] and [iam.ErrUnknownSession] say
// that it acts as nobody any more.
func (c *console) identityOf(ctx context.Context, s *iam.Session) (iam.Identity, error) {
	if s.Role == "" {
		_, who, err := c.Directory.Lookup(ctx, s.AccessKeyID)
		return who, err
	}
	if c.SSO == nil || !c.SSO.Granted(sso.Role{Account: s.Account, Name: s.Role}) {
		return iam.Identity{}, iam.ErrUnknownSession
	}
	return c.Directory.RoleIdentity(ctx, s)
}

// begin opens a session, which is always a new one: whatever the browser held
// before ends.
func (v *visit) begin(given iam.Session) error {
	given.Address, given.Browser = v.c.from(v.Request).SourceIP, v.UserAgent()
	session, token, err := v.c.Sessions.Open(v.Context(), given)
	if err != nil {
		return err
	}
	if v.session != nil {
		if err := v.c.Sessions.End(v.Context(), v.session); err != nil {
			return err
		}
	}
	v.c.Log.Info("signed in", "session", session.ID, "principal", session.Principal, "person", session.Person, "address", session.Address)
	v.setCookie(sessionCookie, token.Reveal(), 0)
	return nil
}

func (c *console) signOut(v *visit) error {
	if err := c.Sessions.End(v.Context(), v.session); err != nil {
		return err
	}
	c.Log.Info("signed out", "session", v.session.ID, "principal", v.session.Principal)
	v.dropCookie(sessionCookie)
	if done, err := c.signOutThere(v); done || err != nil {
		return err
	}
	if err := v.flash("You are signed out."); err != nil {
		return err
	}
	v.redirect(signInPath)
	return nil
}

// strange sends somebody who is not signed in to the sign-in page, and from
// there back to what they asked for.
func (v *visit) strange() {
	if v.stale {
		v.dropCookie(sessionCookie)
		if err := v.flash("Your session is over. Sign in again."); err != nil {
			v.c.Log.Error("keep a message", "error", err)
		}
	}
	v.redirect(signInPath + nextQuery(v.shown()))
}
