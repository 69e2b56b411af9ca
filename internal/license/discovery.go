package license

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// Automated discovery: a resource that matches a rule of a configuration's
// ProductInformationList is associated with it, as a fact.
//
// It looks at a resource in the transaction that reports it, and at the whole
// inventory, page by page, after a rule has changed (discovery_pass.go).
// Nothing falls between the two. Who reports a resource reads the rules after
// it has locked the resource, and the pass locks every resource: one of the
// two comes second and sees what the other did. A new resource cannot be
// locked by a pass that does not see it yet, so its reporter holds the rules
// of the account from before it reads them until it commits.

// discoveryRequester is who asks for discovered associations, in AWS's words.
const discoveryRequester = "License Manager Automated Discovery"

// findings are what discovery noticed in a batch before the ledgers were
// opened: what has to be looked at under their locks.
type findings struct {
	look     map[int64][]int64             // by resource: configurations to decide in
	listed   map[int64]map[int64]string    // by resource and configuration: failures, as they are listed
	excluded map[int64]map[int64]Exclusion // by resource and configuration: what holds
	subjects map[int64]*subject
}

func newFindings() *findings {
	return &findings{look: map[int64][]int64{}, listed: map[int64]map[int64]string{},
		excluded: map[int64]map[int64]Exclusion{}, subjects: map[int64]*subject{}}
}

// add marks a configuration to be looked at for a resource.
func (f *findings) add(resource, configuration int64) {
	if !slices.Contains(f.look[resource], configuration) {
		f.look[resource] = append(f.look[resource], configuration)
	}
}

func (f *findings) readFailures(tx Tx, nums []int64) error {
	failed, err := tx.FailuresOf(nums)
	if err != nil {
		return fmt.Errorf("read failures: %w", err)
	}
	for _, o := range failed {
		if f.listed[o.Resource] == nil {
			f.listed[o.Resource] = map[int64]string{}
		}
		f.listed[o.Resource][o.Configuration] = o.Message
	}
	return nil
}

func (f *findings) readExclusions(tx Tx, nums []int64, now Time) error {
	found, err := tx.ExclusionsOf(nums)
	if err != nil {
		return fmt.Errorf("read exclusions: %w", err)
	}
	for _, e := range found {
		if !e.holds(now) {
			continue
		}
		if f.excluded[e.Resource] == nil {
			f.excluded[e.Resource] = map[int64]Exclusion{}
		}
		f.excluded[e.Resource][e.Configuration] = e
	}
	return nil
}

// configurations names every configuration that is to be looked at.
func (f *findings) configurations() []int64 {
	var nums []int64
	for _, of := range f.look {
		nums = append(nums, of...)
	}
	return nums
}

// discoveryFactsDiffer reports whether a rule could tell two versions of a
// resource's facts apart.
func discoveryFactsDiffer(a, b *Facts) bool {
	return a.Platform != b.Platform || a.PlatformType != b.PlatformType || a.PlatformVersion != b.PlatformVersion ||
		a.System != b.System || a.SystemVersion != b.SystemVersion ||
		a.EngineEdition != b.EngineEdition || a.Software != b.Software ||
		!slices.Equal(a.Tags, b.Tags) || !slices.Equal(a.LicenseIncluded, b.LicenseIncluded) || !slices.Equal(a.LicensePacks, b.LicensePacks)
}

// discover finds what the rules of the account have to say of changed
// resources. open are the associations that these have. Nothing is decided
// here: terms may change until the ledgers are locked.
func (b *batch) discover(changed []changedResource, open []OpenAssociation) (*findings, error) {
	f := newFindings()
	if b.effective != 0 { // history: what was is known from elsewhere
		return f, nil
	}
	nums, isNew, look := []int64{}, false, false
	for i := range changed {
		ch := &changed[i]
		nums = append(nums, ch.Num)
		isNew = isNew || ch.isNew && !ch.Facts.Gone()
		look = look || ch.discover || ch.emptied
	}
	if err := f.readFailures(b.tx, nums); err != nil {
		return nil, err
	}
	if !look && len(f.listed) == 0 {
		return f, nil
	}
	if err := b.match(f, changed, open, isNew); err != nil {
		return nil, err
	}
	if len(f.look) == 0 {
		return f, nil
	}
	return f, f.readExclusions(b.tx, nums, b.now)
}

