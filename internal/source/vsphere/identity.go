package vsphere

import (
	"context"
	"strings"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"reeve/internal/source/glpi"
)

// identify says which managed instance an object is. What has no UUID at the
// moment is who it was before; what never had one is passed over, as it cannot
// be told from others.
func (p *pull) identify(ref types.ManagedObjectReference, name, uuid, instanceUUID string) (id string, ok bool) {
	before := p.known[ref.Value]
	id, usable := glpi.InstanceID(uuid)
	keeper, isShared := p.shared[id]
	switch {
	case uuid == "" && before.ID != "":
		id = before.ID
	case uuid == "":
		p.source.passOver(where(name, ref), "it has no UUID; it was never connected, or its configuration cannot be read")
		return "", false
	case usable && (!isShared || keeper == ref.Value):
	case instanceUUID != "":
		id = glpi.NamedInstanceID("vsphere instance", p.ServiceContent.About.InstanceUuid, strings.ToLower(instanceUUID))
	default:
		id = glpi.NamedInstanceID("vsphere object", p.ServiceContent.About.InstanceUuid, ref.Value)
	}
	p.next[ref.Value] = remembered{ID: id, Said: before.Said}
	return id, true
}

// findShared finds UUIDs that several machines have, which copies of a
// machine's files do. The one that was known by it keeps it, else the first;
// the others go by what the vCenter calls them.
func (p *pull) findShared(ctx context.Context, roots []types.ManagedObjectReference) error {
	first := map[string]string{} // by ID: the first object with it
	properties := []string{"config.uuid", "summary.config.uuid", "summary.config.template"}
	return p.objects(ctx, roots, "VirtualMachine", properties, func(page []types.ObjectContent) error {
		var machines []mo.VirtualMachine
		if err := mo.LoadObjectContent(page, &machines); err != nil {
			return err
		}
		for i := range machines {
			m := factsOf(&machines[i])
			id, usable := glpi.InstanceID(m.uuid)
			if !usable || m.template {
				continue
			}
			p.noteShared(first, id, m.self.Value)
		}
		return nil
	})
}

func (p *pull) noteShared(first map[string]string, id, object string) {
	other, twice := first[id]
	if !twice {
		first[id] = object
		return
	}
	keeper, known := p.shared[id]
	if !known {
		keeper = other
	}
	kept, mine := p.known[keeper].ID == id, p.known[object].ID == id
	if mine && !kept || mine == kept && before(object, keeper) {
		keeper = object
	}
	p.shared[id] = keeper
}

// before orders objects by age: vm-9 is older than vm-10.
func before(a, b string) bool {
	return len(a) < len(b) || len(a) == len(b) && a < b
}
