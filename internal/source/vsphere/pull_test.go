package vsphere_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vapi/rest"
	"github.com/vmware/govmomi/vapi/tags"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"reeve/internal/license"
	"reeve/internal/licensetest"
	"reeve/internal/source"
	"reeve/internal/source/glpi"
)

// administrator is a client that changes the simulated vCenter.
func (w *world) administrator() *vim25.Client {
	w.t.Helper()
	u := w.model.Service.Listen
	c, err := govmomi.NewClient(w.t.Context(), u, true)
	if err != nil {
		w.t.Fatalf("log in as administrator: %v", err)
	}
	return c.Client
}

// done waits for a task.
func (w *world) done(task *object.Task, err error) {
	w.t.Helper()
	if err == nil {
		err = task.Wait(w.t.Context())
	}
	if err != nil {
		w.t.Fatalf("change simulated vCenter: %v", err)
	}
}

func (w *world) vm(m *simulator.VirtualMachine) *object.VirtualMachine {
	return object.NewVirtualMachine(w.administrator(), m.Self)
}

func TestReports(t *testing.T) {
	w := start(t)
	m := w.machines()["DC0_C0_RP0_VM0"]
	h := w.carrier(m)
	w.size(h, 2, 32, 64)
	w.change(m, func() {
		m.Config.GuestId, m.Config.Hardware.NumCPU = "ubuntu64Guest", 6
		m.Config.GuestFullName, m.Summary.Config.GuestFullName, m.Guest.GuestFullName = "", "", "Ubuntu Linux (64-bit)"
	})
	found, _ := w.mustPull(nil)
	if want := len(w.hosts()) + len(w.machines()); len(found) != want {
		t.Errorf("found %d hosts and machines, want %d", len(found), want)
	}
	for _, want := range []license.Report{
		{ARN: w.hostARN(h), Status: new("Online"), Virtual: new(false), Sockets: new(int64(2)), Cores: new(int64(32)), VCPUs: new(int64(64)), ThreadsPerCore: new(int64(2)),
			Name: new(h.Name), Platform: new(h.Summary.Config.Product.FullName), PlatformVersion: new(h.Summary.Config.Product.Version), Tags: []license.Tag{}},
		{ARN: w.machineARN(m), Status: new("Online"), Virtual: new(true), VCPUs: new(int64(6)), Host: new(w.hostARN(h)),
			Name: new(m.Name), Platform: new("Ubuntu Linux (64-bit)"), PlatformType: new("Linux"), Tags: []license.Tag{}},
	} {
		if diff := cmp.Diff(want, found[want.ARN]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", *want.Name, diff)
		}
	}
}

// TestPages: however many there are, each comes once.
func TestPages(t *testing.T) {
	w := start(t)
	whole, _ := w.mustPull(nil)
	for _, size := range []int32{1, 3, int32(len(w.machines()))} {
		src := w.open()
		src.PageSize(size)
		found, _, err := collect(t, src, nil)
		if diff := cmp.Diff(whole, found); err != nil || diff != "" {
			t.Errorf("pages of %d: %v (-whole +paged)\n%s", size, err, diff)
		}
	}
}

func TestESXi(t *testing.T) {
	w := startModel(t, simulator.ESX(), nil)
	w.URL = strings.Replace(w.URL, "https:", "http:", 1)
	found, _ := w.mustPull(nil)
	if len(found) != 3 {
		t.Errorf("found %v, want a host and two machines", sorted(found))
	}
}

func TestTemplatesAreLeftOut(t *testing.T) {
	w := start(t)
	m := w.machines()["DC0_H0_VM0"]
	w.change(m, func() { m.Config.Template = true })
	if found, _ := w.mustPull(nil); found[w.machineARN(m)].ARN != "" {
		t.Error("the template was handed over")
	}
}

