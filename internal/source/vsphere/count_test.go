package vsphere_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"

	"reeve/internal/license"
)

// cluster is a vCenter whose hosts have 16 cores in 2 sockets each, pulled
// once, and its machines associated with licences by core and by socket.
func cluster(t *testing.T) (w *world, l *ledger, core, socket string) {
	w = start(t)
	for _, h := range w.hosts() {
		w.size(h, 2, 16, 32)
	}
	l = w.ledger()
	l.pull()
	var arns []string
	for _, m := range w.machines() {
		arns = append(arns, w.machineARN(m))
	}
	return w, l, l.create(license.Core, arns...), l.create(license.Socket, arns...)
}

// rows are the hosts that carry running machines, each with n.
func (w *world) rows(n int64) map[string]int64 {
	rows := map[string]int64{}
	for _, m := range w.machines() {
		if m.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
			rows[w.hostARN(w.carrier(m))] = n
		}
	}
	return rows
}

func (l *ledger) wantRows(configuration string, n int64, when string) int64 {
	l.w.t.Helper()
	rows, head := l.usage(configuration)
	if diff := cmp.Diff(l.w.rows(n), rows); diff != "" {
		l.w.t.Errorf("%s: usage (-want +got)\n%s", when, diff)
	}
	return head
}

// TestHostsAreCountedOnce: the rows are the hosts, however many machines each
// carries, and pulling again changes nothing.
func TestHostsAreCountedOnce(t *testing.T) {
	w, l, core, socket := cluster(t)
	l.wantRows(socket, 2, "sockets")
	head := l.wantRows(core, 16, "cores")
	if sum := l.pull(); sum.Created+sum.Changed != 0 || sum.Unchanged != len(w.hosts())+len(w.machines()) {
		t.Errorf("the second pull gave %+v", sum)
	}
	if _, again := l.usage(core); again != head {
		t.Errorf("the second pull made %d revisions", again-head)
	}
}

// TestAMoveIsOneRevision: a vMotion releases one host and takes the other at
// the same moment.
func TestAMoveIsOneRevision(t *testing.T) {
	w, l, core, socket := cluster(t)
	m, from, to := w.lonely()
	l.pull()
	_, before := l.usage(core)
	_, socketBefore := l.usage(socket)
	l.Clock.Advance(time.Minute)
	w.done(w.vm(m).Relocate(t.Context(), types.VirtualMachineRelocateSpec{Host: &to.Self}, types.VirtualMachineMovePriorityDefaultPriority))
	l.pull()
	rows, after := l.usage(core)
	if after != before+1 || rows[w.hostARN(from)] != 0 || rows[w.hostARN(to)] != 16 {
		t.Errorf("%d revisions, %d cores on the old host, %d on the new one; want 1, 0, 16", after-before, rows[w.hostARN(from)], rows[w.hostARN(to)])
	}
	if _, after := l.usage(socket); after != socketBefore+1 {
		t.Errorf("%d revisions of the sockets", after-socketBefore)
	}
}

// lonely arranges the machines so that one is alone on its host, and another
// host of the cluster is empty; all of it before the ledger looks again.
func (w *world) lonely() (m *simulator.VirtualMachine, from, to *simulator.HostSystem) {
	w.t.Helper()
	var rest []*simulator.HostSystem
	hosts := w.hosts()
	for _, name := range sorted(hosts) {
		if h := hosts[name]; h.Parent.Type == "ClusterComputeResource" {
			rest = append(rest, h)
		}
	}
	for _, name := range sorted(w.machines()) {
		if one := w.machines()[name]; w.carrier(one).Parent.Type == "ClusterComputeResource" {
			target := rest[1]
			if m == nil {
				m, target = one, rest[0]
			}
			w.done(w.vm(one).Relocate(w.t.Context(), types.VirtualMachineRelocateSpec{Host: &target.Self}, types.VirtualMachineMovePriorityDefaultPriority))
		}
	}
	return m, rest[0], rest[2]
}

// TestSwitchingOffReleases, and a host that is out of reach or in maintenance
// releases nothing.
func TestSwitchingOffReleases(t *testing.T) {
	w, l, core, _ := cluster(t)
	l.wantRows(core, 16, "at first")
	for _, h := range w.hosts() {
		w.change(h, func() {
			h.Runtime.ConnectionState = types.HostSystemConnectionStateNotResponding
			h.Runtime.InMaintenanceMode = true
		})
	}
	for _, m := range w.machines() {
		w.change(m, func() { m.Runtime.ConnectionState = types.VirtualMachineConnectionStateDisconnected })
	}
	l.pull()
	l.wantRows(core, 16, "out of reach")
	for _, m := range w.machines() {
		w.change(m, func() { m.Runtime.ConnectionState = types.VirtualMachineConnectionStateConnected })
	}
	for _, h := range w.hosts() {
		w.change(h, func() { h.Runtime.ConnectionState = types.HostSystemConnectionStateConnected })
	}
	alone := w.machines()["DC0_H0_VM0"]
	for _, m := range w.machines() {
		if w.carrier(m) == w.carrier(alone) {
			w.done(object.NewVirtualMachine(w.administrator(), m.Self).PowerOff(t.Context()))
		}
	}
	l.pull()
	l.wantRows(core, 16, "switched off")
	if rows, _ := l.usage(core); rows[w.hostARN(w.carrier(alone))] != 0 {
		t.Error("the host of machines that are all switched off holds licences")
	}
}
