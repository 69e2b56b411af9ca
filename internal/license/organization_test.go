package license_test

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/iam"
	"reeve/internal/license"
)

// The accounts of these tests: the owner manages an organization that member
// and other are in; the stranger is in none.
const (
	owner    = "123456789012"
	member   = "222222222222"
	other    = "333333333333"
	stranger = "999999999999"
)

// newOrganization returns a world with the organization, seen by its owner.
func newOrganization(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, license.Settings{})
	for _, account := range []string{owner, member, other, stranger} {
		w.must(w.store.InsertAccount(w.ctx, iam.Account{ID: account, Name: "of " + account, Created: worldBegins}))
	}
	w.who.Root = false
	root := w.root()
	_, err := w.m.CreateOrganization(w.ctx, root, owner)
	w.must(err)
	w.must(w.m.AddAccount(w.ctx, root, "", member))
	w.must(w.m.AddAccount(w.ctx, root, "", other))
	return w
}

func (w *world) root() license.Caller {
	return license.Caller{Account: "000000000001", Region: w.who.Region, Principal: "root", Root: true, Operation: "Test"}
}

// be makes an account the one that the world's calls are of.
func (w *world) be(account string) *world {
	w.who.Account = account
	return w
}

// integrate switches on what an organization needs for shares with all of it,
// and discovery across its accounts.
func (w *world) integrate(discover bool) {
	w.t.Helper()
	w.must(w.m.UpdateServiceSettings(w.ctx, w.who, license.ServiceSettingsChange{Integration: new(true), CrossAccountDiscovery: &discover}))
}

func (w *world) share(arn, with string) {
	w.t.Helper()
	w.must(w.m.Share(w.ctx, w.who, arn, with))
}

// of is an ARN of the world's account in the name of another.
func of(account, arn string) string { return strings.Replace(arn, owner, account, 1) }

func machineOf(account, id string, vcpus int64) license.Report {
	return license.Report{ARN: of(account, instance(id)), VCPUs: &vcpus}
}

func TestMembersUseWhatIsShared(t *testing.T) {
	w := newOrganization(t)
	arn, private := w.create(license.VCPU, 10), w.create(license.VCPU, -1)
	w.put(machineOf(owner, "own", 2))
	w.associate(arn, instance("own"))
	w.be(member).put(machineOf(member, "a", 4), machineOf(member, "b", 8))
	w.refused(w.specify(of(member, instance("a")), []string{arn}, nil), license.NotFound, "Invalid license configuration ARN")

	w.be(owner).share(arn, member)
	w.share(arn, member) // again changes nothing
	before := w.configuration(arn).HeadAt
	w.advance(time.Second)
	w.be(member).associate(arn, of(member, instance("a")))
	w.refused(w.specify(of(member, instance("b")), []string{arn}, nil), license.LicenseUsage, "6 of 10")
	w.refused(w.specify(of(member, instance("b")), []string{private}, nil), license.NotFound)
	if diff := gocmp.Diff(map[string]int64{"i-a": 4}, firstOf(usageMap(w.rows(arn, nil)))); diff != "" {
		t.Errorf("a member sees (-want +got):\n%s", diff)
	}
	w.wantAssociated(arn, "i-a")
	if c := w.configuration(arn); c.Account != owner || c.Counters.Consumed != 6 || c.Terms.Shares != nil {
		t.Errorf("a member sees the configuration as %+v", c)
	}
	w.be(owner).consumes(arn, map[string]int64{"i-own": 2, "i-a": 4})
	if diff := gocmp.Diff(map[string]int64{"i-own": 2}, w.usageAt(arn, before)); diff != "" {
		t.Errorf("before the member came (-want +got):\n%s", diff)
	}
	page, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{Account: member}, nil, 10)
	w.must(err)
	if diff := gocmp.Diff(map[string]int64{"i-a": 4}, firstOf(usageMap(page.Usage))); diff != "" {
		t.Errorf("the owner, by account (-want +got):\n%s", diff)
	}
	for _, account := range []string{other, stranger} {
		_, err := w.be(account).m.Configuration(w.ctx, w.who, arn)
		w.refused(err, license.NotFound)
	}
}

