package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"reeve/internal/license"
)

// oracle is what a ledger should hold: every revision whole, as plain maps.
// It writes through the store as the rules do, one revision at a time.
type oracle struct {
	*suite
	c            *license.Configuration
	usage        []map[license.Key]license.Usage // by revision; 0 is empty
	associations []map[license.Key]license.Association
}

func newOracle(s *suite, num int64) *oracle {
	o := &oracle{
		suite:        s,
		c:            configuration(num),
		usage:        []map[license.Key]license.Usage{{}},
		associations: []map[license.Key]license.Association{{}},
	}
	s.insert(o.c)
	return o
}

// commit writes one revision with the given changes.
func (o *oracle) commit(changes []license.Change) {
	o.Helper()
	var next *license.Configuration
	o.update(func(tx license.Tx) error {
		c, err := tx.LockConfiguration(o.c.Num)
		if err != nil {
			return err
		}
		next = c
		if err := o.checkOpenUsage(tx, c, changes); err != nil {
			return err
		}
		return o.write(tx, c, changes)
	})
	o.c = next
	usage, associations := maps.Clone(o.usage[len(o.usage)-1]), maps.Clone(o.associations[len(o.associations)-1])
	for _, ch := range changes {
		note(usage, ch.Key, ch.Kind == license.KindUsage, ch.Usage)
		note(associations, ch.Key, ch.Kind == license.KindAssociation, ch.Association)
	}
	o.usage, o.associations = append(o.usage, usage), append(o.associations, associations)
}

// checkOpenUsage reads what is about to change, and keys beside it.
func (o *oracle) checkOpenUsage(tx license.Tx, c *license.Configuration, changes []license.Change) error {
	want := map[license.Key]license.Usage{}
	asked := map[license.Key]bool{}
	for _, ch := range changes {
		asked[ch.Key] = true
		asked[license.Key{Owner: ch.Owner, Resource: ch.Resource + 1}] = true
	}
	for k := range asked {
		if u, ok := o.usage[len(o.usage)-1][k]; ok {
			want[k] = u
		}
	}
	open, err := tx.OpenUsage(c, slices.Collect(maps.Keys(asked)))
	got := map[license.Key]license.Usage{}
	for k, u := range open {
		got[k] = *u
	}
	o.same("open usage", want, got)
	return err
}

// note makes one change in a map of the oracle.
func note[V any](m map[license.Key]V, k license.Key, mine bool, v *V) {
	switch {
	case !mine:
	case v == nil:
		delete(m, k)
	default:
		m[k] = *v
	}
}

func (o *oracle) write(tx license.Tx, c *license.Configuration, changes []license.Change) error {
	c.Head, c.HeadAt = c.Head+1, c.HeadAt+1
	nodes, err := tx.ApplyChanges(c, changes)
	if err != nil {
		return err
	}
	r := &license.Revision{Number: c.Head, At: c.HeadAt, Recorded: c.HeadAt, Nodes: nodes, Hash: []byte{1}}
	if err := tx.AppendRevision(c.Num, r); err != nil {
		return err
	}
	return tx.SaveConfiguration(c)
}

// rows returns what a scan should return.
func rows[V any](m map[license.Key]V, s license.UsageScan, keep func(V) bool) []V {
	keys := slices.SortedFunc(maps.Keys(m), license.Key.Compare)
	var found []V
	for _, k := range keys {
		if s.After.Compare(k) < 0 && keep(m[k]) && len(found) < s.Limit {
			found = append(found, m[k])
		}
	}
	return found
}

func (o *oracle) checkUsage(tx license.Tx, s license.UsageScan) {
	o.Helper()
	s.Configuration = o.c.Num
	want := rows(o.usage[s.Revision], s, func(u license.Usage) bool {
		return (s.Type == "" || s.Type == u.Type) && (s.Owner == 0 || s.Owner == u.Owner)
	})
	before := license.Usage{Status: "was there before"}
	got, err := tx.ScanUsage([]license.Usage{before}, s)
	if err != nil {
		o.Fatalf("scan %+v: %v", s, err)
	}
	sameRows(o, fmt.Sprintf("usage of %+v", s), append([]license.Usage{before}, want...), got)
}

