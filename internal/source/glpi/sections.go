package glpi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// sections are the parts of an inventory that are read, with the fields that
// are looked at and what takes them. All others are passed over. In JSON the
// same names are written in lower case.
//
// CORES, THREADS and LOGICAL_CPUS are what OCS Inventory writes for CORE and
// THREAD.
var sections = map[string]*section{
	"HARDWARE":        {fields: []string{"NAME", "UUID", "OSNAME", "OSVERSION", "VMSYSTEM"}, single: true, take: (*machine).takeHardware},
	"OPERATINGSYSTEM": {fields: []string{"FULL_NAME", "NAME", "VERSION", "KERNEL_NAME", "FQDN"}, single: true, take: (*machine).takeSystem},
	"BIOS":            {fields: []string{"SSN", "SMANUFACTURER", "BMANUFACTURER", "BVERSION", "ASSETTAG"}, single: true, take: (*machine).takeBIOS},
	"ACCOUNTINFO":     {fields: []string{"KEYNAME", "KEYVALUE"}, take: (*machine).takeLabel},
	"CPUS":            {fields: []string{"CORE", "THREAD", "CORES", "THREADS", "LOGICAL_CPUS"}, take: (*machine).takeCPU},
	"ENVS":            {fields: []string{"KEY", "VAL"}, take: (*machine).takeVariable},
	"SOFTWARES":       {fields: []string{"NAME", "PUBLISHER", "VERSION"}, take: (*machine).takeSoftware},
	"VIRTUALMACHINES": {fields: []string{"UUID", "STATUS", "VMTYPE", "SUBSYSTEM"}, take: (*machine).takeGuest},
}

// section is one kind of entry of an inventory.
type section struct {
	fields []string
	single bool // it describes the machine as a whole and must not be there twice
	take   func(*machine, *entry) error
}

// entry is one entry of a section while it is read.
type entry struct {
	*section
	name    string
	machine *machine
	values  [5]string
	given   [5]bool
}

// entry is where an entry of a section is read into, nil when nobody wants it.
// There is one entry at a time.
func (m *machine) entry(name string) *entry {
	s, wanted := sections[name]
	if !wanted {
		return nil
	}
	m.reading = entry{section: s, name: name, machine: m}
	return &m.reading
}

func (e *entry) begin() error {
	if !e.single {
		return nil
	}
	if e.machine.seen[e.name] {
		return fmt.Errorf("the inventory has %s twice, so it is of more than one machine", e.name)
	}
	e.machine.seen[e.name] = true
	return nil
}

// index is the place of a field, -1 when nobody wants it.
func (e *entry) index(name string) int {
	for i, field := range e.fields {
		if name == field {
			return i
		}
	}
	return -1
}

func (e *entry) set(i int, text []byte) {
	e.values[i], e.given[i] = e.machine.texts.keep(bytes.TrimSpace(text)), true
}

func (e *entry) done() error { return e.take(e.machine, e) }

func (m *machine) takeHardware(e *entry) error {
	m.hardware = hardware{name: e.values[0], uuid: e.values[1], osName: e.values[2], osVersion: e.values[3]}
	if e.given[4] {
		m.hardware.vmSystem = new(e.values[4])
	}
	return nil
}

func (m *machine) takeSystem(e *entry) error {
	m.system = operatingSystem{fullName: e.values[0], name: e.values[1], version: e.values[2], kernelName: e.values[3], domainName: e.values[4]}
	return nil
}

func (m *machine) takeBIOS(e *entry) error {
	m.serial = e.values[0]
	m.firmware = firmware{makers: e.values[1] + "\n" + e.values[2] + "\n" + e.values[3], assetTag: e.values[4]}
	return nil
}

// takeLabel keeps what people have their agent call the machine.
func (m *machine) takeLabel(e *entry) error {
	if strings.EqualFold(e.values[0], "TAG") {
		m.label = e.values[1]
	}
	return nil
}

func (m *machine) takeCPU(e *entry) error {
	if len(m.cpus) == maxCPUs {
		return fmt.Errorf("the inventory has more than %d CPUs", maxCPUs)
	}
	c := cpu{core: e.values[0], thread: e.values[1]}
	if !e.given[0] && e.given[2] {
		c = cpu{core: e.values[2], thread: e.values[4], ocs: true}
		if !e.given[4] {
			c.thread = e.values[3]
		}
	}
	m.cpus = append(m.cpus, c)
	return nil
}

// takeVariable looks for the number of processors that Windows keeps in its
// environment: it tells which meaning THREAD has there.
func (m *machine) takeVariable(e *entry) error {
	if strings.EqualFold(e.values[0], "NUMBER_OF_PROCESSORS") {
		m.logical, _ = strconv.ParseInt(e.values[1], 10, 64)
	}
	return nil
}

// takeSoftware keeps repeats, as many agents write a program twice; programs
// leaves them out.
func (m *machine) takeSoftware(e *entry) error {
	p := program{clip(e.values[0]), clip(e.values[1]), clip(e.values[2])}
	if p.name == "" {
		return nil
	}
	if len(m.software) == maxEntries {
		return fmt.Errorf("the inventory has more than %d programs", maxEntries)
	}
	m.software = append(m.software, p)
	return nil
}

// takeGuest keeps the guests that run, on hypervisors whose guests see the
// UUID that the hypervisor has for them. A guest that does not run here may
// run on another host by now, which names it too.
func (m *machine) takeGuest(e *entry) error {
	uuid, status := plainUUID(e.values[0]), strings.ToLower(e.values[1])
	kind := strings.ToLower(e.values[2])
	if kind == "libvirt" {
		kind = strings.ToLower(e.values[3])
	}
	if uuid == "" || !runs[status] || !guestUUID[kind] {
		return nil
	}
	if len(m.running) == maxGuests {
		return fmt.Errorf("the inventory has more than %d virtual machines that run", maxGuests)
	}
	m.running = append(m.running, uuid)
	return nil
}

// runs are the states of a virtual machine that is on this host.
var runs = map[string]bool{"running": true, "idle": true, "blocked": true, "paused": true}

// guestUUID are the values of VMTYPE, and of SUBSYSTEM for libvirt, whose
// UUID is the one in the guest's firmware.
var guestUUID = map[string]bool{
	"kvm": true, "qemu": true, "xen": true, "vmware": true, "hyperv": true, "hyper-v": true,
	"virtualbox": true, "parallels": true,
}