func firstOf(usage map[string]int64, _ int64) map[string]int64 { return usage }

func TestMembersChangeNothing(t *testing.T) {
	w := newOrganization(t)
	arn := w.create(license.VCPU, 10)
	w.put(machineOf(owner, "own", 2))
	w.associate(arn, instance("own"))
	w.share(arn, member)
	w.be(member)
	_, revisions := w.m.ListRevisions(w.ctx, w.who, arn, license.RevisionQuery{}, nil, 10)
	for what, err := range map[string]error{
		"update":    w.m.UpdateConfiguration(w.ctx, w.who, arn, license.ConfigurationChange{Name: new("mine")}),
		"delete":    w.m.DeleteConfiguration(w.ctx, w.who, arn),
		"tag":       w.m.Tag(w.ctx, w.who, arn, []license.Tag{{Key: "k"}}),
		"share":     w.m.Share(w.ctx, w.who, arn, other),
		"unshare":   w.m.Unshare(w.ctx, w.who, arn, member, true),
		"revisions": revisions,
	} {
		if license.KindOf(err) != license.AccessDenied {
			t.Errorf("%s by a member: %v, want AccessDenied", what, err)
		}
	}
	w.refused(w.specify(instance("own"), nil, []string{arn}), license.InvalidParameter, "not in the inventory")
	_, err := w.m.Explain(w.ctx, w.who, arn, instance("own"), nil)
	w.refused(err, license.InvalidParameter, "not in the inventory")
	page, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{ResourceARN: instance("own")}, nil, 10)
	if w.must(err); len(page.Usage) != 0 {
		t.Errorf("a member finds the owner's machine: %+v", page.Usage)
	}
	page, err = w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{Account: owner}, nil, 10)
	if w.must(err); len(page.Usage) != 0 {
		t.Errorf("a member finds the owner's machines: %+v", page.Usage)
	}
	w.be(owner).consumes(arn, map[string]int64{"i-own": 2})
}

func TestUnsharingReleases(t *testing.T) {
	w := newOrganization(t)
	w.integrate(false)
	arn := w.create(license.VCPU, -1)
	w.share(arn, license.ShareWithOrganization)
	w.share(arn, member)
	w.put(machineOf(owner, "own", 1))
	w.associate(arn, instance("own"))
	for i, account := range []string{member, other} {
		w.be(account).put(machineOf(account, "m", int64(i+2)))
		w.associate(arn, of(account, instance("m")))
	}
	w.be(owner)
	busy := w.configuration(arn).HeadAt
	w.advance(time.Second)
	w.refused(w.m.Unshare(w.ctx, w.who, arn, license.ShareWithOrganization, false), license.Conflict, "force")
	w.must(w.m.Unshare(w.ctx, w.who, arn, license.ShareWithOrganization, true))
	w.consumes(arn, map[string]int64{"i-own": 1, "i-m": 2}) // the member's own share stays
	_, err := w.be(other).m.Configuration(w.ctx, w.who, arn)
	w.refused(err, license.NotFound)
	w.be(owner)
	w.must(w.m.Unshare(w.ctx, w.who, arn, member, true))
	w.consumes(arn, map[string]int64{"i-own": 1})
	if diff := gocmp.Diff(map[string]int64{"i-own": 1, "i-m": 5}, w.usageAt(arn, busy)); diff != "" {
		t.Errorf("as of before (-want +got):\n%s", diff)
	}
	w.refused(w.m.Unshare(w.ctx, w.who, arn, member, true), license.InvalidParameter, "not shared")
}

