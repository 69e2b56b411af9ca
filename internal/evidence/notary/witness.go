package notary

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"reeve/internal/evidence"
	"reeve/internal/license"
)

// Cosign is the witness's part for a checkpoint of another deployment, with all
// ledgers that it covers in the order of their ARNs. It verifies the signature
// with the keys that are pinned here, and those that keys, the other's published
// list, joins to them; refuses a checkpoint that does not continue the one that
// it has seen before of the same origin; keeps it, and returns it with a
// signature of this deployment behind the others. The same checkpoint may come
// again.
func (n *Notary) Cosign(ctx context.Context, who license.Caller, signed, keys string, ledgers []evidence.Head) (string, error) {
	c, err := n.believe(signed, keys, ledgers)
	if err != nil {
		return "", err
	}
	if _, err := n.Keys(ctx); err != nil {
		return "", err
	}
	var cosigned string
	err = n.store.Update(ctx, func(tx Tx) error {
		own, err := lockedKeys(tx)
		if err != nil {
			return err
		}
		last, err := tx.Witnessed(c.Origin)
		if err != nil {
			return err
		}
		if last != nil && sameText(last.Note, c) { // it may come with other signatures
			cosigned, err = n.cosign(&own[len(own)-1], signed)
			return err
		}
		changed, err := continues(tx, last, c, ledgers)
		if err != nil {
			return err
		}
		if cosigned, err = n.cosign(&own[len(own)-1], signed); err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		return tx.InsertWitnessed(&WitnessedCheckpoint{Origin: c.Origin, Number: c.Number, Account: who.Account, At: now, Note: cosigned}, changed)
	})
	return cosigned, err
}

// believe verifies what can be verified without knowing what came before.
func (n *Notary) believe(signed, keys string, ledgers []evidence.Head) (*evidence.Checkpoint, error) {
	if len(n.o.WitnessFor) == 0 {
		return nil, refuse(license.Denied, "This server is no witness: it was started without --witness-for.")
	}
	var published []evidence.Key
	if keys != "" {
		var err error
		if published, err = evidence.ParseKeys(keys); err != nil {
			return nil, refuse(license.InvalidParameter, "VerifierKeys: %s.", err)
		}
	}
	trusted, err := evidence.Trust(n.o.WitnessFor, published)
	if err != nil {
		return nil, refuse(license.InvalidParameter, "VerifierKeys: %s.", err)
	}
	c, _, err := trusted.Open(signed)
	if err != nil {
		return nil, refuse(license.InvalidParameter, "The checkpoint is not witnessed: %s. The keys that this server is a witness for are those of --witness-for.", err)
	}
	if err := evidence.Covers(c, ledgers); err != nil {
		return nil, refuse(license.InvalidParameter, "The checkpoint is not witnessed: %s.", err)
	}
	return c, nil
}

// continues refuses a checkpoint that does not follow the last one, and returns
// the ledgers that have changed.
func continues(tx Tx, last *WitnessedCheckpoint, c *evidence.Checkpoint, ledgers []evidence.Head) ([]evidence.Head, error) {
	if last == nil {
		return ledgers, nil
	}
	before, err := textOf(last.Note)
	if err != nil {
		return nil, err
	}
	why := ""
	switch {
	case c.Number == before.Number:
		why = "it has the number of another one"
	case c.Number < before.Number:
		why = fmt.Sprintf("%d was witnessed already", before.Number)
	case c.Number == before.Number+1 && c.Before != before.TextHash():
		why = fmt.Sprintf("it does not name the checkpoint %d that was witnessed", before.Number)
	case c.Time <= before.Time:
		why = fmt.Sprintf("it is not later than checkpoint %d", before.Number)
	}
	heads, err := tx.WitnessedLedgers(c.Origin)
	if err != nil {
		return nil, err
	}
	if why == "" {
		why = cmp.Or(evidence.Continues(heads, ledgers), c.Regresses(before))
	}
	if why != "" {
		return nil, refuse(license.Conflict, "Checkpoint %d of %s is not witnessed, because it does not continue what was witnessed before: %s. Somebody may have rewritten the ledgers, or set their database back.", c.Number, c.Origin, why)
	}
	return slices.DeleteFunc(slices.Clone(ledgers), func(h evidence.Head) bool { return slices.Contains(heads, h) }), nil
}

func sameText(signed string, c *evidence.Checkpoint) bool {
	text, _, _ := strings.Cut(signed, "\n\n")
	return text+"\n" == c.Text()
}

// cosign adds a signature behind those that there are.
func (n *Notary) cosign(key *SigningKey, signed string) (string, error) {
	signer, err := n.signer(key)
	if err != nil {
		return "", err
	}
	text, _, _ := strings.Cut(signed, "\n\n")
	own, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
	if err != nil {
		return "", fmt.Errorf("co-sign checkpoint: %w", err)
	}
	return signed + strings.TrimPrefix(string(own), text+"\n\n"), nil
}

// Cosigned returns up to limit checkpoints of another deployment's account that
// were witnessed here, with a number beyond after. A root caller sees all, any
// other those that its own keys have brought.
func (n *Notary) Cosigned(ctx context.Context, who license.Caller, origin string, after int64, limit int) (page []*Checkpoint, next int64, err error) {
	account := who.Account
	if who.Root {
		account = ""
	}
	err = n.store.View(ctx, func(tx Tx) error {
		page, next = nil, 0
		found, err := tx.WitnessedBy(account, origin, after, limit+1)
		if err != nil {
			return err
		}
		for i := range found {
			if i == limit {
				next = found[i-1].Number
				break
			}
			c, err := textOf(found[i].Note)
			if err != nil {
				return err
			}
			page = append(page, &Checkpoint{Checkpoint: *c, Note: found[i].Note})
		}
		return nil
	})
	return page, next, err
}
