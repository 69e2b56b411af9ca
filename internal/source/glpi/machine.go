package glpi

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"reeve/internal/api"
)

// machine is the part of an inventory that licences depend on.
type machine struct {
	line     int // where the inventory begins in its file
	hardware hardware
	system   operatingSystem
	serial   string // of the BIOS; vendors leave nonsense in it
	cpus     []cpu
	logical  int64 // NUMBER_OF_PROCESSORS of a Windows environment; 0: not told
	software map[program]bool
}

type hardware struct {
	Name     string  `xml:"NAME"`
	UUID     string  `xml:"UUID"`
	OSName   string  `xml:"OSNAME"`
	VMSystem *string `xml:"VMSYSTEM"`
}

type operatingSystem struct {
	FullName   string `xml:"FULL_NAME"`
	Name       string `xml:"NAME"`
	Version    string `xml:"VERSION"`
	KernelName string `xml:"KERNEL_NAME"`
}

type program struct{ name, publisher, version string }

func (m *machine) name() string { return strings.TrimSpace(m.hardware.Name) }

func (m *machine) platform() string {
	return cmp.Or(strings.TrimSpace(m.system.FullName), strings.TrimSpace(m.hardware.OSName), strings.TrimSpace(m.system.Name))
}

// virtual follows HARDWARE/VMSYSTEM. Its default in the format is Physical, so
// a machine without one is physical; an empty or unknown one tells nothing.
func (m *machine) virtual() *bool {
	virtual := false
	if m.hardware.VMSystem != nil {
		switch strings.ToLower(strings.TrimSpace(*m.hardware.VMSystem)) {
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
	if kernel := strings.ToLower(strings.TrimSpace(m.system.KernelName)); kernel != "" {
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
	list := make([]program, 0, len(m.software))
	for p := range m.software {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b program) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.publisher, b.publisher), strings.Compare(a.version, b.version))
	})
	return list
}

// clip cuts what the agent says of a program to the 256 characters that
// PutResources takes.
func clip(s string) string {
	const most = 256
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:most]))
}