func (o *oracle) checkAssociations(tx license.Tx, s license.UsageScan) {
	o.Helper()
	s.Configuration = o.c.Num
	want := rows(o.associations[s.Revision], s, func(license.Association) bool { return true })
	got, err := tx.ScanAssociations(nil, s)
	if err != nil {
		o.Fatalf("scan associations %+v: %v", s, err)
	}
	sameRows(o, fmt.Sprintf("associations of %+v", s), want, got)
}

// sameRows is same for many rows, of which the quick comparison is enough
// until it fails.
func sameRows[V comparable](o *oracle, what string, want, got []V) {
	o.Helper()
	if !slices.Equal(want, got) {
		o.same(what, want, got)
	}
}

func (o *oracle) checkUsageOf(tx license.Tx, revision int64, k license.Key) {
	o.Helper()
	got, err := tx.UsageOf(o.c.Num, revision, k)
	if err != nil {
		o.Fatalf("usage of %v at %d: %v", k, revision, err)
	}
	var want *license.Usage
	if u, ok := o.usage[revision][k]; ok {
		want = &u
	}
	o.same(fmt.Sprintf("usage of %v at %d", k, revision), want, got)
}

func (o *oracle) checkTrees() {
	o.Helper()
	o.view(func(tx license.Tx) error { return tx.CheckTrees(o.c) })
}

// checkIntervals compares the stored rows with what the revisions held.
func (o *oracle) checkIntervals() {
	o.Helper()
	type start struct {
		kind license.ChangeKind
		license.Key
		from int64
		typ  license.ResourceType
		text string
	}
	want := map[start]int64{} // with the end
	eachSpan(o.usage, func(k license.Key, u license.Usage, from, to int64) {
		text := string(u.AppendText(nil))
		want[start{license.KindUsage, k, from, "", text}] = to
		want[start{license.KindUsage, k, from, u.Type, text}] = to
	})
	eachSpan(o.associations, func(k license.Key, a license.Association, from, to int64) {
		want[start{license.KindAssociation, k, from, "", string(a.AppendText(nil))}] = to
	})
	stored := map[start]int64{} // with the largest end of its copies
	covered := map[start]int64{}
	o.view(func(tx license.Tx) error {
		return tx.ScanIntervals(o.c.Num, func(i license.Interval) error {
			s := start{i.Kind, i.Key, i.From, i.Type, i.Text}
			stored[s] = max(stored[s], i.To)
			covered[s] += i.To - i.Since
			return nil
		})
	})
	for s, length := range covered {
		if length != stored[s]-s.from {
			o.Errorf("the copies of %+v cover %d revisions, not %d", s, length, stored[s]-s.from)
		}
	}
	o.same("intervals stored", want, stored)
}

// eachSpan calls each for every time that a value held for a key; to is
// license.OpenEnd while it holds.
func eachSpan[V comparable](revisions []map[license.Key]V, each func(k license.Key, v V, from, to int64)) {
	for from := 1; from < len(revisions); from++ {
		for k, v := range revisions[from] {
			if was, ok := revisions[from-1][k]; ok && was == v {
				continue
			}
			to := from + 1
			for to < len(revisions) && revisions[to][k] == v {
				to++
			}
			end := int64(to)
			if to == len(revisions) {
				end = license.OpenEnd
			}
			each(k, v, int64(from), end)
		}
	}
}

// random draws what a busy fleet does, always the same.
type random struct{ *rand.Rand }

func newRandom() random { return random{rand.New(rand.NewPCG(1, 2))} }

var owners = []int64{1, 111122223333, 999999999999}

func (r random) key() license.Key {
	return license.Key{Owner: owners[r.IntN(len(owners))], Resource: 1 + r.Int64N(300)}
}

