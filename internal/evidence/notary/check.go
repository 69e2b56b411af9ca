package notary

import (
	"context"
	"fmt"
	"strings"

	"reeve/internal/evidence"
	"reeve/internal/license"
)

// Check verifies the checkpoints that are kept of up to limit accounts behind
// one: every signature, their order, the ledgers that each covers, and that
// what they name is in the ledgers now. A root caller checks all accounts, any
// other its own. next is where to go on, "" after the last one.
//
// It finds ledgers that were rewritten, and checkpoints that were altered. Who
// has thrown the newest checkpoints away with all that they cover is found by
// one that was kept elsewhere.
func (n *Notary) Check(ctx context.Context, who license.Caller, after string, limit int) (reports []license.VerifyReport, next string, err error) {
	for {
		account, err := n.nextAccount(ctx, who, after)
		if err != nil || account == "" {
			return reports, "", err
		}
		if len(reports) == limit {
			return reports, after, nil
		}
		report := license.VerifyReport{Kind: license.CheckpointsReport, ConfigurationARN: "checkpoints of account " + account, Account: account}
		err = n.store.View(ctx, func(tx Tx) error { return n.checkAccount(tx, account) })
		if ctx.Err() != nil {
			return nil, "", err
		}
		if err != nil { // also what cannot be read is not as it was written
			report.Fault = err.Error()
		}
		reports, after = append(reports, report), account
	}
}

// nextAccount is the next account that has checkpoints.
func (n *Notary) nextAccount(ctx context.Context, who license.Caller, after string) (account string, err error) {
	only := who.Account
	if who.Root {
		only = ""
	}
	err = n.store.View(ctx, func(tx Tx) (err error) {
		account, err = tx.NextCheckpointed(after, only)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("list accounts with checkpoints: %w", err)
	}
	return account, nil
}

func (n *Notary) checkAccount(tx Tx, account string) error {
	trusted, deployment, err := n.ownKeys(tx)
	if err != nil {
		return err
	}
	head, err := tx.Head(account)
	if err != nil {
		return err
	}
	last, err := checkSequence(tx, evidence.NewSequence(trusted, deployment+"/"+account, ""), account)
	if err != nil {
		return err
	}
	if head == nil {
		return fmt.Errorf("the newest checkpoint is %d, and the database's own row of the newest is missing", last.Number)
	}
	if last.Number != head.Number || last.Time != head.At || last.Revisions != head.Revisions || last.Ledgers != head.Ledgers || last.Seals != head.Seals {
		return fmt.Errorf("the newest checkpoint is %d, and the database says %d", last.Number, head.Number)
	}
	arn, revision, err := tx.Contradiction(account)
	if err != nil {
		return err
	}
	if arn != "" {
		return fmt.Errorf("revision %d of the ledger of %s is not the one that was signed: the ledger was cut off or rewritten", revision, arn)
	}
	return nil
}

// ownKeys believes the keys of the database, whose successions must be signed.
// Where there is a master key, the newest must be one that it has sealed.
func (n *Notary) ownKeys(tx Tx) (*evidence.Trusted, string, error) {
	keys, err := tx.SigningKeys()
	if err != nil {
		return nil, "", err
	}
	if len(keys) == 0 {
		return nil, "", fmt.Errorf("there is no key for checkpoints")
	}
	for i := range keys {
		if keys[i].Number != int64(i)+1 {
			return nil, "", fmt.Errorf("the keys for checkpoints are numbered from 1 without gaps, and number %d stands where %d is expected", keys[i].Number, i+1)
		}
	}
	if n.o.Sealer != nil {
		if _, err := n.signer(&keys[len(keys)-1]); err != nil {
			return nil, "", err
		}
	}
	public := publicKeys(keys)
	trusted, err := evidence.Trust(public[len(public)-1:], public)
	if err != nil {
		return nil, "", err
	}
	return trusted, trusted.Name(), nil
}

func checkSequence(tx Tx, s *evidence.Sequence, account string) (evidence.Checkpoint, error) {
	const chunk = 500
	for {
		found, err := tx.Checkpoints(account, s.Last().Number, chunk)
		if err != nil {
			return evidence.Checkpoint{}, err
		}
		for i := range found {
			changed, err := tx.Changed(account, found[i].Number)
			if err != nil {
				return evidence.Checkpoint{}, err
			}
			if err := readable(&found[i]); err != nil {
				return evidence.Checkpoint{}, err
			}
			c, _, _, err := s.Add(&evidence.Document{Note: found[i].Signed(), Heads: headsOf(changed)})
			if err == nil {
				err = sealedAs(tx, account, c)
			}
			if err != nil {
				return evidence.Checkpoint{}, fmt.Errorf("checkpoint %d as it is kept: %w", found[i].Number, err)
			}
		}
		if len(found) < chunk {
			return s.Last(), nil
		}
	}
}

// readable wants a row to be what its note says, and what a witness has signed
// to begin with the note.
func readable(s *Stored) error {
	c, err := textOf(s.Note)
	if err != nil {
		return fmt.Errorf("checkpoint %d as it is kept: %w", s.Number, err)
	}
	if c.Number != s.Number || c.Time != s.At || c.Account() != s.Account {
		return fmt.Errorf("checkpoint %d as it is kept says that it is %d of account %s", s.Number, c.Number, clip(c.Account()))
	}
	if s.Cosigned != "" && !strings.HasPrefix(s.Cosigned, s.Note) {
		return fmt.Errorf("checkpoint %d as it is kept is not what the witness has signed", s.Number)
	}
	return nil
}