func TestAMachineOfTwoInventoriesCountsOnce(t *testing.T) {
	w := newOrganization(t)
	arn, cores := w.create(license.VCPU, -1), w.create(license.Core, -1)
	w.share(arn, member)
	w.share(cores, member)
	same := machineOf(member, "same", 4)
	w.put(same, machineOf(member, "mine", 1))
	w.associate(arn, same.ARN, of(member, instance("mine")))
	w.be(member).put(same)
	w.refused(w.specify(same.ARN, []string{arn}, nil), license.InvalidParameter, "counts already, as account "+owner)
	w.be(owner).dissociate(arn, same.ARN)
	w.be(member).associate(arn, same.ARN)
	w.be(owner)
	w.refused(w.specify(same.ARN, []string{arn}, nil), license.InvalidParameter, "counts already, as account "+member)
	w.consumes(arn, map[string]int64{"i-same": 4, "i-mine": 1})

	// A member's machine does not count on a host of somebody else.
	guest := machineOf(member, "guest", 2)
	guest.Host = new(host("big"))
	w.be(member).put(license.Report{ARN: host("big"), Cores: new(int64(8)), Sockets: new(int64(1))}, guest)
	w.refused(w.specify(guest.ARN, []string{cores}, nil), license.InvalidParameter, "belongs to the account "+owner)
	w.put(machineOf(other, "foreign", 1))
	w.refused(w.specify(of(other, instance("foreign")), []string{arn}, nil), license.InvalidParameter, "only machines of your own account")
	w.be(owner)
}

func TestMembersHostsCountForThem(t *testing.T) {
	w := newOrganization(t)
	arn := w.create(license.Core, 8, "#licenseAffinityToHost=2")
	w.share(arn, member)
	guest := machineOf(member, "guest", 2)
	guest.Host = new(of(member, host("big")))
	w.be(member).put(license.Report{ARN: of(member, host("big")), Cores: new(int64(8)), Sockets: new(int64(1))}, guest)
	w.associate(arn, guest.ARN)
	w.be(owner).consumes(arn, map[string]int64{"h-big": 8})
	e := w.explain(arn, guest.ARN, nil)
	if e.Consumed != 8 || e.CountedOn != of(member, host("big")) || e.Steps[0].Name != "ResourceOwnerId" || e.Steps[0].Value != member {
		t.Errorf("the owner is told %+v", e)
	}
	w.be(member).put(license.Report{ARN: guest.ARN, Status: new("stopped")}) // held by affinity
	w.be(owner).consumes(arn, map[string]int64{"h-big": 8})
	w.must(w.m.Unshare(w.ctx, w.who, arn, member, true))
	w.consumes(arn, map[string]int64{})
	w.share(arn, member)
	w.be(member).put(license.Report{ARN: guest.ARN, Status: new("running")})
	w.associate(arn, guest.ARN)
	w.put(license.Report{ARN: guest.ARN, Status: new("stopped")})
	w.advance(49 * time.Hour)
	_, err := w.m.Sweep(w.ctx)
	w.must(err)
	w.be(owner).consumes(arn, map[string]int64{})
}

func TestLaunchesFromAnotherAccountsImage(t *testing.T) {
	w := newOrganization(t)
	arn := w.create(license.VCPU, 6)
	cross := []license.Specification{{ConfigurationARN: arn, Scope: "cross-account"}}
	w.must(w.m.UpdateSpecifications(w.ctx, w.who, image("gold"), cross, nil))
	launch := func(account, id string) license.Report {
		r := machineOf(account, id, 4)
		r.AMI = new("ami-gold")
		return r
	}
	w.be(member)
	w.refused(w.admit(launch(member, "early")), license.LicenseUsage, "not shared with the account "+member)
	w.put(launch(member, "early"))
	w.be(owner).wantFailures(arn, "i-early")
	w.share(arn, member)
	w.be(member)
	w.must(w.admit(launch(member, "a")))
	w.refused(w.admit(launch(member, "b")), license.LicenseUsage, "4 of 6")
	w.put(license.Report{ARN: of(member, instance("early")), Status: new("terminated")})
	w.be(stranger).put(launch(stranger, "far"))
	w.must(w.admit(launch(stranger, "farther")))
	w.be(owner).consumes(arn, map[string]int64{"i-a": 4})
	w.wantFailures(arn)
}