// match matches the resources that rules may see differently now.
func (b *batch) match(f *findings, changed []changedResource, open []OpenAssociation, hold bool) error {
	rules, err := b.rules.of(b.tx, b.who.Account, hold)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rules, func(d discovering) bool { return d.owner != b.who.Account }) {
		if _, err := b.organization(b.who.Account); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(rules, func(d discovering) bool { return d.rules.needsSoftware() }) {
		if err := f.readSoftware(b, changed); err != nil {
			return err
		}
	}
	associated := map[int64][]OpenAssociation{}
	for _, a := range open {
		associated[a.Resource] = append(associated[a.Resource], a)
	}
	for i := range changed {
		ch := &changed[i]
		for configuration := range f.listed[ch.Num] {
			if ch.discover || !b.request {
				f.add(ch.Num, configuration)
			}
		}
		if ch.Facts.Gone() {
			continue
		}
		if ch.emptied {
			f.addEmptied(ch, associated[ch.Num])
		}
		if ch.discover {
			b.matchOne(f, rules, ch, associated[ch.Num])
		}
	}
	return nil
}

// subject makes a resource ready for rules.
func (f *findings) subject(b *batch, ch *changedResource) *subject {
	s := f.subjects[ch.Num]
	if s == nil {
		s = &subject{Resource: ch.Resource, software: ch.software, normalise: b.normalise}
		f.subjects[ch.Num] = s
	}
	return s
}

// readSoftware reads what is installed on resources that rules are to be
// matched with, where the batch does not know it.
func (f *findings) readSoftware(b *batch, of []changedResource) error {
	var unknown []Software
	for i := range of {
		ch := &of[i]
		if s := f.subject(b, ch); ch.discover && s.software == nil && ch.Facts.Software > 0 && !ch.Facts.Gone() {
			unknown = append(unknown, Software{Resource: ch.Num, Version: ch.Facts.Software})
		}
	}
	if err := b.tx.SoftwareOf(unknown); err != nil {
		return fmt.Errorf("read software: %w", err)
	}
	for _, v := range unknown {
		f.subjects[v.Resource].software = v.Applications
	}
	return nil
}

// addEmptied marks every configuration that discovered a machine whose
// software seems to be gone.
func (f *findings) addEmptied(ch *changedResource, associated []OpenAssociation) {
	for _, a := range associated {
		if a.Origin == OriginDiscovery && f.listed[ch.Num][a.Configuration] != emptiedMessage(ch.ARN) {
			f.add(ch.Num, a.Configuration)
		}
	}
}

// matchOne marks the configurations that a resource matches without being in
// them, and those that it is in without matching.
func (b *batch) matchOne(f *findings, rules []discovering, ch *changedResource, associated []OpenAssociation) {
	s := f.subject(b, ch)
	for _, d := range rules {
		at := slices.IndexFunc(associated, func(a OpenAssociation) bool { return a.Configuration == d.Configuration && a.Origin != OriginAffinity })
		matches := d.sees(ch.Resource) && d.rules.match(s) != nil
		if matches == (at < 0) && (at < 0 || associated[at].Origin == OriginDiscovery) {
			f.add(ch.Num, d.Configuration)
		}
	}
}

// discoverAll decides, under the locks of the ledgers, what findings marked.
func (b *batch) discoverAll(f *findings, changed []changedResource) error {
	for i := range changed {
		ch := &changed[i]
		for _, num := range f.look[ch.Num] {
			l := b.ledger(num)
			if l == nil {
				continue
			}
			if err := b.discoverIn(f, l, ch); err != nil {
				return err
			}
		}
	}
	return nil
}

