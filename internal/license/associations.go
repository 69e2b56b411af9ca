package license

import (
	"context"
	"fmt"
	"slices"
)

// scopeCrossAccount is the one documented AmiAssociationScope.
const scopeCrossAccount = "cross-account"

// maxSpecifications bounds how many configurations one request may name.
const maxSpecifications = 100

// UpdateSpecifications associates a resource with the configurations of add
// and ends its association with those of remove: all of it, or nothing. A
// hard limit that it would break refuses it with LicenseUsage. Adding what is
// associated and removing what is not are no errors.
func (m *Manager) UpdateSpecifications(ctx context.Context, who Caller, resourceARN string, add, remove []Specification) error {
	parsed, err := ParseResourceARN(resourceARN)
	if err != nil {
		return err
	}
	if err := checkSpecifications(parsed, add, remove); err != nil {
		return err
	}
	named := slices.Concat(add, remove)
	return m.updateNamed(ctx, who, named, func(tx Tx) error {
		b := m.batch(tx, who)
		b.request = true
		return m.updateSpecifications(b, parsed, resourceARN, add, remove)
	})
}

// updateNamed is Store.Update for a function that locks the named
// configurations: together with others when there is one.
func (m *Manager) updateNamed(ctx context.Context, who Caller, named []Specification, fn func(Tx) error) error {
	if len(named) != 1 {
		return m.store.Update(ctx, fn)
	}
	return m.store.UpdateTogether(ctx, who.Account+" "+named[0].ConfigurationARN, fn)
}

func checkSpecifications(parsed ResourceARN, add, remove []Specification) error {
	if len(add)+len(remove) > maxSpecifications {
		return refuse(InvalidParameter, "%d license specifications are too many for one request: at most %d are allowed.", len(add)+len(remove), maxSpecifications)
	}
	seen := map[string]bool{}
	for _, s := range slices.Concat(add, remove) {
		if seen[s.ConfigurationARN] {
			return refuse(InvalidParameter, "%s is named more than once in this request.", clip(s.ConfigurationARN))
		}
		seen[s.ConfigurationARN] = true
		if s.Scope != "" && s.Scope != scopeCrossAccount {
			return refuse(InvalidParameter, "Invalid AmiAssociationScope %q. Expected %s.", clip(s.Scope), scopeCrossAccount)
		}
		if s.Scope != "" && parsed.Type != EC2AMI {
			return refuse(InvalidParameter, "AmiAssociationScope is for images only.")
		}
	}
	return nil
}

func (m *Manager) updateSpecifications(b *batch, parsed ResourceARN, resourceARN string, add, remove []Specification) error {
	adding, foreign, err := configurationNums(b, add)
	if err != nil {
		return err
	}
	removing, _, err := configurationNums(b, remove)
	if err != nil {
		return err
	}
	r, err := m.lockResource(b, parsed, resourceARN, len(add) > 0)
	if err != nil {
		return err
	}
	if foreign {
		if err := b.holdOrganization(b.who.Account); err != nil {
			return err
		}
	}
	if err := b.open(slices.Concat(adding, removing)); err != nil {
		return err
	}
	if err := b.seeAll(r); err != nil {
		return err
	}
	for i, num := range adding {
		if err := b.add(num, r, add[i].Scope); err != nil {
			return err
		}
	}
	for i, num := range removing {
		if err := b.remove(num, r, remove[i].ConfigurationARN); err != nil {
			return err
		}
	}
	if err := m.checkPerResource(b, r, adding, removing); err != nil {
		return err
	}
	return b.close()
}

// configurationNums finds what specifications name; foreign tells whether any of
// it is another account's.
func configurationNums(b *batch, specs []Specification) (nums []int64, foreign bool, err error) {
	nums = make([]int64, 0, len(specs))
	for _, s := range specs {
		c, err := usable(b.tx, b.who, s.ConfigurationARN)
		if err != nil {
			return nil, false, err
		}
		nums = append(nums, c.Num)
		foreign = foreign || c.Account != b.who.Account
	}
	return nums, foreign, nil
}