func TestLeavingAnOrganization(t *testing.T) {
	w := newOrganization(t)
	w.integrate(true)
	root := w.root()
	all, named := w.create(license.VCPU, -1), w.create(license.VCPU, -1)
	w.share(all, license.ShareWithOrganization)
	w.share(named, member)
	w.be(member).put(machineOf(member, "a", 2), machineOf(member, "b", 3))
	w.associate(all, of(member, instance("a")), of(member, instance("b")))
	w.associate(named, of(member, instance("a")))
	theirs := w.create(license.VCPU, -1)
	w.share(theirs, other)
	w.be(other).put(machineOf(other, "o", 1))
	w.associate(theirs, of(other, instance("o")))
	w.be(owner)
	then := w.configuration(all).HeadAt
	w.advance(time.Second)

	w.refused(w.m.RemoveAccount(w.ctx, w.who, "", owner, true), license.ManagementStays)
	w.refused(w.m.RemoveAccount(w.ctx, w.who, "", stranger, true), license.AccountNotFound)
	w.refused(w.m.RemoveAccount(w.ctx, w.be(member).who, "", other, true), license.AccessDenied)
	w.be(owner)
	w.refused(w.m.RemoveAccount(w.ctx, w.who, "", member, false), license.Conflict, "force")
	w.must(w.m.RemoveAccount(w.ctx, w.who, "", member, true))
	w.consumes(all, map[string]int64{})
	w.consumes(named, map[string]int64{})
	w.be(member).consumes(theirs, map[string]int64{})
	if shares, err := w.m.Shares(w.ctx, w.who, theirs); err != nil || len(shares) != 0 {
		t.Errorf("the configuration of who has left is shared with %v, %v", shares, err)
	}
	_, err := w.m.Organization(w.ctx, w.who, "")
	w.refused(err, license.OrganizationsNotInUse)
	_, err = w.m.Configuration(w.ctx, w.who, all)
	w.refused(err, license.NotFound)
	w.be(owner)
	if diff := gocmp.Diff(map[string]int64{"i-a": 2, "i-b": 3}, w.usageAt(all, then)); diff != "" {
		t.Errorf("as of before (-want +got):\n%s", diff)
	}
	w.must(w.m.AddAccount(w.ctx, root, "", member)) // and back
	w.be(member).associate(all, of(member, instance("a")))
	w.be(owner).consumes(all, map[string]int64{"i-a": 2})
}

func TestOrganizationsAreMadeByTheRootAccount(t *testing.T) {
	w := newOrganization(t)
	root := w.root()
	_, err := w.m.CreateOrganization(w.ctx, w.be(stranger).who, stranger)
	w.refused(err, license.Denied)
	w.refused(w.m.AddAccount(w.ctx, w.be(owner).who, "", stranger), license.Denied)
	_, err = w.m.CreateOrganization(w.ctx, root, member)
	w.refused(err, license.AlreadyInOrganization)
	_, err = w.m.CreateOrganization(w.ctx, root, "555555555555")
	w.refused(err, license.AccountNotFound)
	w.refused(w.m.AddAccount(w.ctx, root, "", member), license.AlreadyInOrganization)
	w.refused(w.m.Share(w.ctx, w.be(stranger).who, "arn:aws:license-manager:x", owner), license.OrganizationsNotInUse)

	w.be(owner)
	w.refused(w.m.Undelegate(w.ctx, w.who, "", member), license.NotRegistered)
	w.must(w.m.Delegate(w.ctx, w.who, "", member))
	w.refused(w.m.Delegate(w.ctx, w.who, "", member), license.AlreadyRegistered)
	w.refused(w.m.Delegate(w.ctx, w.who, "", other), license.Conflict)
	w.refused(w.m.RemoveAccount(w.ctx, w.who, "", member, true), license.Conflict, "delegated")
	list, next, err := w.m.OrganizationAccounts(w.ctx, w.be(member).who, "", "", 2)
	w.must(err)
	if len(list) != 2 || next != member || list[0].Account != owner || list[0].Name != "of "+owner {
		t.Errorf("the delegated administrator lists %v, then %q", list, next)
	}
	_, _, err = w.m.OrganizationAccounts(w.ctx, w.be(other).who, "", "", 2)
	w.refused(err, license.AccessDenied)
	w.must(w.m.Undelegate(w.ctx, w.be(owner).who, "", member))
}

