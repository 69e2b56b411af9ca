// Package iam keeps who may call: accounts, their users and roles, access keys,
// temporary credentials, the tokens of their inventory agents, and what each
// caller may do by its policies.
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
	"strings"
	"time"
)

// Account is one tenant of the deployment.
type Account struct {
	ID      string // 12 digits
	Name    string // for people; not unique
	Root    bool   // the deployment's first account; exactly one has it
	Created time.Time
}

// AccessKey is one key pair of a user, or of an account's root user.
type AccessKey struct {
	ID       string
	Account  string
	User     string // "" is the account's root user
	Sealed   []byte // the secret under the master key, see sealer
	Created  time.Time
	Inactive bool
	Used     time.Time // zero until it was used; exact to useGrain
}

// Store keeps accounts, keys and the deployment's few named values. Inserts of
// what exists return [ErrExists]; reads of what does not exist return nil and
// no error.
type Store interface {
	InsertAccount(ctx context.Context, a Account) error
	Account(ctx context.Context, id string) (*Account, error)

	// Accounts returns up to limit accounts whose numbers come after one, ""
	// for the first, in their order.
	Accounts(ctx context.Context, after string, limit int) ([]Account, error)

	// RootAccount returns the account with Root set. A second root is refused
	// by InsertAccount with ErrExists.
	RootAccount(ctx context.Context) (*Account, error)

	InsertAccessKey(ctx context.Context, k AccessKey) error
	AccessKey(ctx context.Context, id string) (*AccessKey, error)
	TouchAccessKey(ctx context.Context, id string, used time.Time) error

	// Generation is another value after every UpdateIAM and InsertAccessKey,
	// whoever ran it; nil before the first.
	Generation(ctx context.Context) ([]byte, error)

	// ViewIAM runs fn over one snapshot, UpdateIAM in one transaction that is
	// committed when fn returns nil. UpdateIAM may run fn again after a
	// conflict. One runs at a time, so what fn has read stays true.
	ViewIAM(ctx context.Context, fn func(Tx) error) error
	UpdateIAM(ctx context.Context, fn func(Tx) error) error

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

// Tx is one transaction over users, roles, policies and keys. Reads of what
// does not exist return nil and no error; lists are in the order of their
// numbers, keys in that of their creation. Changes of what does not exist
// change nothing.
type Tx interface {
	// PrincipalLike finds a name whatever its case.
	PrincipalLike(h Holder) (*Principal, error)
	Principal(h Holder) (*Principal, error)
	Principals(account string, t HolderType, after int64, limit int) ([]Principal, error)
	CountPrincipals(account string, t HolderType) (int64, error)
	InsertPrincipal(p Principal) error // ErrExists when its number or ID is taken
	UpdateRole(p Principal) error      // its longest session and its trust
	DeletePrincipal(h Holder) error    // with keys, inline policies and attachments

	Policy(h Holder, name string) (*StoredPolicy, error)
	Policies(h Holder, after int64, limit int) ([]StoredPolicy, error)
	CountPolicies(h Holder) (int64, error)
	InsertPolicy(p StoredPolicy) error // ErrExists when its number is taken
	UpdatePolicy(p StoredPolicy) error
	DeletePolicy(h Holder, name string) error

	Attachments(h Holder) ([]string, error)              // ARNs, sorted
	Attached(account, policyARN string) (*Holder, error) // one of those that have it
	Attach(h Holder, policyARN string) error
	Detach(h Holder, policyARN string) (found bool, err error)

	Keys(h Holder, limit int) ([]AccessKey, error)
	InsertKey(k AccessKey) error // ErrExists when its ID is taken
	SetKeyInactive(id string, inactive bool) error
	DeleteKey(id string) error
}

// ErrExists is what a Store answers to an insert of something that exists.
var ErrExists = errors.New("exists already")

// ErrUnknownAccessKey is what Lookup answers for a key that nobody has.
var ErrUnknownAccessKey = errors.New("unknown access key")

// Kind says what sort of refusal an Error is.
type Kind int

// The kinds of refusal.
const (
	Denied  Kind = iota + 1 // the caller may not do this
	Invalid                 // a value cannot be used
	Exists                  // there is one with that name or number already
	Missing                 // there is none with that name
	Full                    // there are as many as there may be
	InUse                   // something else needs it

	Malformed // a session policy cannot be read
	TooLarge  // session policies and tags do not fit into a token
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

// PrincipalOf is the ARN of an account's root user, who is the whole account.
func PrincipalOf(account string) string { return "arn:aws:iam::" + account + ":root" }

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// isKeyID reports whether an access key may have an id: 4 to 128 letters,
// digits and underscores. Every request asks, which is too often for a regular
// expression.
func isKeyID(id string) bool {
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(id) >= 4 && len(id) <= 128
}

// checkAccountID refuses what is not an account number. All zeroes is kept
// free: the ledger's indexes use the number 0 for "every account".
func checkAccountID(id string) error {
	if !accountID.MatchString(id) || id == "000000000000" {
		return refuse(Invalid, "account %q is not usable: give 12 digits that are not all 0", clip(id))
	}
	return nil
}

// clip bounds what a message repeats of a caller's value.
func clip(s string) string { return clipTo(s, 64) }

func clipTo(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
