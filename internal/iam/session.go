package iam

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Session is somebody who is signed in to the console. The token that their
// browser holds is not kept, only a hash of it.
type Session struct {
	ID          string // cs-…, no secret
	Hash        []byte // SHA-256 of the token
	Account     string
	Principal   string   // who acts, as revisions record it
	Person      string   // what people call whoever signed in: an access key, or a name
	AccessKeyID string   // that it was opened with; "" where it was not by a key
	Role        string   // of Account, for single sign-on; "" otherwise
	Region      string   // that the person looks at
	Regions     []string // that the person looked at before, the last first; Region is among them
	Address     string   // where it was opened from
	Browser     string   // what the browser called itself then
	Created     time.Time
	Used        time.Time // exact to sessionGrain
}

// SessionPlace is a place in a list of sessions: after the one of this ID, that
// was opened then. The zero value is before the first one.
type SessionPlace struct {
	Created time.Time
	ID      string
}

// SessionStore keeps sessions. Deleted ones leave nothing.
type SessionStore interface {
	// InsertSession keeps a session and, of all that its principal has, those
	// that were used last, keep at most.
	InsertSession(ctx context.Context, s Session, keep int) error
	Session(ctx context.Context, hash []byte) (*Session, error) // nil where there is none

	// Sessions returns up to limit sessions of an account after a place, the
	// newest first; of one principal, or of all for "".
	Sessions(ctx context.Context, account, principal string, after SessionPlace, limit int) ([]Session, error)
	TouchSession(ctx context.Context, id string, used time.Time) error
	SetSessionRegion(ctx context.Context, id, region string, regions []string) error

	// DeleteSession says whether the account had the session, of that
	// principal or, for "", of any.
	DeleteSession(ctx context.Context, account, principal, id string) (found bool, err error)

	// DeleteSessions deletes what was last used, or opened, before a moment.
	DeleteSessions(ctx context.Context, usedBefore, createdBefore time.Time) (int, error)
}

// ErrUnknownSession is what Lookup answers for a token that opens nothing:
// nobody's, or of a session that is over.
var ErrUnknownSession = errors.New("unknown session")

const (
	// sessionGrain is how exactly a session's last use is kept.
	sessionGrain = time.Minute

	// maxSessions bounds the sessions of one principal. Another one ends that
	// which was idle the longest.
	maxSessions = 200

	maxRegions     = 8
	maxSessionText = 200 // characters of what a browser says of itself
)

var sessionID = regexp.MustCompile(`^cs-[0-9a-f]{16}$`)

// SessionOptions bound sessions; every member must be set.
type SessionOptions struct {
	Idle     time.Duration // after which an unused session is over
	Lifetime time.Duration // after which every session is over
	Now      func() time.Time
}

// Sessions opens and ends sessions. It is safe for concurrent use. Nothing is
// kept in memory: a session that is over is over on every server at once.
type Sessions struct {
	store SessionStore
	opts  SessionOptions
}

// NewSessions returns the sessions of a deployment.
func NewSessions(store SessionStore, opts SessionOptions) *Sessions { return &Sessions{store, opts} }

func (s *Sessions) now() time.Time { return s.opts.Now().UTC().Truncate(time.Microsecond) }

// Open begins a session with a token of its own, which is returned this once.
// Of the given session, its ID, hash, times and regions are made here.
func (s *Sessions) Open(ctx context.Context, given Session) (*Session, Secret, error) {
	var text [32]byte
	rand.Read(text[:])
	token := Secret{base64.RawURLEncoding.EncodeToString(text[:])}
	given.ID, given.Hash = newSessionID(), hashOf(token.Reveal())
	given.Created = s.now()
	given.Used, given.Regions = given.Created, []string{given.Region}
	given.Person, given.Browser, given.Address = legible(given.Person), legible(given.Browser), legible(given.Address)
	if err := s.store.InsertSession(ctx, given, maxSessions); err != nil {
		return nil, Secret{}, fmt.Errorf("open session: %w", err)
	}
	return &given, token, nil
}

func newSessionID() string {
	var b [8]byte
	rand.Read(b[:])
	return "cs-" + hex.EncodeToString(b[:])
}