func TestSettingsOfAnOrganization(t *testing.T) {
	w := newOrganization(t)
	arn := w.create(license.VCPU, -1)
	set := func(integration, discovery bool) error {
		return w.m.UpdateServiceSettings(w.ctx, w.who, license.ServiceSettingsChange{Integration: &integration, CrossAccountDiscovery: &discovery})
	}
	w.refused(w.m.Share(w.ctx, w.who, arn, license.ShareWithOrganization), license.InvalidParameter, "EnableIntegration")
	_, _, err := w.m.ListOrganizationConfigurations(w.ctx, w.who, license.ConfigurationFilter{}, nil, 10)
	w.refused(err, license.AccessDenied, "EnableIntegration")
	w.refused(set(false, true), license.InvalidParameter)
	w.refused(w.be(member).m.UpdateServiceSettings(w.ctx, w.who, license.ServiceSettingsChange{Integration: new(true)}), license.AccessDenied)
	w.must(set(false, false))
	w.must(w.m.Delegate(w.ctx, w.be(owner).who, "", other))
	w.must(w.be(other).m.UpdateServiceSettings(w.ctx, w.who, license.ServiceSettingsChange{Integration: new(true)}))

	w.be(owner).share(arn, license.ShareWithOrganization)
	s, err := w.m.ServiceSettings(w.ctx, w.who)
	if w.must(err); !s.Integration || !strings.HasPrefix(s.ResourceShareARN, "arn:aws:ram:"+w.who.Region+":"+owner+":resource-share/") {
		t.Errorf("the settings are %+v", s)
	}
	w.advance(time.Second)
	theirs := w.be(member).create(license.VCPU, -1)
	for _, account := range []string{owner, other} {
		list, _, err := w.m.ListOrganizationConfigurations(w.ctx, w.be(account).who, license.ConfigurationFilter{}, nil, 10)
		if w.must(err); len(list) != 2 || list[0].ARN() != arn || list[1].ARN() != theirs {
			t.Errorf("%s lists %v for the organization", account, list)
		}
	}
	list, next, err := w.m.ListConfigurations(w.ctx, w.be(member).who, license.ConfigurationFilter{}, nil, 1)
	if w.must(err); len(list) != 1 || list[0].ARN() != arn || next == nil {
		t.Fatalf("the first page of a member is %v", list)
	}
	list, next, err = w.m.ListConfigurations(w.ctx, w.who, license.ConfigurationFilter{}, next, 1)
	if w.must(err); len(list) != 1 || list[0].ARN() != theirs || next != nil {
		t.Errorf("the second page of a member is %v, then %v", list, next)
	}
	w.be(owner)
	w.refused(set(false, false), license.Conflict, "Unshare")
	w.must(w.m.Unshare(w.ctx, w.who, arn, license.ShareWithOrganization, false))
	w.must(set(false, false))
	if s, err = w.m.ServiceSettings(w.ctx, w.who); err != nil || s.Integration || s.ResourceShareARN != "" {
		t.Errorf("switched off, the settings are %+v, %v", s, err)
	}
}

