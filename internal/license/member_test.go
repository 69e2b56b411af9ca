package license_test

import (
	"testing"
	"time"

	"reeve/internal/license"
)

// lend makes a configuration of the owner's that is shared with the member, of 10
// vCPUs of which each uses one machine: i-own with 2 and i-a with 4.
func lend(w *world) (arn string) {
	w.t.Helper()
	arn = w.create(license.VCPU, 10)
	w.put(machineOf(owner, "own", 2))
	w.associate(arn, instance("own"))
	w.share(arn, member)
	w.be(member).put(machineOf(member, "a", 4))
	w.associate(arn, of(member, instance("a")))
	return arn
}

// Members see where a shared configuration stands now: its terms and totals, and
// the failures of their own machines. The past is for the owner alone.
func TestMembersSeeWhereASharedConfigurationStands(t *testing.T) {
	w := newOrganization(t)
	arn := lend(w)
	w.advance(time.Second)
	private := w.be(owner).create(license.VCPU, -1)
	w.put(machineOf(owner, "own", 20)) // more than there are: it goes without, a failure of the owner's
	own := w.be(member).create(license.VCPU, -1)

	all := w.positions(license.PositionQuery{})
	if len(all) != 2 || all[0].ARN != arn || all[1].ARN != own {
		t.Fatalf("a member finds %+v", all)
	}
	if p := all[0]; p.Consumed != 4 || *p.Terms.Count != 10 || *p.Failures != 0 || *p.Unlicensed != 0 {
		t.Errorf("a member sees %+v", p)
	}
	w.put(machineOf(member, "a", 40))
	for _, p := range w.positions(license.PositionQuery{ARNs: []string{arn, private}, History: true}) {
		if p.ARN != arn || p.Peaks != nil || p.Trend != nil || p.OverSince != 0 || p.Terms.Shares != nil || *p.Failures != 1 {
			t.Errorf("with its history a member sees %+v", p)
		}
	}
	past := w.now()
	w.advance(time.Second)
	if list := w.positions(license.PositionQuery{ARNs: []string{arn}, AsOf: &past}); len(list) != 0 {
		t.Errorf("of the past a member sees %+v", list)
	}
	for _, p := range w.positions(license.PositionQuery{AsOf: &past}) {
		if p.ARN != own {
			t.Errorf("of the past a member finds %+v", p)
		}
	}
	if p := w.be(owner).position(arn, nil); *p.Failures != 2 || p.Peaks == nil {
		t.Errorf("the owner sees %+v", p)
	}
	w.be(owner).must(w.m.Unshare(w.ctx, w.who, arn, member, true))
	if list := w.be(member).positions(license.PositionQuery{ARNs: []string{arn}}); len(list) != 0 {
		t.Errorf("after it was shared a member sees %+v", list)
	}
}

// A member's machine says what it consumes of a shared configuration, too.
func TestAMembersMachineNamesSharedConfigurations(t *testing.T) {
	w := newOrganization(t)
	arn := lend(w)
	uses := func(account string) []license.ResourceUse {
		w.be(account)
		d, err := w.m.ResourceDetails(w.ctx, w.who, of(member, instance("a")), license.SoftwareQuery{})
		w.must(err)
		return d.Uses
	}
	if got := uses(member); len(got) != 1 || got[0].ConfigurationARN != arn || got[0].Consumed != 4 {
		t.Errorf("it says %+v", got)
	}
	versions, _, err := w.m.ResourceVersions(w.ctx, w.who, of(member, instance("a")), 0, 10)
	w.must(err)
	for _, v := range versions {
		if len(v.Effects) > 0 {
			t.Errorf("revisions of the owner's ledger are told: %+v", v.Effects)
		}
	}
	w.be(owner).must(w.m.Unshare(w.ctx, w.who, arn, member, true))
	if got := uses(member); len(got) != 0 {
		t.Errorf("after it was shared it says %+v", got)
	}
}

// What a member may do, it may try out; the terms are the owner's to change.
func TestMembersSimulateWithWhatIsShared(t *testing.T) {
	w := newOrganization(t)
	arn := lend(w)
	r := w.simulate("", launch(3, 2, arn))
	if got := r.Actions[0]; got.Fit != 2 || got.Machines != 3 {
		t.Errorf("of 3 machines it says %+v", got)
	}
	if got := r.Configurations; len(got) != 1 || got[0].Before.Counters.Consumed != 6 || got[0].After.Counters.Consumed != 10 {
		t.Errorf("it goes from %+v", got)
	}
	r = w.simulate("", license.SimulatedAction{Delete: of(member, instance("a"))})
	if got := r.Configurations; len(got) != 1 || got[0].After.Counters.Consumed != 2 {
		t.Errorf("without the machine it says %+v", got)
	}
	_, err := w.m.SimulateUsage(w.ctx, w.who, license.Simulation{Actions: []license.SimulatedAction{
		{Configure: &license.SimulatedTerms{Configuration: arn, AddCount: new(int64(9))}},
	}})
	w.refused(err, license.AccessDenied, "only its owner")
	for _, account := range []string{other, stranger} {
		_, err := w.be(account).m.SimulateUsage(w.ctx, w.who, license.Simulation{Actions: []license.SimulatedAction{launch(1, 1, arn)}})
		w.refused(err, license.NotFound)
	}
}
