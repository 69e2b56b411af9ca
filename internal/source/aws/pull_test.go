package aws_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/licensetest"
	"reeve/internal/source/aws"
)

const (
	instanceARN = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0a"
	machineARN  = "arn:aws:ssm:eu-central-1:111122223333:managed-instance/mi-0123456789abcdef0"
	ordersARN   = "arn:aws:rds:eu-central-1:111122223333:db:orders"
)

var software = []license.Application{{Name: "7-Zip", Version: "24"}, {Name: "SQL Server", Publisher: "Microsoft Corporation", Version: "16.0"}}

// TestReports: each member of each kind of report comes from where AWS has it.
func TestReports(t *testing.T) {
	none := []string{}
	want := []license.Report{
		{ARN: "arn:aws:ec2:eu-central-1:111122223333:dedicated-host/h-0a", Status: new("available"), InstanceType: new("m6i"), Name: new("rack 7"),
			Cores: new(int64(48)), Sockets: new(int64(2)), VCPUs: new(int64(96)), Tags: []license.Tag{{Key: "Name", Value: "rack 7"}}},
		{ARN: "arn:aws:ec2:eu-central-1:444455556666:dedicated-host/h-0b", Status: new("under-assessment"),
			Cores: new(int64(24)), Sockets: new(int64(1)), VCPUs: new(int64(48))},
		{ARN: instanceARN, Status: new("running"), InstanceType: new("m6i.2xlarge"), AMI: new("ami-0a"), Name: new("db 1"),
			Host: new("arn:aws:ec2:eu-central-1:444455556666:dedicated-host/h-0b"), Tenancy: new("host"),
			VCPUs: new(int64(8)), Cores: new(int64(2)), ThreadsPerCore: new(int64(1)), Virtual: new(true),
			Platform: new("Microsoft Windows Server 2022 Datacenter"), PlatformType: new("Windows"), PlatformVersion: new("10.0.20348"),
			UsageOperation: new("RunInstances:0006"), LicenseIncluded: []string{"sql-server-standard", "windows-server-datacenter"}, ProductCodes: []string{"abc"},
			Tags: []license.Tag{{Key: "Name", Value: "db 1"}, {Key: "team"}}, Applications: software},
		{ARN: "arn:aws:ec2:eu-central-1:111122223333:instance/i-0b", Status: new("terminated"), InstanceType: new("t9.unheard"),
			PlatformType: new("Linux"), Name: new(""), ProductCodes: none, Tags: []license.Tag{}},
		{ARN: "arn:aws:ec2:eu-central-1::image/ami-0a", Status: new("available"), Name: new("Windows 2022 SQL"), Platform: new("Windows with SQL Server Standard"),
			PlatformType: new("Windows"), UsageOperation: new("RunInstances:0006"), LicenseIncluded: []string{"sql-server-standard", "windows-server-datacenter"}, ProductCodes: none},
		{ARN: ordersARN, Status: new("available"), Name: new("orders"), InstanceType: new("db.r5.4xlarge.tpc2.mem2x"), EngineEdition: new("oracle-ee"), PlatformVersion: new("19.0"),
			VCPUs: new(int64(16)), Cores: new(int64(4)), ThreadsPerCore: new(int64(1)), LicenseIncluded: none,
			LicensePacks: []string{"data guard", "diagnostic pack sqlt", "ols", "tuning pack sqlt"}, Tags: []license.Tag{{Key: "env", Value: "prod"}}},
		{ARN: "arn:aws:rds:eu-central-1:111122223333:db:shop", Status: new("stopped"), Name: new("shop"), InstanceType: new("db.serverless"), EngineEdition: new("oracle-se2"),
			LicenseIncluded: []string{"oracle-se2"}, LicensePacks: none, Tags: []license.Tag{}},
		{ARN: machineARN, Status: new("ConnectionLost"), Name: new("web1"), Platform: new("Ubuntu"), PlatformType: new("Linux"), PlatformVersion: new("24.04"),
			VCPUs: new(int64(16)), Cores: new(int64(8)), Sockets: new(int64(2)), ThreadsPerCore: new(int64(2)), Tags: []license.Tag{{Key: "site", Value: "fra"}}, Applications: software},
	}
	found, _ := mustPull(t, open(t, start(t, everything).settings()), nil)
	for _, w := range want {
		if diff := cmp.Diff(w, found[w.ARN]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", w.ARN, diff)
		}
		delete(found, w.ARN)
	}
	if len(found) > 0 {
		t.Errorf("also found %v", names(found))
	}
}

