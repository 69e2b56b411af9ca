package license

import (
	"context"
	"fmt"
	"strconv"
	"time"

	json "github.com/go-json-experiment/json"
)

// termsAt returns the terms that a revision set.
func termsAt(tx Tx, configuration, termsRev int64) (*Terms, error) {
	r, err := tx.RevisionHead(configuration, termsRev)
	if err != nil {
		return nil, fmt.Errorf("read terms: %w", err)
	}
	if r == nil || r.Terms == nil {
		return nil, fmt.Errorf("read terms: revision %d of the ledger has none", termsRev)
	}
	var t Terms
	if err := json.Unmarshal(r.Terms, &t); err != nil {
		return nil, fmt.Errorf("read terms of revision %d: %w", termsRev, err)
	}
	return &t, nil
}

// moment returns the revision that a reader asks for, without Changes: that of
// asOf, else the newest. It is nil when the configuration did not exist then.
func (m *Manager) moment(ctx context.Context, c *Configuration, asOf *Time) (r *Revision, err error) {
	if asOf != nil {
		return m.revisionAt(ctx, c, *asOf)
	}
	err = m.store.View(ctx, func(tx Tx) error {
		r, err = tx.RevisionHead(c.Num, c.Head)
		return err
	})
	return r, err
}

// Explain says why a resource consumes what it consumes of a configuration,
// now or as of a past moment, from the facts that were counted then.
func (m *Manager) Explain(ctx context.Context, who Caller, arn, resourceARN string, asOf *Time) (e *Explanation, err error) {
	if _, err := ParseResourceARN(resourceARN); err != nil {
		return nil, err
	}
	c, err := m.read(ctx, who, arn, asOf != nil)
	if err != nil {
		return nil, err
	}
	r, err := m.moment(ctx, c, asOf)
	if err != nil {
		return nil, err
	}
	e = &Explanation{ConfigurationARN: c.ARN(), ResourceARN: resourceARN}
	if asOf != nil {
		e.AsOf = *asOf
	}
	if r == nil {
		e.note("result", "0", "The license configuration did not exist at that time.")
		return e, nil
	}
	if asOf == nil {
		e.AsOf = r.At
	}
	e.Revision, e.RevisionAt = r.Number, r.At
	err = m.store.View(ctx, func(tx Tx) error { return m.fill(e, tx, who, c, r, asOf == nil) })
	return e, err
}

func (e *Explanation) note(kind, value, note string) {
	e.Steps = append(e.Steps, Step{Kind: kind, Name: "ConsumedLicenses", Value: value, Note: note})
}

// fill derives the explanation from what held at a revision; now says that it
// is of the present.
func (m *Manager) fill(e *Explanation, tx Tx, who Caller, c *Configuration, rev *Revision, now bool) error {
	terms, err := termsAt(tx, c.Num, rev.TermsRev)
	if err != nil {
		return err
	}
	counter, err := newCounter(terms)
	if err != nil {
		return err
	}
	past := &past{tx: tx, configuration: c.Num, revision: rev.Number, counter: counter, normalise: m.settings.Normalise}
	r, err := past.find(who, c, e.ResourceARN)
	if err != nil {
		return err
	}
	past.account = r.Account
	if r.Owner != c.Account {
		e.Steps = append(e.Steps, Step{Kind: "fact", Name: "ResourceOwnerId", Value: r.Owner, Note: "the account of the resource"})
	}
	if past.discovering, err = discoveringAt(tx, c, terms); err != nil {
		return err
	}
	at := e.AsOf
	if now {
		if at, err = m.now(tx); err != nil {
			return err
		}
	}
	if err := e.addExclusions(past, r, at); err != nil {
		return err
	}
	a, err := past.association(r.key())
	if err != nil {
		return err
	}
	if a != nil {
		return e.fillAssociated(past, r, a)
	}
	if now {
		if err := e.addMatch(past, r); err != nil {
			return err
		}
	}
	return e.fillUnassociated(past, r)
}

// fillUnassociated explains a resource without an association: it may still
// be the host that others count on.
func (e *Explanation) fillUnassociated(p *past, r *Resource) error {
	u, err := p.tx.UsageOf(p.configuration, p.revision, r.key())
	if err != nil {
		return fmt.Errorf("read usage: %w", err)
	}
	if u == nil {
		e.note("result", "0", "The resource is not associated with the license configuration.")
		return nil
	}
	if err := p.loadFacts(r, u.Facts); err != nil {
		return err
	}
	ex := &explainer{}
	ex.add("term", "LicenseCountingType", string(p.counter.terms.CountingType), "the basis of the count")
	p.counter.size(r, ex)
	if err := e.addGuests(p, r, ex); err != nil {
		return err
	}
	e.Steps = append(e.Steps, ex.steps...)
	e.result(u)
	return nil
}

// maxGuests bounds how many machines of a host an explanation names.
const maxGuests = 100

