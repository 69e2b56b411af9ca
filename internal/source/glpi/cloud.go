package glpi

import (
	"regexp"
	"strings"
)

// Instance is the ID of the EC2 instance that the machine says it is, or "".
//
// Firmware shows EC2 by its vendor or version, or by how the UUID begins. The
// instance's ID is where somebody put it: in the asset tag, in the agent's
// setting tag, or in the machine's name (EC2's resource names are
// i-….region.compute.internal). Nitro has it in the asset tag of the board, of
// which agents send only that of the chassis.
func (m *Message) Instance() string { return m.machine.instance() }

var instanceName = regexp.MustCompile("^i-([0-9a-f]{8}|[0-9a-f]{17})$")

func (m *machine) instance() string {
	if !m.onEC2() {
		return ""
	}
	for _, name := range []string{m.firmware.assetTag, m.label, m.hardware.name, m.system.domainName} {
		first, _, _ := strings.Cut(strings.ToLower(name), ".")
		if instanceName.MatchString(first) {
			return first
		}
	}
	return ""
}

func (m *machine) onEC2() bool {
	uuid := strings.ToLower(strings.ReplaceAll(m.hardware.uuid, "-", ""))
	return strings.Contains(strings.ToLower(m.firmware.makers), "amazon") ||
		strings.HasPrefix(strings.ToLower(m.serial), "ec2") ||
		strings.HasPrefix(uuid, "ec2") || strings.HasPrefix(otherOrder(uuid), "ec2")
}