// TestReportsAreTaken: the rules accept every report, twice, and the second
// time nothing has changed.
func TestReportsAreTaken(t *testing.T) {
	src, s := open(t, start(t, everything).settings()), licensetest.Start(t, licensetest.Options{})
	var last []byte
	for i := range 2 {
		var sum license.PutResult
		next, err := src.Pull(t.Context(), last, func(reports []license.Report) error {
			result, err := s.Manager.PutResources(t.Context(), s.Caller(licensetest.Root), license.Put{Reports: reports})
			sum.Created, sum.Changed, sum.Unchanged = sum.Created+result.Created, sum.Changed+result.Changed, sum.Unchanged+result.Unchanged
			return err
		})
		if err != nil {
			t.Fatalf("pull: %v", err)
		}
		if i == 1 && (sum.Created > 0 || sum.Changed > 0 || sum.Unchanged != 8) {
			t.Errorf("the second pull gave %+v, want 8 unchanged", sum)
		}
		last = next
	}
}

// TestUnchangedSoftwareIsNotFetched: nothing is asked where no association has
// run since; where one has, one page tells that the capture is the same.
func TestUnchangedSoftwareIsNotFetched(t *testing.T) {
	c := start(t, everything)
	src := open(t, c.settings())
	_, last := mustPull(t, src, nil)
	c.count("ListInventoryEntries")

	found, last := mustPull(t, src, last)
	if n := c.count("ListInventoryEntries"); n != 0 || found[instanceARN].Applications != nil {
		t.Errorf("no association has run, and the inventory was asked %d times, giving %v", n, found[instanceARN].Applications)
	}

	ran := func(form url.Values) (int, string) {
		status, body := machines(form)
		return status, strings.ReplaceAll(body, "1700000000.5", "1700003600.5")
	}
	c.set("DescribeInstanceInformation", ran)
	found, last = mustPull(t, src, last)
	if n := c.count("ListInventoryEntries"); n != 2 || found[machineARN].Applications != nil {
		t.Errorf("two captures are the same, and the inventory was asked %d times, giving %v", n, found[machineARN].Applications)
	}

	c.set("DescribeInstanceInformation", machines) // another moment again
	c.set("ListInventoryEntries", func(form url.Values) (int, string) {
		status, body := inventory(form)
		return status, strings.ReplaceAll(body, "2026-01-01", "2026-01-02")
	})
	found, _ = mustPull(t, src, last)
	if diff := cmp.Diff(software, found[instanceARN].Applications); diff != "" {
		t.Errorf("captured anew (-want +got)\n%s", diff)
	}
}

// TestNoSoftwareIsNoFact: an inventory without entries says nothing, so what
// is known stays.
func TestNoSoftwareIsNoFact(t *testing.T) {
	c := start(t, everything)
	for _, body := range []string{`{"Entries":[]}`, `{"CaptureTime":"2026-01-01T00:00:00Z","Entries":[]}`} {
		c.set("ListInventoryEntries", always(body))
		found, _ := mustPull(t, open(t, c.settings()), nil)
		if got := found[instanceARN].Applications; got != nil {
			t.Errorf("%s: reported %v, want no list at all", body, got)
		}
	}
	c.set("ListInventoryEntries", failing("ssm", "InvalidInstanceId"))
	mustPull(t, open(t, c.settings()), nil)
}

func TestTooMuchSoftwareIsPassedOver(t *testing.T) {
	c := start(t, everything)
	var page strings.Builder
	for i := range 50 {
		fmt.Fprintf(&page, `{"Name":"n%d"},`, i)
	}
	token := 0
	c.set("DescribeInstances", empty["DescribeInstances"])
	c.set("ListInventoryEntries", func(form url.Values) (int, string) {
		if strings.Contains(form.Get(""), "Detailed") {
			return inventory(form)
		}
		token++
		return http.StatusOK, fmt.Sprintf(`{"CaptureTime":"x","NextToken":"%d","Entries":[%s]}`, token, strings.TrimSuffix(page.String(), ","))
	})
	src := open(t, c.settings())
	found, _ := mustPull(t, src, nil)
	failures, all := src.Failures()
	if found[machineARN].Applications != nil || all != 1 || failures[0].Place != machineARN {
		t.Errorf("applications %d, failures %v", len(found[machineARN].Applications), failures)
	}
}

