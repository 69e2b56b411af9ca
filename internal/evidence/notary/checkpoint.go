package notary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"reeve/internal/evidence"
	"reeve/internal/license"
)

// Checkpoint is a checkpoint with ledgers.
type Checkpoint struct {
	evidence.Checkpoint
	Note    string // with all signatures
	Ledgers []evidence.Head
}

// Create signs the ledgers of an account, "" for the caller's own, as they are.
// Where nothing has changed since the newest checkpoint it returns that, and
// made is false.
func (n *Notary) Create(ctx context.Context, who license.Caller, account string) (c *Checkpoint, made bool, err error) {
	if account, err = accountOf(who, account); err != nil {
		return nil, false, err
	}
	return n.create(ctx, account)
}

func (n *Notary) create(ctx context.Context, account string) (c *Checkpoint, made bool, err error) {
	if _, err := n.Keys(ctx); err != nil {
		return nil, false, err
	}
	if err := n.sealAccount(ctx, account); err != nil {
		return nil, false, err
	}
	err = n.store.Update(ctx, func(tx Tx) error {
		made = false
		m, err := n.begin(tx, account)
		if err != nil {
			return err
		}
		if !m.changed() {
			c, err = m.newest()
			return err
		}
		made = true
		c, err = m.sign()
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if made {
		n.Wake()
	}
	return c, made, nil
}

// making is a checkpoint that is being made.
type making struct {
	n       *Notary
	tx      Tx
	account string
	keys    []SigningKey
	head    *HeadRow // of the newest checkpoint; nil for none
	before  []Ledger // that it covers
	now     []Ledger
	last    *evidence.Checkpoint // the newest checkpoint; zero for none
	seal    license.Seal         // the newest of the inventory; zero for none
}

// begin reads what there was and what there is.
func (n *Notary) begin(tx Tx, account string) (*making, error) {
	m := &making{n: n, tx: tx, account: account}
	there, err := tx.AccountExists(account)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, refuse(license.InvalidParameter, "There is no account %q.", clip(account))
	}
	if m.keys, err = lockedKeys(tx); err != nil {
		return nil, err
	}
	if m.head, err = tx.Head(account); err != nil {
		return nil, err
	}
	if m.head != nil {
		if m.before, err = tx.LedgersAt(account, m.head.Number); err != nil {
			return nil, err
		}
	}
	if m.now, err = tx.Ledgers(account); err != nil {
		return nil, err
	}
	if len(m.now) > evidence.MaxLedgers {
		return nil, refuse(license.LimitExceeded, "Account %s has %d ledgers, and a checkpoint covers %d at most.", account, len(m.now), evidence.MaxLedgers)
	}
	slices.SortFunc(m.now, func(a, b Ledger) int { return strings.Compare(a.ARN, b.ARN) })
	if err := m.readSeal(); err != nil {
		return nil, err
	}
	return m, m.check()
}

// readSeal reads the newest seal, and what the newest checkpoint says of it.
func (m *making) readSeal() error {
	m.last = &evidence.Checkpoint{}
	if m.head != nil {
		stored, err := m.newestStored()
		if err != nil {
			return err
		}
		if m.last, err = textOf(stored.Note); err != nil {
			return err
		}
	}
	s, err := m.tx.Seal(m.account, 0)
	if s != nil {
		m.seal = *s
	}
	return err
}

// check refuses to sign what contradicts itself or the checkpoint before.
func (m *making) check() error {
	if why := m.contradiction(); why != "" {
		return refuse(license.Conflict, "The ledgers of account %s cannot be signed: %s. They were altered outside of Reeve; reeve verify says more.", m.account, why)
	}
	if err := sealedAs(m.tx, m.account, m.last); err != nil {
		return refuse(license.Conflict, "The inventory of account %s cannot be signed: %s. It was altered outside of Reeve; reeve verify says more.", m.account, err)
	}
	for i := range m.before {
		was := &m.before[i]
		if now := m.ledger(was.ARN); now != nil && now.Head == was.Head {
			continue // it was compared with its revision
		}
		hash, err := m.tx.RevisionHash(was.Configuration, was.Number)
		if err != nil {
			return err
		}
		if !bytes.Equal(hash, was.Hash[:]) {
			return refuse(license.Conflict, "Revision %d of the ledger of %s is not the one that checkpoint %d covers, so the ledger cannot be signed: it was rewritten outside of Reeve; reeve verify says more.",
				was.Number, was.ARN, m.head.Number)
		}
	}
	return nil
}

// ledger is a ledger as it is now, or nil.
func (m *making) ledger(arn string) *Ledger { return find(m.now, arn) }

func find(ledgers []Ledger, arn string) *Ledger {
	i, ok := slices.BinarySearchFunc(ledgers, arn, func(l Ledger, arn string) int { return strings.Compare(l.ARN, arn) })
	if !ok {
		return nil
	}
	return &ledgers[i]
}

func (m *making) contradiction() string {
	for i := range m.now {
		if l := &m.now[i]; !bytes.Equal(l.Named, l.Hash[:]) {
			return fmt.Sprintf("the configuration of %s does not name its newest revision, %d", l.ARN, l.Number)
		}
	}
	return evidence.Continues(headsOf(m.before), headsOf(m.now))
}

func headsOf(ledgers []Ledger) []evidence.Head {
	heads := make([]evidence.Head, len(ledgers))
	for i := range ledgers {
		heads[i] = ledgers[i].Head
	}
	return heads
}

// number is that of the checkpoint to be made.
func (m *making) number() int64 {
	if m.head == nil {
		return 1
	}
	return m.head.Number + 1
}

// changed tells whether there is anything new to sign: a ledger has moved, or
// the key is another one.
func (m *making) changed() bool {
	return m.head == nil || m.head.SigningKey != m.keys[len(m.keys)-1].Number ||
		m.last.Seals != m.seal.Number || !slices.Equal(headsOf(m.before), headsOf(m.now))
}

// newest is the checkpoint that there is.
func (m *making) newest() (*Checkpoint, error) {
	last, err := m.newestStored()
	if err != nil {
		return nil, err
	}
	return parsed(last, headsOf(m.before))
}

func (m *making) newestStored() (*Stored, error) {
	found, err := m.tx.Checkpoints(m.account, m.head.Number-1, 1)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || found[0].Number != m.head.Number {
		return nil, fmt.Errorf("checkpoint %d of account %s is missing", m.head.Number, m.account)
	}
	return &found[0], nil
}

// sign makes and keeps the checkpoint.
func (m *making) sign() (*Checkpoint, error) {
	key := &m.keys[len(m.keys)-1]
	signer, err := m.n.signer(key)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Checkpoint: evidence.NewCheckpoint(headsOf(m.now)), Ledgers: headsOf(m.now)}
	c.Origin, c.Number = signer.Name()+"/"+m.account, m.number()
	if c.Time, err = m.tx.Now(); err != nil {
		return nil, err
	}
	c.Time = max(c.Time, key.From)
	c.Seals, c.Seal = m.seal.Number, hashOf(m.seal.Hash)
	if m.head != nil {
		c.Before, c.Time = m.last.TextHash(), max(c.Time, m.last.Time+1)
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	c.Note = string(signed)
	stored := &Stored{Account: m.account, Number: c.Number, At: c.Time, Note: c.Note, Ledgers: c.Checkpoint.Ledgers, Revisions: c.Revisions, Seals: c.Seals}
	return c, m.tx.InsertCheckpoint(stored, key.Number, m.moved())
}

// moved are the ledgers that have changed since the checkpoint before.
func (m *making) moved() (changed []Ledger) {
	for _, l := range m.now {
		if was := find(m.before, l.ARN); was == nil || was.Head != l.Head {
			changed = append(changed, l)
		}
	}
	return changed
}

// textOf reads a note of our own without looking at its signature.
func textOf(signed string) (*evidence.Checkpoint, error) {
	text, _, _ := strings.Cut(signed, "\n\n")
	c, err := evidence.ParseCheckpoint(text + "\n")
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	return c, nil
}

func parsed(s *Stored, ledgers []evidence.Head) (*Checkpoint, error) {
	c, err := textOf(s.Note)
	if err != nil {
		return nil, err
	}
	return &Checkpoint{Checkpoint: *c, Note: s.Signed(), Ledgers: ledgers}, nil
}

// Get returns a checkpoint of an account, "" for the caller's own, with all
// ledgers that it covers. Number 0 is the newest.
func (n *Notary) Get(ctx context.Context, who license.Caller, account string, number int64) (c *Checkpoint, err error) {
	if account, err = accountOf(who, account); err != nil {
		return nil, err
	}
	err = n.store.View(ctx, func(tx Tx) error {
		c, err = get(tx, account, number)
		return err
	})
	return c, err
}

func get(tx Tx, account string, number int64) (*Checkpoint, error) {
	if number == 0 {
		head, err := tx.Head(account)
		if err != nil {
			return nil, err
		}
		if head != nil {
			number = head.Number
		}
	}
	found, err := tx.Checkpoints(account, number-1, 1)
	if err != nil {
		return nil, err
	}
	if number == 0 || len(found) == 0 || found[0].Number != number {
		return nil, refuse(license.InvalidParameter, "Account %s has no checkpoint %d. ListCheckpoints shows those that there are; CreateCheckpoint makes one.", clip(account), number)
	}
	ledgers, err := tx.LedgersAt(account, number)
	if err != nil {
		return nil, err
	}
	return parsed(&found[0], headsOf(ledgers))
}

// maxListed bounds how many ledgers a page of List has, but for those of its
// first checkpoint.
const maxListed = 20_000

// List returns up to limit checkpoints of an account, "" for the caller's own,
// with a number beyond after, each with the ledgers that have changed since the
// one before. next is where to go on, 0 after the last one.
func (n *Notary) List(ctx context.Context, who license.Caller, account string, after int64, limit int) (page []*Checkpoint, next int64, err error) {
	if account, err = accountOf(who, account); err != nil {
		return nil, 0, err
	}
	err = n.store.View(ctx, func(tx Tx) error {
		page, next, err = list(tx, account, after, limit)
		return err
	})
	return page, next, err
}

func list(tx Tx, account string, after int64, limit int) (page []*Checkpoint, next int64, err error) {
	found, err := tx.Checkpoints(account, after, limit+1)
	if err != nil {
		return nil, 0, err
	}
	listed := 0
	for i := range found {
		if i == limit || listed > maxListed {
			return page, found[i-1].Number, nil
		}
		changed, err := tx.Changed(account, found[i].Number)
		if err != nil {
			return nil, 0, err
		}
		c, err := parsed(&found[i], headsOf(changed))
		if err != nil {
			return nil, 0, err
		}
		page, listed = append(page, c), listed+len(changed)
	}
	return page, 0, nil
}

// Progress says how far the witnesses are with the checkpoints of an account,
// "" for the caller's own, in the order of their names.
func (n *Notary) Progress(ctx context.Context, who license.Caller, account string) (all []Progress, err error) {
	if account, err = accountOf(who, account); err != nil {
		return nil, err
	}
	err = n.store.View(ctx, func(tx Tx) error {
		all, err = tx.Progress(account)
		return err
	})
	return all, err
}

// Due makes a checkpoint of every account whose ledgers have changed and whose
// newest checkpoint is old enough, and returns how many. Servers may do so at
// once: each checkpoint is made by one of them. An account that fails stops no
// other.
func (n *Notary) Due(ctx context.Context) (made int, err error) {
	if n.o.Every == 0 {
		return 0, nil
	}
	due, err := n.due(ctx)
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, account := range due {
		_, done, err := n.create(ctx, account)
		if err != nil {
			failed = append(failed, fmt.Errorf("checkpoint of account %s: %w", account, err))
		}
		if done {
			made++
		}
	}
	return made, errors.Join(failed...)
}

func (n *Notary) due(ctx context.Context) (due []string, err error) {
	err = n.store.View(ctx, func(tx Tx) error {
		due = nil
		now, err := tx.Now()
		if err != nil {
			return err
		}
		sums, err := tx.Sums()
		if err != nil {
			return err
		}
		heads, err := allHeads(tx)
		if err != nil {
			return err
		}
		keys, err := tx.SigningKeys()
		if err != nil {
			return err
		}
		for _, s := range sums {
			h, ok := heads[s.Account]
			if !ok || h.At+license.Time(n.o.Every.Microseconds()) <= now && (h.Sum != s || h.SigningKey != int64(len(keys))) {
				due = append(due, s.Account)
			}
		}
		return nil
	})
	return due, err
}

func allHeads(tx Tx) (map[string]HeadRow, error) {
	const chunk = 1000
	heads := map[string]HeadRow{}
	for after := ""; ; {
		page, err := tx.Heads(after, chunk)
		if err != nil {
			return nil, err
		}
		for _, h := range page {
			heads[h.Account], after = h, h.Account
		}
		if len(page) < chunk {
			return heads, nil
		}
	}
}

// clip bounds what a message repeats of a caller's value.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
