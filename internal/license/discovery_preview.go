package license

import (
	"context"
	"fmt"
)

// previewBudget bounds how many resources one page of a preview looks at.
const previewBudget = 2000

// What a pass would do with a resource.
const (
	OutcomeAssociated = "associated" // it is associated already
	OutcomeAssociate  = "associate"  // it would be associated
	OutcomeRefused    = "refused"    // it matches, and may not use the licence
	OutcomeExcluded   = "excluded"   // it matches, and is excluded
	OutcomeRelease    = "release"    // it matches no rule any more and would be released
	OutcomeStays      = "stays"      // it matches no rule any more and stays, as DisassociateWhenNotFound is not set
)

// Preview is one page of what discovery would do, and what it would do it
// with. Pages may hold few or no finds; Next 0 ends the list.
type Preview struct {
	ConfigurationARN string
	Finds            []Find
	Looked           int // resources looked at
	Consumed         int64
	Count            *int64
	HardLimit        bool
	Next             int64
}

// Find is a resource that matches a rule, or that a rule once found.
type Find struct {
	ResourceARN string
	Type        ResourceType
	Match       *Match // nil when it matches no rule any more
	Outcome     string
	Note        string     // why it is refused
	Exclusion   *Exclusion // OutcomeExcluded
	Consumes    int64      // of the resource that it counts on
	CountedOn   string     // ARN of that; several finds may share it
	Adds        int64      // what that resource would consume beyond what it does
}

// PreviewDiscovery says what discovery would do in a configuration, without
// doing it: by its own rules, or by others when products is not nil. It
// returns up to limit finds in the order of the resources, after one's number.
func (m *Manager) PreviewDiscovery(ctx context.Context, who Caller, arn string, products []ProductInformation, after int64, limit int) (p *Preview, err error) {
	if err := checkProducts(products); err != nil {
		return nil, err
	}
	err = m.store.View(ctx, func(tx Tx) error {
		c, err := configuration(tx, who, arn)
		if err != nil {
			return err
		}
		v, err := m.newPreviewer(tx, who, c, products)
		if err != nil {
			return err
		}
		p = v.preview
		return v.run(after, limit)
	})
	return p, err
}

// previewer works a preview out over one snapshot.
type previewer struct {
	*batch
	preview *Preview
	c       *Configuration
	rules   discovering
	counter counter
}

func (m *Manager) newPreviewer(tx Tx, who Caller, c *Configuration, products []ProductInformation) (*previewer, error) {
	if products == nil {
		products = c.Terms.Products
	}
	settings, err := tx.Settings(c.Account, c.Region)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	counter, err := newCounter(&c.Terms)
	if err != nil {
		return nil, err
	}
	v := &previewer{batch: m.batch(tx, who), c: c, counter: counter,
		rules:   discovering{Discovering: Discovering{c.Num, c.Region, c.TermsRev, settings.SourceRegions}, rules: compileRules(products)},
		preview: &Preview{ConfigurationARN: c.ARN(), Consumed: c.Counters.Consumed, Count: c.Terms.Count, HardLimit: c.Terms.HardLimit},
	}
	v.now, err = m.now(tx)
	return v, err
}

func (v *previewer) run(after int64, limit int) error {
	for v.preview.Looked < previewBudget {
		page, _, err := v.tx.Inventory(v.c.Account, nil, after, passPage)
		if err != nil {
			return fmt.Errorf("list inventory: %w", err)
		}
		f, associated, err := v.read(page)
		if err != nil {
			return err
		}
		for _, r := range page {
			if len(v.preview.Finds) == limit {
				v.preview.Next = after
				return nil
			}
			if err := v.look(f, r, associated[r.Num]); err != nil {
				return err
			}
			after = r.Num
			v.preview.Looked++
		}
		if len(page) < passPage {
			return nil
		}
	}
	v.preview.Next = after
	return nil
}