func (r random) resourceType() license.ResourceType {
	return license.ResourceTypes[r.IntN(len(license.ResourceTypes))]
}

// usageChanges opens, replaces and closes rows of up to n keys.
func (r random) usageChanges(open map[license.Key]license.Usage, n int) []license.Change {
	changes := map[license.Key]license.Change{}
	for range 1 + r.IntN(n) {
		k := r.key()
		was, isOpen := open[k]
		ch := license.Change{Key: k, Kind: license.KindUsage, WasType: was.Type}
		switch {
		case isOpen && r.IntN(3) == 0:
		default:
			ch.Usage = &license.Usage{
				Key: k, ResourceARN: instanceARN(alice, k.Resource), Type: r.resourceType(), Status: "running",
				AssociationTime: license.Time(r.Int64N(1 << 50)), Consumed: 1 + r.Int64N(64), Facts: 1 + r.Int64N(9),
			}
		}
		changes[k] = ch
	}
	return slices.Collect(maps.Values(changes))
}

func (r random) scan(head int64) license.UsageScan {
	s := license.UsageScan{Revision: r.Int64N(head + 1), Limit: 1 + r.IntN(60)}
	if r.IntN(2) == 0 {
		s.Type = r.resourceType()
	}
	if r.IntN(2) == 0 {
		s.Owner = owners[r.IntN(len(owners))]
	}
	if r.IntN(2) == 0 {
		s.After = r.key()
	}
	if r.IntN(4) == 0 {
		s.Limit = 10_000
	}
	return s
}

// usageAsOfAnyRevision writes and reads in turns, so that a cache has to
// follow, and another configuration writes between them.
func usageAsOfAnyRevision(s *suite) {
	r, o, other := newRandom(), newOracle(s, 7), newOracle(s, 8)
	for range 120 {
		o.commit(r.usageChanges(o.usage[o.c.Head], 40))
		if r.IntN(4) == 0 {
			other.commit(r.usageChanges(other.usage[other.c.Head], 40))
		}
		s.view(func(tx license.Tx) error {
			o.checkUsage(tx, license.UsageScan{Revision: o.c.Head, Limit: 10_000})
			for range 10 {
				o.checkUsage(tx, r.scan(o.c.Head))
				o.checkUsageOf(tx, r.Int64N(o.c.Head+1), r.key())
			}
			other.checkUsage(tx, r.scan(other.c.Head))
			return nil
		})
	}
	s.view(func(tx license.Tx) error {
		for revision := range o.c.Head + 1 {
			o.checkUsage(tx, license.UsageScan{Revision: revision, Limit: 10_000})
		}
		return nil
	})
	o.checkTrees()
	other.checkTrees()
	o.checkIntervals()
}

func usageMovesBetweenTypes(s *suite) {
	o := newOracle(s, 7)
	k := license.Key{Owner: 1, Resource: 2}
	var was license.ResourceType
	for _, typ := range []license.ResourceType{license.EC2Host, license.RDS, license.RDS, "", license.EC2Host} {
		ch := license.Change{Key: k, Kind: license.KindUsage, WasType: was}
		if typ != "" {
			ch.Usage = &license.Usage{Key: k, ResourceARN: "a", Type: typ, Status: "s", Consumed: 1 + o.c.Head}
		}
		o.commit([]license.Change{ch})
		was = typ
	}
	s.view(func(tx license.Tx) error {
		for revision := range o.c.Head + 1 {
			for _, typ := range append([]license.ResourceType{""}, license.ResourceTypes[:]...) {
				o.checkUsage(tx, license.UsageScan{Revision: revision, Type: typ, Limit: 10})
			}
		}
		return nil
	})
	o.checkTrees()
}

