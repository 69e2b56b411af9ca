package notary

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"reeve/internal/evidence"
	"reeve/internal/license"
)

// Witness is who keeps checkpoints outside of the deployment.
type Witness interface {
	// Name tells it from other witnesses; it never changes.
	Name() string

	// Send hands a checkpoint over, with all ledgers that it covers. It may
	// come again with the same one. cosigned is the note with the witness's
	// own signature behind the others, "" where it makes none.
	Send(ctx context.Context, c *Checkpoint) (cosigned string, err error)
}

const (
	sendLease   = 2 * time.Minute // of one account at one witness
	sendTime    = 20 * time.Second
	sendAtOnce  = 50 // checkpoints of one account in one lease
	firstWait   = time.Minute
	longestWait = time.Hour
	tickEvery   = time.Minute
)

// Wake makes Run look at once.
func (n *Notary) Wake() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run seals inventories, makes checkpoints as they become due and sends them to
// the witnesses, until ctx ends.
func (n *Notary) Run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		if err := n.Seal(ctx); err != nil && ctx.Err() == nil {
			n.o.Log.Error("sealing inventories failed", "error", err)
		}
		if _, err := n.Due(ctx); err != nil && ctx.Err() == nil {
			n.o.Log.Error("making checkpoints failed", "error", err)
		}
		if err := n.Send(ctx); err != nil && ctx.Err() == nil {
			n.o.Log.Error("sending checkpoints failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-n.wake:
		}
	}
}

// Send sends every checkpoint that a witness does not have, in their order,
// where its turn has come. What a witness does with it is kept as its progress;
// an error is the database's.
func (n *Notary) Send(ctx context.Context) error {
	for _, w := range n.o.Witnesses {
		if err := n.sendTo(ctx, w); err != nil {
			return fmt.Errorf("witness %s: %w", w.Name(), err)
		}
	}
	return nil
}

func (n *Notary) sendTo(ctx context.Context, w Witness) error {
	const most = 1000
	var accounts []string
	err := n.store.View(ctx, func(tx Tx) error {
		now, err := tx.Now()
		if err != nil {
			return err
		}
		accounts, err = tx.Unsent(w.Name(), now, most)
		return err
	})
	if err != nil {
		return err
	}
	for _, account := range accounts {
		more, err := n.sendAccount(ctx, w, account)
		if err != nil {
			return err
		}
		if more {
			n.Wake()
		}
	}
	return nil
}

// errLost is the end of a step of a server whose lease has ended meanwhile.
var errLost = errors.New("another server sends to this witness now")

// sendAccount takes the lease, sends what is to be sent, and says how far it
// has come; more, that it did not come to the end.
func (n *Notary) sendAccount(ctx context.Context, w Witness, account string) (more bool, err error) {
	p, err := n.lease(ctx, w, account)
	if err != nil || p == nil {
		return false, err
	}
	more, err = n.sendEach(ctx, w, p)
	if errors.Is(err, errLost) {
		return false, nil
	}
	return more, err
}

func (n *Notary) sendEach(ctx context.Context, w Witness, p *Progress) (more bool, err error) {
	for range sendAtOnce {
		var next []Stored
		err := n.store.View(ctx, func(tx Tx) (err error) {
			next, err = tx.Checkpoints(p.Account, p.Sent, 1)
			return err
		})
		if err != nil {
			return false, err
		}
		if len(next) == 0 {
			return false, n.settle(ctx, p, 0, "", func(license.Time) {})
		}
		if err := n.sendOne(ctx, w, p, next[0].Number); err != nil || p.Failed > 0 {
			return false, err
		}
	}
	return true, n.settle(ctx, p, 0, "", func(license.Time) {})
}

// lease takes an account of a witness for this server; nil when another has it.
func (n *Notary) lease(ctx context.Context, w Witness, account string) (p *Progress, err error) {
	err = n.store.Update(ctx, func(tx Tx) error {
		now, err := tx.Now()
		if err != nil {
			return err
		}
		p, err = tx.LockWitness(w.Name(), account)
		if err != nil {
			return err
		}
		if p.Lease > now || p.Ready > now {
			p = nil
			return nil
		}
		p.Lease = now + license.Time(sendLease.Microseconds())
		return tx.SaveWitness(p)
	})
	return p, err
}

// sendOne sends one checkpoint. A refusal of the witness is its progress, and
// no error.
func (n *Notary) sendOne(ctx context.Context, w Witness, p *Progress, number int64) error {
	var c *Checkpoint
	err := n.store.View(ctx, func(tx Tx) (err error) {
		c, err = get(tx, p.Account, number)
		return err
	})
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	cosigned, err := w.Send(bounded, c)
	if err == nil && cosigned != "" && !strings.HasPrefix(cosigned, c.Note) {
		err = fmt.Errorf("it signed another text than it was sent")
	}
	if ctx.Err() != nil {
		return ctx.Err() // the server stops; the lease ends by itself
	}
	if err != nil {
		n.attempts[w.Name()].failed.Add(1)
		n.o.Log.Warn("a witness did not take a checkpoint", "witness", w.Name(), "account", p.Account, "checkpoint", number, "attempts", p.Failed+1, "error", err)
		p.Failed++
		return n.settle(ctx, p, 0, "", func(now license.Time) {
			p.Error, p.Lease, p.Ready = clipTo(err.Error()), 0, now+license.Time(wait(p.Failed).Microseconds())
		})
	}
	n.attempts[w.Name()].sent.Add(1)
	return n.settle(ctx, p, number, cosigned, func(now license.Time) {
		p.Sent, p.SentAt, p.Failed, p.Error = number, now, 0, ""
		p.Lease = now + license.Time(sendLease.Microseconds())
	})
}

// settle writes down what a step has changed, and what a witness has signed.
// For a server that has lost its lease it is errLost.
func (n *Notary) settle(ctx context.Context, p *Progress, number int64, cosigned string, change func(now license.Time)) error {
	held := p.Lease
	return n.store.Update(ctx, func(tx Tx) error {
		now, err := tx.Now()
		if err != nil {
			return err
		}
		kept, err := tx.LockWitness(p.Witness, p.Account)
		if err != nil {
			return err
		}
		if kept.Lease != held {
			return errLost
		}
		change(now)
		if number == 0 {
			p.Lease = 0
		}
		if cosigned != "" {
			if err := tx.SaveCosigned(p.Account, number, cosigned); err != nil {
				return err
			}
		}
		return tx.SaveWitness(p)
	})
}

// wait is how long a witness is left alone after that many failures.
func wait(failed int64) time.Duration {
	d := firstWait
	for range failed - 1 {
		if d *= 2; d >= longestWait {
			return longestWait
		}
	}
	return d
}

// clipTo is an error as text that every database keeps.
func clipTo(s string) string {
	const most = 500
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// document is what witnesses are sent: one line of JSON, as in a file of
// evidence, with all ledgers.
func (c *Checkpoint) document() []byte {
	d := evidence.Document{Note: c.Note, Heads: c.Ledgers}
	return append(d.Append(nil), '\n')
}