// read reads what a page of resources is judged by.
func (v *previewer) read(page []*Resource) (*findings, map[int64]*OpenAssociation, error) {
	changed, nums := make([]changedResource, len(page)), make([]int64, len(page))
	for i, r := range page {
		changed[i], nums[i] = changedResource{Resource: r, discover: true}, r.Num
	}
	f := newFindings()
	if v.rules.rules.needsSoftware() {
		if err := f.readSoftware(v.batch, changed); err != nil {
			return nil, nil, err
		}
	}
	if err := f.readExclusions(v.tx, nums, v.now); err != nil {
		return nil, nil, err
	}
	open, err := v.tx.AssociationsOf(nums)
	if err != nil {
		return nil, nil, fmt.Errorf("read associations: %w", err)
	}
	associated := map[int64]*OpenAssociation{}
	for i, a := range open {
		if a.Configuration == v.c.Num && a.Origin != OriginAffinity {
			associated[a.Resource] = &open[i]
		}
	}
	return f, associated, nil
}

// look adds what there is to say of a resource.
func (v *previewer) look(f *findings, r *Resource, a *OpenAssociation) error {
	find := Find{ResourceARN: r.ARN, Type: r.Type}
	if v.rules.sees(r) {
		find.Match = v.rules.rules.match(f.subject(v.batch, &changedResource{Resource: r}))
	}
	e, excluded := f.excluded[r.Num][v.c.Num]
	switch {
	case find.Match == nil && (a == nil || a.Origin != OriginDiscovery):
		return nil
	case find.Match == nil && v.c.Terms.Disassociate:
		find.Outcome = OutcomeRelease
	case find.Match == nil:
		find.Outcome = OutcomeStays
	case excluded:
		find.Outcome, find.Exclusion = OutcomeExcluded, &e
	default:
		if err := v.weigh(&find, r, a); err != nil {
			return err
		}
	}
	v.preview.Finds = append(v.preview.Finds, find)
	return nil
}

// weigh says what a matching resource would consume.
func (v *previewer) weigh(find *Find, r *Resource, a *OpenAssociation) error {
	place, host := r, (*Resource)(nil)
	if v.counter.onHost(r.Type, &r.Facts) {
		var err error
		if host, err = v.host(r.Account, r.Facts.Host); err != nil {
			return err
		}
		if host != nil {
			place = host
		}
	}
	verdict := v.counter.count(r, host, nil)
	u, err := v.tx.UsageOf(v.c.Num, v.c.Head, place.key())
	if err != nil {
		return fmt.Errorf("read usage: %w", err)
	}
	find.Outcome, find.Consumes, find.CountedOn, find.Note = OutcomeAssociate, verdict.consumes, place.ARN, verdict.refusal
	find.Adds = verdict.consumes
	if u != nil {
		find.Adds = max(0, verdict.consumes-u.Consumed)
	}
	switch {
	case a != nil:
		find.Outcome = OutcomeAssociated
	case verdict.refusal != "":
		find.Outcome = OutcomeRefused
	}
	return nil
}

// Progress is how far a pass has come.
type Progress struct {
	ConfigurationARN string
	Looked           int   // resources that this step looked at
	Pass             int64 // 0 when it has ended; else as Configuration.Pass
	Consumed         int64
	Count            *int64
	HardLimit        bool
	LastRun          Time
}

// RunDiscovery makes a step of a configuration's pass over the inventory on
// behalf of a caller; with restart, the pass begins anew. The server's own
// jobs may go on with the same pass at the same time.
func (m *Manager) RunDiscovery(ctx context.Context, who Caller, arn string, restart bool) (p *Progress, err error) {
	if restart {
		err := m.updateConfiguration(ctx, who, arn, func(b *batch, l *ledger) error {
			if !l.Terms.discovers() {
				return refuse(InvalidParameter, "%s discovers nothing: it has no ProductInformationList, or is DISABLED.", l.ARN())
			}
			l.Pass, l.moved = 1, true
			return b.close()
		})
		if err != nil {
			return nil, err
		}
	}
	err = m.store.Update(ctx, func(tx Tx) error {
		c, err := configuration(tx, who, arn)
		if err != nil {
			return err
		}
		looked := 0
		if c.Pass > 0 {
			if c, looked, err = m.passStep(tx, who, c); err != nil {
				return err
			}
		}
		p = &Progress{ConfigurationARN: arn, Looked: looked, Pass: c.Pass, LastRun: c.LastRun,
			Consumed: c.Counters.Consumed, Count: c.Terms.Count, HardLimit: c.Terms.HardLimit}
		return nil
	})
	return p, err
}
