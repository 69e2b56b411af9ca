package glpi_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/source/glpi"
	"reeve/internal/source/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

var owner = glpi.Owner{Region: "eu-central-1", Account: "111122223333"}

// read returns the machine of an inventory, or why there is none.
func read(input string) (*api.Resource, error) {
	var found *api.Resource
	err := glpi.Read(strings.NewReader(input), owner, record.Sink{
		Put: func(line int, r api.Resource) error { found = &r; return nil },
		Bad: func(line int, reason string) error { return fmt.Errorf("bad line %d: %s", line, reason) },
	})
	return found, err
}

func mustRead(t *testing.T, input string) *api.Resource {
	t.Helper()
	r, err := read(input)
	if err != nil || r == nil {
		t.Fatalf("read inventory: resource %v, error %v\n%s", r, err, input)
	}
	return r
}

// inventory is an agent's message with these sections.
func inventory(sections ...string) string {
	return "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<REQUEST><CONTENT>" + strings.Join(sections, "\n") +
		"</CONTENT><DEVICEID>x-2026-01-01-00-00-00</DEVICEID><QUERY>INVENTORY</QUERY></REQUEST>\n"
}

const named = "<HARDWARE><NAME>web1</NAME></HARDWARE>"

func kernel(name string) string {
	return "<OPERATINGSYSTEM><KERNEL_NAME>" + name + "</KERNEL_NAME></OPERATINGSYSTEM>"
}

func hardware(name, uuid, system string) string {
	return "<HARDWARE><NAME>" + name + "</NAME><UUID>" + uuid + "</UUID><VMSYSTEM>" + system + "</VMSYSTEM></HARDWARE>"
}

