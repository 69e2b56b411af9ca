package license

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	json "github.com/go-json-experiment/json"
)

// SeenGrain is how exactly Resource.Seen is kept: a report that changes
// nothing writes it at most this often.
const SeenGrain = time.Hour

// errDryRun rolls a dry run back.
var errDryRun = errors.New("dry run")

// PutResources records what a source says of resources and counts them again
// in every ledger that they are associated with, in one transaction. See Mode
// for what happens at a limit. Reports of the same call name each resource
// once; what a report leaves out stays as it is known.
func (m *Manager) PutResources(ctx context.Context, who Caller, put Put) (PutResult, error) {
	if put.Mode != "" && put.Mode != Observe && put.Mode != Admit {
		return PutResult{}, refuse(InvalidParameter, "Invalid Mode %q. Expected %s or %s.", clip(string(put.Mode)), Observe, Admit)
	}
	reports, err := parseReports(put.Reports)
	if err != nil {
		return PutResult{}, err
	}
	if err := m.findInstances(ctx, who, reports); err != nil {
		return PutResult{}, err
	}
	var result PutResult
	err = m.store.Update(ctx, func(tx Tx) error {
		b := m.batch(tx, who)
		b.request = put.Mode == Admit
		if result, err = b.put(slices.Clone(reports), m.numbers.draw); err != nil {
			return err
		}
		if put.DryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	if err != nil {
		return PutResult{}, err
	}
	return result, nil
}

// changedResource is a resource of a batch with what was known of it before.
type changedResource struct {
	*Resource
	before Facts // zero Status when it is new
	counts bool  // what a count looks at has changed
	isNew  bool  // new, or back after it was gone

	// Of automated discovery.
	discover bool          // what a rule looks at has changed
	emptied  bool          // an agent's report without software, which is not believed
	reported bool          // its software was reported, and believed
	software []Application // what is installed, when the batch knows it
}

// put runs reports through the inventory and the ledgers; draw gives the
// number of its first new resource.
func (b *batch) put(reports []parsedReport, draw func(Time) int64) (PutResult, error) {
	existing, err := b.lockReported(reports)
	if err != nil {
		return PutResult{}, err
	}
	clock, err := b.clock(b.tx)
	if err != nil {
		return PutResult{}, err
	}
	b.now = clock
	number := draw(clock)
	if err := b.redirect(reports, existing, number); err != nil {
		return PutResult{}, err
	}
	if err := b.readSoftware(reports, existing); err != nil {
		return PutResult{}, err
	}
	saved, result, err := b.saveReports(reports, existing, cmpOr(b.effective, clock), number)
	if err != nil {
		return PutResult{}, err
	}
	moved, err := b.retireMoved()
	if err != nil {
		return PutResult{}, err
	}
	if err := b.recount(append(saved, moved...)); err != nil {
		return PutResult{}, err
	}
	result.Failures = b.failures
	return result, nil
}

// lockSet names every resource whose facts decide the batch: those reported,
// the hosts they name, and the images they were launched from.
func lockSet(reports []parsedReport, account string) []string {
	set := map[string]bool{}
	for i := range reports {
		r := &reports[i]
		set[r.ARN] = true
		if r.instance != "" {
			set[r.instance] = true
		}
		if r.Host != nil && *r.Host != "" {
			if arn, err := r.hostARN(account); err == nil {
				set[arn] = true
			}
		}
		if r.AMI != nil && *r.AMI != "" {
			set[imageARN(r.partition(), r.name.Region, *r.AMI)] = true
		}
	}
	arns := make([]string, 0, len(set))
	for arn := range set {
		arns = append(arns, arn)
	}
	slices.Sort(arns)
	return arns
}

func imageARN(partition, region, id string) string {
	return "arn:" + partition + ":ec2:" + region + "::image/" + id
}

// saveReports merges reports into the inventory. It returns the resources
// whose ledgers must be looked at.
func (b *batch) saveReports(reports []parsedReport, existing map[string]*Resource, now Time, number int64) ([]changedResource, PutResult, error) {
	var result PutResult
	var inserts, updates, touches []*Resource
	all := make([]changedResource, 0, len(reports))
	for i := range reports {
		report := &reports[i]
		r := existing[report.ARN]
		if r == nil {
			r = newResource(b.who.Account, report.name, report.ARN, now)
			r.Num = number + int64(i)
			r.Facts = Facts{}
		}
		ch, changed := b.mergeReport(report, r, now)
		switch {
		case ch.before.Status == "":
			inserts = append(inserts, r)
			result.Created++
		case changed:
			updates = append(updates, r)
			result.Changed++
		default:
			result.Unchanged++
			if now-r.Seen >= Time(SeenGrain/time.Microsecond) {
				r.Seen = now
				touches = append(touches, r)
			}
		}
		all = append(all, ch)
	}
	return all, result, b.saveResources(inserts, updates, touches, now)
}

// mergeReport applies one report to its resource.
func (b *batch) mergeReport(report *parsedReport, r *Resource, now Time) (changedResource, bool) {
	ch := changedResource{Resource: r, before: r.Facts}
	after := report.merge(r.Facts, b.who.Account)
	b.mergeSoftware(report, &ch, &after)
	changed := factsText(&after) != factsText(&r.Facts)
	ch.isNew = ch.before.Status == "" || ch.before.Gone()
	ch.discover = ch.isNew || discoveryFactsDiffer(&ch.before, &after)
	ch.counts = ch.isNew || countingFactsOf(&after) != countingFactsOf(&r.Facts)
	if changed {
		if ch.before.Status != "" {
			r.Version++
		}
		r.Facts, r.Seen = after, max(r.Seen, now)
	}
	b.know(r)
	return ch, changed
}

func factsText(f *Facts) string {
	text, _ := json.Marshal(f) // plain structs: cannot fail
	return string(text)
}

func softwareText(apps []Application) string {
	text, _ := json.Marshal(apps, json.OmitZeroStructFields(true)) // plain structs: cannot fail
	return string(text)
}

// mergeSoftware keeps the installed applications for saving when they differ
// from the version before. An agent that sees none where there were some has
// more likely lost its rights than its machine all software, so that is not
// believed.
func (b *batch) mergeSoftware(report *parsedReport, ch *changedResource, f *Facts) {
	if report.Applications == nil {
		return
	}
	known := b.installed[ch.Num]
	if report.FromAgent && len(report.Applications) == 0 && len(known) > 0 {
		ch.emptied, ch.software = true, known
		return
	}
	apps := sortedApplications(report.Applications)
	ch.reported, ch.software = true, apps
	if f.Software > 0 && slices.Equal(known, apps) {
		return
	}
	f.Software++
	s := Software{Resource: ch.Num, Version: f.Software, Applications: apps, Text: softwareText(apps)}
	ch.Installed = SoftwareHash(s.Text)
	b.software = append(b.software, s)
}

// readSoftware reads what is installed on the resources whose reports say so.
func (b *batch) readSoftware(reports []parsedReport, existing map[string]*Resource) error {
	var known []Software
	for i := range reports {
		r := existing[reports[i].ARN]
		if r != nil && reports[i].Applications != nil && r.Facts.Software > 0 {
			known = append(known, Software{Resource: r.Num, Version: r.Facts.Software})
		}
	}
	if err := b.tx.SoftwareOf(known); err != nil {
		return fmt.Errorf("read software: %w", err)
	}
	b.installed = make(map[int64][]Application, len(known))
	for _, s := range known {
		b.installed[s.Resource] = s.Applications
	}
	return nil
}

func (b *batch) saveResources(inserts, updates, touches []*Resource, now Time) error {
	if err := b.tx.InsertResources(inserts); err != nil {
		return fmt.Errorf("insert resources: %w", err)
	}
	if err := b.tx.SaveResources(updates, now); err != nil {
		return fmt.Errorf("save resources: %w", err)
	}
	if err := b.tx.TouchResources(touches); err != nil {
		return fmt.Errorf("save resources: %w", err)
	}
	if err := b.tx.SaveSoftware(b.software, now); err != nil {
		return fmt.Errorf("save software: %w", err)
	}
	return nil
}

// newResource is a resource as it is before its first report.
func newResource(account string, name ResourceARN, arn string, now Time) *Resource {
	owner := name.Account
	if owner == "" {
		owner = account
	}
	return &Resource{Account: account, Owner: owner, ARN: arn, Type: name.Type, Created: now, Seen: now, Version: 1,
		Facts: Facts{Status: firstStatus(name.Type)}}
}

// numbering draws the numbers of new resources. The zero value is ready.
type numbering struct {
	mu   sync.Mutex
	last Time
}

// draw is the number of the first new resource of a batch that begins now: the
// microseconds since 2020 in the upper bits keep numbers in the order of their
// creation; the lower 12 leave room for a batch, and for chance that keeps
// servers from drawing the same. A clash runs the transaction again. No
// microsecond is used twice, also while a clock that stepped back stands.
func (n *numbering) draw(now Time) int64 {
	const epoch = 1577836800_000000
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = max(now, n.last+1)
	return (int64(n.last)-epoch)<<12 + rand.Int64N(1<<12-MaxReports)
}

// recount brings the ledgers of changed resources up to date.
func (b *batch) recount(changed []changedResource) error {
	open, err := b.associationsOf(changed)
	if err != nil {
		return err
	}
	found, err := b.discover(changed, open)
	if err != nil {
		return err
	}
	inherited, err := b.inheritable(changed)
	if err != nil {
		return err
	}
	guests, err := b.guestAssociations(changed)
	if err != nil {
		return err
	}
	nums := found.configurations()
	for _, a := range slices.Concat(toCount(changed, open), guests) {
		nums = append(nums, a.Configuration)
	}
	for _, as := range inherited {
		for _, a := range as {
			nums = append(nums, a.Configuration)
		}
	}
	if b.organizations[b.who.Account] != nil && len(found.look)+len(inherited) > 0 {
		if err := b.holdOrganization(b.who.Account); err != nil {
			return err
		}
	}
	if err := b.open(nums); err != nil {
		return err
	}
	for _, a := range slices.Concat(open, guests) {
		if l := b.ledger(a.Configuration); l != nil {
			l.see(a)
		}
	}
	if err := b.readPlaces(changed); err != nil {
		return err
	}
	if err := b.moveAssociations(); err != nil {
		return err
	}
	for i := range changed {
		if err := b.recountResource(&changed[i], inherited[changed[i].Num]); err != nil {
			return err
		}
	}
	if err := b.forgetFailures(changed); err != nil {
		return err
	}
	if err := b.discoverAll(found, changed); err != nil {
		return err
	}
	return b.close()
}

// associationsOf returns the open associations of the resources of a batch.
func (b *batch) associationsOf(changed []changedResource) ([]OpenAssociation, error) {
	var nums []int64
	for i := range changed {
		if changed[i].before.Status != "" {
			nums = append(nums, changed[i].Num)
		}
	}
	open, err := b.tx.AssociationsOf(nums)
	if err != nil {
		return nil, fmt.Errorf("read associations: %w", err)
	}
	return open, nil
}

// toCount picks the associations that have to be counted again: those of
// resources where what is counted has changed, and those still without a
// licence, which every report tries again.
func toCount(changed []changedResource, open []OpenAssociation) []OpenAssociation {
	counts := make(map[int64]bool, len(changed))
	for i := range changed {
		counts[changed[i].Num] = changed[i].counts
	}
	return slices.DeleteFunc(slices.Clone(open), func(a OpenAssociation) bool { return !counts[a.Resource] && !a.Unlicensed })
}

// inheritable returns, by resource, the associations of the images that new
// instances were launched from.
func (b *batch) inheritable(changed []changedResource) (map[int64][]OpenAssociation, error) {
	launched := slices.DeleteFunc(slices.Clone(changed), func(r changedResource) bool {
		return !r.isNew || r.Type != EC2Instance || r.Facts.AMI == "" || r.Facts.Gone()
	})
	images, open, err := b.images(launched, func(r *changedResource) string { return r.Facts.AMI })
	if err != nil {
		return nil, err
	}
	inherited := map[int64][]OpenAssociation{}
	for i := range launched {
		r, image := &launched[i], images[i]
		if image == nil || image.Facts.Gone() {
			continue
		}
		for _, a := range open[image.Num] {
			if r.Owner == image.Owner || a.Scope == scopeCrossAccount {
				inherited[r.Num] = append(inherited[r.Num], a)
			}
		}
	}
	across, err := b.imagesAcross(launched, func(r *changedResource) string { return r.Facts.AMI })
	if err != nil {
		return nil, err
	}
	for num, as := range across {
		inherited[num] = append(inherited[num], as...)
	}
	return inherited, nil
}

// imagesAcross returns, by resource, the associations of the images of other
// accounts of the organization that it was launched from: those that the
// owners of images made with configurations of their own, for launches of
// everybody.
func (b *batch) imagesAcross(rs []changedResource, ami func(*changedResource) string) (map[int64][]OpenAssociation, error) {
	if len(rs) == 0 || b.effective != 0 {
		return nil, nil
	}
	o, err := b.organization(b.who.Account)
	if err != nil || o == nil {
		return nil, err
	}
	names := map[string][]int64{}
	for i := range rs {
		if rs[i].Owner == rs[i].Account {
			arn := imageARN(partitionOf(rs[i].ARN), regionOf(rs[i].ARN), ami(&rs[i]))
			names[arn] = append(names[arn], rs[i].Num)
		}
	}
	images, err := b.tx.SharedImages(o.ID, slices.Sorted(maps.Keys(names)))
	if err != nil {
		return nil, err
	}
	across := map[int64][]OpenAssociation{}
	for _, image := range images {
		open, err := b.crossAccount(image)
		if err != nil {
			return nil, err
		}
		for _, num := range names[image.ARN] {
			across[num] = append(across[num], open...)
		}
	}
	return across, nil
}

// crossAccount returns the associations of another account's image that hold
// for launches in the batch's account.
func (b *batch) crossAccount(image *Resource) ([]OpenAssociation, error) {
	if image.Account == b.who.Account {
		return nil, nil
	}
	open, err := b.tx.AssociationsOf([]int64{image.Num})
	if err != nil {
		return nil, fmt.Errorf("read associations of images: %w", err)
	}
	return slices.DeleteFunc(open, func(a OpenAssociation) bool {
		return a.Scope != scopeCrossAccount || a.Account != image.Account
	}), nil
}

// block refuses a launch from another account's image that its owner has bound
// to a configuration which the launching account may not use. A machine that
// runs all the same is listed as a failure.
func (b *batch) block(l *ledger, r *Resource) error {
	message := fmt.Sprintf("No licenses available: %s was launched from an image that is associated with %s, which is not shared with the account %s.", r.ARN, l.ARN(), r.Account)
	if b.request {
		return &Error{Kind: LicenseUsage, Message: message}
	}
	l.failed = append(l.failed, b.failure(l, &OpenAssociation{Association: Association{Key: r.key(), ResourceARN: r.ARN, Type: r.Type}}, message))
	return nil
}

// images returns the image of each resource, nil where it is not in the
// inventory, and the associations of the images by number.
func (b *batch) images(rs []changedResource, ami func(*changedResource) string) ([]*Resource, map[int64][]OpenAssociation, error) {
	arns := make([]string, len(rs))
	for i := range rs {
		arns[i] = imageARN(partitionOf(rs[i].ARN), regionOf(rs[i].ARN), ami(&rs[i]))
	}
	if err := b.readHosts(b.who.Account, arns); err != nil {
		return nil, nil, err
	}
	images := make([]*Resource, len(rs))
	var nums []int64
	for i, arn := range arns {
		if images[i] = b.hosts[b.who.Account+arn]; images[i] != nil {
			nums = append(nums, images[i].Num)
		}
	}
	slices.Sort(nums)
	all, err := b.tx.AssociationsOf(slices.Compact(nums))
	if err != nil {
		return nil, nil, fmt.Errorf("read associations of images: %w", err)
	}
	open := map[int64][]OpenAssociation{}
	for _, a := range all {
		open[a.Resource] = append(open[a.Resource], a)
	}
	return images, open, nil
}

func partitionOf(arn string) string { return strings.SplitN(arn, ":", 5)[1] }
func regionOf(arn string) string    { return strings.SplitN(arn, ":", 5)[3] }

// guestAssociations returns the associations of the machines that run on
// changed hosts.
func (b *batch) guestAssociations(changed []changedResource) ([]OpenAssociation, error) {
	var hosts []string
	for i := range changed {
		if r := &changed[i]; r.counts && (r.Type == EC2Host || r.Type == ManagedInstance) {
			hosts = append(hosts, r.ARN)
		}
	}
	guests, err := b.tx.ResourcesOnHosts(b.who.Account, hosts)
	if err != nil {
		return nil, fmt.Errorf("read machines of hosts: %w", err)
	}
	nums := make([]int64, len(guests))
	for i, g := range guests {
		if b.resources[g.Num] == nil {
			b.know(g)
		}
		nums[i] = g.Num
	}
	open, err := b.tx.AssociationsOf(nums)
	if err != nil {
		return nil, fmt.Errorf("read associations of a host: %w", err)
	}
	return open, nil
}

// recountResource marks every place that a changed resource may have moved.
func (b *batch) recountResource(r *changedResource, inherited []OpenAssociation) error {
	for _, image := range inherited {
		l := b.ledger(image.Configuration)
		if l == nil || l.Terms.Status == Disabled || l.after[r.Num] != nil {
			continue
		}
		if ok, err := b.permits(l, r.Account); err != nil {
			return err
		} else if !ok {
			if err := b.block(l, r.Resource); err != nil {
				return err
			}
			continue
		}
		l.associate(r.Resource, OriginAMI, "", b.time(l))
		if err := b.touchPlace(l, r.Resource, &r.Facts); err != nil {
			return err
		}
	}
	for _, l := range b.ledgers {
		if err := b.recountIn(l, r); err != nil {
			return err
		}
	}
	return nil
}

// recountIn marks the places of one resource in one ledger: where it counted,
// where it counts now, and its own row when it may be a host of others.
func (b *batch) recountIn(l *ledger, r *changedResource) error {
	if r.counts {
		l.touchHost(b, r.Resource)
	}
	a := l.after[r.Num]
	if a == nil {
		return nil
	}
	if r.counts {
		a.Facts = r.Version
	}
	if r.before.Status != "" {
		if err := b.touchPlace(l, r.Resource, &r.before); err != nil {
			return err
		}
	}
	if r.Facts.Gone() {
		return b.dissociate(l, r.Resource, &r.Facts)
	}
	return b.touchPlace(l, r.Resource, &r.Facts)
}

// touchHost marks a host's own row, and those of its machines, which count
// for themselves while their host is not in the inventory.
func (l *ledger) touchHost(b *batch, host *Resource) {
	physical := l.Terms.CountingType == Core || l.Terms.CountingType == Socket
	if !physical || host.Type != EC2Host && host.Type != ManagedInstance {
		return
	}
	l.touched[host.key()] = true
	for _, num := range b.guests(l, host) {
		if r := b.resources[num]; r != nil {
			l.touched[r.key()] = true
		}
	}
}

// forgetFailures drops the failures of resources that have gone, in the
// configurations that they may have inherited and never got a licence of.
func (b *batch) forgetFailures(changed []changedResource) error {
	gone := slices.DeleteFunc(slices.Clone(changed), func(r changedResource) bool {
		return !r.Facts.Gone() || r.before.Gone() || r.before.AMI == ""
	})
	images, open, err := b.images(gone, func(r *changedResource) string { return r.before.AMI })
	if err != nil {
		return err
	}
	across, err := b.imagesAcross(gone, func(r *changedResource) string { return r.before.AMI })
	if err != nil {
		return err
	}
	keys := map[int64][]Key{}
	for i := range gone {
		from := across[gone[i].Num]
		if images[i] != nil {
			from = append(from, open[images[i].Num]...)
		}
		for _, a := range from {
			keys[a.Configuration] = append(keys[a.Configuration], gone[i].key())
		}
	}
	for _, configuration := range slices.Sorted(maps.Keys(keys)) {
		if err := b.tx.DeleteFailures(configuration, keys[configuration]); err != nil {
			return fmt.Errorf("delete failures: %w", err)
		}
	}
	return nil
}

// readPlaces reads, at once, the hosts on which changed resources count or
// counted and those of their machines.
func (b *batch) readPlaces(changed []changedResource) error {
	if len(b.ledgers) == 0 {
		return nil
	}
	var hosts []string
	for i := range changed {
		hosts = append(hosts, changed[i].Facts.Host, changed[i].before.Host)
	}
	return b.readHosts(b.who.Account, hosts)
}

// DeleteResources takes resources out of the inventory and ends their
// associations. It returns how many were there.
func (m *Manager) DeleteResources(ctx context.Context, who Caller, arns []string) (int, error) {
	if len(arns) == 0 || len(arns) > MaxReports {
		return 0, refuse(InvalidParameter, "ResourceArns has %d entries, expected 1 to %d.", len(arns), MaxReports)
	}
	for _, arn := range arns {
		if _, err := ParseResourceARN(arn); err != nil {
			return 0, err
		}
	}
	count := 0
	err := m.store.Update(ctx, func(tx Tx) error {
		b := m.batch(tx, who)
		changed, err := b.retire(arns, deleted, func(r *Resource) bool { return !r.Facts.Gone() })
		if err != nil {
			return err
		}
		count = len(changed)
		return b.recount(changed)
	})
	return count, err
}

// retire gives those resources another status that, under their lock, still
// qualify for it.
func (b *batch) retire(arns []string, status string, qualifies func(*Resource) bool) ([]changedResource, error) {
	found, err := b.lockAll(b.who.Account, arns)
	if err != nil {
		return nil, err
	}
	now, err := b.clock(b.tx)
	if err != nil {
		return nil, err
	}
	b.now = now
	var changed []changedResource
	var save []*Resource
	for _, r := range found {
		if !qualifies(r) {
			continue
		}
		ch := changedResource{Resource: r, before: r.Facts, counts: true}
		r.Facts.Status = status
		r.Version++
		save = append(save, r)
		changed = append(changed, ch)
	}
	if err := b.tx.SaveResources(save, now); err != nil {
		return nil, fmt.Errorf("save resources: %w", err)
	}
	return changed, nil
}