// legible bounds a text that came from outside and leaves out what no database
// keeps and no page shows.
func legible(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
	if runes := []rune(text); len(runes) > maxSessionText {
		return string(runes[:maxSessionText]) + "…"
	}
	return text
}

// Lookup returns the session that a browser's token opens, or
// [ErrUnknownSession]. Tokens are found by their hash, so what is compared
// tells nothing of any token.
func (s *Sessions) Lookup(ctx context.Context, token string) (*Session, error) {
	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 {
		return nil, ErrUnknownSession
	}
	found, err := s.store.Session(ctx, hashOf(token))
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	if found == nil || s.over(found) {
		return nil, ErrUnknownSession
	}
	if used := s.now(); used.Sub(found.Used) >= sessionGrain {
		if err := s.store.TouchSession(ctx, found.ID, used); err != nil {
			return nil, fmt.Errorf("note use of session: %w", err)
		}
		found.Used = used
	}
	return found, nil
}

// over says whether a session has ended by time.
func (s *Sessions) over(of *Session) bool {
	now := s.now()
	return !now.Before(of.Used.Add(s.opts.Idle)) || !now.Before(s.Ends(of))
}

// Ends is when a session is over, however much it is used.
func (s *Sessions) Ends(of *Session) time.Time { return of.Created.Add(s.opts.Lifetime) }

// Idle is after which time without use a session is over.
func (s *Sessions) Idle() time.Duration { return s.opts.Idle }

// Lifetime is after which time every session is over.
func (s *Sessions) Lifetime() time.Duration { return s.opts.Lifetime }

// End ends a session, as whoever holds it may.
func (s *Sessions) End(ctx context.Context, of *Session) error {
	if _, err := s.store.DeleteSession(ctx, of.Account, "", of.ID); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// List returns the sessions that somebody may see and end, the newest first,
// after a place and up to limit: their own, and with a key of the account itself
// all of it. next is where the list goes on, nil after the last one.
func (s *Sessions) List(ctx context.Context, who Identity, after SessionPlace, limit int) (list []Session, next *SessionPlace, err error) {
	whose, err := sessionsOf(who)
	if err != nil {
		return nil, nil, err
	}
	list, err = s.store.Sessions(ctx, who.Account, whose, after, limit+1)
	if err != nil {
		return nil, nil, fmt.Errorf("list sessions: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		next = &SessionPlace{list[limit-1].Created, list[limit-1].ID}
	}
	return slices.DeleteFunc(list, func(one Session) bool { return s.over(&one) }), next, nil
}

// sessionsOf is the principal whose sessions somebody may see, "" for those of
// the whole account.
func sessionsOf(who Identity) (string, error) {
	switch {
	case who.IsRootUser():
		return "", nil
	case who.Principal == "": // which must not be taken for the whole account
		return "", errUnsigned
	}
	return who.Principal, nil
}

// Revoke ends a session that List shows to the same caller.
func (s *Sessions) Revoke(ctx context.Context, who Identity, id string) error {
	whose, err := sessionsOf(who)
	if err != nil {
		return err
	}
	found := false
	if sessionID.MatchString(id) {
		if found, err = s.store.DeleteSession(ctx, who.Account, whose, id); err != nil {
			return fmt.Errorf("revoke session: %w", err)
		}
	}
	if !found {
		return refuse(Invalid, "there is no session %q that you may end: it may be over already", clip(id))
	}
	return nil
}

// Look makes a region the one that a session's person looks at, and remembers
// it.
func (s *Sessions) Look(ctx context.Context, of *Session, region string) error {
	regions := append([]string{region}, slices.DeleteFunc(slices.Clone(of.Regions), func(r string) bool { return r == region })...)
	if len(regions) > maxRegions {
		regions = regions[:maxRegions]
	}
	if err := s.store.SetSessionRegion(ctx, of.ID, region, regions); err != nil {
		return fmt.Errorf("change region of session: %w", err)
	}
	of.Region, of.Regions = region, regions
	return nil
}

// Sweep deletes the sessions that are over and says how many there were.
func (s *Sessions) Sweep(ctx context.Context) (int, error) {
	now := s.now()
	n, err := s.store.DeleteSessions(ctx, now.Add(-s.opts.Idle), now.Add(-s.opts.Lifetime))
	if err != nil {
		return 0, fmt.Errorf("delete sessions that are over: %w", err)
	}
	return n, nil
}
