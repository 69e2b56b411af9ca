package iam

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/iam/policy"
)

// Temporary credentials are a key pair and a token, which is sealed and holds
// everything that a server needs to check them: whose they are, the secret, and
// when they end. So nothing is written when they are made, as they are for every
// job of a pipeline, and nothing has to be tidied up. What may change meanwhile
// is not in the token: the role's policies, and whether it is still there and
// trusts the same, are read from the database, as for every caller.

// Temporary is what a session signs with.
type Temporary struct {
	AccessKeyID string // ASIA…
	Secret      Secret
	Token       Secret
	Expires     time.Time
	Packed      int // how many per cent of a token's room the session's terms take
	Who         Identity
}

// ErrExpiredToken is what LookupSigner answers when a session has ended by
// its time or because the role's trust policy was changed.
var ErrExpiredToken = errors.New("the session has expired")

// MaxToken bounds a token that is looked at, in bytes.
const MaxToken = 8192

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// sealedSession is what a token holds.
type sealedSession struct {
	Key     string `json:"k"`
	Secret  string `json:"s"`
	Account string `json:"a"`
	Role    string `json:"r"`
	RoleID  string `json:"i"`           // of a Maker's session, whom the key belongs to
	Maker   string `json:"m,omitempty"` // access key that made it by GetSessionToken; "" for a role's session
	Trusted int64  `json:"t"`           // Principal.Trusted in microseconds
	Name    string `json:"n"`
	Expires int64  `json:"x"` // seconds
	Issued  int64  `json:"u"` // likewise; 0 in a token of before it was kept

	Terms jsontext.Value `json:"y,omitempty"` // Terms
}

func (d *Directory) openSessions(ctx context.Context) error {
	key, err := d.commonKey(ctx, metaSessionKey)
	if err != nil {
		return err
	}
	d.sessions, err = sealerOf(key)
	return err
}

// temporary makes credentials that last for a time. s says whose they are.
func (d *Directory) temporary(s sealedSession, lasting time.Duration) (*Temporary, error) {
	issued := now()
	t := &Temporary{AccessKeyID: newKeyID("ASIA"), Secret: newSecret(), Expires: issued.Add(lasting).Truncate(time.Second)}
	s.Key, s.Secret, s.Expires, s.Issued = t.AccessKeyID, t.Secret.Reveal(), t.Expires.Unix(), issued.Unix()
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("seal session: %w", err)
	}
	t.Token = NewSecret(base64.StdEncoding.EncodeToString(d.sessions.seal(metaSessionKey, text)))
	t.Who.Issued = issued
	return t, nil
}

// issue makes credentials of a role for a session.
func (d *Directory) issue(role *Principal, a *Assumption) (*Temporary, error) {
	terms, percent, err := a.Terms.pack()
	if err != nil {
		return nil, err
	}
	t, err := d.temporary(sealedSession{
		Account: role.Account, Role: role.Name, RoleID: role.ID, Trusted: micros(role.Trusted), Name: a.Session, Terms: terms,
	}, a.Duration)
	if err != nil {
		return nil, err
	}
	issued := t.Who.Issued
	t.Who, t.Packed = sessionOf(role, a.Session), percent
	t.Who.Issued, t.Who.Terms = issued, &a.Terms
	return t, nil
}

// sessionOf is who a session of a role is, without what it may do.
func sessionOf(role *Principal, name string) Identity {
	return Identity{
		Account:   role.Account,
		Principal: "arn:aws:sts::" + role.Account + ":assumed-role/" + role.Name + "/" + name,
		Holder:    role.Holder,
		ID:        role.ID + ":" + name,
		Session:   name,
	}
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// openToken reads whose a token is. Nothing is read from the database for one
// that this deployment has not issued.
func (d *Directory) openToken(ctx context.Context, accessKeyID, token string) (cachedKey, error) {
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return cachedKey{}, ErrUnknownAccessKey
	}
	text, err := d.sessions.open(metaSessionKey, sealed)
	if err != nil {
		return cachedKey{}, ErrUnknownAccessKey
	}
	var s sealedSession
	if err := json.Unmarshal(text, &s); err != nil {
		return cachedKey{}, fmt.Errorf("read session: %w", err)
	}
	expires := time.Unix(s.Expires, 0)
	switch {
	case s.Key != accessKeyID:
		return cachedKey{}, ErrUnknownAccessKey
	case !time.Now().Before(expires):
		return cachedKey{}, ErrExpiredToken
	}
	identify := d.identifySession
	if s.Maker != "" {
		identify = d.identifyMaker
	}
	who, err := identify(ctx, &s)
	return cachedKey{secret: s.Secret, who: &who, expires: expires}, err
}

func (d *Directory) identifySession(ctx context.Context, s *sealedSession) (who Identity, err error) {
	h := Holder{s.Account, OfRole, s.Role}
	a, err := d.store.Account(ctx, s.Account)
	if err != nil {
		return Identity{}, fmt.Errorf("read account: %w", err)
	}
	err = d.store.ViewIAM(ctx, func(tx Tx) error {
		role, err := tx.Principal(h)
		switch {
		case err != nil:
			return err
		case a == nil, role == nil, role.ID != s.RoleID:
			return ErrUnknownAccessKey
		case micros(role.Trusted) != s.Trusted:
			return ErrExpiredToken
		}
		who = sessionOf(role, s.Name)
		who.Root = a.Root
		if err := s.tell(&who); err != nil {
			return err
		}
		if who.Access, err = accessOf(tx, h); err != nil {
			return err
		}
		return who.Access.bind(tx, s.Account, who.Terms)
	})
	return who, err
}

