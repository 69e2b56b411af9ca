package agent_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/licensetest"
	"reeve/internal/source"
	format "reeve/internal/source/glpi"
)

const (
	instance = "i-0123456789abcdef0"
	ec2UUID  = "EC2E1916-9099-7CAF-FD21-012345ABCDEF"
	labelled = "<BIOS><SMANUFACTURER>Amazon EC2</SMANUFACTURER><ASSETTAG>Amazon EC2</ASSETTAG></BIOS><ACCOUNTINFO><KEYNAME>TAG</KEYNAME><KEYVALUE>" + instance + "</KEYVALUE></ACCOUNTINFO>"
)

var instanceARN = "arn:aws:ec2:" + licensetest.Region + ":" + account + ":instance/" + instance

// cloud is a server whose account has a configuration that discovers Oracle.
type cloud struct {
	*server
	t             *testing.T
	configuration string
}

func startCloud(t *testing.T, terms license.Terms) *cloud {
	t.Helper()
	c := &cloud{server: start(t, licensetest.Options{}), t: t}
	terms.Name = "Oracle"
	var err error
	c.configuration, err = c.Manager.CreateConfiguration(t.Context(), c.Caller(account), license.ConfigurationSpec{Terms: terms})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func discovering(kind license.CountingType) license.Terms {
	return license.Terms{CountingType: kind, Products: []license.ProductInformation{{ResourceType: "SSM_MANAGED",
		Filters: []license.ProductFilter{{Name: "Application Name", Comparator: "EQUALS", Values: []string{"oracle-ee"}}}}}}
}

// agent sends a report of the machine.
func (c *cloud) agent(sections ...string) {
	c.t.Helper()
	if got := c.send(c.t, c.path(), "application/xml", xmlReport("db1", ec2UUID, sections...)); got.status != http.StatusOK {
		c.t.Fatalf("answered %d %s", got.status, got.text)
	}
}

// pull is what AWS says of the instance.
func (c *cloud) pull(status string) {
	c.t.Helper()
	platform, vcpus, tenancy := "Linux/UNIX", int64(8), "default"
	_, err := c.Manager.PutResources(c.t.Context(), c.Caller(account), license.Put{Reports: []license.Report{
		{ARN: instanceARN, Status: &status, Platform: &platform, VCPUs: &vcpus, Tenancy: &tenancy}}})
	if err != nil {
		c.t.Fatal(err)
	}
}

// imports is a report of the machine by somebody else, in the agent's form.
func (c *cloud) imports() {
	c.t.Helper()
	m, err := format.Parse(xmlReport("db1", ec2UUID, linux, oracle))
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := m.Resource(format.Owner{Region: licensetest.Region, Account: account})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.Manager.PutResources(c.t.Context(), c.Caller(account), license.Put{Reports: []license.Report{source.Report(&r)}}); err != nil {
		c.t.Fatal(err)
	}
}

// uses checks what each resource consumes, by the beginning of its ID.
func (c *cloud) uses(want map[string]int64) {
	c.t.Helper()
	page, err := c.Manager.ListUsage(c.t.Context(), c.Caller(account), c.configuration, license.UsageFilter{}, nil, 100)
	if err != nil {
		c.t.Fatal(err)
	}
	got := map[string]int64{}
	for _, u := range page.Usage {
		got[u.ResourceARN[strings.LastIndexByte(u.ResourceARN, '/')+1:][:2]] = u.Consumed
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("usage (-want +got)\n%s", diff)
	}
	reports, _, err := c.Manager.Verify(c.t.Context(), license.Caller{Root: true}, 0, 10)
	if err != nil || len(reports) != 1 || reports[0].Fault != "" {
		c.t.Errorf("verified: %+v, error %v", reports, err)
	}
}

// newest is the newest revision of the configuration.
func (c *cloud) newest() (r *license.Revision) {
	c.t.Helper()
	known, err := c.Manager.Configuration(c.t.Context(), c.Caller(account), c.configuration)
	if err == nil {
		err = c.Store.View(c.t.Context(), func(tx license.Tx) (err error) {
			r, err = tx.Revision(known.Num, known.Head)
			return err
		})
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *cloud) inventory(want ...string) {
	c.t.Helper()
	var got []string
	for _, m := range c.machines(c.t) {
		got = append(got, m.ARN[strings.LastIndexByte(m.ARN, '/')+1:][:2])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("inventory (-want +got)\n%s", diff)
	}
}

// TestAnInstanceIsCountedOnce: what an agent on an EC2 instance says goes to
// that, whichever of the two came first.
func TestAnInstanceIsCountedOnce(t *testing.T) {
	for name, first := range map[string]func(*cloud){
		"AWS first": func(c *cloud) { c.pull("running"); c.agent(linux, oracle, labelled) },
		"agent first": func(c *cloud) {
			c.agent(linux, oracle, labelled)
			c.uses(map[string]int64{"mi": 4})
			c.pull("running")
			c.uses(map[string]int64{"mi": 4}) // until it reports again
			c.agent(linux, oracle, labelled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := startCloud(t, discovering(license.VCPU))
			first(c)
			c.uses(map[string]int64{"i-": 8})
			c.inventory("i-")
			c.agent(linux, oracle) // an inventory of a part says less
			c.inventory("i-")
			c.imports()
			c.inventory("i-")
			c.agent(linux, oracle, labelled)
			c.pull("running")
			c.uses(map[string]int64{"i-": 8})
			c.inventory("i-")
			got := c.machines(t)[0].Facts
			want := license.Facts{Status: "running", Platform: "Linux/UNIX", VCPUs: 8, Tenancy: license.TenancyDefault,
				System: "Debian GNU/Linux 12", SystemVersion: "12", Software: 1}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the instance (-want +got)\n%s", diff)
			}
			c.pull("terminated")
			c.uses(map[string]int64{})
			c.agent(linux, oracle, labelled)
			c.uses(map[string]int64{"mi": 4}) // not known to the cloud, so it is as before
		})
	}
}

// TestTheMoveKeepsAHardLimit: the last licence moves along, in one revision
// that names the agent's report.
func TestTheMoveKeepsAHardLimit(t *testing.T) {
	one := int64(1)
	terms := discovering(license.Instance)
	terms.Count, terms.HardLimit = &one, true
	c := startCloud(t, terms)
	c.agent(linux, oracle, labelled)
	c.pull("running")
	c.uses(map[string]int64{"mi": 1})
	before := c.newest()
	c.agent(linux, oracle, labelled)
	c.uses(map[string]int64{"i-": 1})
	after := c.newest()
	if after.Number != before.Number+1 || after.Cause != "AgentReport" || after.Counters.Consumed != 1 {
		t.Errorf("the move made of revision %d revision %d, with cause %s and %d consumed", before.Number, after.Number, after.Cause, after.Counters.Consumed)
	}
	failed, _, err := c.Manager.ListFailures(t.Context(), c.Caller(account), c.configuration, license.Key{}, 10)
	if err != nil || len(failed) != 0 {
		t.Errorf("failures are %v, error %v", failed, err)
	}
}

// TestTheMoveKeepsWhatPeopleDecided: what somebody associated stays, and what
// somebody excluded.
func TestTheMoveKeepsWhatPeopleDecided(t *testing.T) {
	c := startCloud(t, license.Terms{CountingType: license.VCPU})
	excluding := startCloud(t, discovering(license.VCPU))
	who := c.Caller(account)
	c.agent(linux, labelled)
	if err := c.Manager.UpdateSpecifications(t.Context(), who, c.machines(t)[0].ARN, []license.Specification{{ConfigurationARN: c.configuration}}, nil); err != nil {
		t.Fatal(err)
	}
	excluding.agent(linux, oracle, labelled)
	spec := license.ExclusionSpec{Reason: "Developer Edition", Owner: "ann"}
	if _, err := excluding.Manager.ExcludeResource(t.Context(), who, excluding.configuration, excluding.machines(t)[0].ARN, spec); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*cloud{c, excluding} {
		x.pull("running")
		x.agent(linux, oracle, labelled)
		x.inventory("i-")
	}
	c.uses(map[string]int64{"i-": 8})
	excluding.uses(map[string]int64{})
	list, _, err := excluding.Manager.ListExclusions(t.Context(), who, excluding.configuration, false, nil, 10)
	if err != nil || len(list) != 2 || list[1].ResourceARN != instanceARN && list[0].ResourceARN != instanceARN {
		t.Errorf("exclusions are %v, error %v", list, err)
	}
}

// TestTwoAgentsOfOneInstance: two machines that claim to be one instance are
// told apart by nobody; the instance has what was said last.
func TestTwoAgentsOfOneInstance(t *testing.T) {
	c := startCloud(t, discovering(license.VCPU))
	c.pull("running")
	c.agent(linux, oracle, labelled)
	if got := c.send(t, c.path(), "application/xml", xmlReport("copy", uuid, linux, labelled)); got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.text)
	}
	c.inventory("i-")
	c.uses(map[string]int64{"i-": 8}) // no software at all is not believed
}