// addGuests names the associated machines that made a host count, by the facts
// of that time.
func (e *Explanation) addGuests(p *past, host *Resource, ex *explainer) error {
	named := 0
	for after := (Key{}); named < maxGuests; {
		rows, err := p.tx.ScanAssociations(nil, UsageScan{Configuration: p.configuration, Revision: p.revision, After: after, Limit: verifyChunk})
		if err != nil {
			return fmt.Errorf("list associations: %w", err)
		}
		for _, a := range rows {
			on, err := p.runsOn(a, host)
			if err != nil {
				return err
			}
			if on && named < maxGuests {
				ex.add("fact", "AssociatedMachine", a.ResourceARN, "runs on this host")
				named++
			}
			after = a.Key
		}
		if len(rows) < verifyChunk {
			return nil
		}
	}
	ex.add("fact", "AssociatedMachine", "…", fmt.Sprintf("the first %d are named", maxGuests))
	return nil
}

// runsOn reports whether an association is of a machine that counted on a host.
func (p *past) runsOn(a Association, host *Resource) (bool, error) {
	if a.Unlicensed || a.Resource == host.Num {
		return false, nil
	}
	f, err := p.tx.FactsOf(a.Resource, a.Facts)
	if err != nil {
		return false, fmt.Errorf("read facts: %w", err)
	}
	return f != nil && f.Host == host.ARN && p.counter.onHost(a.Type, f), nil
}

func (e *Explanation) fillAssociated(p *past, r *Resource, a *Association) error {
	e.Associated, e.AssociationTime = a.Origin != OriginAffinity, a.AssociationTime
	if err := p.loadFacts(r, a.Facts); err != nil {
		return err
	}
	place, err := p.place(r)
	if err != nil {
		return err
	}
	u, err := p.tx.UsageOf(p.configuration, p.revision, place.key())
	if err != nil {
		return fmt.Errorf("read usage: %w", err)
	}
	if u != nil {
		if err := p.loadFacts(place, u.Facts); err != nil {
			return err
		}
	}
	ex := &explainer{}
	ex.add("fact", "Association", a.Origin, "since "+a.AssociationTime.String())
	e.Steps = append(e.Steps, ex.steps...)
	if a.Origin == OriginDiscovery {
		if err := e.addMatch(p, r); err != nil {
			return err
		}
	}
	return e.judge(p, r, place, a, u)
}

func (e *Explanation) judge(p *past, r, place *Resource, a *Association, u *Usage) error {
	ex := &explainer{}
	var consumes int64
	if a.Origin == OriginAffinity {
		ex.add("rule", ruleAffinity, strconv.FormatInt(p.counter.rules.affinityDays, 10), "the licence was released and is held on its host until "+a.Until.String())
		consumes = p.counter.size(place, ex)
	} else {
		host := place
		if place.Num == r.Num {
			host = nil
		}
		v := p.counter.count(r, host, ex)
		if v.refusal != "" {
			ex.add("rule", "refused", "0", "It cannot use the licence: "+v.refusal+".")
		}
		consumes = v.consumes
	}
	e.Steps = append(e.Steps, ex.steps...)
	own := place.Num == r.Num // its own row is its own, whoever fills it
	if u == nil || !own && (consumes == 0 || a.Unlicensed) {
		note := "It is associated and consumes nothing in this state."
		if a.Unlicensed {
			note = "It is associated but has no licence; see ListFailuresForLicenseConfigurationOperations."
		}
		e.note("result", "0", note)
		return nil
	}
	e.result(u)
	return nil
}

func (e *Explanation) result(u *Usage) {
	e.Consumed, e.CountedOn = u.Consumed, u.ResourceARN
	e.note("result", strconv.FormatInt(u.Consumed, 10), "counted on "+u.ResourceARN)
}

// past reads one configuration as it was at a revision.
type past struct {
	tx                      Tx
	account                 string // whose inventory the resource is in
	configuration, revision int64
	counter                 counter
	discovering             *discovering
	normalise               func(Application) (Product, bool)
}

// find returns the resource that a caller asks about: of its namesakes the one
// that the configuration counts, else its own inventory's.
func (p *past) find(who Caller, c *Configuration, arn string) (*Resource, error) {
	known, err := namesakes(p.tx, who, c.Num, c.Account != who.Account, arn)
	if err != nil {
		return nil, err
	}
	for _, r := range known {
		a, err := p.association(r.key())
		if err != nil || a != nil {
			return r, err
		}
		u, err := p.tx.UsageOf(p.configuration, p.revision, r.key())
		if err != nil || u != nil {
			return r, err
		}
	}
	if len(known) == 0 || known[0].Account != who.Account {
		return nil, refuse(InvalidParameter, "Resource %s is not in the inventory.", clip(arn))
	}
	return known[0], nil
}

