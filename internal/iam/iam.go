// Package iam keeps who may call: accounts, their access keys, the tokens of
// their inventory agents, and what each caller may do.
//
// A [Directory] works over a small [Store]. Secrets of access keys are sealed
// with a master key that lives outside the database, so a copy of the database
// alone signs nothing. Package iam knows neither HTTP nor licences: package
// server maps its errors to the API's.
package iam

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Account is one tenant of the deployment.
type Account struct {
	ID      string // 12 digits
	Name    string // for people; not unique
	Root    bool   // the deployment's first account; exactly one has it
	Created time.Time
}

// AccessKey is one key pair of an account. It never changes once it exists.
type AccessKey struct {
	ID      string
	Account string
	Sealed  []byte // the secret under the master key, see sealer
	Created time.Time
}

// Store keeps accounts, keys and the deployment's few named values. Inserts of
// what exists return [ErrExists]; reads of what does not exist return nil and
// no error.
type Store interface {
	InsertAccount(ctx context.Context, a Account) error
	Account(ctx context.Context, id string) (*Account, error)

	// RootAccount returns the account with Root set. A second root is refused
	// by InsertAccount with ErrExists.
	RootAccount(ctx context.Context) (*Account, error)

	InsertAccessKey(ctx context.Context, k AccessKey) error
	AccessKey(ctx context.Context, id string) (*AccessKey, error)

	// InsertAgentToken keeps a token. One with its number, ID or hash is in
	// the way.
	InsertAgentToken(ctx context.Context, t AgentToken) error
	AgentToken(ctx context.Context, hash []byte) (*AgentToken, error) // revoked ones too

	// AgentTokens returns up to limit tokens of an account whose numbers are
	// above after, in the order of their numbers.
	AgentTokens(ctx context.Context, account string, after int64, limit int) ([]AgentToken, error)
	CountAgentTokens(ctx context.Context, account string) (int64, error)

	// RevokeAgentToken says whether the account has the token. The time of the
	// first call stays.
	RevokeAgentToken(ctx context.Context, account, id string, at time.Time) (found bool, err error)
	TouchAgentToken(ctx context.Context, id string, used time.Time) error

	Meta(ctx context.Context, name string) ([]byte, error)

	// PutMetaIfAbsent keeps value under name unless something is there
	// already, and returns what is there afterwards.
	PutMetaIfAbsent(ctx context.Context, name string, value []byte) ([]byte, error)
}

// ErrExists is what a Store answers to an insert of something that exists.
var ErrExists = errors.New("exists already")

// ErrUnknownAccessKey is what Lookup answers for a key that nobody has.
var ErrUnknownAccessKey = errors.New("unknown access key")

// Identity is who an access key belongs to.
type Identity struct {
	Account   string
	Root      bool   // of the deployment's first account
	Principal string // ARN, as revisions record it
}

// Kind says what sort of refusal an Error is.
type Kind int

// The kinds of refusal.
const (
	Denied  Kind = iota + 1 // the caller may not do this
	Invalid                 // a value cannot be used
	Exists                  // there is one with that name or number already
)

// Error is a refusal that its reader can act on. Message never holds a secret.
type Error struct {
	Kind    Kind
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func refuse(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// adminActions are the actions that only keys of the root account may take.
// Sources read files and credentials of the servers, so nobody else sees them.
var adminActions = map[string]bool{
	"reeve:CreateAccount": true,

	"reeve:PutSources":     true,
	"reeve:GetSource":      true,
	"reeve:ListSources":    true,
	"reeve:DeleteSource":   true,
	"reeve:RunSource":      true,
	"reeve:ListSourceRuns": true,
}

// Authorize says whether who may take an action (such as
// license-manager:GetLicenseConfiguration) on a resource (an ARN, or "*").
// Today a key may do everything in its own account, and actions on the
// deployment itself need a key of the root account; what belongs to which
// account is package license's to know. Policies will be decided here, so every
// operation asks, also those that are always allowed now.
func Authorize(who Identity, action, resource string) error {
	if who.Account == "" {
		return refuse(Denied, "the request is not signed by a known access key")
	}
	if adminActions[action] && !who.Root {
		return refuse(Denied, "%s is not authorized to perform %s on %s: only keys of the deployment's root account may", who.Principal, action, resource)
	}
	return nil
}

// PrincipalOf is the ARN that the keys of an account act as: the whole account.
func PrincipalOf(account string) string { return "arn:aws:iam::" + account + ":root" }

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	keyID     = regexp.MustCompile(`^\w{4,128}$`)
)

// checkAccountID refuses what is not an account number. All zeroes is kept
// free: the ledger's indexes use the number 0 for "every account".
func checkAccountID(id string) error {
	if !accountID.MatchString(id) || id == "000000000000" {
		return refuse(Invalid, "account %q is not usable: give 12 digits that are not all 0", clip(id))
	}
	return nil
}

// clip bounds what a message repeats of a caller's value.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