// discoverIn decides about one resource in one configuration, by the terms
// that it has under its lock.
func (b *batch) discoverIn(f *findings, l *ledger, ch *changedResource) error {
	a := l.after[ch.Num]
	if a != nil && a.Origin == OriginAffinity {
		a = nil
	}
	message, listed := f.listed[ch.Num][l.Num]
	if ch.emptied && a != nil && a.Origin == OriginDiscovery && !a.Unlicensed && message != emptiedMessage(ch.ARN) {
		l.failed = append(l.failed, b.failure(l, a, emptiedMessage(ch.ARN)))
	}
	m, err := b.matchIn(f, l, ch)
	if err != nil {
		return err
	}
	_, excluded := f.excluded[ch.Num][l.Num]
	switch {
	case a != nil:
		if listed && ch.reported && message == emptiedMessage(ch.ARN) {
			l.cleared = append(l.cleared, a.Key)
		}
		if m == nil && a.Origin == OriginDiscovery && l.Terms.Disassociate && l.Terms.Status == Available {
			l.LastRun = b.now
			return b.dissociate(l, ch.Resource, &ch.Facts)
		}
	case m != nil && !excluded:
		l.LastRun = b.now
		l.associate(ch.Resource, OriginDiscovery, "", b.time(l))
		return b.touchPlace(l, ch.Resource, &ch.Facts)
	case listed && !mayInherit(&ch.Facts):
		l.cleared = append(l.cleared, ch.key())
	}
	return nil
}

// mayInherit reports whether a machine came from an image: then its failure
// may be that of an association which it should have inherited.
func mayInherit(f *Facts) bool { return f.AMI != "" }

// matchIn matches a resource with the rules of a locked configuration.
func (b *batch) matchIn(f *findings, l *ledger, ch *changedResource) (*Match, error) {
	if ch.Facts.Gone() || l.Loading || !l.Terms.discovers() {
		return nil, nil
	}
	d, err := b.discoveringOf(l)
	if err != nil || !d.sees(ch.Resource) {
		return nil, err
	}
	if ok, err := b.discoversFor(l, ch.Account); err != nil || !ok {
		return nil, err
	}
	s := f.subject(b, ch)
	if d.rules.needsSoftware() {
		needed := *ch
		needed.discover = true
		if err := f.readSoftware(b, []changedResource{needed}); err != nil {
			return nil, err
		}
	}
	return d.rules.match(s), nil
}

// discoveringOf returns the rules of a ledger's own terms.
func (b *batch) discoveringOf(l *ledger) (*discovering, error) {
	if l.discovering == nil || l.discovering.TermsRev != l.TermsRev {
		settings, err := b.tx.Settings(l.Account, l.Region)
		if err != nil {
			return nil, fmt.Errorf("read settings: %w", err)
		}
		l.discovering = &discovering{
			Discovering: Discovering{l.Num, l.Region, l.TermsRev, settings.SourceRegions},
			owner:       l.Account,
			rules:       compileRules(l.Terms.Products),
		}
	}
	return l.discovering, nil
}

// discoversFor reports whether a locked configuration looks at the inventory of
// an account: at its owner's, and at those of others that it is shared with when
// the owner administers their organization and discovers across accounts.
func (b *batch) discoversFor(l *ledger, account string) (bool, error) {
	if l.Account == account {
		return true, nil
	}
	if ok, err := b.permits(l, account); err != nil || !ok {
		return false, err
	}
	o, err := b.organization(account)
	if err != nil || !o.administers(l.Account) {
		return false, err
	}
	s, err := switches(b.tx, o, l.Region)
	return s.discoversAcross(), err
}

// emptiedMessage is the failure of a machine whose software an agent no longer
// reports.
func emptiedMessage(arn string) string {
	return "The agent on " + arn + " reported no software at all, where it reported some before. The report of its software is not believed and nothing was released: see whether the agent may still read what is installed."
}

// discovering is a configuration that discovers, with its rules.
type discovering struct {
	Discovering
	owner  string
	shares []string
	rules  discoveryRules
}

// sees reports whether a configuration looks at a resource at all: at those
// of its own region, and of the source regions of its account's settings.
func (d *discovering) sees(r *Resource) bool {
	region := regionOf(r.ARN)
	return region == d.Region || slices.Contains(d.SourceRegions, region)
}

// rulesCache keeps the rules of accounts, so that a report costs the same
// however many rules there are to parse. The zero value is ready.
type rulesCache struct {
	mu       sync.Mutex
	accounts map[string]accountRules
}

type accountRules struct {
	generations ruleGenerations
	rules       []discovering
}

