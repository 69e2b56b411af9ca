package product_test

import (
	"strings"
	"testing"

	"reeve/internal/product"
)

func TestFind(t *testing.T) {
	table := product.BuiltIn()
	for name, want := range map[string]string{
		"SQL Server 2019 Enterprise Edition: Core-based Licensing":          "Microsoft SQL Server|2019|Enterprise Core",
		"Microsoft SQL Server 2019 Enterprise Edition: Core-based (64-bit)": "Microsoft SQL Server|2019|Enterprise",
		"Microsoft SQL Server 2022 (64-bit)":                                "Microsoft SQL Server|2022|",
		"Microsoft SQL Server 2008 R2 (64-bit)":                             "Microsoft SQL Server|2008 R2|",
		"Microsoft® SQL Server™ 2017 Standard Edition":                      "Microsoft SQL Server|2017|Standard",
		"SQL Server 2019 Express":                                           "Microsoft SQL Server|2019|Express",
		"Microsoft SQL Server 2012 Native Client":                           "",
		"Microsoft SQL Server 2019 Setup (English)":                         "",
		"Microsoft SQL Server Management Studio - 18.9.1":                   "",
		"Microsoft Windows Server 2022 Datacenter":                          "Microsoft Windows Server|2022|Datacenter",
		"Windows Server 2012 R2 Standard":                                   "Microsoft Windows Server|2012 R2|Standard",
		"Oracle Database 19c Enterprise Edition":                            "Oracle Database|19c|Enterprise",
		"Oracle Database 12c Standard Edition 2":                            "Oracle Database|12c|Standard 2",
		"Oracle Database 11g Express Edition":                               "Oracle Database|11g|Express",
		"Oracle Database Client 19c":                                        "",
		"Java SE Development Kit 8 Update 202 (64-bit)|Oracle Corporation":  "Oracle Java SE|8|",
		"Java SE Development Kit 17|Azul":                                   "",
		"IBM DB2 Enterprise Server Edition 11.5":                            "IBM Db2|11.5|Enterprise Server",
		"WebSphere MQ 8.0":                                                  "IBM MQ|8.0|",
		"IBM WebSphere Application Server Network Deployment V9.0":          "IBM WebSphere Application Server|9.0|Network Deployment",
		"Red Hat Enterprise Linux 9.3 (Plow)":                               "Red Hat Enterprise Linux|9.3|",
		"SUSE Linux Enterprise Server for SAP Applications 15 SP5":          "SUSE Linux Enterprise Server|15|for SAP Applications",
		"SAP HANA Client":                                                   "",
		"Sapling":                                                           "",
		"":                                                                  "",
	} {
		name, publisher, _ := strings.Cut(name, "|")
		for range 2 { // the second answer is remembered
			p, ok := table.Find(name, publisher)
			got := ""
			if ok {
				got = p.Name + "|" + p.Version + "|" + p.Edition
			}
			if got != want {
				t.Errorf("%q is %q, want %q", name, got, want)
			}
		}
	}
}

func TestAFileComesFirst(t *testing.T) {
	table, err := product.Read(strings.NewReader("# ours\n\nmicrosoft sql server\t64 bit\t\tOur Database\tUs\t*\tBig\nacme cad\t!viewer\tacme\tACME CAD\tACME\t7\t\n"), "ours")
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := table.Find("Microsoft SQL Server 2022 (64-bit)", ""); p.Name != "Our Database" || p.Version != "2022" || p.Edition != "Big" {
		t.Errorf("the file does not decide: %+v", p)
	}
	if p, ok := table.Find("ACME CAD 7.1", "ACME Inc."); !ok || p.Version != "7" {
		t.Errorf("ACME CAD is %+v", p)
	}
	for _, other := range []string{"ACME CAD Viewer", "ACME CADENCE"} {
		if p, ok := table.Find(other, "ACME"); ok {
			t.Errorf("%s is %+v", other, p)
		}
	}
	if _, ok := table.Find("Oracle Database 19c Enterprise Edition", ""); !ok {
		t.Error("the table of the tree is gone")
	}
}

func TestAWrongFileIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"# fine\nonly\ttwo":   "line 2: it has 2 columns",
		"\t\t\tP\tQ\t\t":      "line 1: the first column is empty",
		"a\t\t\t\tQ\t\t":      "the product or its publisher is empty",
		"a\tx,,y\t\tP\tQ\t\t": "a word of the second column is empty",
		"a\t!\t\tP\tQ\t\t":    "a word of the second column is empty",
		"a\t" + strings.Repeat("x,", 20) + "x\t\tP\tQ\t\t": "more than 16 words",
		"a\xff\t\t\tP\tQ\t\t":                              "not valid UTF-8",
		strings.Repeat("x", 4000):                          "longer than",
	} {
		if _, err := product.Read(strings.NewReader(text), "ours.tsv"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "ours.tsv") {
			t.Errorf("%.40q: got %v, want %q", text, err, want)
		}
	}
	if _, err := product.Load("/does/not/exist"); err == nil {
		t.Error("a file that is not there was taken")
	}
}

// FuzzRead: whatever a file says, reading it ends, and what it finds is from
// one of its lines.
func FuzzRead(f *testing.F) {
	f.Add("a\tb,!c\td\tP\tQ\t*\tE\n", "A b 12", "D")
	f.Add("# x\n\n", "Microsoft SQL Server 2022 (64-bit)", "")
	f.Fuzz(func(t *testing.T, text, name, publisher string) {
		table, err := product.Read(strings.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		p, ok := table.Find(name, publisher)
		again, okAgain := table.Find(name, publisher)
		if p != again || ok != okAgain {
			t.Errorf("%q is %+v, then %+v", name, p, again)
		}
		if ok && (p.Name == "" || p.Publisher == "") {
			t.Errorf("%q is %+v", name, p)
		}
	})
}
