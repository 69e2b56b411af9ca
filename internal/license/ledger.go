package license

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	json "github.com/go-json-experiment/json"
)

// batch is what one transaction changes: it collects the places whose count
// may change in every ledger it touches, decides them together, and writes at
// most one revision per ledger.
type batch struct {
	tx        Tx
	who       Caller
	request   bool // refuse as a whole; else what cannot be licensed becomes a failure
	effective Time // time of loaded history; 0 takes the clock
	now       Time // the clock, read once every lock is held
	clock     func(Tx) (Time, error)
	rules     *rulesCache
	normalise func(Application) (Product, bool)

	ledgers   []*ledger // in the order of their numbers
	resources map[int64]*Resource
	hosts     map[string]*Resource // by account and ARN; nil when not in the inventory
	failures  []PutFailure         // what this batch could not license
	software  []Software           // what this batch has to save of installed applications
	moves     []move               // managed instances that are EC2 instances

	installed map[int64][]Application // what was installed before, of the resources whose software was reported

	organizations map[string]*Organization // by account, as far as the batch asked; nil for none
}

// ledger is one locked configuration with what the batch changes in it.
type ledger struct {
	*Configuration
	counter counter
	touched map[Key]bool               // places to count again
	before  map[int64]*OpenAssociation // associations the batch looked at, as they were
	after   map[int64]*OpenAssociation // the same, as they will be; nil: dissociated
	terms   []byte                     // the new Terms, when this revision sets them
	changes []Change
	failed  []Failure
	cleared []Key // failures that no longer hold

	released []int64 // hosts whose hold is over: they get no new one

	discovering *discovering // the rules of Terms, once they were needed
	moved       bool         // Pass or LastRun changed: the row is written also without a revision
}

// batch returns an empty batch of facts.
func (m *Manager) batch(tx Tx, who Caller) *batch {
	return &batch{tx: tx, who: who, clock: m.now, rules: &m.rules, normalise: m.settings.Normalise}
}

// loadSlack is how far a ledger may run ahead of loaded history: revisions that
// are loaded for the same moment are a microsecond apart.
const loadSlack = Time(time.Second / time.Microsecond)

// open locks the configurations in the order of their numbers and adds their
// ledgers to the batch; deleted ones are left out. Every lock of a
// transaction is taken by one call, before anything is decided.
func (b *batch) open(nums []int64) error {
	slices.Sort(nums)
	for _, num := range slices.Compact(nums) {
		c, err := b.tx.LockConfiguration(num)
		if err != nil {
			return fmt.Errorf("lock license configuration: %w", err)
		}
		if c == nil || c.Deleted != 0 {
			continue
		}
		if b.effective != 0 && !c.Loading {
			return refuse(Conflict, "History can be loaded only for resources whose license configurations are being loaded too; %s is not.", c.ARN())
		}
		if b.effective != 0 && c.HeadAt > b.effective+loadSlack {
			return refuse(Conflict, "%s was changed at %s while its history was being loaded as of %s. Load it again into a new one.", c.ARN(), c.HeadAt, b.effective)
		}
		l, err := newLedger(c)
		if err != nil {
			return err
		}
		b.ledgers = append(b.ledgers, l)
	}
	now, err := b.clock(b.tx)
	b.now = now
	return err
}

func newLedger(c *Configuration) (*ledger, error) {
	counter, err := newCounter(&c.Terms)
	if err != nil {
		return nil, err
	}
	return &ledger{
		Configuration: c,
		counter:       counter,
		touched:       map[Key]bool{},
		before:        map[int64]*OpenAssociation{},
		after:         map[int64]*OpenAssociation{},
	}, nil
}

// ledger returns the open ledger of a configuration, nil when it is not open.
func (b *batch) ledger(num int64) *ledger {
	i, ok := slices.BinarySearchFunc(b.ledgers, num, func(l *ledger, n int64) int { return cmp.Compare(l.Num, n) })
	if !ok {
		return nil
	}
	return b.ledgers[i]
}

// know makes resources available to the batch as they now are.
func (b *batch) know(rs ...*Resource) {
	if b.resources == nil {
		b.resources, b.hosts = map[int64]*Resource{}, map[string]*Resource{}
	}
	for _, r := range rs {
		b.resources[r.Num] = r
		b.hosts[r.Account+r.ARN] = r
	}
}