func TestDatacenters(t *testing.T) {
	model := simulator.VPX()
	model.Datacenter = 2
	w := startModel(t, model, nil)
	w.URL = strings.Replace(w.URL, "https:", "http:", 1)
	all, _ := w.mustPull(nil)
	w.Datacenters = []string{"DC1", "/DC1"}
	found, _ := w.mustPull(nil)
	if len(found) != len(all)/2 || found[w.hostARN(w.hosts()["DC1_H0"])].ARN == "" {
		t.Errorf("found %d of %d", len(found), len(all))
	}
	w.Datacenters = []string{"DC9"}
	_, _, err := w.pull(nil)
	wantError(t, err, "DC9", "look at the spelling of datacenters")
}

// TestTags: tags and custom attributes become tags; several tags of a category
// are one.
func TestTags(t *testing.T) {
	w := start(t)
	ctx, admin, m := t.Context(), w.administrator(), w.machines()["DC0_H0_VM0"]
	fields, err := object.GetCustomFieldsManager(admin)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := fields.Add(ctx, "owner", "VirtualMachine", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := fields.Set(ctx, m.Self, owner.Key, "billing"); err != nil {
		t.Fatal(err)
	}
	client := rest.NewClient(admin)
	if err := client.Login(ctx, w.model.Service.Listen.User); err != nil {
		t.Fatal(err)
	}
	manager := tags.NewManager(client)
	category, err := manager.CreateCategory(ctx, &tags.Category{Name: "env", Cardinality: "MULTIPLE"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"test", "qa"} {
		id, err := manager.CreateTag(ctx, &tags.Tag{Name: name, CategoryID: category})
		if err != nil {
			t.Fatal(err)
		}
		if err := manager.AttachTag(ctx, id, m.Self); err != nil {
			t.Fatal(err)
		}
	}
	found, _ := w.mustPull(nil)
	want := []license.Tag{{Key: "env", Value: "qa,test"}, {Key: "owner", Value: "billing"}}
	if diff := cmp.Diff(want, found[w.machineARN(m)].Tags); diff != "" {
		t.Errorf("tags (-want +got)\n%s", diff)
	}
}

// TestGuestsAreTheirAgents: the machine is who the agent in it says, in
// whichever order guest and vCenter show the bytes of its UUID.
func TestGuestsAreTheirAgents(t *testing.T) {
	const raw, swapped = "00112233-4455-6677-8899-aabbccddeeff", "33221100-5544-7766-8899-aabbccddeeff"
	owner := glpi.Owner{Region: licensetest.Region, Account: licensetest.Root}
	for outside, inside := range map[string]string{raw: swapped, swapped: raw} {
		w := start(t)
		m := w.machines()["DC0_H0_VM0"]
		w.change(m, func() { m.Config.Uuid, m.Summary.Config.Uuid = outside, outside })
		l := w.ledger()
		l.pull()
		before := l.inventory()
		message, err := glpi.Parse([]byte("<REQUEST><CONTENT><HARDWARE><NAME>vm</NAME><UUID>" + inside + "</UUID><VMSYSTEM>VMware</VMSYSTEM></HARDWARE></CONTENT></REQUEST>"))
		if err != nil {
			t.Fatal(err)
		}
		agent, err := message.Resource(owner)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Manager.PutResources(t.Context(), l.who, license.Put{Reports: []license.Report{source.Report(&agent)}}); err != nil {
			t.Fatal(err)
		}
		l.pull()
		if after := l.inventory(); after != before {
			t.Errorf("vCenter shows %s and the agent %s: %d machines became %d", outside, inside, before, after)
		}
	}
}

// TestCopies: machines with one UUID are several, and the one that was there
// first stays who it was.
func TestCopies(t *testing.T) {
	w := start(t)
	all := w.machines()
	a, b := all["DC0_C0_RP0_VM1"], all["DC0_C0_RP0_VM0"] // the later one is known already
	_, last := w.mustPull(nil)
	w.change(b, func() { b.Config.Uuid, b.Summary.Config.Uuid = a.Config.Uuid, a.Config.Uuid })
	for range 2 {
		var found map[string]license.Report
		found, last = w.mustPull(last)
		if want := len(w.hosts()) + len(all); len(found) != want || found[w.machineARN(a)].Host == nil || *found[w.machineARN(a)].Host != w.hostARN(w.carrier(a)) {
			t.Errorf("found %d of %d, and the one that was there is %+v", len(found), want, found[w.machineARN(a)])
		}
	}
}

// TestAnAgentHasTheLastWord: name and platform are not said again until they
// change, so an agent's words stay.
func TestAnAgentHasTheLastWord(t *testing.T) {
	w := start(t)
	m := w.machines()["DC0_H0_VM0"]
	_, last := w.mustPull(nil)
	found, last := w.mustPull(last)
	if r := found[w.machineARN(m)]; r.Name != nil || r.Platform != nil {
		t.Errorf("said again: %v, %v", r.Name, r.Platform)
	}
	w.change(m, func() { m.Name = "renamed" })
	found, _ = w.mustPull(last)
	if r := found[w.machineARN(m)]; r.Name == nil || *r.Name != "renamed" {
		t.Errorf("renamed, and the name is %v", r.Name)
	}
}

// TestStatuses: what is switched off is idle, and what cannot be reached is
// still there, as who it was, even where nothing of it can be read.
func TestStatuses(t *testing.T) {
	w := start(t)
	m := w.machines()["DC0_H0_VM0"]
	h := w.carrier(m)
	arn, hostARN := w.machineARN(m), w.hostARN(h)
	_, last := w.mustPull(nil)
	for _, c := range []struct {
		name              string
		do                func()
		machine, hostWant string
	}{
		{"maintenance", func() { h.Runtime.InMaintenanceMode = true }, "Online", "Online"},
		{"not responding", func() {
			h.Runtime.ConnectionState = types.HostSystemConnectionStateNotResponding
			m.Runtime.ConnectionState = types.VirtualMachineConnectionStateDisconnected
		}, "ConnectionLost", "ConnectionLost"},
		{"disconnected, nothing readable", func() {
			h.Runtime.ConnectionState = types.HostSystemConnectionStateDisconnected
			h.Hardware, h.Summary.Hardware, m.Config, m.Summary.Config.Uuid = nil, nil, nil, ""
		}, "ConnectionLost", "ConnectionLost"},
		{"suspended", func() { m.Runtime.PowerState = types.VirtualMachinePowerStateSuspended }, "Inactive", "ConnectionLost"},
	} {
		w.change(h, c.do)
		var found map[string]license.Report
		found, last = w.mustPull(last)
		machine, host := found[arn], found[hostARN]
		if machine.Status == nil || host.Status == nil || *machine.Status != c.machine || *host.Status != c.hostWant || machine.Host == nil || *machine.Host != hostARN {
			t.Errorf("%s: machine %+v, host %+v", c.name, machine, host)
		}
	}
	src := w.open()
	if _, _, err := collect(t, src, nil); err != nil {
		t.Fatal(err)
	}
	if failures, all := src.Failures(); all != 2 || !strings.Contains(failures[0].Reason, "no UUID") {
		t.Errorf("never seen before and without a UUID: %v", failures)
	}
}

func TestNoRightsIsNotEmpty(t *testing.T) {
	model := simulator.VPX()
	model.Datacenter = 0
	w := startModel(t, model, nil)
	w.URL = strings.Replace(w.URL, "https:", "http:", 1)
	_, next, err := w.pull(nil)
	wantError(t, err, "no host is visible", "role Read-only")
	if next != nil {
		t.Error("something is remembered")
	}
}

func TestErrorsEndThePull(t *testing.T) {
	w := start(t)
	full := errors.New("disk full")
	if _, err := w.open().Pull(t.Context(), nil, func([]license.Report) error { return full }); err != full {
		t.Errorf("error %v, want the reader's own", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.open().Pull(ctx, nil, func([]license.Report) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	for name, fault := range map[string]types.BaseMethodFault{
		"role Read-only":        &types.NoPermission{},
		"the session was ended": &types.NotAuthenticated{},
	} {
		wantError(t, w.Explain(fmt.Errorf("page: %w", soap.WrapVimFault(fault))), name)
	}
}
