package notary

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"reeve/internal/evidence"
	"reeve/internal/license"
)

// Bounds of sealing.
const (
	sealRows   = 1000      // of one seal, and so of one transaction
	sealBytes  = 256 << 10 // of one seal; its last row may go beyond
	sealAtOnce = 1000      // seals of one account at a time
)

// Seal seals what was written to the inventories of all accounts since the
// last time. Servers may do so at once.
func (n *Notary) Seal(ctx context.Context) error {
	for account := ""; ; {
		err := n.store.View(ctx, func(tx Tx) (err error) {
			account, err = tx.NextUnsealed(account)
			return err
		})
		if err == nil && account != "" {
			err = n.sealAccount(ctx, account)
		}
		if err != nil || account == "" {
			return err
		}
	}
}

// sealAccount seals until little is left.
func (n *Notary) sealAccount(ctx context.Context, account string) error {
	for range sealAtOnce {
		more := false
		err := n.store.Update(ctx, func(tx Tx) (err error) {
			more, err = sealOnce(tx, account)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// sealOnce adds one seal, if there is anything to seal; more may be left then.
func sealOnce(tx Tx, account string) (more bool, err error) {
	if err := tx.LockSigning(); err != nil {
		return false, err
	}
	rows, err := tx.Unsealed(account, sealRows, sealBytes)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	var entries strings.Builder
	for i := range rows {
		entries.WriteString(rows[i].Entries)
	}
	before, err := tx.Seal(account, 0)
	if err != nil {
		return false, err
	}
	if before == nil {
		before = &license.Seal{}
	}
	now, err := tx.Now()
	if err != nil {
		return false, err
	}
	s := &license.Seal{Account: account, Number: before.Number + 1, At: max(now, before.At), Entries: entries.String()}
	s.Hash = s.HashAfter(before.Hash)
	return entries.Len() >= sealBytes || len(rows) == sealRows, tx.InsertSeal(s, rows)
}

// sealedAs wants the seal that a checkpoint names to be there as it names it.
func sealedAs(tx Tx, account string, c *evidence.Checkpoint) error {
	if c.Seals == 0 {
		return nil
	}
	s, err := tx.Seal(account, c.Seals)
	if err != nil {
		return err
	}
	if s == nil || !bytes.Equal(s.Hash, c.Seal[:]) {
		return fmt.Errorf("seal %d of the inventory is not the one that was signed: facts were cut off or rewritten", c.Seals)
	}
	return nil
}

// hashOf is zero for what is no hash.
func hashOf(b []byte) (h evidence.Hash) {
	if len(b) == len(h) {
		copy(h[:], b)
	}
	return h
}
