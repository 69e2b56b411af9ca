package vsphere

import (
	"cmp"
	"context"
	"strings"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"reeve/internal/license"
)

// machineProperties are read of each machine. The summary stays readable while
// its host is disconnected.
var machineProperties = []string{"name", "config.uuid", "config.instanceUuid", "config.template", "config.guestId",
	"config.guestFullName", "config.hardware.numCPU", "summary.config", "guest.guestFullName",
	"runtime.host", "runtime.powerState", "runtime.connectionState", "customValue"}

func (p *pull) readMachines(ctx context.Context, roots []types.ManagedObjectReference) error {
	return p.objects(ctx, roots, "VirtualMachine", machineProperties, func(page []types.ObjectContent) error {
		var machines []mo.VirtualMachine
		if err := mo.LoadObjectContent(page, &machines); err != nil {
			return err
		}
		tags, err := p.tags.of(ctx, page)
		if err != nil {
			return err
		}
		reports := make([]license.Report, 0, len(machines))
		for i := range machines {
			m := factsOf(&machines[i])
			if m.template {
				continue
			}
			if err := p.findHost(ctx, m.host); err != nil {
				return err
			}
			if r, ok := p.machine(m); ok {
				r.Tags = p.allTags(machines[i].CustomValue, tags[m.self])
				reports = append(reports, r)
			}
		}
		return p.handOver(reports)
	})
}

// findHost reads a host that was added since the hosts were read.
func (p *pull) findHost(ctx context.Context, ref *types.ManagedObjectReference) error {
	if ref == nil {
		return nil
	}
	if _, read := p.hosts[*ref]; read {
		return nil
	}
	return p.object(ctx, *ref, hostProperties, p.passHosts(ctx))
}

// facts are what a vCenter says of a machine, from its configuration or, where
// that cannot be read at the moment, from the summary.
type facts struct {
	self               types.ManagedObjectReference
	name               string
	uuid, instanceUUID string
	template           bool
	guestID, guest     string
	cpus               *int64
	host               *types.ManagedObjectReference
	power              types.VirtualMachinePowerState
	connected          bool
}

func factsOf(m *mo.VirtualMachine) facts {
	s := m.Summary.Config
	f := facts{
		self: m.Self, name: m.Name, uuid: s.Uuid, instanceUUID: s.InstanceUuid, template: s.Template,
		guestID: s.GuestId, guest: s.GuestFullName, cpus: number(s.NumCpu), host: m.Runtime.Host, power: m.Runtime.PowerState,
		connected: m.Runtime.ConnectionState == types.VirtualMachineConnectionStateConnected,
	}
	if c := m.Config; c != nil {
		f.uuid, f.instanceUUID = cmp.Or(c.Uuid, f.uuid), cmp.Or(c.InstanceUuid, f.instanceUUID)
		f.template = f.template || c.Template
		f.guestID, f.guest = cmp.Or(c.GuestId, f.guestID), cmp.Or(c.GuestFullName, f.guest)
		f.cpus = cmp.Or(number(c.Hardware.NumCPU), f.cpus)
	}
	if m.Guest != nil {
		f.guest = cmp.Or(m.Guest.GuestFullName, f.guest)
	}
	return f
}

func (p *pull) machine(m facts) (license.Report, bool) {
	id, ok := p.identify(m.self, m.name, m.uuid, m.instanceUUID)
	if !ok {
		return license.Report{}, false
	}
	virtual, status := true, m.status()
	r := license.Report{ARN: p.source.settings.arn(id), Status: &status, Virtual: &virtual, VCPUs: m.cpus}
	if m.host != nil && p.hosts[*m.host] != "" {
		host := p.source.settings.arn(p.hosts[*m.host])
		r.Host = &host
	}
	p.describe(&r, m.self, id, description{name: m.name, platform: m.guest, kind: platformType(m.guestID, m.guest)})
	return r, true
}

// status: a machine that is switched off holds no licence. What its host does
// not tell at the moment is the last that was known, so a lost connection
// releases nothing.
func (m facts) status() string {
	switch {
	case m.power != types.VirtualMachinePowerStatePoweredOn:
		return "Inactive"
	case !m.connected:
		return "ConnectionLost"
	}
	return "Online"
}

// platformType goes by the guest's identifier, such as windows2019srv_64Guest
// or darwin19_64Guest, and else by the name.
func platformType(guestID, guest string) string {
	for _, s := range []string{strings.ToLower(guestID), strings.ToLower(guest)} {
		switch {
		case strings.HasPrefix(s, "win"), strings.Contains(s, "microsoft windows"):
			return "Windows"
		case strings.HasPrefix(s, "darwin"), strings.Contains(s, "macos"), strings.Contains(s, "mac os"):
			return "macOS"
		case strings.Contains(s, "linux"), strings.Contains(s, "ubuntu"), strings.Contains(s, "debian"), strings.Contains(s, "centos"),
			strings.Contains(s, "rhel"), strings.Contains(s, "sles"), strings.Contains(s, "photon"), strings.Contains(s, "red hat"):
			return "Linux"
		}
	}
	return ""
}