// maxRulesCached bounds how many accounts a rulesCache remembers.
const maxRulesCached = 10_000

// of returns the rules that look at an account's inventory, in the order of
// their configurations. They are read after the generations, so they are at
// least as new.
func (c *rulesCache) of(tx Tx, account string, hold bool) ([]discovering, error) {
	sources, err := ruleSourcesOf(tx, account, hold)
	if err != nil || sources.generations == (ruleGenerations{}) {
		return nil, err
	}
	c.mu.Lock()
	known := c.accounts[account]
	c.mu.Unlock()
	if known.generations == sources.generations {
		return known.rules, nil
	}
	rules, err := sources.read(tx, known.rules)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.accounts == nil || len(c.accounts) >= maxRulesCached {
		c.accounts = map[string]accountRules{}
	}
	c.accounts[account] = accountRules{sources.generations, rules}
	return rules, nil
}

// ruleGenerations are those of the account itself, of its organization's
// management account and of the delegated administrator.
type ruleGenerations [3]int64

// ruleSources are the accounts whose rules may look at one account's inventory.
type ruleSources struct {
	account      string
	others       []string // administrators of its organization
	organization *Organization
	generations  ruleGenerations
}

// ruleSourcesOf reads each generation before what it guards: an account's own
// changes when it joins or leaves an organization, and the management account's
// when another account is delegated.
func ruleSourcesOf(tx Tx, account string, hold bool) (s ruleSources, err error) {
	s.account = account
	if s.generations[0], err = tx.DiscoveryGeneration(account, hold); err != nil || s.generations[0] == 0 {
		return s, err
	}
	if s.organization, err = tx.Organization(account); err != nil || s.organization == nil {
		return s, err
	}
	if management := s.organization.Management; management != account {
		s.others = append(s.others, management)
		if s.generations[1], err = tx.DiscoveryGeneration(management, hold); err != nil {
			return s, err
		}
	}
	if s.organization, err = tx.Organization(account); err != nil {
		return s, err
	}
	if delegated := s.organization.Delegated; delegated != "" && delegated != account {
		s.others = append(s.others, delegated)
		s.generations[2], err = tx.DiscoveryGeneration(delegated, hold)
	}
	return s, err
}

// read reads the rules; those that are known already are not read again.
func (s *ruleSources) read(tx Tx, known []discovering) (rules []discovering, err error) {
	if rules, err = readRules(tx, s.account, known); err != nil {
		return nil, err
	}
	for _, owner := range s.others {
		others, err := readRules(tx, owner, known)
		if err != nil {
			return nil, err
		}
		for _, d := range others {
			settings, err := switches(tx, s.organization, d.Region)
			if err != nil {
				return nil, err
			}
			if settings.discoversAcross() && sharesReach(d.shares, s.account, s.organization) {
				rules = append(rules, d)
			}
		}
	}
	slices.SortFunc(rules, func(a, b discovering) int { return cmp.Compare(a.Configuration, b.Configuration) })
	return rules, nil
}

// readRules reads the rules that an account owns.
func readRules(tx Tx, account string, known []discovering) ([]discovering, error) {
	found, err := tx.Discovering(account)
	if err != nil {
		return nil, fmt.Errorf("read discovery rules: %w", err)
	}
	rules := make([]discovering, len(found))
	for i, d := range found {
		at := slices.IndexFunc(known, func(k discovering) bool {
			return k.Configuration == d.Configuration && k.TermsRev == d.TermsRev
		})
		if at >= 0 {
			rules[i] = known[at]
			rules[i].Discovering = d
			continue
		}
		terms, err := termsAt(tx, d.Configuration, d.TermsRev)
		if err != nil {
			return nil, err
		}
		rules[i] = discovering{Discovering: d, owner: account, shares: terms.Shares, rules: compileRules(terms.Products)}
	}
	return rules, nil
}

// changeRules makes every server read an account's discovery rules again. It
// comes before any lock of a configuration.
func changeRules(tx Tx, account string) error {
	if err := tx.SetDiscoveryGeneration(account, rand.Int64()|1); err != nil {
		return fmt.Errorf("change discovery rules: %w", err)
	}
	return nil
}
