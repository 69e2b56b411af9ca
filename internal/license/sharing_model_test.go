package license_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
)

// lentMachine is a machine as one account reports it.
type lentMachine struct {
	account, arn, owner string
	vcpus               int64
	running             bool
}

// lentConfiguration is what the model knows of a configuration: who it is
// shared with, which machines are associated and which of them count, and what
// it consumed after each revision.
type lentConfiguration struct {
	arn, owner string
	shares     map[string]bool // accounts, and ShareWithOrganization
	associated map[*lentMachine]bool
	past       []lentMoment
}

type lentMoment struct {
	at    license.Time
	usage map[string]int64
}

// sharingModel is a naive oracle of sharing: sets of names, looked through from
// the beginning for every question.
type sharingModel struct {
	*world
	rt             *rapid.T
	members        map[string]bool
	machines       []*lentMachine
	configurations []*lentConfiguration
}

func (x *sharingModel) visible(c *lentConfiguration, account string) bool {
	return c.owner == account || c.shares[account] || c.shares[license.ShareWithOrganization] && x.members[account]
}

// twinCounts tells whether the same machine counts as another account reports it.
func (c *lentConfiguration) twinCounts(m *lentMachine) bool {
	for other, counts := range c.associated {
		if other != m && other.arn == m.arn && counts {
			return true
		}
	}
	return false
}

func (c *lentConfiguration) settle(m *lentMachine) {
	if counts, ok := c.associated[m]; ok {
		c.associated[m] = m.running && (counts || !c.twinCounts(m))
	}
}

// shutOut lists the machines of accounts that may not see c.
func (x *sharingModel) shutOut(c *lentConfiguration) (out []*lentMachine) {
	for m := range c.associated {
		if !x.visible(c, m.account) {
			out = append(out, m)
		}
	}
	return out
}

func (x *sharingModel) machine() *lentMachine {
	return rapid.SampledFrom(x.machines).Draw(x.rt, "machine")
}

func (x *sharingModel) configuration() *lentConfiguration {
	return rapid.SampledFrom(x.configurations).Draw(x.rt, "configuration")
}

// answers fails the test unless err is a refusal of the kind; -1 is none.
func (x *sharingModel) answers(what string, err error, want license.Kind) {
	x.rt.Helper()
	got := license.Kind(-1)
	if err != nil {
		got = license.KindOf(err)
	}
	if got != want {
		x.rt.Fatalf("%s: %v (kind %d), want kind %d", what, err, got, want)
	}
}

const granted license.Kind = -1

func (x *sharingModel) report() {
	m := x.machine()
	m.running = rapid.Bool().Draw(x.rt, "running")
	status := map[bool]string{true: "running", false: "stopped"}[m.running]
	x.be(m.account).put(license.Report{ARN: m.arn, Status: &status, VCPUs: &m.vcpus})
	for _, c := range x.configurations {
		c.settle(m)
	}
}

func (x *sharingModel) associateOne() {
	c, m := x.configuration(), x.machine()
	_, known := c.associated[m]
	want := granted
	switch {
	case !x.visible(c, m.account):
		want = license.NotFound
	case c.owner != m.account && m.owner != m.account, m.running && !known && c.twinCounts(m):
		want = license.InvalidParameter
	}
	x.answers("associate", x.be(m.account).specify(m.arn, []string{c.arn}, nil), want)
	if want == granted {
		if !known {
			c.associated[m] = false
		}
		c.settle(m)
	}
}

func (x *sharingModel) dissociateOne() {
	c, m := x.configuration(), x.machine()
	want := granted
	if !x.visible(c, m.account) {
		want = license.NotFound
	} else {
		delete(c.associated, m)
	}
	x.answers("dissociate", x.be(m.account).specify(m.arn, nil, []string{c.arn}), want)
}

func (x *sharingModel) principal() string {
	return rapid.SampledFrom([]string{owner, member, other, license.ShareWithOrganization}).Draw(x.rt, "principal")
}

func (x *sharingModel) shareOne() {
	c, with := x.configuration(), x.principal()
	want := granted
	switch {
	case !x.members[c.owner]:
		want = license.OrganizationsNotInUse
	case with == c.owner:
		want = license.InvalidParameter
	case with != license.ShareWithOrganization && !x.members[with]:
		want = license.AccountNotFound
	default:
		c.shares[with] = true
	}
	x.answers("share", x.m.Share(x.ctx, x.be(c.owner).who, c.arn, with), want)
}

func (x *sharingModel) unshareOne() {
	c, with, force := x.configuration(), x.principal(), rapid.Bool().Draw(x.rt, "force")
	want := granted
	if !c.shares[with] {
		want = license.InvalidParameter
	} else {
		delete(c.shares, with)
		if out := x.shutOut(c); len(out) > 0 && !force {
			want = license.Conflict
			c.shares[with] = true
		} else {
			c.drop(out)
		}
	}
	x.answers("unshare", x.m.Unshare(x.ctx, x.be(c.owner).who, c.arn, with, force), want)
}

func (c *lentConfiguration) drop(ms []*lentMachine) {
	for _, m := range ms {
		delete(c.associated, m)
	}
}

// entangled tells whether an account has to do with what others own.
func (x *sharingModel) entangled(account string) bool {
	return slices.ContainsFunc(x.configurations, func(c *lentConfiguration) bool {
		if c.owner == account {
			return len(c.shares) > 0
		}
		return c.shares[account] || slices.ContainsFunc(slices.Collect(maps.Keys(c.associated)), func(m *lentMachine) bool { return m.account == account })
	})
}