func TestGolden(t *testing.T) {
	input, err := os.ReadFile("testdata/server.xml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(mustRead(t, string(input)), jsontext.Multiline(true))
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile("testdata/server.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/server.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("server.xml (-want +got)\n%s", diff)
	}
}

// TestTopology: each case is what an agent writes for one kind of machine.
func TestTopology(t *testing.T) {
	type sizes struct{ sockets, cores, perCore, vcpus int64 }
	env := func(n string) string {
		return "<ENVS><KEY>OS</KEY><VAL>Windows_NT</VAL></ENVS><ENVS><KEY>NUMBER_OF_PROCESSORS</KEY><VAL>" + n + "</VAL></ENVS>"
	}
	for name, c := range map[string]struct {
		kernel, cpus string // each CPU as CORE/THREAD, - for none
		more         string
		want         sizes
	}{
		"no CPUs":                         {"linux", "", "", sizes{}},
		"Linux, one socket":               {"linux", "4/8", "", sizes{1, 4, 2, 8}},
		"Linux, two sockets":              {"linux", "8/8 8/8", "", sizes{2, 16, 1, 16}},
		"Linux, hybrid cores":             {"linux", "16/24", "", sizes{1, 16, 0, 24}},
		"Linux guest, a socket per vCPU":  {"linux", "1/1 1/1 1/1", "", sizes{3, 3, 1, 3}},
		"Linux on ARM":                    {"linux", "-/- -/- -/- -/-", "", sizes{vcpus: 4}},
		"Linux, one CPU without cores":    {"linux", "4/8 -/-", "", sizes{}},
		"threads not told":                {"linux", "4/- 4/-", "", sizes{2, 8, 0, 8}},
		"macOS":                           {"darwin", "8/16", "", sizes{1, 8, 2, 16}},
		"BSD, firmware without cores":     {"freebsd", "-/- -/-", "", sizes{}},
		"Windows, firmware":               {"MSWin32", "8/16 8/16", "", sizes{2, 16, 2, 32}},
		"Windows, WMI":                    {"MSWin32", "8/2 8/2", "", sizes{2, 16, 2, 32}},
		"Windows, WMI without SMT":        {"MSWin32", "6/1", "", sizes{1, 6, 1, 6}},
		"Windows, WMI, hybrid cores":      {"MSWin32", "16/1.5", "", sizes{1, 16, 0, 24}},
		"Windows, WMI, periodic fraction": {"MSWin32", "14/1.42857142857143", "", sizes{1, 14, 0, 20}},
		"Windows, 2 cores, not told":      {"MSWin32", "2/2", "", sizes{sockets: 1, cores: 2}},
		"Windows, 2 cores, 2 processors":  {"MSWin32", "2/2", env("2"), sizes{1, 2, 1, 2}},
		"Windows, 2 cores, 4 processors":  {"MSWin32", "2/2", env("4"), sizes{1, 2, 2, 4}},
		"Windows, processors of a group":  {"MSWin32", "64/128", env("64"), sizes{1, 64, 2, 128}},
		"AIX":                             {"aix", "1/4 1/4", "", sizes{2, 2, 4, 8}},
		"Solaris":                         {"solaris", "8/8", "", sizes{1, 8, 8, 64}},
		"Solaris, part of a core":         {"solaris", "0.5/8", "", sizes{}},
		"nonsense":                        {"linux", "many/-1", "", sizes{vcpus: 1}},
		"beyond reason":                   {"linux", "1e300/NaN", "", sizes{vcpus: 1}},
	} {
		var cpus string
		for _, one := range strings.Fields(c.cpus) {
			core, thread, _ := strings.Cut(one, "/")
			cpus += "<CPUS><NAME>x</NAME>" + element("CORE", core) + element("THREAD", thread) + "</CPUS>"
		}
		r := mustRead(t, inventory(named, cpus, c.more, kernel(c.kernel)))
		got := sizes{value(r.Sockets), value(r.Cores), value(r.ThreadsPerCore), value(r.VCpus)}
		if got != c.want {
			t.Errorf("%s: sockets, cores, threads per core, vCPUs %v, want %v", name, got, c.want)
		}
	}
}

func element(name, text string) string {
	if text == "-" {
		return ""
	}
	return "<" + name + ">" + text + "</" + name + ">"
}

// value of a size that is absent is 0; no size is reported as 0, as that would
// clear what is known.
func value(n *int64) int64 {
	switch {
	case n == nil:
		return 0
	case *n == 0:
		return -1
	}
	return *n
}

// TestIdentity: reports of one machine name one instance, of two machines two.
func TestIdentity(t *testing.T) {
	const uuid, other = "4C4C4544-0042-4810-8051-B3C04F564231", "4c4c4544-0042-4810-8051-b3c04f564232"
	const zero, vendor = "00000000-0000-0000-0000-000000000000", "03000200-0400-0500-0006-000700080009"
	serial := "<BIOS><SSN>EX-1</SSN></BIOS>"
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{
		"renamed":                         {hardware("a", uuid, "Physical"), hardware("b", uuid, "Physical"), true},
		"UUID in other case":              {hardware("a", uuid, "VMware"), hardware("a", strings.ToLower(uuid), "VMware"), true},
		"UUID in other byte order":        {hardware("a", uuid, "VMware"), hardware("a", "44454C4C-4200-1048-8051-B3C04F564231", "VMware"), true},
		"container in other byte order":   {hardware("a", uuid, "lxc"), hardware("a", "44454C4C-4200-1048-8051-B3C04F564231", "lxc"), true},
		"vendor's in other byte order":    {hardware("a", "00020003-0004-0005-0006-000700080009", "Physical"), hardware("b", vendor, "Physical"), false},
		"hypervisor found on a later run": {hardware("a", uuid, "Physical"), hardware("a", uuid, "QEMU"), true},
		"same name, other hardware":       {hardware("a", uuid, "Physical"), hardware("a", other, "Physical"), false},
		"two containers of one host":      {hardware("a", uuid, "podman"), hardware("b", uuid, "podman"), false},
		"container and its host":          {hardware("a", uuid, "lxc"), hardware("a", uuid, "Physical"), false},
		"UUID that many boards have":      {hardware("a", vendor, "Physical"), hardware("b", vendor, "Physical"), false},
		"UUID of zeros":                   {hardware("a", zero, "Physical"), hardware("b", zero, "Physical"), false},
		"UUID that is none":               {hardware("a", "Not Settable", "Physical"), hardware("b", "Not Settable", "Physical"), false},
		"no UUID":                         {hardware("a", "", "Physical"), hardware("A", "", "Physical"), true},
		"no UUID, other name":             {hardware("a", "", "Physical"), hardware("b", "", "Physical"), false},
		"no UUID, other serial":           {hardware("a", "", "Physical"), hardware("a", "", "Physical") + serial, false},
	} {
		a, b := mustRead(t, inventory(c.a)), mustRead(t, inventory(c.b))
		if (*a.ResourceArn == *b.ResourceArn) != c.same {
			t.Errorf("%s: %s and %s", name, *a.ResourceArn, *b.ResourceArn)
		}
	}
}

// TestIdentityIgnoresDeviceID: the standalone programs make a new DEVICEID
// every time they run.
func TestIdentityIgnoresDeviceID(t *testing.T) {
	first := inventory(named)
	later := strings.Replace(first, "2026-01-01-00-00-00", "2026-01-02-00-00-00", 1)
	if a, b := mustRead(t, first), mustRead(t, later); *a.ResourceArn != *b.ResourceArn {
		t.Errorf("two runs on one machine: %s and %s", *a.ResourceArn, *b.ResourceArn)
	}
}

func TestFacts(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		sections string
		want     api.Resource // what is not identity, status and name
	}{
		"Windows": {
			named + "<OPERATINGSYSTEM><FULL_NAME>Microsoft Windows Server 2022 Datacenter</FULL_NAME><NAME>Windows</NAME><KERNEL_NAME>MSWin32</KERNEL_NAME><VERSION>21H2</VERSION></OPERATINGSYSTEM>",
			api.Resource{Platform: text("Microsoft Windows Server 2022 Datacenter"), PlatformType: text("Windows"), PlatformVersion: text("21H2"), Virtual: &no},
		},
		"kernel not named": {
			"<HARDWARE><NAME>web1</NAME><OSNAME>Red Hat Enterprise Linux 9</OSNAME></HARDWARE>",
			api.Resource{Platform: text("Red Hat Enterprise Linux 9"), PlatformType: text("Linux"), Virtual: &no},
		},
		"no known family": {named + kernel("hpux"), api.Resource{Virtual: &no}},
		"virtual":         {hardware("web1", "", "Hyper-V"), api.Resource{Virtual: &yes}},
		"virtual or not":  {hardware("web1", "", "unknown"), api.Resource{}},
		"empty VMSYSTEM":  {hardware("web1", "", ""), api.Resource{}},
		"programs": {
			named + "<SOFTWARES><NAME>b</NAME></SOFTWARES><SOFTWARES><NAME> a </NAME><VERSION>2</VERSION></SOFTWARES><SOFTWARES><NAME>a</NAME><VERSION>10</VERSION></SOFTWARES><SOFTWARES><NAME>a</NAME><VERSION>2</VERSION></SOFTWARES>",
			api.Resource{Virtual: &no, Applications: []api.Application{{Name: text("a"), Version: text("10")}, {Name: text("a"), Version: text("2")}, {Name: text("b")}}},
		},
		"long program": {
			named + "<SOFTWARES><NAME>" + strings.Repeat("é", 300) + "</NAME></SOFTWARES>",
			api.Resource{Virtual: &no, Applications: []api.Application{{Name: text(strings.Repeat("é", 256))}}},
		},
	} {
		got := mustRead(t, inventory(c.sections))
		got.ResourceArn, got.ResourceType, got.Status, got.Name = nil, nil, nil, nil
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func text(s string) *string { return &s }