// resource returns a resource with its newest facts.
func (b *batch) resource(num int64) (*Resource, error) {
	if r := b.resources[num]; r != nil {
		return r, nil
	}
	found, err := b.tx.ResourcesByNum([]int64{num})
	if err != nil {
		return nil, fmt.Errorf("read resource: %w", err)
	}
	if found[num] == nil {
		return nil, fmt.Errorf("read resource %d: it is not in the inventory", num)
	}
	b.know(found[num])
	return found[num], nil
}

// host returns the resource that an ARN names in an account's inventory, or nil.
func (b *batch) host(account, arn string) (*Resource, error) {
	if h, ok := b.hosts[account+arn]; ok {
		return h, nil
	}
	h, err := b.tx.Resource(account, arn)
	if err != nil {
		return nil, fmt.Errorf("read host: %w", err)
	}
	b.know()
	b.hosts[account+arn] = h
	if h != nil {
		b.resources[h.Num] = h
	}
	return h, nil
}

// readHosts makes the resources that ARNs name in an account's inventory
// known to host, in one round trip; "" names none.
func (b *batch) readHosts(account string, arns []string) error {
	b.know()
	var missing []string
	for _, arn := range arns {
		if _, known := b.hosts[account+arn]; arn != "" && !known {
			missing = append(missing, arn)
		}
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	found, err := b.tx.ResourcesByARN(account, missing)
	if err != nil {
		return fmt.Errorf("read hosts: %w", err)
	}
	for _, arn := range missing {
		h := found[arn]
		b.hosts[account+arn] = h
		if h != nil && b.resources[h.Num] == nil {
			b.resources[h.Num] = h
		}
	}
	return nil
}

// readResources makes resources known to resource, in one round trip.
func (b *batch) readResources(nums []int64) error {
	b.know()
	var missing []int64
	for _, num := range nums {
		if b.resources[num] == nil {
			missing = append(missing, num)
		}
	}
	found, err := b.tx.ResourcesByNum(missing)
	if err != nil {
		return fmt.Errorf("read resources: %w", err)
	}
	for _, r := range found {
		b.know(r)
	}
	return nil
}

// key is where a resource's own row stands in a ledger.
func (r *Resource) key() Key { return Key{Owner: ownerNumber(r.Owner), Resource: r.Num} }

// see makes an open association known to its ledger.
func (l *ledger) see(a OpenAssociation) *OpenAssociation {
	if known, ok := l.before[a.Resource]; ok {
		if now, ok := l.after[a.Resource]; ok {
			return now
		}
		return known
	}
	was, will := a, a
	l.before[a.Resource], l.after[a.Resource] = &was, &will
	return &will
}

// associate opens an association of r, or changes the scope of the one it has.
func (l *ledger) associate(r *Resource, origin, scope string, at Time) *OpenAssociation {
	if a := l.after[r.Num]; a != nil && a.Origin != OriginAffinity {
		a.Scope = scope
		return a
	}
	a := &OpenAssociation{Configuration: l.Num, Association: Association{
		Key: r.key(), ResourceARN: r.ARN, Type: r.Type, AssociationTime: at, Scope: scope, Origin: origin, Facts: r.Version,
	}}
	l.after[r.Num] = a
	return a
}

// touchPlace marks the place where r counts with the given facts.
func (b *batch) touchPlace(l *ledger, r *Resource, f *Facts) error {
	k, err := b.placeOf(l, r, f)
	l.touched[k] = true
	return err
}

// placeOf is the key of the row that carries r's count: its host's, or its own.
func (b *batch) placeOf(l *ledger, r *Resource, f *Facts) (Key, error) {
	if !l.counter.onHost(r.Type, f) {
		return r.key(), nil
	}
	h, err := b.host(r.Account, f.Host)
	if err != nil || h == nil {
		return r.key(), err
	}
	return h.key(), nil
}

// want is what one place should consume after the batch.
type want struct {
	key      Key
	was      *Usage // the open row
	usage    *Usage // the row that should be; nil for none
	placed   []*OpenAssociation
	held     bool             // nobody uses the licence, it is only held
	refusals map[int64]string // by resource: why it may not use the licence
}

func (w *want) delta() int64 {
	var d int64
	if w.usage != nil {
		d = w.usage.Consumed
	}
	if w.was != nil {
		d -= w.was.Consumed
	}
	return d
}

// wants counts the touched places again from the facts.
func (b *batch) wants(l *ledger) ([]*want, error) {
	keys := slices.SortedFunc(maps.Keys(l.touched), Key.Compare)
	if err := b.seePlaces(l, keys); err != nil {
		return nil, err
	}
	open, err := b.tx.OpenUsage(l.Configuration, keys)
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	wants := make([]*want, len(keys))
	for i, k := range keys {
		if wants[i], err = b.want(l, k, open[k]); err != nil {
			return nil, err
		}
	}
	return wants, b.refuseForeign(l, wants)
}

// seePlaces reads all that counting places looks at, in few round trips
// however many there are: the places, their own associations, and for physical
// counting those of their machines, and these machines.
func (b *batch) seePlaces(l *ledger, keys []Key) error {
	nums := make([]int64, len(keys))
	for i, k := range keys {
		nums[i] = k.Resource
	}
	if err := b.readResources(nums); err != nil {
		return err
	}
	if err := b.seeOwn(l, nums...); err != nil {
		return err
	}
	if l.Terms.CountingType != Core && l.Terms.CountingType != Socket {
		return nil
	}
	hosts := map[string][]string{}
	for _, num := range nums {
		if r := b.resources[num]; r != nil {
			hosts[r.Account] = append(hosts[r.Account], r.ARN)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(hosts)) {
		if err := b.seeGuests(l, account, hosts[account]); err != nil {
			return err
		}
	}
	return nil
}

// seeGuests makes the associations of the machines on hosts known to the
// ledger, and the machines and their hosts to the batch.
func (b *batch) seeGuests(l *ledger, account string, hosts []string) error {
	guests, err := b.tx.AssociationsOnHosts(l.Num, account, hosts)
	if err != nil {
		return fmt.Errorf("read associations of hosts: %w", err)
	}
	nums := make([]int64, len(guests))
	for i, a := range guests {
		l.see(a)
		nums[i] = a.Resource
	}
	if err := b.readResources(nums); err != nil {
		return err
	}
	var named []string
	for num := range l.after {
		if r := b.resources[num]; r != nil && r.Account == account {
			named = append(named, r.Facts.Host)
		}
	}
	return b.readHosts(account, named)
}

// want counts one place, of which everything is known.
func (b *batch) want(l *ledger, k Key, was *Usage) (*want, error) {
	place, err := b.resource(k.Resource)
	if err != nil {
		return nil, err
	}
	w := &want{key: k, was: was, refusals: map[int64]string{}}
	if w.placed, err = b.placedOn(l, place); err != nil {
		return nil, err
	}
	if err := b.count(l, w, place); err != nil {
		return nil, err
	}
	b.hold(l, w, place)
	return w, nil
}

// count sets the usage of a place from what its associations consume. A held
// licence is let go as soon as an associated machine uses it again.
func (b *batch) count(l *ledger, w *want, place *Resource) error {
	var consumes, held int64
	for _, a := range w.placed {
		if a.Origin == OriginAffinity {
			held = l.counter.heldSize(place)
			continue
		}
		r, err := b.resource(a.Resource)
		if err != nil {
			return err
		}
		v := l.counter.judge(r, place)
		if v.refusal != "" {
			w.refusals[a.Resource] = v.refusal
		}
		consumes = max(consumes, v.consumes)
	}
	if consumes > 0 && held > 0 {
		w.letGo(l)
	}
	w.held = consumes == 0 && held > 0
	if n := max(consumes, held); n > 0 {
		w.usage = &Usage{Key: w.key, ResourceARN: place.ARN, Type: place.Type, Status: place.Facts.Status,
			Consumed: n, Facts: place.Version, AssociationTime: firstAssociation(w.placed)}
	}
	return nil
}

// letGo ends the hold of a place.
func (w *want) letGo(l *ledger) {
	l.after[w.key.Resource] = nil
	w.placed = slices.DeleteFunc(w.placed, func(a *OpenAssociation) bool { return a.Origin == OriginAffinity })
}

// heldSize is what a held licence consumes: the size of its host, until that
// is gone.
func (c counter) heldSize(host *Resource) int64 {
	if host.Facts.Gone() {
		return 0
	}
	return c.size(host, nil)
}

// judge counts r where it counts: on place, or for itself when place is r.
func (c counter) judge(r, place *Resource) verdict {
	if place.Num == r.Num {
		return c.count(r, nil, nil)
	}
	return c.count(r, place, nil)
}

func firstAssociation(as []*OpenAssociation) Time {
	first := as[0].AssociationTime
	for _, a := range as[1:] {
		first = min(first, a.AssociationTime)
	}
	return first
}

// placedOn returns the associations of a ledger that count on a place, as they
// will be, in the order of their resources.
func (b *batch) placedOn(l *ledger, place *Resource) ([]*OpenAssociation, error) {
	nums := []int64{place.Num}
	if l.Terms.CountingType == Core || l.Terms.CountingType == Socket {
		nums = append(nums, b.guests(l, place)...)
	}
	return b.placedAmong(l, place, nums)
}

// seeOwn makes resources' own associations known to the ledger.
func (b *batch) seeOwn(l *ledger, nums ...int64) error {
	var unseen []int64
	for _, num := range nums {
		if _, seen := l.after[num]; !seen {
			unseen = append(unseen, num)
		}
	}
	own, err := b.tx.AssociationsOf(unseen)
	if err != nil {
		return fmt.Errorf("read associations: %w", err)
	}
	for _, a := range own {
		if a.Configuration == l.Num {
			l.see(a)
		}
	}
	return nil
}

// guests lists the known associated resources whose facts name the host.
func (b *batch) guests(l *ledger, host *Resource) []int64 {
	var nums []int64
	for num := range l.after {
		if r := b.resources[num]; num != host.Num && (r == nil || r.Account == host.Account && r.Facts.Host == host.ARN) {
			nums = append(nums, num)
		}
	}
	slices.Sort(nums)
	return nums
}

func (b *batch) placedAmong(l *ledger, place *Resource, nums []int64) ([]*OpenAssociation, error) {
	var placed []*OpenAssociation
	for _, num := range nums {
		a := l.after[num]
		if a == nil {
			continue
		}
		r, err := b.resource(num)
		if err != nil {
			return nil, err
		}
		k, err := b.placeOf(l, r, &r.Facts)
		if err != nil {
			return nil, err
		}
		if k == place.key() {
			placed = append(placed, a)
		}
	}
	return placed, nil
}

// hold keeps the licence of a place that would release it, when the rule
// licenseAffinityToHost says so.
func (b *batch) hold(l *ledger, w *want, place *Resource) {
	days := l.counter.rules.affinityDays
	if days == 0 || w.usage != nil || w.was == nil || len(w.refusals) > 0 || place.Facts.Gone() || l.after[place.Num] != nil || slices.Contains(l.released, place.Num) {
		return
	}
	kept := *w.was
	kept.Consumed, kept.Status, kept.Facts = l.counter.heldSize(place), place.Facts.Status, place.Version
	if kept.Consumed == 0 {
		return
	}
	a := l.associate(place, OriginAffinity, "", w.was.AssociationTime)
	a.Until = b.time(l) + Time(days*24*60*60*1e6)
	w.placed, w.held, w.usage = append(w.placed, a), true, &kept
}

// time is when the ledger's next revision takes effect.
func (b *batch) time(l *ledger) Time {
	at := b.now
	if b.effective != 0 {
		at = b.effective
	}
	return max(at, l.HeadAt+1, l.Settled+1)
}

// close decides every ledger of the batch, and then writes them: nothing that
// is decided by was written by this transaction.
func (b *batch) close() error {
	for _, l := range b.ledgers {
		if err := b.decide(l); err != nil {
			return err
		}
	}
	for _, l := range b.ledgers {
		if err := b.write(l); err != nil {
			return err
		}
	}
	return nil
}

// decide counts the touched places: first those that release, so that what
// they give back is there for those that need more.
func (b *batch) decide(l *ledger) error {
	wants, err := b.wants(l)
	if err != nil {
		return err
	}
	slices.SortFunc(wants, func(x, y *want) int {
		if (x.delta() > 0) != (y.delta() > 0) {
			return cmp.Compare(x.delta(), y.delta())
		}
		return x.key.Compare(y.key)
	})
	consumed := l.Counters.Consumed
	for _, w := range wants {
		if err := b.admit(l, w, consumed); err != nil {
			return err
		}
		consumed += w.delta()
	}
	slices.SortFunc(wants, func(x, y *want) int { return x.key.Compare(y.key) })
	b.usageChanges(l, wants)
	b.associationChanges(l)
	return nil
}

// admit decides one place under the hard limit and marks its associations.
func (b *batch) admit(l *ledger, w *want, consumed int64) error {
	fit, full := fits(l, w.delta(), consumed), ""
	if !fit && w.held && !b.request {
		w.letGo(l) // nobody uses it, so nobody lacks it
		w.usage, fit = nil, true
	}
	if !fit {
		full = fmt.Sprintf("Not enough licenses: %s needs %d more of %s, %d of %d are in use and the limit is hard.",
			b.resources[w.key.Resource].ARN, w.delta(), l.ARN(), consumed, *l.Terms.Count)
		w.usage = nil
	}
	for _, a := range w.placed {
		var err error
		switch why := w.refusals[a.Resource]; {
		case why != "":
			err = b.reject(l, a, InvalidParameter, fmt.Sprintf("%s cannot use %s: %s.", a.ResourceARN, l.ARN(), why))
		case !fit:
			err = b.reject(l, a, LicenseUsage, full)
		default:
			l.license(a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fits reports whether a change of consumption keeps within a hard limit.
// What consumes no more is never refused, even over a limit that was lowered.
func fits(l *ledger, delta, consumed int64) bool {
	return delta <= 0 || !l.Terms.HardLimit || l.Terms.Count == nil || consumed+delta <= *l.Terms.Count
}

// license marks an association as licensed.
func (l *ledger) license(a *OpenAssociation) {
	was := l.before[a.Resource]
	if a.Unlicensed || was == nil {
		l.cleared = append(l.cleared, a.Key)
	}
	a.Unlicensed = false
}

// reject records that an association cannot be licensed. A request fails with
// it, unless it was so before; of facts, a new inherited association is not
// made and an older one stays without a licence.
func (b *batch) reject(l *ledger, a *OpenAssociation, kind Kind, message string) error {
	was := l.before[a.Resource]
	known := was != nil && was.Unlicensed
	if b.request && !known {
		return &Error{Kind: kind, Message: message}
	}
	if was == nil {
		delete(l.after, a.Resource)
	}
	a.Unlicensed = true
	if !known {
		l.failed = append(l.failed, b.failure(l, a, message))
	}
	return nil
}

// failure is what an association asked for and did not get.
func (b *batch) failure(l *ledger, a *OpenAssociation, message string) Failure {
	f := Failure{Key: a.Key, ResourceARN: a.ResourceARN, Type: a.Type, Message: message,
		Time: b.time(l), Operation: b.who.Operation, RequestedBy: b.who.Principal}
	if a.Origin == OriginDiscovery {
		f.RequestedBy = discoveryRequester
	}
	return f
}

// usageChanges turns wants, in the order of keys, into changes and counters.
func (b *batch) usageChanges(l *ledger, wants []*want) {
	for _, w := range wants {
		if sameUsage(w.was, w.usage) {
			continue
		}
		ch := Change{Key: w.key, Kind: KindUsage, Usage: w.usage}
		if w.was != nil {
			ch.WasType = w.was.Type
			l.Counters.consume(w.was.Type, -w.was.Consumed)
		}
		if w.usage != nil {
			l.Counters.consume(w.usage.Type, w.usage.Consumed)
		}
		l.changes = append(l.changes, ch)
	}
}

func (c *Counters) consume(t ResourceType, n int64) {
	c.Consumed += n
	c.ConsumedBy[t.Number()] += n
}

// sameUsage compares what a reader sees; a newer version of facts that counts
// the same opens no interval.
func sameUsage(a, b *Usage) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Facts, y.Facts = 0, 0
	return x == y
}

// associationChanges compares the associations with what they were.
func (b *batch) associationChanges(l *ledger) {
	nums := make([]int64, 0, len(l.after)+len(l.before))
	for num := range l.after {
		nums = append(nums, num)
	}
	for num := range l.before {
		nums = append(nums, num)
	}
	slices.Sort(nums)
	var changes []Change
	for _, num := range slices.Compact(nums) {
		if ch, ok := l.associationChange(num); ok {
			changes = append(changes, ch)
		}
	}
	slices.SortFunc(changes, func(x, y Change) int { return x.Key.Compare(y.Key) })
	l.changes = append(l.changes, changes...)
}

func (l *ledger) associationChange(num int64) (Change, bool) {
	was, is := l.before[num], l.after[num]
	switch {
	case was == nil && is == nil, was != nil && is != nil && was.Association == is.Association:
		return Change{}, false
	case is == nil:
		l.Counters.associate(was, -1)
		return Change{Key: was.Key, Kind: KindAssociation, WasType: was.Type}, true
	case was != nil:
		l.Counters.associate(was, -1)
	}
	l.Counters.associate(is, 1)
	return Change{Key: is.Key, Kind: KindAssociation, Association: &is.Association}, true
}

// associate counts an association; a held licence is none.
func (c *Counters) associate(a *OpenAssociation, n int64) {
	if a.Origin != OriginAffinity {
		c.AssociatedBy[a.Type.Number()] += n
	}
}

// write appends the ledger's revision, if anything changed, and writes what
// follows from it.
func (b *batch) write(l *ledger) error {
	if err := b.writeFailures(l); err != nil {
		return err
	}
	if len(l.changes) == 0 && l.terms == nil {
		return b.writeMoved(l)
	}
	if err := b.writeAssociations(l); err != nil {
		return err
	}
	r := b.nextRevision(l)
	var err error
	if r.Nodes, err = b.tx.ApplyChanges(l.Configuration, l.changes); err != nil {
		return fmt.Errorf("write usage: %w", err)
	}
	if err := b.tx.AppendRevision(l.Num, r); err != nil {
		return fmt.Errorf("append revision: %w", err)
	}
	if err := b.tx.SaveConfiguration(l.Configuration); err != nil {
		return fmt.Errorf("save license configuration: %w", err)
	}
	return nil
}

// writeMoved writes how far discovery has come in a ledger that nothing else
// changed in.
func (b *batch) writeMoved(l *ledger) error {
	if !l.moved {
		return nil
	}
	if err := b.tx.SaveConfiguration(l.Configuration); err != nil {
		return fmt.Errorf("save license configuration: %w", err)
	}
	return nil
}

// nextRevision advances the ledger's head to a new revision and returns it.
func (b *batch) nextRevision(l *ledger) *Revision {
	c := l.Configuration
	r := &Revision{
		Number: c.Head + 1, At: b.time(l), Recorded: b.now, Caller: b.who.Principal, Cause: b.who.Operation,
		Counters: c.Counters, TermsRev: c.TermsRev, Terms: l.terms, Changes: appendChanges(nil, l.changes),
	}
	if l.terms != nil {
		r.TermsRev = r.Number
	}
	r.Hash = r.hash(c.ARN(), c.HeadHash)
	c.Head, c.HeadAt, c.HeadHash, c.TermsRev = r.Number, r.At, r.Hash, r.TermsRev
	return r
}

// setTerms makes the next revision set new terms.
func (l *ledger) setTerms(t Terms) error {
	text, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write terms: %w", err)
	}
	counter, err := newCounter(&t)
	if err != nil {
		return err
	}
	l.Terms, l.terms, l.counter = t, text, counter
	l.counter.terms = &l.Configuration.Terms
	return nil
}

func (b *batch) writeAssociations(l *ledger) error {
	var save, remove []OpenAssociation
	for i := range l.changes {
		ch := &l.changes[i]
		switch {
		case ch.Kind != KindAssociation:
		case ch.Association == nil:
			remove = append(remove, *l.before[ch.Resource])
		default:
			save = append(save, *l.after[ch.Resource])
		}
	}
	if err := b.tx.DeleteAssociations(remove); err != nil {
		return fmt.Errorf("delete associations: %w", err)
	}
	if err := b.tx.SaveAssociations(save); err != nil {
		return fmt.Errorf("save associations: %w", err)
	}
	return nil
}

func (b *batch) writeFailures(l *ledger) error {
	for num, was := range l.before {
		if l.after[num] == nil && was.Unlicensed {
			l.cleared = append(l.cleared, was.Key)
		}
	}
	if len(l.cleared) > 0 {
		if err := b.tx.DeleteFailures(l.Num, l.cleared); err != nil {
			return fmt.Errorf("delete failures: %w", err)
		}
	}
	if len(l.failed) > 0 {
		if err := b.tx.SaveFailures(l.Num, l.failed); err != nil {
			return fmt.Errorf("save failures: %w", err)
		}
	}
	for _, f := range l.failed {
		b.failures = append(b.failures, PutFailure{f.ResourceARN, l.ARN(), f.Message})
	}
	return nil
}