// lockResource locks a resource and the host it runs on. An image need not be
// known before, as it has nothing to count; in a sandbox nothing has to be.
func (m *Manager) lockResource(b *batch, parsed ResourceARN, arn string, declare bool) (*Resource, error) {
	found, err := b.lockAll(b.who.Account, []string{arn})
	if err != nil {
		return nil, err
	}
	r := found[arn]
	own := parsed.Account == "" || parsed.Account == b.who.Account
	if r == nil && declare && (parsed.Type == EC2AMI || m.settings.Sandbox && own) {
		return m.declare(b, parsed, arn)
	}
	if r == nil || r.Facts.Gone() && !declare {
		return nil, refuse(InvalidParameter, "Resource %s is not in the inventory. Report it first, with PutResources or reeve import.", clip(arn))
	}
	if r.Facts.Gone() || declare && r.Facts.Status == "shutting-down" {
		return nil, refuse(InvalidResourceState, "Resource %s is %s: no license can be allocated to it in that state.", clip(arn), r.Facts.Status)
	}
	return r, nil
}

// declare puts a resource that nobody reported into the inventory.
func (m *Manager) declare(b *batch, parsed ResourceARN, arn string) (*Resource, error) {
	now, err := b.clock(b.tx)
	if err != nil {
		return nil, err
	}
	r := newResource(b.who.Account, parsed, arn, now)
	r.Num = m.numbers.draw(now)
	if parsed.Type != EC2AMI {
		r.Facts.VCPUs, r.Facts.Cores, r.Facts.Sockets, r.Facts.ThreadsPerCore = 2, 1, 1, 2
		physical := false
		r.Facts.Virtual = &physical
	}
	if err := b.tx.InsertResources([]*Resource{r}); err != nil {
		return nil, fmt.Errorf("insert resource: %w", err)
	}
	b.know(r)
	return r, nil
}

// lockAll locks resources by ARN together with the hosts that they run on.
func (b *batch) lockAll(account string, arns []string) (map[string]*Resource, error) {
	found, err := b.tx.LockResources(account, arns)
	if err != nil {
		return nil, fmt.Errorf("lock resources: %w", err)
	}
	var hosts []string
	for _, r := range found {
		if _, named := found[r.Facts.Host]; r.Facts.Host != "" && !named && !slices.Contains(arns, r.Facts.Host) {
			hosts = append(hosts, r.Facts.Host)
		}
		b.know(r)
	}
	if len(hosts) == 0 {
		return found, nil
	}
	slices.Sort(hosts)
	more, err := b.tx.LockResources(account, slices.Compact(hosts))
	if err != nil {
		return nil, fmt.Errorf("lock hosts: %w", err)
	}
	for _, r := range more {
		b.know(r)
	}
	return found, nil
}

// seeAll makes the open associations of resources known to the open ledgers.
func (b *batch) seeAll(rs ...*Resource) error {
	nums := make([]int64, len(rs))
	for i, r := range rs {
		nums[i] = r.Num
	}
	open, err := b.tx.AssociationsOf(nums)
	if err != nil {
		return fmt.Errorf("read associations: %w", err)
	}
	for _, a := range open {
		if l := b.ledger(a.Configuration); l != nil {
			l.see(a)
		}
	}
	return nil
}

// add associates r on request.
func (b *batch) add(num int64, r *Resource, scope string) error {
	l := b.ledger(num)
	if l == nil {
		return unknownConfiguration("")
	}
	if err := b.permit(l, r, scope); err != nil {
		return err
	}
	if known := l.after[r.Num]; l.Terms.Status == Disabled && (known == nil || known.Origin == OriginAffinity) {
		return refuse(InvalidParameter, "%s is DISABLED: it takes no new associations. Set its LicenseConfigurationStatus to AVAILABLE first.", l.ARN())
	}
	l.associate(r, OriginRequest, scope, b.time(l))
	return b.touchPlace(l, r, &r.Facts)
}

// remove ends r's association on request; a licence held on its host stays.
func (b *batch) remove(num int64, r *Resource, arn string) error {
	l := b.ledger(num)
	if l == nil {
		return unknownConfiguration(arn)
	}
	if a := l.after[r.Num]; a == nil || a.Origin == OriginAffinity {
		return nil
	}
	if err := b.checkUndiscovered(l, r); err != nil {
		return err
	}
	return b.dissociate(l, r, &r.Facts)
}