// usageThatCannotBeReadBackIsRefused: one bad row would spoil every list that
// it is on, for ever.
func usageThatCannotBeReadBackIsRefused(s *suite) {
	o := newOracle(s, 7)
	k := license.Key{Owner: 1, Resource: 2}
	good := license.Usage{Key: k, ResourceARN: "arn", Type: license.RDS, Status: "available", Consumed: 1}
	usage := func(change func(*license.Usage)) license.Change {
		u := good
		change(&u)
		return license.Change{Key: k, Kind: license.KindUsage, Usage: &u}
	}
	for name, ch := range map[string]license.Change{
		"space in status":    usage(func(u *license.Usage) { u.Status = "a b" }),
		"no status":          usage(func(u *license.Usage) { u.Status = "" }),
		"space in ARN":       usage(func(u *license.Usage) { u.ResourceARN = "a b" }),
		"unknown type":       usage(func(u *license.Usage) { u.Type = "TOASTER" }),
		"another key":        usage(func(u *license.Usage) { u.Resource = 3 }),
		"close of nothing":   {Key: k, Kind: license.KindUsage, WasType: license.RDS},
		"close of no type":   {Key: k, Kind: license.KindUsage},
		"dash for a scope":   {Key: k, Kind: license.KindAssociation, Association: &license.Association{Key: k, ResourceARN: "a", Type: license.RDS, Scope: "-", Origin: "o"}},
		"no association":     {Key: k, Kind: license.KindAssociation},
		"a kind of its own":  {Key: k, Kind: 'x'},
		"key of no resource": {Kind: license.KindUsage, Usage: &license.Usage{ResourceARN: "a", Type: license.RDS, Status: "s", Consumed: 1}},
	} {
		err := s.store.Update(s.ctx, func(tx license.Tx) error {
			c, err := tx.LockConfiguration(7)
			if err != nil {
				return err
			}
			return o.write(tx, c, []license.Change{ch})
		})
		if err == nil {
			s.Errorf("%s: was written", name)
		}
	}
	o.commit([]license.Change{usage(func(*license.Usage) {})})
	s.view(func(tx license.Tx) error {
		o.checkUsage(tx, license.UsageScan{Revision: 1, Limit: 10})
		return nil
	})
}

func (r random) association(k license.Key) *license.Association {
	return &license.Association{
		Key: k, ResourceARN: instanceARN(alice, k.Resource), Type: r.resourceType(),
		AssociationTime: license.Time(r.Int64N(1 << 50)), Scope: []string{"", "cross-account"}[r.IntN(2)],
		Origin:     []string{license.OriginRequest, license.OriginAMI, license.OriginAffinity}[r.IntN(3)],
		Unlicensed: r.IntN(2) == 0, Facts: r.Int64N(5), Until: license.Time(r.Int64N(3)),
	}
}

// associationChanges opens, replaces and closes associations of up to n keys.
func (r random) associationChanges(open map[license.Key]license.Association, n int) []license.Change {
	changes := map[license.Key]license.Change{}
	for range 1 + r.IntN(n) {
		k := r.key()
		ch := license.Change{Key: k, Kind: license.KindAssociation}
		if was, isOpen := open[k]; isOpen && r.IntN(2) == 0 {
			ch.WasType = was.Type
		} else {
			ch.Association = r.association(k)
		}
		changes[k] = ch
	}
	return slices.Collect(maps.Values(changes))
}

func associationsAsOfAnyRevision(s *suite) {
	r, o := newRandom(), newOracle(s, 7)
	for range 40 {
		changes := r.associationChanges(o.associations[o.c.Head], 60)
		if r.IntN(2) == 0 { // the two contents of a ledger do not mix
			changes = append(changes, r.usageChanges(o.usage[o.c.Head], 10)...)
		}
		o.commit(changes)
		s.view(func(tx license.Tx) error {
			scan := r.scan(o.c.Head)
			o.checkAssociations(tx, scan)
			o.checkUsage(tx, scan)
			return nil
		})
	}
	s.view(func(tx license.Tx) error {
		for revision := range o.c.Head + 1 {
			o.checkAssociations(tx, license.UsageScan{Revision: revision, Limit: 10_000})
		}
		return nil
	})
	o.checkTrees()
	o.checkIntervals()
}
