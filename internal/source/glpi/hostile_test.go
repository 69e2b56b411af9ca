package glpi_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/source/glpi"
	"reeve/internal/source/record"
)

func TestRefused(t *testing.T) {
	manyPrograms := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("<SOFTWARES><NAME>p" + strings.Repeat("x", i%200) + "</NAME><VERSION>" + strings.Repeat("1", i/200) + "</VERSION></SOFTWARES>")
		}
		return b.String()
	}
	for name, c := range map[string]struct{ input, want string }{
		"empty":           {"", "line 1: there is no inventory in it"},
		"no XML":          {"resource_arn\na", "line 2: there is no inventory in it"},
		"another root":    {"<inventory/>", "line 1: expected an agent's inventory, which begins with <REQUEST>, found <inventory>"},
		"another message": {"<REQUEST><DEVICEID>x</DEVICEID><QUERY>PROLOG</QUERY></REQUEST>", `line 1: the agent's message is of kind "PROLOG"; only INVENTORY describes a machine`},
		"cut off":         {"<REQUEST>\n<CONTENT>\n<HARDWARE><NAME>x", "line 3: the inventory ends before </REQUEST>; it was cut off"},
		"cut off between": {"<REQUEST>\n<CONTENT>\n", "line 3: the inventory ends before </REQUEST>; it was cut off"},
		"broken":          {"<REQUEST>\n<CONTENT></REQUEST>", "line 2: not XML: element <CONTENT> closed by </REQUEST>"},
		"two machines":    {inventory(named) + strings.TrimPrefix(inventory(named), "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>"), "line 4: there is more after </REQUEST>; give each machine a file of its own"},
		"merged machines": {inventory(named, named), "line 3: the inventory has HARDWARE twice, so it is of more than one machine"},
		"no name":         {inventory(kernel("linux")), "bad line 2: the inventory does not tell which machine it is of"},
		"no own name":     {inventory(hardware("localhost.localdomain", "", "Physical")), "bad line 2: the inventory does not tell which machine it is of"},
		"programs":        {inventory(named, manyPrograms(5001)), "bad line 2: the machine has 5001 programs, and 5000 at most can be kept"},
		"long name":       {inventory(hardware(strings.Repeat("n", 1025), "", "Physical")), "bad line 2: Name is 'nnn"},
		"DOCTYPE":         {"<!DOCTYPE lolz [<!ENTITY lol \"lol\">]>\n" + inventory(named), "line 1: the document has a DOCTYPE"},
		"external entity": {"<!DOCTYPE r SYSTEM \"file:///etc/passwd\">" + inventory(named), "line 1: the document has a DOCTYPE"},
		"DOCTYPE inside":  {"<REQUEST>\n<!DOCTYPE x>", "line 2: the document has a DOCTYPE"},
		"entity":          {inventory("<HARDWARE><NAME>&lol;</NAME></HARDWARE>"), "line 2: not XML: invalid character entity &lol;"},
		"deep":            {strings.Repeat("<REQUEST>", 40), "line 1: elements are nested more than 32 deep"},
		"invalid UTF-8":   {inventory("<HARDWARE><NAME>\xff</NAME></HARDWARE>"), "line 2: not XML: invalid UTF-8"},
		"encoding":        {"<?xml version=\"1.0\" encoding=\"UTF-7\"?><REQUEST/>", `line 1: the encoding "UTF-7" is not supported; UTF-8, ISO-8859-1 and windows-1252 are`},
	} {
		r, err := read(c.input)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || r != nil {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
}

func TestEncodings(t *testing.T) {
	for encoding, name := range map[string]string{
		"UTF-8":        "B\u00fcro \u20ac",
		"ISO-8859-1":   "B\xfcro \x80",
		"windows-1252": "B\xfcro \x80",
		"us-ascii":     "B&#xfc;ro &#8364;",
	} {
		r := mustRead(t, `<?xml version="1.0" encoding="`+encoding+`"?><REQUEST><CONTENT><HARDWARE><NAME>`+name+"</NAME></HARDWARE></CONTENT></REQUEST>")
		if *r.Name != "Büro €" {
			t.Errorf("%s: name %q", encoding, *r.Name)
		}
	}
}

func TestOwnerIsNeeded(t *testing.T) {
	for _, missing := range []glpi.Owner{{Region: "eu-west-1"}, {Account: "111122223333"}} {
		if err := glpi.Read(strings.NewReader(inventory(named)), missing, record.Sink{}); err == nil {
			t.Errorf("an inventory of %+v was read", missing)
		}
	}
}

// repeated is a text again and again without end.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

func TestSizeIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 64 MiB of XML, which takes seconds")
	}
	section := "<ENVS><VAL>" + strings.Repeat("v", 8192) + "</VAL></ENVS>\n"
	endless := io.MultiReader(strings.NewReader("<REQUEST><CONTENT>"), &repeated{text: section})
	err := glpi.Read(endless, owner, record.Sink{})
	if err == nil || !strings.HasSuffix(err.Error(), "the inventory is larger than 64 MiB") {
		t.Errorf("an inventory without end: error %v", err)
	}
}

// FuzzGLPI: whatever the input, there is at most one machine, and it is one
// that PutResources would take.
func FuzzGLPI(f *testing.F) {
	sample, err := os.ReadFile("testdata/server.xml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sample))
	f.Add(inventory(hardware("a", "4C4C4544-0042-4810-8051-B3C04F564231", "lxc"), "<CPUS><CORE>2</CORE><THREAD>2</THREAD></CPUS>", kernel("MSWin32")))
	f.Add(`<?xml version="1.0" encoding="ISO-8859-1"?><REQUEST><CONTENT>` + "<HARDWARE><NAME>B\xfcro</NAME></HARDWARE></CONTENT></REQUEST>")
	f.Add(`<!DOCTYPE x [<!ENTITY a "b">]><REQUEST>&a;</REQUEST>`)
	f.Add(inventory(named, "<CPUS><CORE>16</CORE><THREAD>1.5</THREAD></CPUS>", "<SOFTWARES><NAME>a</NAME></SOFTWARES>"))
	f.Fuzz(func(t *testing.T, input string) {
		machines := 0
		glpi.Read(strings.NewReader(input), owner, record.Sink{
			Put: func(line int, r api.Resource) error {
				machines++
				if err := record.Check(&r); err != nil {
					t.Fatal(err)
				}
				return nil
			},
			Bad: func(int, string) error { machines++; return nil },
		})
		if machines > 1 {
			t.Fatalf("%d machines in one inventory", machines)
		}
	})
}