// checkUndiscovered refuses to remove what discovery would bring back.
func (b *batch) checkUndiscovered(l *ledger, r *Resource) error {
	if b.effective != 0 {
		return nil
	}
	f := newFindings()
	if err := f.readExclusions(b.tx, []int64{r.Num}, b.now); err != nil {
		return err
	}
	m, err := b.matchIn(f, l, &changedResource{Resource: r})
	if _, excluded := f.excluded[r.Num][l.Num]; err != nil || m == nil || excluded {
		return err
	}
	return refuse(InvalidParameter, "%s was found by automated discovery: it matches rule %d of %s, so its association cannot be removed. Exclude the resource, with the operation ExcludeResource or reeve exclude, or change the rule.", r.ARN, m.Rule, l.ARN())
}

// dissociate ends an association; f are the facts that it was counted by.
func (b *batch) dissociate(l *ledger, r *Resource, f *Facts) error {
	l.after[r.Num] = nil
	if r.Type == EC2AMI {
		return b.forgetLaunches(l, r)
	}
	return b.touchPlace(l, r, f)
}

// forgetLaunches drops the failures of machines launched from an image that a
// ledger lets go: they were never in it, and nothing asks for them any more.
func (b *batch) forgetLaunches(l *ledger, image *Resource) error {
	for after := (Key{}); ; {
		failed, err := b.tx.Failures(l.Num, after, MaxReports)
		if err != nil {
			return fmt.Errorf("list failures: %w", err)
		}
		for _, f := range failed {
			r, err := b.resource(f.Resource)
			if err != nil {
				return err
			}
			if err := b.seeOwn(l, r.Num); err != nil {
				return err
			}
			if l.after[f.Resource] == nil && launchedFrom(r, image) {
				l.cleared = append(l.cleared, f.Key)
			}
			after = f.Key
		}
		if len(failed) < MaxReports {
			return nil
		}
	}
}

func launchedFrom(r, image *Resource) bool {
	return r.Facts.AMI != "" && imageARN(partitionOf(r.ARN), regionOf(r.ARN), r.Facts.AMI) == image.ARN
}

// checkPerResource enforces the quota of configurations per resource.
func (m *Manager) checkPerResource(b *batch, r *Resource, adding, removing []int64) error {
	most := m.settings.MaxPerResource
	if most == 0 || len(adding) == 0 {
		return nil
	}
	open, err := b.tx.AssociationsOf([]int64{r.Num})
	if err != nil {
		return fmt.Errorf("read associations: %w", err)
	}
	for _, a := range open {
		if a.Origin != OriginAffinity && !slices.Contains(removing, a.Configuration) && !slices.Contains(adding, a.Configuration) {
			adding = append(adding, a.Configuration)
		}
	}
	if len(adding) > most {
		return refuse(InvalidParameter, "%s would be associated with %d license configurations; the quota max-per-resource of this server is %d.", r.ARN, len(adding), most)
	}
	return nil
}

// ListSpecifications returns up to limit configurations of the caller's region,
// those of others that are shared with it included, that a resource of its
// inventory is associated with, after the given place, and where to go on; 0 after the last one. A resource that is not in
// the inventory has none.
func (m *Manager) ListSpecifications(ctx context.Context, who Caller, resourceARN string, after int64, limit int) (list []Specification, next int64, err error) {
	if _, err := ParseResourceARN(resourceARN); err != nil {
		return nil, 0, err
	}
	err = m.store.View(ctx, func(tx Tx) error {
		r, err := tx.Resource(who.Account, resourceARN)
		if err != nil || r == nil {
			return err
		}
		list, next, err = specifications(tx, who, r.Num, after, limit)
		return err
	})
	return list, next, err
}

func specifications(tx Tx, who Caller, resource, after int64, limit int) ([]Specification, int64, error) {
	var list []Specification
	for {
		open, err := tx.SpecificationsOf(resource, after, limit+1)
		if err != nil {
			return nil, 0, fmt.Errorf("list license specifications: %w", err)
		}
		for _, a := range open {
			if a.Region != who.Region {
				after = a.Configuration
				continue
			}
			if len(list) == limit {
				return list, after, nil
			}
			c := Configuration{ID: a.ConfigurationID, Account: a.Account, Region: a.Region}
			list = append(list, Specification{ConfigurationARN: c.ARN(), Scope: a.Scope})
			after = a.Configuration
		}
		if len(open) <= limit {
			return list, 0, nil
		}
	}
}
