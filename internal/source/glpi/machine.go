package glpi

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"reeve/internal/api"
)

// machine is the part of an inventory that licences depend on. XML and JSON
// fill the same one.
type machine struct {
	line     int // where the inventory begins in its file
	partial  bool
	hardware hardware
	system   operatingSystem
	serial   string // of the BIOS; vendors leave nonsense in it
	firmware firmware
	label    string // the agent's setting tag
	cpus     []cpu
	logical  int64 // NUMBER_OF_PROCESSORS of a Windows environment; 0: not told
	software []program
	running  []string // UUIDs of guests, without hyphens

	seen    map[string]bool // sections of which there is one
	reading entry
	texts   texts
}

func newMachine() *machine {
	return &machine{seen: map[string]bool{}, texts: texts{}}
}

// texts keeps one copy of each text, as publishers are named often.
type texts map[string]string

func (t texts) keep(text []byte) string {
	if known, ok := t[string(text)]; ok {
		return known
	}
	fresh := string(text)
	t[fresh] = fresh
	return fresh
}

type hardware struct {
	name, uuid string
	osName     string
	osVersion  string
	vmSystem   *string // nil: not told
}

type operatingSystem struct{ fullName, name, version, kernelName, domainName string }

// firmware is what tells who made the machine: its vendor, and the vendor and
// version of its BIOS.
type firmware struct{ makers, assetTag string }

type program struct{ name, publisher, version string }

func (m *machine) name() string { return m.hardware.name }

func (m *machine) platform() string {
	return cmp.Or(m.system.fullName, m.hardware.osName, m.system.name)
}

// platformVersion is OSVERSION where there is no section about the system;
// other agents write the kernel's version there.
func (m *machine) platformVersion() string {
	if m.seen["OPERATINGSYSTEM"] {
		return m.system.version
	}
	return m.hardware.osVersion
}

// virtual follows HARDWARE/VMSYSTEM. Its default in the format is Physical, so
// a machine without one is physical; an empty or unknown one tells nothing.
// Nor does a partial inventory without one.
func (m *machine) virtual() *bool {
	virtual := false
	if m.hardware.vmSystem == nil && m.partial {
		return nil
	}
	if m.hardware.vmSystem != nil {
		switch strings.ToLower(*m.hardware.vmSystem) {
		case "", "unknown":
			return nil
		case "physical":
		default:
			virtual = true
		}
	}
	return &virtual
}

// family is a kind of operating system, as far as counting and naming differ.
type family int

const (
	unknownFamily family = iota
	linux
	windows
	macOS
	aix
	solaris
)

// kernels are the names that agents give to kernels: what their Perl calls the
// system it was built for.
var kernels = map[string]family{
	"linux": linux, "mswin32": windows, "darwin": macOS, "aix": aix, "solaris": solaris,
}

var platformTypes = map[family]string{linux: "Linux", windows: "Windows", macOS: "macOS"}

// familyWords are what names of systems contain, for inventories that do not
// name the kernel.
var familyWords = []struct {
	word   string
	family family
}{
	{"windows", windows}, {"macos", macOS}, {"mac os", macOS}, {"linux", linux}, {"ubuntu", linux},
	{"centos", linux}, {"red hat", linux}, {"suse", linux}, {"aix", aix}, {"solaris", solaris}, {"sunos", solaris},
}

func (m *machine) family() family {
	if kernel := strings.ToLower(m.system.kernelName); kernel != "" {
		return kernels[kernel]
	}
	platform := strings.ToLower(m.platform())
	for _, known := range familyWords {
		if strings.Contains(platform, known.word) {
			return known.family
		}
	}
	return unknownFamily
}

// applications are the programs in a fixed order, so that the same machine
// gives the same report. Without any the list is absent: the agent was told
// not to look, as no machine has none.
func (m *machine) applications() []api.Application {
	var list []api.Application
	for _, p := range m.programs() {
		list = append(list, api.Application{Name: &p.name, Publisher: text(p.publisher), Version: text(p.version)})
	}
	return list
}

func (m *machine) programs() []program {
	slices.SortFunc(m.software, func(a, b program) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.publisher, b.publisher), strings.Compare(a.version, b.version))
	})
	m.software = slices.Compact(m.software)
	return m.software
}

// clip cuts what the agent says of a program to the 256 characters that
// PutResources takes.
func clip(s string) string {
	const most = 256
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:most]))
}
