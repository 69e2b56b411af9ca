package console

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"reeve/internal/audit"
	"reeve/internal/console/sso"
	"reeve/internal/iam"
	"reeve/internal/server"
)

const (
	ssoPath      = signInPath + "/sso"
	callbackPath = signInPath + "/callback"
	rolePath     = signInPath + "/role"

	// flowCookie holds what a sign-in at the provider must remember, and
	// choiceCookie who came back from there and has not chosen a role yet.
	flowCookie   = "reeve-flow"
	choiceCookie = "reeve-choice"

	// hintCookie holds what the provider knows by whom to sign out.
	hintCookie = "reeve-hint"

	// flowTime is how long a sign-in at the provider may take, and choiceTime
	// how long the choice of a role.
	flowTime   = 10 * time.Minute
	choiceTime = 5 * time.Minute
)

// flow is a sign-in that goes on at the provider.
type flow struct {
	sso.Flow
	Next string
}

// candidate is somebody who may act as several roles.
type candidate struct {
	Session, Name string // of sso.Person
	Roles         []sso.Role
	Next          string
}

// beginSSO sends the browser to the identity provider.
func (c *console) beginSSO(v *visit) error {
	if c.SSO == nil {
		return refuse(http.StatusNotFound, "This server has no single sign-on. Sign in with an access key.")
	}
	address, begun, err := c.SSO.Begin(v.Context(), c.origin(v.Request)+callbackPath)
	if err != nil {
		return c.ssoRefusal(err)
	}
	if err := keep(v, flowCookie, flow{*begun, nextOf(v.URL.Query().Get("next"))}, flowTime); err != nil {
		return err
	}
	http.Redirect(v.w, v.Request, address, http.StatusSeeOther)
	return nil
}

// finishSSO takes the browser back from the identity provider.
func (c *console) finishSSO(v *visit) error {
	begun, ok := kept[flow](v, flowCookie)
	if c.SSO == nil || !ok {
		return refuse(http.StatusBadRequest, "This sign-in took longer than %d minutes, or began in another browser. Sign in again.", flowTime/time.Minute)
	}
	v.dropCookie(flowCookie) // one answer for each sign-in
	if err := c.admit(v); err != nil {
		return err
	}
	person, err := c.SSO.Finish(v.Context(), begun.Flow, c.origin(v.Request)+callbackPath, v.URL.Query())
	if err != nil {
		refusal := c.ssoRefusal(err)
		c.record(v, audit.Identity{}, c.Region, codeFailed, refusal.Error())
		return refusal
	}
	if err := keep(v, hintCookie, person.Hint, c.Sessions.Lifetime()); err != nil {
		v.dropCookie(hintCookie) // one that is too large; the provider asks instead
	}
	roles := c.SSO.Roles(person.Groups)
	switch len(roles) {
	case 0:
		c.Log.Warn("sign-in without a role", "person", person.Name, "groups", len(person.Groups))
		c.record(v, personOf(person.Name), c.Region, codeFailed, "No group of this person may act as a role.")
		return v.show(http.StatusForbidden, "sign-in-no-role", "No role for you", noRoleOf(person))
	case 1:
		return c.enter(v, candidate{person.Session, person.Name, roles, begun.Next}, roles[0])
	}
	return c.offer(v, candidate{person.Session, person.Name, roles, begun.Next})
}

// ssoRefusal is an error of the provider as a page shows it.
func (c *console) ssoRefusal(err error) error {
	var trouble *sso.Error
	if !errors.As(err, &trouble) {
		return err
	}
	c.Log.Warn("single sign-on failed", "error", err)
	if trouble.Kind == sso.Away {
		return refuse(http.StatusServiceUnavailable, "%s", trouble.Text)
	}
	return refuse(http.StatusForbidden, "%s", trouble.Text)
}

// noRole is what somebody is shown whose groups mean nothing here.
type noRole struct {
	Person string
	Groups []string // the first of them
	More   int      // not shown
}