// TestTryingAgain: what passes by itself does not fail a pull.
func TestTryingAgain(t *testing.T) {
	broken := func(url.Values) (int, string) { return 0, "" }
	internal := func(url.Values) (int, string) {
		return http.StatusInternalServerError, failure("rds", "InternalFailure")
	}
	c := start(t, everything)
	slow := failing("ec2", "RequestLimitExceeded")
	c.set("DescribeHosts", after(always(hostsXML), slow, slow, slow))
	c.set("DescribeInstances", after(twoPages, broken, slow))
	c.set("DescribeDBInstances", after(always(databaseXML), internal, failing("rds", "Throttling")))
	c.set("ListInventoryEntries", after(inventory, failing("ssm", "ThrottlingException"), broken))
	if found, _ := mustPull(t, open(t, c.settings()), nil); len(found) != 8 {
		t.Errorf("found %v", names(found))
	}
	if hosts, databases := c.count("DescribeHosts"), c.count("DescribeDBInstances"); hosts != 4 || databases != 3 {
		t.Errorf("%d and %d attempts, want 4 and 3", hosts, databases)
	}
}

// TestThrottled is TestTryingAgain with the pauses that are made in earnest.
func TestThrottled(t *testing.T) {
	c := start(t, everything)
	c.set("DescribeHosts", after(always(hostsXML), failing("ec2", "RequestLimitExceeded")))
	src, err := aws.Open(c.settings())
	if err != nil {
		t.Fatal(err)
	}
	mustPull(t, src, nil)
}