// tell fills in what the token says of who has it.
func (s *sealedSession) tell(who *Identity) error {
	if s.Issued != 0 {
		who.Issued = time.Unix(s.Issued, 0)
	}
	if len(s.Terms) == 0 {
		return nil
	}
	who.Terms = new(Terms)
	if err := json.Unmarshal(s.Terms, who.Terms); err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	return nil
}

// Assumption asks for a session of a role.
type Assumption struct {
	Account, Role string
	Session       string        // its name
	Duration      time.Duration // 0 is an hour
	Terms         Terms
	Action        string    // sts:AssumeRole or sts:AssumeRoleWithWebIdentity
	Principal     string    // whom the trust policy has to name
	By            *Identity // who asks; nil for whoever an identity provider vouches for
	Keys          map[string][]string
}

// ARN is the role's.
func (a *Assumption) ARN() string { return Holder{a.Account, OfRole, a.Role}.ARN() }

// Assume makes credentials of a role if its trust policy says so. A role that
// does not exist trusts nobody.
func (d *Directory) Assume(ctx context.Context, a Assumption) (*Temporary, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	var role *Principal
	var unbound error // a session policy that is not there
	err := d.store.ViewIAM(ctx, func(tx Tx) (err error) {
		if role, err = tx.Principal(Holder{a.Account, OfRole, a.Role}); err == nil {
			_, unbound = boundsOf(tx, a.Account, &a.Terms)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read role: %w", err)
	}
	if err := a.allowed(role); err != nil {
		return nil, err
	}
	if errors.Is(unbound, errNoSessionPolicy) {
		return nil, refuse(Invalid, "%s", unbound)
	} else if unbound != nil {
		return nil, unbound
	}
	if a.Duration == 0 {
		a.Duration = defaultMaxSession
	}
	if a.By != nil && a.By.Session != "" && a.Duration > time.Hour {
		return nil, refuse(Invalid, "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	if a.Duration > role.MaxSession {
		return nil, refuse(Invalid, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return d.issue(role, &a)
}

func (a *Assumption) check() error {
	if !sessionName.MatchString(a.Session) {
		return refuse(Invalid, "RoleSessionName %q is not usable: give 2 to 64 letters, digits and any of _+=,.@-", clip(a.Session))
	}
	if a.Duration != 0 && (a.Duration < MinSession || a.Duration > MaxSession) {
		return refuse(Invalid, "DurationSeconds of %d is not possible: give 900 to 43200", int64(a.Duration/time.Second))
	}
	if err := a.Terms.check(); err != nil {
		return err
	}
	a.Terms.addKeys(a.Keys)
	if a.By == nil {
		return nil
	}
	return a.Terms.inherit(a.By.Terms)
}

// allowed decides as AWS does: the role has to trust whoever asks, and unless it
// names them itself within one account, their policies have to allow it. Tags and
// a source identity need permissions of their own.
func (a *Assumption) allowed(role *Principal) error {
	if a.By != nil && a.By.IsRootUser() {
		return refuse(Denied, "Roles may not be assumed by root accounts.")
	}
	if role == nil {
		return a.refusal(a.Action)
	}
	trust, err := policy.ParseTrust([]byte(role.Trust))
	if err != nil {
		return fmt.Errorf("read trust policy of %s: %w", role.ARN(), err)
	}
	for _, action := range append([]string{a.Action}, a.Terms.actions()...) {
		if err := a.allowedTo(action, trust, role.Account); err != nil {
			return err
		}
	}
	return nil
}

func (a *Assumption) refusal(action string) error {
	return refuse(Denied, "User: %s is not authorized to perform: %s on resource: %s", a.Principal, action, a.ARN())
}

func (a *Assumption) allowedTo(action string, trust *policy.Document, account string) error {
	r := policy.Request{Principal: a.Principal, Action: action, Resource: a.ARN(), Keys: a.Keys}
	if !trust.Trusts(&r).Allowed {
		return a.refusal(action)
	}
	if a.By == nil {
		return nil
	}
	own, kind := decide(a.By, &r)
	if own.Allowed {
		return nil
	}
	bound := a.By.Access.bound(&r)
	r.Principal = PrincipalOf(a.By.Account)
	named := !trust.Trusts(&r).Allowed
	if own.Explicit || !bound.Allowed || !named || a.By.Account != account {
		return denied(a.By, &r, own, kind)
	}
	return nil
}

// RoleSession is who somebody acts as whom this process has proven to be
// allowed to use a role, such as by single sign-on: a session of that name,
// with the role's policies as they are now. Without such a role it is
// [ErrUnknownAccessKey]. It is answered from memory for as long as nothing has
// changed.
func (d *Directory) RoleSession(ctx context.Context, account, role, name string) (Identity, error) {
	h := Holder{account, OfRole, role}
	e, err := d.cached(ctx, h.ARN()+" "+name, func() (cachedKey, error) {
		who, err := d.identify(ctx, h)
		if err != nil {
			return cachedKey{}, err
		}
		session := sessionOf(&Principal{Holder: h, ID: who.ID}, name)
		who.Principal, who.ID, who.Session = session.Principal, session.ID, session.Session
		return cachedKey{who: &who}, nil
	})
	if err != nil {
		return Identity{}, err
	}
	return *e.who, nil
}