func TestDiscoveryAcrossAccounts(t *testing.T) {
	w := newOrganization(t)
	soft := func(account, id string) license.Report {
		return runs(of(account, managed(id)), "db")
	}
	terms := discovering(limited(license.VCPU, -1), rule("Application Name=db"))
	terms.Disassociate = true
	arn := w.createTerms(terms)
	w.be(member).put(soft(member, "before"))
	w.be(other).put(soft(other, "else"))
	w.be(owner).integrate(false)
	w.share(arn, member)
	w.discover()
	w.be(member).put(soft(member, "off"))
	w.be(owner).wantAssociated(arn)

	w.integrate(true)
	w.discover()
	w.wantAssociated(arn, "mi-before", "mi-off")
	w.be(member).put(soft(member, "later"))
	w.refused(w.specify(of(member, managed("later")), nil, []string{arn}), license.InvalidParameter, "automated discovery")
	w.be(owner).wantAssociated(arn, "mi-before", "mi-later", "mi-off")
	w.share(arn, license.ShareWithOrganization)
	w.discover()
	w.wantAssociated(arn, "mi-before", "mi-else", "mi-later", "mi-off")
	spec := license.ExclusionSpec{Reason: "r", Owner: "o", Until: new(w.now() + 60e6)}
	_, err := w.m.ExcludeResource(w.ctx, w.who, arn, of(member, managed("later")), spec)
	w.must(err)
	w.wantAssociated(arn, "mi-before", "mi-else", "mi-off")
	w.advance(2 * time.Minute)
	_, err = w.m.Sweep(w.ctx)
	w.must(err)
	w.wantAssociated(arn, "mi-before", "mi-else", "mi-later", "mi-off")

	// The delegated administrator's rules look, too; another member's do not.
	w.must(w.m.Delegate(w.ctx, w.who, "", other))
	delegated := w.be(other).createTerms(terms)
	w.share(delegated, license.ShareWithOrganization)
	ordinary := w.be(member).createTerms(terms)
	w.share(ordinary, license.ShareWithOrganization)
	w.discover()
	w.be(owner).put(soft(owner, "own"))
	w.be(other).wantAssociated(delegated, "mi-before", "mi-else", "mi-later", "mi-off", "mi-own")
	w.be(member).wantAssociated(ordinary, "mi-before", "mi-later", "mi-off")
	w.must(w.m.Undelegate(w.ctx, w.be(owner).who, "", other))
	w.discover()
	w.be(other).wantAssociated(delegated, "mi-else")

	// A new account is looked at when it joins, and let go when it is switched off.
	w.be(stranger).put(soft(stranger, "new"))
	w.must(w.m.AddAccount(w.ctx, w.root(), "", stranger))
	w.discover()
	w.be(owner).wantAssociated(arn, "mi-before", "mi-else", "mi-later", "mi-new", "mi-off", "mi-own")
	w.integrate(false)
	w.discover()
	w.wantAssociated(arn, "mi-own")
	w.be(member).put(soft(member, "last"))
	w.be(owner).wantAssociated(arn, "mi-own")
}

// Accounts that race for the last licences get exactly those that there are,
// and who races against the end of its membership is in or out, never both.
func TestAccountsRace(t *testing.T) {
	w := newOrganization(t)
	w.integrate(false)
	const each, limit = 6, 8
	limited, free := w.create(license.Instance, limit), w.create(license.Instance, -1)
	w.share(limited, license.ShareWithOrganization)
	w.share(free, license.ShareWithOrganization)
	for _, account := range []string{owner, member, other} {
		for i := range each {
			w.be(account).put(machineOf(account, strconv.Itoa(i), 1))
		}
	}
	w.be(owner)
	associate := func(account, arn string, i int) error {
		who := w.who
		who.Account = account
		return w.m.UpdateSpecifications(w.ctx, who, of(account, instance(strconv.Itoa(i))), []license.Specification{{ConfigurationARN: arn}}, nil)
	}
	var wg sync.WaitGroup
	var got, left atomic.Int64
	for _, account := range []string{owner, member, other} {
		for i := range each {
			wg.Go(func() {
				switch err := associate(account, limited, i); {
				case err == nil:
					got.Add(1)
				case license.KindOf(err) != license.LicenseUsage:
					t.Errorf("associate: %v", err)
				}
			})
		}
	}
	wg.Wait()
	if c := w.configuration(limited); got.Load() != limit || c.Counters.Consumed != limit {
		t.Errorf("%d of %d were granted, %d are consumed", got.Load(), limit, c.Counters.Consumed)
	}
	for i := range each {
		wg.Go(func() {
			if err := associate(member, free, i); err != nil && license.KindOf(err) != license.NotFound {
				t.Errorf("associate: %v", err)
			}
		})
	}
	wg.Go(func() {
		switch err := w.m.RemoveAccount(w.ctx, w.who, "", member, true); {
		case err == nil:
			left.Add(1)
		case license.KindOf(err) != license.Conflict:
			t.Errorf("remove: %v", err)
		}
	})
	wg.Wait()
	for _, a := range w.associations(free) {
		if left.Load() > 0 && license.AccountOf(a.Owner) == member {
			t.Errorf("%s of an account that has left is associated", a.ResourceARN)
		}
	}
}