// TestFailures: an error names the account, the region, the call and what to
// do; the other parts are handed over, and nothing is remembered.
func TestFailures(t *testing.T) {
	here := "account 111122223333, region eu-central-1, "
	for name, c := range map[string]struct {
		action string
		answer answer
		want   []string
		found  int
	}{
		"hosts":       {"DescribeHosts", failing("ec2", "UnauthorizedOperation"), []string{here + "ec2 DescribeHosts", "allow ec2:DescribeHosts to"}, 6},
		"instances":   {"DescribeInstances", failing("ec2", "UnauthorizedOperation"), []string{"allow ec2:DescribeInstances to"}, 5},
		"types":       {"DescribeInstanceTypes", failing("ec2", "UnauthorizedOperation"), []string{"allow ec2:DescribeInstanceTypes to"}, 3},
		"databases":   {"DescribeDBInstances", failing("rds", "AccessDenied"), []string{here + "rds DescribeDBInstances: AccessDenied: no", "allow rds:DescribeDBInstances to", "docs/sources-aws.md"}, 6},
		"options":     {"DescribeOptionGroups", failing("rds", "AccessDenied"), []string{"allow rds:DescribeOptionGroups to"}, 6},
		"machines":    {"DescribeInstanceInformation", failing("ssm", "AccessDeniedException"), []string{"allow ssm:DescribeInstanceInformation to"}, 7},
		"inventory":   {"ListInventoryEntries", failing("ssm", "AccessDeniedException"), []string{here + "ssm ListInventoryEntries", "allow ssm:ListInventoryEntries to"}, 7},
		"tags":        {"ListTagsForResource", failing("ssm", "AccessDeniedException"), []string{"allow ssm:ListTagsForResource to"}, 8},
		"throttled":   {"DescribeHosts", failing("ec2", "RequestLimitExceeded"), []string{"lower max_requests_per_second"}, 6},
		"not enabled": {"DescribeHosts", failing("ec2", "OptInRequired"), []string{"enable the region"}, 6},
		"old keys":    {"GetCallerIdentity", failing("sts", "ExpiredToken"), []string{"region eu-central-1, sts GetCallerIdentity", "renew the credentials"}, 0},
		"nobody":      {"GetCallerIdentity", always(`<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>`), []string{"names no account"}, 0},
		"a circle":    {"DescribeDBInstances", always(strings.Replace(databaseXML, "</DBInstances>", "</DBInstances><Marker>again</Marker>", 1)), []string{"repeats a page"}, 8},
	} {
		cloud := start(t, everything)
		cloud.set(c.action, c.answer)
		found, next, err := pull(t, open(t, cloud.settings()), nil)
		if err == nil || next != nil {
			t.Errorf("%s: error %v, remembered %d bytes", name, err, len(next))
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
		if len(found) < c.found {
			t.Errorf("%s: handed over %v, want %d resources", name, names(found), c.found)
		}
	}
}

// TestAFailureChangesNoFact: what could not be asked about stays as it is
// known, so neither a discovery rule nor a count changes its mind.
func TestAFailureChangesNoFact(t *testing.T) {
	c := start(t, everything)
	c.set("DescribeInstanceInformation", failing("ssm", "AccessDeniedException"))
	c.set("DescribeHosts", failing("ec2", "UnauthorizedOperation"))
	found, _, err := pull(t, open(t, c.settings()), nil)
	if r := found[instanceARN]; err == nil || r.ARN == "" || r.Platform != nil || r.Host != nil {
		t.Errorf("error %v, platform %v, host %v; want an error and neither fact", err, r.Platform, r.Host)
	}
}

func TestNothingIsReadThatIsNotAsked(t *testing.T) {
	c := start(t, everything)
	s := c.settings()
	s.Read = []string{"ec2"}
	found, _ := mustPull(t, open(t, s), nil)
	if want := []string{instanceARN, "arn:aws:ec2:eu-central-1:111122223333:instance/i-0b"}; !slices.Equal(names(found), want) {
		t.Errorf("found %v", names(found))
	}
	for _, action := range []string{"DescribeHosts", "DescribeImages", "DescribeInstanceInformation", "DescribeDBInstances"} {
		if n := c.count(action); n > 0 {
			t.Errorf("%s was called %d times", action, n)
		}
	}
}

// TestRegions: each is read, and only what differs by region is asked again.
func TestRegions(t *testing.T) {
	c := start(t, everything)
	s := c.settings()
	s.Regions = []string{"eu-central-1", "eu-west-1", "us-east-1", "us-east-2", "ap-south-1"}
	found, _ := mustPull(t, open(t, s), nil)
	for _, region := range s.Regions {
		if arn := "arn:aws:ec2:" + region + ":111122223333:instance/i-0a"; found[arn].ARN == "" {
			t.Errorf("%s is missing", arn)
		}
	}
}

func TestTheReaderOfReportsEndsThePull(t *testing.T) {
	full := errors.New("disk full")
	_, err := open(t, start(t, everything).settings()).Pull(t.Context(), nil, func([]license.Report) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("error %v, want the reader's own", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := start(t, everything)
	c.set("DescribeDBInstances", func(url.Values) (int, string) {
		cancel()
		return http.StatusInternalServerError, ""
	})
	_, err := open(t, c.settings()).Pull(ctx, nil, func([]license.Report) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestListsEnd(t *testing.T) {
	token := 0
	err := aws.Pages(t.Context(), func(*string) (*string, error) {
		token++
		return new(fmt.Sprint(token)), nil
	})
	if err == nil || token != aws.MaxPages {
		t.Errorf("after %d pages: %v", token, err)
	}
}

// TestForgottenMemory: what was remembered by something else is not believed.
func TestForgottenMemory(t *testing.T) {
	c := start(t, everything)
	_, last := mustPull(t, open(t, c.settings()), nil)
	for _, broken := range [][]byte{{}, {1}, {2}, last[:len(last)-1], append([]byte{9}, last[1:]...)} {
		found, _ := mustPull(t, open(t, c.settings()), broken)
		if found[instanceARN].Applications == nil {
			t.Errorf("after memory %x the software was not fetched", broken)
		}
	}
}

// TestARefusedInstance: Systems Manager refuses a list of IDs for one of them,
// and the others are asked about without it.
func TestARefusedInstance(t *testing.T) {
	c := start(t, everything)
	var items strings.Builder
	for i := range 7 {
		fmt.Fprintf(&items, `<item><instanceId>i-0%d</instanceId><instanceState><name>running</name></instanceState></item>`, i)
	}
	c.set("DescribeInstances", always(`<DescribeInstancesResponse><reservationSet><item><instancesSet>`+items.String()+`</instancesSet></item></reservationSet></DescribeInstancesResponse>`))
	c.set("DescribeInstanceInformation", func(form url.Values) (int, string) {
		question := form.Get("")
		if strings.Contains(question, "i-03") {
			return http.StatusBadRequest, failure("ssm", "InvalidInstanceId")
		}
		var known []string
		for i := range 7 {
			if id := fmt.Sprintf("i-0%d", i); strings.Contains(question, id) {
				known = append(known, fmt.Sprintf(`{"InstanceId":%q,"PlatformName":"Ubuntu"}`, id))
			}
		}
		return http.StatusOK, `{"InstanceInformationList":[` + strings.Join(known, ",") + `]}`
	})
	found, _ := mustPull(t, open(t, c.settings()), nil)
	for i := range 7 {
		r := found[fmt.Sprintf("arn:aws:ec2:eu-central-1:111122223333:instance/i-0%d", i)]
		if named := r.Platform != nil && *r.Platform == "Ubuntu"; named != (i != 3) {
			t.Errorf("i-0%d: platform %v", i, r.Platform)
		}
	}
}