func noRoleOf(person *sso.Person) noRole {
	const most = 100
	shown := person.Groups[:min(len(person.Groups), most)]
	body := noRole{Person: clipped(person.Name), More: len(person.Groups) - len(shown)}
	for _, g := range shown {
		body.Groups = append(body.Groups, clipped(g))
	}
	return body
}

// roleChoice is the page on which a role is chosen.
type roleChoice struct {
	Person string
	Roles  []roleOption
}

type roleOption struct{ ARN, Account, Name string }

// offer lets somebody choose a role. As many are offered as a cookie holds.
func (c *console) offer(v *visit, of candidate) error {
	err := keep(v, choiceCookie, of, choiceTime)
	for ; errors.Is(err, errTooLarge) && len(of.Roles) > 1; err = keep(v, choiceCookie, of, choiceTime) {
		of.Roles = of.Roles[:len(of.Roles)*3/4]
	}
	if err != nil {
		return err
	}
	body := roleChoice{Person: clipped(of.Name)}
	for _, r := range of.Roles {
		body.Roles = append(body.Roles, roleOption{roleARN(r), r.Account, r.Name})
	}
	return v.show(http.StatusOK, "sign-in-role", "Choose a role", body)
}

// chooseRole signs in whom offer has offered the role.
func (c *console) chooseRole(v *visit) error {
	offered, ok := kept[candidate](v, choiceCookie)
	if !ok {
		return refuse(http.StatusBadRequest, "This choice took longer than %d minutes. Sign in again.", choiceTime/time.Minute)
	}
	chosen := v.PostFormValue("role")
	at := slices.IndexFunc(offered.Roles, func(r sso.Role) bool { return roleARN(r) == chosen })
	if at < 0 {
		return refuse(http.StatusForbidden, "This role is not among yours. Sign in again.")
	}
	v.dropCookie(choiceCookie)
	return c.enter(v, offered, offered.Roles[at])
}

// enter opens a session in a role.
func (c *console) enter(v *visit, by candidate, role sso.Role) error {
	session := iam.Session{
		Account: role.Account, Principal: "arn:aws:sts::" + role.Account + ":assumed-role/" + role.Name + "/" + by.Session,
		Person: by.Name, Role: role.Name, Region: c.Region,
	}
	who, err := c.identityOf(v.Context(), &session)
	if errors.Is(err, iam.ErrUnknownSession) {
		c.record(v, personOf(by.Name), c.Region, codeFailed, "There is no role "+roleARN(role)+".")
		return refuse(http.StatusForbidden, "Your group may act as role %s of account %s, which this server does not have. Tell whoever runs it.", role.Name, role.Account)
	} else if err != nil {
		return err
	}
	if err := v.begin(session); err != nil {
		return err
	}
	c.record(v, audit.IdentityOf(&who, ""), c.Region, "", "")
	v.redirect(nextOf(by.Next))
	return nil
}

func roleARN(r sso.Role) string { return "arn:aws:iam::" + r.Account + ":role/" + r.Name }

// signedOut leads on to the provider's own sign-out.
type signedOut struct{ Provider, URL string }

// signOutThere ends the session at the provider too, where the provider has a
// page for that. It is a page of ours that leads there: browsers follow no form to
// another site, since our policy allows none.
func (c *console) signOutThere(v *visit) (done bool, err error) {
	if c.SSO == nil || v.session.Role == "" {
		return false, nil
	}
	hint, _ := kept[string](v, hintCookie)
	v.dropCookie(hintCookie)
	page := c.SSO.EndSession(v.Context(), hint, c.origin(v.Request)+signInPath)
	if page == "" {
		return false, nil
	}
	v.w.Header().Set("Refresh", "0; url="+page)
	v.session, v.who = nil, server.Caller{}
	return true, v.show(http.StatusOK, "signed-out", "Signed out", signedOut{c.SSOName, page})
}
