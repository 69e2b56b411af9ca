package glpi

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// ownUUID are the values of VMSYSTEM under which a machine has a UUID of its
// own: hardware, and what emulates or partitions it. Elsewhere (containers,
// jails, zones) a guest may show the UUID of its host.
var ownUUID = map[string]bool{
	"": true, "physical": true, "xen": true, "virtualbox": true, "virtual machine": true, "vmware": true,
	"qemu": true, "kvm": true, "hyper-v": true, "parallels": true, "virtuozzo": true, "aix_lpar": true,
}

// sharedUUIDs were left by board vendors on many machines; each as plainUUID
// spells it.
var sharedUUIDs = map[string]bool{
	"00020003000400050006000700080009": true,
	"12345678123412341234123456789abc": true,
}

// identity derives the ID of the managed instance, the same in every report of
// one machine.
//
// It is not made from DEVICEID: fusioninventory-inventory and glpi-inventory
// keep no state and make a new one, with the time of the run in it, each time
// they run, so every import would add a machine that consumes licences. The
// UUID of the hardware stays, also when the machine is renamed. Where the agent
// finds none (it reads it as root only) the name identifies the machine,
// together with the serial number where there is one.
func (m *machine) identity() (string, error) {
	uuid, name := plainUUID(m.hardware.uuid), strings.ToLower(m.name())
	var system string
	if m.hardware.vmSystem != nil {
		system = strings.ToLower(*m.hardware.vmSystem)
	}
	switch {
	case uuid != "" && ownUUID[system]:
		return instanceID("uuid", uuid), nil
	case uuid != "" && name != "":
		return instanceID("uuid and name", uuid, name), nil
	case name == "" || name == "localhost" || strings.HasPrefix(name, "localhost."):
		return "", errors.New("the inventory does not tell which machine it is of: HARDWARE has neither a usable UUID nor a NAME of its own; run the agent as root or administrator")
	}
	return instanceID("serial and name", strings.ToLower(m.serial), name), nil
}

// guests are the IDs of the machines that run on this one, itself left out, in
// a fixed order.
func (m *machine) guests() []string {
	own, _ := m.identity()
	var ids []string
	for _, uuid := range m.running {
		if id := instanceID("uuid", uuid); id != own {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// plainUUID is a UUID without its hyphens in lower case, or "" when it cannot
// tell one machine from another.
//
// Of the two orders in which the bytes of the first three groups are written
// it is the lesser. Firmware, hypervisors and systems do not agree on the
// order, so that one machine shows both, to its agent and from outside.
func plainUUID(s string) string {
	s = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), "-", ""))
	const least = 12 // a container's short ID
	if len(s) < least || strings.Trim(s, "0123456789abcdef") != "" || strings.Trim(s, s[:1]) == "" {
		return ""
	}
	if s = min(s, otherOrder(s)); sharedUUIDs[s] {
		return ""
	}
	return s
}

// otherOrder is a UUID without hyphens with the bytes of its first three
// groups turned round; what is no UUID stays as it is.
func otherOrder(s string) string {
	if len(s) != 32 {
		return s
	}
	return turned(s[:8]) + turned(s[8:12]) + turned(s[12:16]) + s[16:]
}

// turned are hexadecimal digits, byte by byte from the last to the first.
func turned(digits string) string {
	var b strings.Builder
	for i := len(digits) - 2; i >= 0; i -= 2 {
		b.WriteString(digits[i : i+2])
	}
	return b.String()
}

// instanceID is mi- and 17 hexadecimal digits, as Systems Manager's are.
func instanceID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "mi-" + hex.EncodeToString(sum[:])[:17]
}
