package glpi_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/source/glpi"
	"reeve/internal/source/record"
)

// parse returns the machine of a message.
func parse(t *testing.T, body string) (*glpi.Message, *api.Resource) {
	t.Helper()
	m, err := glpi.Parse([]byte(body))
	if err != nil {
		t.Fatalf("parse: %v\n%s", err, body)
	}
	r, err := m.Resource(owner)
	if err != nil {
		t.Fatalf("machine: %v\n%s", err, body)
	}
	return m, &r
}

func TestMessages(t *testing.T) {
	for body, want := range map[string]glpi.Message{
		`<REQUEST><DEVICEID>a-1</DEVICEID><QUERY>PROLOG</QUERY></REQUEST>`:          {Kind: glpi.Prolog, Device: "a-1"},
		`<REQUEST><QUERY>NETDISCOVERY</QUERY></REQUEST>`:                            {Kind: "NETDISCOVERY"},
		`{"action":"contact","deviceid":"a-1","installed-tasks":["x",{"y":1}]}`:     {Kind: glpi.Contact, Device: "a-1", JSON: true},
		`{"deviceid":"a-1","content":{}}`:                                           {Kind: glpi.Inventory, Device: "a-1", JSON: true},
		"\xef\xbb\xbf {\"action\":\"inventory\",\"partial\":true,\"content\":null}": {Kind: glpi.Inventory, JSON: true, Partial: true},
	} {
		m, err := glpi.Parse([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		got := glpi.Message{Kind: m.Kind, Device: m.Device, JSON: m.JSON, Partial: m.Partial}
		if got != want {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
}

// TestJSONSaysWhatXMLSays: the two languages of one agent name one machine.
func TestJSONSaysWhatXMLSays(t *testing.T) {
	_, fromXML := parse(t, `<REQUEST><CONTENT>
		<HARDWARE><NAME>db1</NAME><UUID>4C4C4544-0042-4810-8051-B3C04F564231</UUID><VMSYSTEM>VMware</VMSYSTEM></HARDWARE>
		<BIOS><SSN>7</SSN></BIOS><CPUS><CORE>2</CORE><THREAD>4</THREAD></CPUS>
		<OPERATINGSYSTEM><FULL_NAME>Debian &amp; co</FULL_NAME><KERNEL_NAME>linux</KERNEL_NAME><VERSION>12</VERSION></OPERATINGSYSTEM>
		<SOFTWARES><NAME>b</NAME><VERSION>1</VERSION></SOFTWARES><SOFTWARES><NAME>a</NAME><PUBLISHER>P</PUBLISHER></SOFTWARES>
		</CONTENT></REQUEST>`)
	_, fromJSON := parse(t, `{"action":"inventory","itemtype":"Computer","deviceid":"x","content":{
		"hardware":{"name":"db1","uuid":"4C4C4544-0042-4810-8051-B3C04F564231","vmsystem":"VMware","memory":{"deep":[1]}},
		"bios":{"ssn":"7"},"cpus":[{"core":2,"thread":4}],"networks":[{"x":[[]]}],
		"operatingsystem":{"full_name":"Debian & co","kernel_name":"linux","version":12},
		"softwares":[{"name":"b","version":"1","publisher":null},{"name":"a","publisher":"P"},{"name":"a","publisher":"P"},"stray"]}}`)
	if diff := cmp.Diff(fromXML, fromJSON); diff != "" {
		t.Errorf("(-XML +JSON)\n%s", diff)
	}
}

// TestPartialInventory: what it leaves out is not known to be otherwise.
func TestPartialInventory(t *testing.T) {
	_, got := parse(t, `{"action":"inventory","partial":true,"content":{"hardware":{"name":"db1"},"softwares":[{"name":"b"}]}}`)
	if got.Virtual != nil || got.VCpus != nil || len(got.Applications) != 1 {
		t.Errorf("a partial inventory says %+v", got)
	}
}

func TestJSONRefused(t *testing.T) {
	for body, want := range map[string]string{
		`{`:                                   "the message ends before its last brace; it was cut off",
		`{"content":{"softwares":[{"name":`:   "the message ends before its last brace; it was cut off",
		`{"content":{"hardware":{}}} {}`:      "there is more behind",
		`{"content":{"hardware":[{},{}]}}`:    "the inventory has HARDWARE twice",
		`{"itemtype":"Printer","content":{}}`: `the inventory is of a "Printer"`,
		`{"a":1,"a":2}`:                       "not JSON: ",
		"{\"a\":\"\xff\"}":                    "not JSON: ",
		`{"a":` + strings.Repeat("[", 20_000): "not JSON: ",
	} {
		if _, err := glpi.Parse([]byte(body)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", body, err, want)
		}
	}
}

// TestOCS: OCS Inventory describes processors and the system its own way.
func TestOCS(t *testing.T) {
	cpu := "<CPUS><CORES>8</CORES><LOGICAL_CPUS>16</LOGICAL_CPUS><THREADS>16</THREADS><NBSOCKET>2</NBSOCKET></CPUS>"
	_, got := parse(t, inventory("<HARDWARE><NAME>db1</NAME><OSNAME>Debian GNU/Linux 12</OSNAME><OSVERSION>12</OSVERSION><VMSYSTEM>Physical</VMSYSTEM></HARDWARE>", cpu, cpu))
	virtual := false
	want := api.Resource{
		Name: text("db1"), Platform: text("Debian GNU/Linux 12"), PlatformType: text("Linux"), PlatformVersion: text("12"), Virtual: &virtual,
		Sockets: number(2), Cores: number(16), ThreadsPerCore: number(2), VCpus: number(32),
	}
	got.ResourceArn, got.ResourceType, got.Status = nil, nil, nil
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	const windows = "<HARDWARE><NAME>w</NAME><OSNAME>Microsoft Windows Server 2022 Standard</OSNAME></HARDWARE>"
	_, got = parse(t, inventory(windows, "<CPUS><CORES>2</CORES><LOGICAL_CPUS>2</LOGICAL_CPUS></CPUS>"))
	if value(got.VCpus) != 2 || value(got.Cores) != 2 {
		t.Errorf("two cores with a thread each are %d cores and %d vCPUs", value(got.Cores), value(got.VCpus))
	}
}

func number(n int64) *int64 { return &n }

// TestGuests: a guest is known to its host by the UUID that its own agent
// reports.
func TestGuests(t *testing.T) {
	const uuid = "4C4C4544-0042-4810-8051-B3C04F564231"
	guest := func(kind, status, uuid string) string {
		return "<VIRTUALMACHINES><NAME>g</NAME><UUID>" + uuid + "</UUID><STATUS>" + status + "</STATUS><VMTYPE>" + kind + "</VMTYPE><SUBSYSTEM>kvm</SUBSYSTEM></VIRTUALMACHINES>"
	}
	_, inside := parse(t, inventory(hardware("g", uuid, "KVM")))
	for name, c := range map[string]struct {
		section string
		known   bool
	}{
		"KVM":             {guest("kvm", "running", strings.ToLower(uuid)), true},
		"libvirt":         {guest("libvirt", "idle", uuid), true},
		"off":             {guest("kvm", "off", uuid), false},
		"state not told":  {guest("kvm", "", uuid), false},
		"container":       {guest("lxc", "running", uuid), false},
		"no UUID":         {guest("kvm", "running", ""), false},
		"the host itself": {guest("kvm", "running", "00000000-1111-2222-3333-444444444444"), false},
		"twice":           {guest("kvm", "running", uuid) + guest("libvirt", "running", uuid), true},
	} {
		m, _ := parse(t, inventory(hardware("h", "00000000-1111-2222-3333-444444444444", "Physical"), c.section))
		var want []string
		if c.known {
			want = []string{*inside.ResourceArn}
		}
		if diff := cmp.Diff(want, m.Guests(owner)); diff != "" {
			t.Errorf("%s: guests (-want +got)\n%s", name, diff)
		}
	}
}

// TestInstance: which EC2 instance a machine is shows where somebody put its ID,
// and only on EC2.
func TestInstance(t *testing.T) {
	const id, nitro = "i-0123456789abcdef0", "<SMANUFACTURER>Amazon EC2</SMANUFACTURER>"
	bios := func(inside string) string { return "<BIOS>" + inside + "</BIOS>" }
	tag := func(value string) string {
		return "<ACCOUNTINFO><KEYNAME>TAG</KEYNAME><KEYVALUE>" + value + "</KEYVALUE></ACCOUNTINFO>"
	}
	for name, c := range map[string]struct{ sections, want string }{
		"asset tag":                   {named + bios(nitro+"<ASSETTAG>"+id+"</ASSETTAG>"), id},
		"agent's tag":                 {named + bios(nitro) + tag(id), id},
		"resource name":               {"<HARDWARE><NAME>" + id + ".eu-central-1.compute.internal</NAME></HARDWARE>" + bios(nitro), id},
		"domain name":                 {named + bios(nitro) + "<OPERATINGSYSTEM><FQDN>" + id + ".ec2.internal</FQDN></OPERATINGSYSTEM>", id},
		"Xen":                         {named + bios("<BMANUFACTURER>Xen</BMANUFACTURER><BVERSION>4.11.amazon</BVERSION>") + tag("i-01234567"), "i-01234567"},
		"Xen by UUID":                 {hardware("a", "EC2E1916-9099-7CAF-FD21-012345ABCDEF", "Xen") + tag(id), id},
		"Xen by UUID, other order":    {hardware("a", "45E12AEC-DCD1-B213-94ED-012345ABCDEF", "Xen") + tag(id), id},
		"Nitro as agents report it":   {named + bios(nitro+"<ASSETTAG>Amazon EC2</ASSETTAG>"), ""},
		"elsewhere":                   {named + bios("<SMANUFACTURER>Dell Inc.</SMANUFACTURER><ASSETTAG>"+id+"</ASSETTAG>") + tag(id), ""},
		"another label":               {named + bios(nitro) + "<ACCOUNTINFO><KEYNAME>OWNER</KEYNAME><KEYVALUE>" + id + "</KEYVALUE></ACCOUNTINFO>", ""},
		"an ID of another length":     {named + bios(nitro) + tag("i-0123456789"), ""},
		"an ID with more behind it":   {named + bios(nitro) + tag(id+" db"), ""},
		"tag in the language of GLPI": {"", id},
	} {
		body := inventory(c.sections)
		if c.sections == "" {
			body = `{"action":"inventory","tag":"` + id + `","content":{"hardware":{"name":"db1"},"bios":{"smanufacturer":"Amazon EC2"}}}`
		}
		if m, _ := parse(t, body); m.Instance() != c.want {
			t.Errorf("%s: %q, want %q", name, m.Instance(), c.want)
		}
	}
}

func TestTextOfAnElement(t *testing.T) {
	for inside, want := range map[string]string{
		"plain": "plain", "": "", "a&amp;&lt;b&gt;&quot;&apos;": `a&<b>"'`, "&#65;&#x1F600;": "A😀", "<![CDATA[<x>&amp;]]>": "<x>&amp;",
		"a<!-- b -->c": "ac", "a<b>c</b>d": "ad", "a<b/>d": "ad", "a<?pi ?>b": "ab", `a<b c=">" d='"/'/>e`: "ae", "é 東京": "é 東京", " a ": "a",
	} {
		m, err := glpi.Parse([]byte(inventory("<HARDWARE ><NAME x='1'>" + inside + "</NAME\n></HARDWARE>")))
		if err != nil {
			t.Errorf("%s: %v", inside, err)
			continue
		}
		r, err := m.Resource(owner)
		if got := deref(r.Name); err == nil && got != want || err != nil && want != "" {
			t.Errorf("%s: %q, error %v, want %q", inside, got, err, want)
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestNoXML(t *testing.T) {
	for _, doc := range []string{
		"<", "<R", "<REQUEST", "</REQUEST>", "<>", "< REQUEST>", "<REQUEST><CONTENT>", "<REQUEST>&", "<REQUEST>&a", "<REQUEST>&amp", "<REQUEST>&#0;</REQUEST>",
		"<REQUEST>\x00</REQUEST>", "<REQUEST><!-- </REQUEST>", "<REQUEST><![CDATA[ </REQUEST>", "<REQUEST><a b='</REQUEST>",
		"<REQUEST><a<b/></REQUEST>", "<REQUEST></REQUEST><REQUEST/>", "<REQUEST><!ENTITY x 'y'></REQUEST>", "<?xml", "<REQUEST></REQ>",
		"<REQUEST><1a/></REQUEST>", "<REQUEST><a=b/></REQUEST>",
	} {
		if m, err := glpi.Parse([]byte(doc)); err == nil {
			t.Errorf("%q was read as %+v", doc, m)
		}
	}
}

// FuzzJSON: whatever the input, a machine is one that PutResources would take.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"action":"inventory","content":{"hardware":{"name":"db1","vmsystem":"KVM"},"cpus":[{"core":2,"thread":4}],"softwares":[{"name":"b"}]}}`))
	f.Add([]byte(`{"action":"inventory","tag":"i-0123456789abcdef0","content":{"hardware":{"name":"db1"},"bios":{"smanufacturer":"Amazon EC2","assettag":"Amazon EC2"}}}`))
	f.Add([]byte(`{"action":"contact","partial":1,"content":{"virtualmachines":[{"uuid":"4C4C4544-0042-4810-8051-B3C04F564231","status":"running","vmtype":"kvm"}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := glpi.Parse(body)
		if err != nil {
			return
		}
		m.Guests(owner)
		if id := m.Instance(); id != "" && len(id) != len("i-")+8 && len(id) != len("i-")+17 {
			t.Errorf("the instance is %q", id)
		}
		if r, err := m.Resource(owner); err == nil {
			if err := record.Check(&r); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// report200 is an inventory with 200 programs, as an agent writes it.
func report200(tb testing.TB) []byte {
	tb.Helper()
	sample, err := os.ReadFile("testdata/server.xml")
	if err != nil {
		tb.Fatal(err)
	}
	var b bytes.Buffer
	for i := range 200 {
		fmt.Fprintf(&b, `    <SOFTWARES>
      <ARCH>amd64</ARCH>
      <COMMENTS>What package number %[1]d of the distribution is for, in a line</COMMENTS>
      <FILESIZE>%[1]d1024</FILESIZE>
      <FROM>deb</FROM>
      <INSTALLDATE>01/02/2026</INSTALLDATE>
      <NAME>package-%[1]d</NAME>
      <PUBLISHER>Debian Maintainers &lt;all@example.org&gt;</PUBLISHER>
      <SYSTEM_CATEGORY>libs</SYSTEM_CATEGORY>
      <VERSION>1.%[1]d-1</VERSION>
    </SOFTWARES>
`, i)
	}
	return bytes.Replace(sample, []byte("</CONTENT>"), append(b.Bytes(), "</CONTENT>"...), 1)
}

func BenchmarkParse(b *testing.B) {
	body := report200(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		m, err := glpi.Parse(body)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Resource(owner); err != nil {
			b.Fatal(err)
		}
	}
}
