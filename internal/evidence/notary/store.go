package notary

import (
	"context"

	"reeve/internal/evidence"
	"reeve/internal/license"
)

// Store keeps keys, checkpoints, and how far witnesses are. View and Update are
// those of license.Store.
type Store interface {
	View(ctx context.Context, fn func(Tx) error) error
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction. Reads of what does not exist return nil or zero, and
// no error; inserts of what exists are conflicts that run an update again.
type Tx interface {
	Now() (license.Time, error)
	AccountExists(account string) (bool, error)

	// LockSigning waits for every other transaction that has called it.
	LockSigning() error

	// SigningKeys returns all keys, the oldest first.
	SigningKeys() ([]SigningKey, error)
	InsertSigningKey(k *SigningKey) error

	// Ledgers returns the ledgers of an account as they are, in no order,
	// deleted and loading ones included. Named is the hash that the
	// configuration's row has for its newest revision, Hash the revision's own.
	Ledgers(account string) ([]Ledger, error)

	// Sums returns how many ledgers, revisions and seals each account has, for
	// accounts that have any, in the order of accounts.
	Sums() ([]Sum, error)

	// NextUnsealed is the first account behind one with entries that no seal
	// has, "" for none; Unsealed returns rows of them in order: up to limit, and
	// none after those that have so many bytes together.
	NextUnsealed(after string) (account string, err error)
	Unsealed(account string, limit, bytes int) ([]Unsealed, error)

	// Seal is a seal of an account's inventory without its entries, the newest
	// for number 0; nil where there is none. InsertSeal adds one, of those rows.
	Seal(account string, number int64) (*license.Seal, error)
	InsertSeal(s *license.Seal, of []Unsealed) error

	// RevisionHash returns the hash that a revision is kept with, nil where
	// there is no such revision.
	RevisionHash(configuration, number int64) ([]byte, error)

	// Head is the row of an account's newest checkpoint; Heads those of all
	// accounts behind one, in the order of accounts.
	Head(account string) (*HeadRow, error)
	Heads(after string, limit int) ([]HeadRow, error)

	// NextCheckpointed is the first account behind one of which anything about
	// checkpoints is kept, also when its newest row is missing; "" for none. It
	// looks at one account alone where only names it.
	NextCheckpointed(after, only string) (account string, err error)

	// InsertCheckpoint adds a checkpoint with the ledgers that have changed
	// since the one before, and makes it the account's newest.
	InsertCheckpoint(c *Stored, signingKey int64, changed []Ledger) error
	SaveCosigned(account string, number int64, note string) error

	// Checkpoints returns up to limit checkpoints of an account with a number
	// beyond after, in order.
	Checkpoints(account string, after int64, limit int) ([]Stored, error)

	// LedgersAt returns the ledgers that a checkpoint covers; Changed those
	// that have changed since the one before. Both in the order of ARNs.
	LedgersAt(account string, number int64) ([]Ledger, error)
	Changed(account string, number int64) ([]Ledger, error)

	// Contradiction returns the ARN and number of a revision that a checkpoint
	// of the account names and that is not there, or has another hash; "" when
	// there is none.
	Contradiction(account string) (arn string, number int64, err error)

	// Unsent returns up to limit accounts whose newest checkpoint a witness
	// does not have, and whose turn it is at a time.
	Unsent(witness string, now license.Time, limit int) ([]string, error)

	// LockWitness locks how far a witness is with an account, and adds it at
	// its beginning when it is new. SaveWitness writes it back.
	LockWitness(name, account string) (*Progress, error)
	SaveWitness(p *Progress) error
	Progress(account string) ([]Progress, error)

	// Lag is how many checkpoints of all accounts a witness does not have, and
	// when it last took one; 0 for never.
	Lag(witness string) (checkpoints int64, last license.Time, err error)

	// Witnessed is the newest checkpoint of an origin that was co-signed, with
	// WitnessedLedgers in the order of ARNs.
	Witnessed(origin string) (*WitnessedCheckpoint, error)
	WitnessedLedgers(origin string) ([]evidence.Head, error)
	InsertWitnessed(c *WitnessedCheckpoint, changed []evidence.Head) error

	// WitnessedBy returns up to limit co-signed checkpoints of an origin with
	// a number beyond after; account "" is those of every account.
	WitnessedBy(account, origin string, after int64, limit int) ([]WitnessedCheckpoint, error)
}

// Unsealed is what one transaction has added to an inventory.
type Unsealed struct {
	First   string // the first line, which names it
	Entries string // all lines, each ended by a line feed
}

// SigningKey is a key with its private half, sealed.
type SigningKey struct {
	Number int64
	evidence.Key
	Sealed []byte
}

// Ledger is a ledger's head, and where it is kept.
type Ledger struct {
	evidence.Head
	Configuration int64
	Named         []byte
}

// Sum is how much an account has.
type Sum struct {
	Account                   string
	Ledgers, Revisions, Seals int64
}

// HeadRow is what is kept of an account's newest checkpoint beside it.
type HeadRow struct {
	Sum
	Number     int64
	At         license.Time
	SigningKey int64
}

// Stored is a checkpoint as it is kept.
type Stored struct {
	Account  string
	Number   int64
	At       license.Time
	Note     string // as it was signed
	Cosigned string // with the signature of a witness too; "" without one

	Ledgers, Revisions, Seals int64 // of the new one, for its HeadRow; reads leave them 0
}

// Signed is the note with all signatures that there are.
func (s *Stored) Signed() string {
	if s.Cosigned != "" {
		return s.Cosigned
	}
	return s.Note
}

// Progress is how far a witness is with the checkpoints of an account.
type Progress struct {
	Witness string
	Account string
	Sent    int64        // number of the newest that it has
	SentAt  license.Time // 0: none yet
	Failed  int64        // attempts since then
	Ready   license.Time // when it is tried again at the earliest
	Lease   license.Time // until when a server has it to itself
	Error   string       // of the last attempt; "" when it succeeded
}

// WitnessedCheckpoint is a checkpoint of another deployment.
type WitnessedCheckpoint struct {
	Origin  string
	Number  int64
	Account string // whose key brought it
	At      license.Time
	Note    string // with our signature
}
