package license

import "fmt"

// recounter counts every place again, revision by revision, from the facts
// that the associations and the usage of the ledger name. It looks only at the
// places that a revision may have changed.
type recounter struct {
	v      *verification
	places map[Key]Key              // where each association counts
	placed map[Key]map[Key]struct{} // the associations that count on a place
	known  map[int64]*Resource      // resources as they now are
	hosts  map[string]*Resource     // by account and ARN; nil when not in the inventory
}

// maxKnown bounds what a recounter remembers of the inventory.
const maxKnown = 10_000

func newRecounter(v *verification) *recounter {
	return &recounter{v: v, places: map[Key]Key{}, placed: map[Key]map[Key]struct{}{},
		known: map[int64]*Resource{}, hosts: map[string]*Resource{}}
}

// revision counts what a replayed revision touched.
func (c *recounter) revision(r *Revision) error {
	touched := map[Key]struct{}{}
	err := parseChanges(r.Changes, func(ch Change) error {
		if ch.Kind == KindUsage {
			touched[ch.Key] = struct{}{}
			return nil
		}
		return c.move(ch.Key, touched)
	})
	if err != nil {
		return err
	}
	for place := range touched {
		if err := c.count(r.Number, place); err != nil {
			return err
		}
	}
	return nil
}

// move brings an association to the place where it now counts, if it is still
// open, and touches both that and the place before.
func (c *recounter) move(k Key, touched map[Key]struct{}) error {
	if old, ok := c.places[k]; ok {
		touched[old] = struct{}{}
		delete(c.placed[old], k)
		if len(c.placed[old]) == 0 {
			delete(c.placed, old)
		}
		delete(c.places, k)
	}
	a, open := c.v.associations[k]
	if !open {
		return nil
	}
	place, err := c.place(&a)
	if err != nil {
		return err
	}
	if c.placed[place] == nil {
		c.placed[place] = map[Key]struct{}{}
	}
	c.places[k], c.placed[place][k] = place, struct{}{}
	touched[place] = struct{}{}
	return nil
}

// place is the key of the row that carries the count of an association.
func (c *recounter) place(a *Association) (Key, error) {
	r, err := c.resource(a.Resource, a.Facts)
	if err != nil || !c.v.counter.onHost(r.Type, &r.Facts) {
		return a.Key, err
	}
	name := r.Account + r.Facts.Host
	host, ok := c.hosts[name]
	if !ok {
		if host, err = c.v.tx.Resource(r.Account, r.Facts.Host); err != nil {
			return a.Key, fmt.Errorf("read host: %w", err)
		}
		if len(c.hosts) >= maxKnown {
			clear(c.hosts)
		}
		c.hosts[name] = host
	}
	if host == nil {
		return a.Key, nil
	}
	return host.key(), nil
}

// resource returns a resource with one version of its facts; version 0 is the
// newest.
func (c *recounter) resource(num, version int64) (*Resource, error) {
	known := c.known[num]
	if known == nil {
		found, err := c.v.tx.ResourcesByNum([]int64{num})
		if err != nil {
			return nil, fmt.Errorf("read resource: %w", err)
		}
		if known = found[num]; known == nil {
			return nil, faultf("resource %d of the ledger is missing", num)
		}
		if len(c.known) >= maxKnown {
			clear(c.known)
		}
		c.known[num] = known
	}
	r := *known
	if version == 0 {
		return &r, nil
	}
	f, err := c.v.tx.FactsOf(num, version)
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	if f == nil {
		return nil, faultf("version %d of the facts of %s is missing", version, r.ARN)
	}
	r.Facts, r.Version = *f, version
	return &r, nil
}

// count compares the usage of a place with what its associations consume.
func (c *recounter) count(revision int64, place Key) error {
	var want int64
	for k := range c.placed[place] {
		a := c.v.associations[k]
		n, err := c.consumes(&a, place)
		if err != nil {
			return err
		}
		want = max(want, n)
	}
	if u := c.v.usage[place]; u.Consumed != want {
		r, err := c.resource(place.Resource, 0)
		if err != nil {
			return err
		}
		return faultf("%s consumes %d at revision %d, recounted %d", r.ARN, u.Consumed, revision, want)
	}
	return nil
}

// consumes is what one association makes its place consume.
func (c *recounter) consumes(a *Association, place Key) (int64, error) {
	if a.Unlicensed {
		return 0, nil
	}
	r, err := c.resource(a.Resource, a.Facts)
	if err != nil {
		return 0, err
	}
	if a.Origin == OriginAffinity {
		return c.v.counter.heldSize(r), nil
	}
	if place == a.Key {
		return c.v.counter.judge(r, r).consumes, nil
	}
	host, err := c.resource(place.Resource, c.v.usage[place].Facts)
	if err != nil {
		return 0, err
	}
	return c.v.counter.judge(r, host).consumes, nil
}

// checkNewest compares the newest facts of a resource with the version that
// they claim to be: the next report starts from them.
func (c *recounter) checkNewest(num int64) error {
	r, err := c.resource(num, 0)
	if err != nil {
		return err
	}
	versioned, err := c.resource(num, r.Version)
	if err != nil {
		return err
	}
	if factsText(&r.Facts) != factsText(&versioned.Facts) {
		return faultf("the newest facts of %s do not match version %d of them", r.ARN, r.Version)
	}
	return nil
}