func (x *sharingModel) leaveOne() {
	account, force := rapid.SampledFrom([]string{member, other}).Draw(x.rt, "account"), rapid.Bool().Draw(x.rt, "force")
	want := granted
	switch {
	case !x.members[account]:
		want = license.AccountNotFound
	case x.entangled(account) && !force:
		want = license.Conflict
	default:
		x.members[account] = false
		for _, c := range x.configurations {
			delete(c.shares, account)
			if c.owner == account {
				clear(c.shares)
			}
			c.drop(x.shutOut(c))
		}
	}
	x.answers("leave", x.m.RemoveAccount(x.ctx, x.be(owner).who, "", account, force), want)
}

func (x *sharingModel) joinOne() {
	account := rapid.SampledFrom([]string{member, other}).Draw(x.rt, "account")
	want := granted
	if x.members[account] {
		want = license.AlreadyInOrganization
	}
	x.members[account] = true
	x.answers("join", x.m.AddAccount(x.ctx, x.root(), "", account), want)
}

// check compares what everybody sees of every configuration, now and at one
// moment of its past.
func (x *sharingModel) check() {
	for _, c := range x.configurations {
		want := map[string]int64{}
		for m, counts := range c.associated {
			if counts {
				want[m.arn] += m.vcpus
			}
		}
		for _, account := range []string{owner, member, other, stranger} {
			x.checkSeen(c, account, want)
		}
		c.past = append(c.past, lentMoment{x.be(c.owner).configuration(c.arn).HeadAt, want})
		then := rapid.SampledFrom(c.past).Draw(x.rt, "moment")
		x.same("usage of the past", then.usage, byARN(x.rows(c.arn, &then.at)))
	}
	x.be(owner)
}

func (x *sharingModel) checkSeen(c *lentConfiguration, account string, all map[string]int64) {
	want := map[string]int64{}
	for _, m := range x.machines {
		if n := all[m.arn]; n > 0 && (account == c.owner || account == m.owner) {
			want[m.arn] = n
		}
	}
	page, err := x.m.ListUsage(x.ctx, x.be(account).who, c.arn, license.UsageFilter{}, nil, 1000)
	if !x.visible(c, account) {
		x.answers("list usage", err, license.NotFound)
		return
	}
	x.answers("list usage", err, granted)
	x.same("what "+account+" sees", want, byARN(page.Usage))
	for _, m := range x.machines {
		page, err := x.m.ListUsage(x.ctx, x.who, c.arn, license.UsageFilter{ResourceARN: m.arn}, nil, 10)
		x.answers("look for a machine", err, granted)
		if got := byARN(page.Usage)[m.arn]; got != want[m.arn] {
			x.rt.Fatalf("%s finds %d of %s, want %d", account, got, m.arn, want[m.arn])
		}
	}
}

func (x *sharingModel) same(what string, want, got map[string]int64) {
	x.rt.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		x.rt.Fatalf("%s (-model +manager):\n%s", what, diff)
	}
}

func byARN(rows []license.Usage) map[string]int64 {
	usage := map[string]int64{}
	for _, u := range rows {
		usage[u.ResourceARN] += u.Consumed
	}
	return usage
}

// newSharingModel begins with everybody in the organization, machines of their
// own, and one that the owner reports for a member.
func newSharingModel(w *world, rt *rapid.T) *sharingModel {
	x := &sharingModel{world: w, rt: rt, members: map[string]bool{owner: true, member: true, other: true}}
	for _, account := range []string{member, other} {
		if err := w.m.AddAccount(w.ctx, w.root(), "", account); err != nil && license.KindOf(err) != license.AlreadyInOrganization {
			rt.Fatal(err)
		}
	}
	n := w.fresh()
	for i, whose := range [][2]string{{owner, owner}, {member, member}, {other, other}, {owner, member}, {member, other}} {
		m := &lentMachine{account: whose[0], owner: whose[1], arn: of(whose[1], instance(fmt.Sprintf("%d", n))), vcpus: int64(1 + i), running: true}
		x.machines = append(x.machines, m)
		w.be(m.account).put(license.Report{ARN: m.arn, Status: new("running"), VCPUs: &m.vcpus})
	}
	for _, account := range []string{owner, member} {
		arn := w.be(account).create(license.VCPU, -1)
		x.configurations = append(x.configurations, &lentConfiguration{arn: arn, owner: account, shares: map[string]bool{}, associated: map[*lentMachine]bool{}})
	}
	return x
}

// end leaves nothing that the next model would stumble over.
func (x *sharingModel) end() {
	for _, c := range x.configurations {
		for with := range c.shares {
			x.answers("unshare at the end", x.m.Unshare(x.ctx, x.be(c.owner).who, c.arn, with, true), granted)
		}
	}
	x.be(owner)
}

// TestSharingAgainstANaiveModel plays accounts that share, associate, unshare,
// leave and come back, and compares what each of them sees of now and the past.
func TestSharingAgainstANaiveModel(t *testing.T) {
	w := newOrganization(t)
	w.integrate(false)
	rapid.Check(t, func(rt *rapid.T) {
		x := newSharingModel(w, rt)
		actions := []func(){x.report, x.report, x.associateOne, x.associateOne, x.associateOne, x.dissociateOne, x.shareOne, x.shareOne, x.unshareOne, x.leaveOne, x.joinOne}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			actions[rapid.IntRange(0, len(actions)-1).Draw(rt, "action")]()
			x.check()
		}
		x.end()
	})
}