// association returns the association of a key, or nil.
func (p *past) association(k Key) (*Association, error) {
	k.Resource--
	found, err := p.tx.ScanAssociations(nil, UsageScan{Configuration: p.configuration, Revision: p.revision, After: k, Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("read association: %w", err)
	}
	k.Resource++
	if len(found) == 0 || found[0].Key != k {
		return nil, nil
	}
	return &found[0], nil
}

// loadFacts sets a resource's facts to one of their versions.
func (p *past) loadFacts(r *Resource, version int64) error {
	f, err := p.tx.FactsOf(r.Num, version)
	if err != nil {
		return fmt.Errorf("read facts: %w", err)
	}
	if f == nil {
		return fmt.Errorf("read facts: version %d of %s is missing", version, r.ARN)
	}
	r.Facts, r.Version = *f, version
	return nil
}

// place returns the resource whose row carries the count of r.
func (p *past) place(r *Resource) (*Resource, error) {
	if !p.counter.onHost(r.Type, &r.Facts) {
		return r, nil
	}
	host, err := p.tx.Resource(p.account, r.Facts.Host)
	if err != nil {
		return nil, fmt.Errorf("read host: %w", err)
	}
	if host == nil {
		return r, nil
	}
	return host, nil
}

// Bounds of a history.
const (
	maxHistoryPoints     = 1000
	defaultHistoryPoints = 100
)

// GetHistory returns a configuration's consumption in steps: from its creation
// (or from) to now (or to), in at most 1000 steps; a step of 0 makes about
// 100.
func (m *Manager) GetHistory(ctx context.Context, who Caller, arn string, from, to *Time, step time.Duration) (*History, error) {
	c, err := m.target(ctx, who, arn, true)
	if err != nil {
		return nil, err
	}
	now, err := m.present(ctx)
	if err != nil {
		return nil, err
	}
	h := &History{From: c.Created, To: max(now, c.HeadAt), Step: step}
	set(&h.From, from)
	set(&h.To, to)
	if err := h.check(); err != nil {
		return nil, err
	}
	_, err = m.revisionAt(ctx, c, h.To)
	if to == nil && isUnwritable(err) {
		h.To, err = max(h.From, c.passed()), nil // up to there it is final already
	}
	if err != nil {
		return nil, err
	}
	err = m.store.View(ctx, func(tx Tx) error { return h.fill(tx, c) })
	return h, err
}

func (h *History) check() error {
	if h.To < h.From {
		return refuse(InvalidParameter, "The history's end %s is before its start %s.", h.To, h.From)
	}
	span := time.Duration(h.To-h.From+1) * time.Microsecond
	if h.Step == 0 {
		h.Step = max(span/defaultHistoryPoints, time.Second).Round(time.Second)
	}
	if h.Step < time.Second || span/h.Step >= maxHistoryPoints {
		return refuse(InvalidParameter, "A history has at most %d steps of a second or more; from %s to %s, %s is too short. Ask for longer steps or a shorter time.", maxHistoryPoints, h.From, h.To, h.Step)
	}
	return nil
}

func (h *History) fill(tx Tx, c *Configuration) error {
	step := int64(h.Step / time.Microsecond)
	peaks, err := tx.Peaks(c.Num, h.From, h.To+1, step)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	last, err := tx.RevisionAt(c.Num, h.From-1)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	point := &pointReader{tx: tx, configuration: c.Num, last: last}
	for i := int64(0); h.From+Time(i*step) <= h.To; i++ {
		p := HistoryPoint{From: h.From + Time(i*step), Peak: point.consumed()}
		if len(peaks) > 0 && peaks[0].Step == i {
			first, err := point.consumedAt(p.From)
			if err != nil {
				return err
			}
			p.Peak = max(first, peaks[0].Consumed)
			if err := point.advance(peaks[0].Last); err != nil {
				return err
			}
			peaks = peaks[1:]
		}
		if err := point.set(&p); err != nil {
			return err
		}
		h.Points = append(h.Points, p)
	}
	return nil
}

// pointReader walks the last revisions of the steps of a history.
type pointReader struct {
	tx            Tx
	configuration int64
	last          *Revision // nil before the first
	terms         *Terms    // of termsRev
	termsRev      int64
}

func (p *pointReader) consumed() int64 {
	if p.last == nil {
		return 0
	}
	return p.last.Counters.Consumed
}

// consumedAt is what was consumed at the very start of a step: what ended just
// then is no part of it.
func (p *pointReader) consumedAt(t Time) (int64, error) {
	r, err := p.tx.RevisionAt(p.configuration, t)
	if err != nil {
		return 0, fmt.Errorf("read history: %w", err)
	}
	if r == nil {
		return 0, nil
	}
	return r.Counters.Consumed, nil
}

func (p *pointReader) advance(number int64) (err error) {
	if p.last, err = p.tx.RevisionHead(p.configuration, number); err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	return nil
}

func (p *pointReader) set(point *HistoryPoint) (err error) {
	if p.last == nil {
		return nil
	}
	if p.terms == nil || p.termsRev != p.last.TermsRev {
		if p.terms, err = termsAt(p.tx, p.configuration, p.last.TermsRev); err != nil {
			return err
		}
		p.termsRev = p.last.TermsRev
	}
	point.Consumed, point.Count, point.Hard = p.last.Counters.Consumed, p.terms.Count, p.terms.HardLimit
	return nil
}
