package license

import (
	"context"
	"fmt"
)

// Loader loads history on purpose: revisions whose effective time lies in the
// past, into new configurations that answer nothing until the load is sealed.
// Every such revision carries the clock at its recording as well, so that the
// evidence shows it was loaded. A Loader is not safe for concurrent use;
// times may not step back.
type Loader struct {
	m      *Manager
	who    Caller
	latest Time
	nums   []int64
}

// NewHistory starts a load of history for the caller's account.
func (m *Manager) NewHistory(who Caller) *Loader { return &Loader{m: m, who: who} }

// at checks a time and remembers it.
func (h *Loader) at(tx Tx, at Time) error {
	now, err := h.m.now(tx)
	if err != nil {
		return err
	}
	if at <= 0 || at < h.latest || at > now {
		return refuse(InvalidParameter, "History must be loaded in order and lie in the past: %s after %s, at %s.", at, h.latest, now)
	}
	h.latest = at
	return nil
}

// Create makes a configuration as of a past moment.
func (h *Loader) Create(ctx context.Context, at Time, spec ConfigurationSpec) (arn string, err error) {
	terms := spec.Terms
	terms.Status = Available
	if err := checkTerms(&terms); err != nil {
		return "", err
	}
	sortTags(terms.Tags)
	var c *Configuration
	err = h.m.store.Update(ctx, func(tx Tx) error {
		if err := h.at(tx, at); err != nil {
			return err
		}
		c, err = h.m.insertConfiguration(tx, h.caller("CreateLicenseConfiguration"), terms, true, at)
		return err
	})
	if err != nil {
		return "", err
	}
	h.nums = append(h.nums, c.Num)
	return c.ARN(), nil
}

func (h *Loader) caller(operation string) Caller {
	who := h.who
	who.Operation = operation
	return who
}

// update runs fn in one transaction whose revisions take effect at a moment.
func (h *Loader) update(ctx context.Context, at Time, operation string, fn func(*batch) error) error {
	return h.m.store.Update(ctx, func(tx Tx) error {
		if err := h.at(tx, at); err != nil {
			return err
		}
		return fn(h.batch(tx, operation, at))
	})
}

// batch returns a batch whose revisions take effect at a moment.
func (h *Loader) batch(tx Tx, operation string, at Time) *batch {
	b := h.m.batch(tx, h.caller(operation))
	b.effective = at
	return b
}

// Put records reports as of a past moment.
func (h *Loader) Put(ctx context.Context, at Time, reports []Report) error {
	parsed, err := parseReports(reports)
	if err != nil {
		return err
	}
	return h.update(ctx, at, "PutResources", func(b *batch) error {
		_, err := b.put(parsed, h.m.numbers.draw)
		return err
	})
}

// Associate associates resources with a configuration of this load as of a
// past moment. What breaks a rule or a hard limit becomes a failure.
func (h *Loader) Associate(ctx context.Context, at Time, arn string, resources []string) error {
	return h.each(ctx, at, arn, resources, func(b *batch, l *ledger, r *Resource) error { return b.add(l.Num, r, "") })
}

// Dissociate ends associations as of a past moment.
func (h *Loader) Dissociate(ctx context.Context, at Time, arn string, resources []string) error {
	return h.each(ctx, at, arn, resources, func(b *batch, l *ledger, r *Resource) error { return b.remove(l.Num, r, arn) })
}

func (h *Loader) each(ctx context.Context, at Time, arn string, resources []string, fn func(*batch, *ledger, *Resource) error) error {
	return h.update(ctx, at, "UpdateLicenseSpecificationsForResource", func(b *batch) error {
		found, err := b.lockAll(h.who.Account, resources)
		if err != nil {
			return err
		}
		l, err := h.open(b, arn)
		if err != nil {
			return err
		}
		for _, name := range resources {
			r := found[name]
			if r == nil {
				return refuse(InvalidParameter, "Resource %s is not in the inventory.", clip(name))
			}
			if err := b.seeAll(r); err != nil {
				return err
			}
			if err := fn(b, l, r); err != nil {
				return err
			}
		}
		return b.close()
	})
}

// open opens the ledger of a configuration of this load.
func (h *Loader) open(b *batch, arn string) (*ledger, error) {
	_, _, id, ok := parseConfigurationARN(arn)
	if !ok {
		return nil, unknownConfiguration(arn)
	}
	c, err := b.tx.Configuration(id)
	if err != nil {
		return nil, fmt.Errorf("read license configuration: %w", err)
	}
	if c == nil || c.Account != h.who.Account || !c.Loading {
		return nil, unknownConfiguration(arn)
	}
	if err := b.open([]int64{c.Num}); err != nil {
		return nil, err
	}
	return b.ledger(c.Num), nil
}

// Change changes terms as of a past moment.
func (h *Loader) Change(ctx context.Context, at Time, arn string, change ConfigurationChange) error {
	return h.update(ctx, at, "UpdateLicenseConfiguration", func(b *batch) error {
		l, err := h.open(b, arn)
		if err != nil {
			return err
		}
		return b.changeTerms(l, change.apply)
	})
}

// sealCause is the cause of the revision that ends a load.
const sealCause = "SealHistory"

// Seal ends the load: its configurations answer from now on, and the clock
// alone gives their times. The sealing is a revision of each.
func (h *Loader) Seal(ctx context.Context) error {
	err := h.m.store.Update(ctx, func(tx Tx) error {
		if err := changeRules(tx, h.who.Account); err != nil {
			return err
		}
		b := h.m.batch(tx, h.caller(sealCause))
		if err := b.open(h.nums); err != nil {
			return err
		}
		for _, l := range b.ledgers {
			l.Loading = false
			if err := l.setTerms(l.Terms); err != nil {
				return err
			}
		}
		if err := b.close(); err != nil {
			return err
		}
		return h.m.passAll(tx, h.who, func(Discovering) bool { return true })
	})
	if err == nil {
		h.m.wake()
	}
	return err
}
