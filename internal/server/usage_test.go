package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

const (
	alice = "222222222222"
	bob   = "333333333333"
)

// configure creates a configuration that counts vCPUs and returns its ARN.
func configure(t *testing.T, client *licensemanager.Client, change func(*licensemanager.CreateLicenseConfigurationInput)) string {
	t.Helper()
	in := &licensemanager.CreateLicenseConfigurationInput{Name: aws.String("windows"), LicenseCountingType: types.LicenseCountingTypeVcpu}
	if change != nil {
		change(in)
	}
	out, err := client.CreateLicenseConfiguration(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.LicenseConfigurationArn
}

// associate ties resources to a configuration.
func associate(t *testing.T, client *licensemanager.Client, configuration string, resources ...string) {
	t.Helper()
	for _, arn := range resources {
		_, err := client.UpdateLicenseSpecificationsForResource(t.Context(), &licensemanager.UpdateLicenseSpecificationsForResourceInput{
			ResourceArn:              aws.String(arn),
			AddLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: aws.String(configuration)}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// fleet puts n machines of 1, 2, 3 … vCPUs into an account's inventory,
// associates them with a new configuration, and returns its ARN.
func fleet(t *testing.T, s *licensetest.Server, account string, n int) string {
	t.Helper()
	arn := configure(t, s.Client(account), nil)
	for i := range n {
		m := licensetest.Machine(account, fmt.Sprintf("i-%04d", i), int64(i+1))
		s.Put(account, m)
		associate(t, s.Client(account), arn, *m.ResourceArn)
		s.Clock.Advance(time.Millisecond) // resources of one moment have no order
	}
	return arn
}

func listUsage(arn string, filters ...types.Filter) *licensemanager.ListUsageForLicenseConfigurationInput {
	return &licensemanager.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &arn, Filters: filters}
}

func where(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// wantRefused checks the code of a refusal and what its message says.
func wantRefused(t *testing.T, err error, code string, says ...string) {
	t.Helper()
	var refusal smithy.APIError
	if !errors.As(err, &refusal) || refusal.ErrorCode() != code {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	for _, text := range says {
		if !strings.Contains(refusal.ErrorMessage(), text) {
			t.Errorf("%s says %q, want %q in it", code, refusal.ErrorMessage(), text)
		}
	}
}

const (
	invalidParameter = "InvalidParameterValueException"
	filterLimit      = "FilterLimitExceededException"
	unknownARN       = "Invalid license configuration ARN"
)

func TestUsageListsWhatConsumes(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 3)
	stopped := licensetest.Machine(alice, "i-stopped", 8)
	stopped.Status = new("stopped")
	s.Put(alice, stopped)
	associate(t, s.Client(alice), arn, *stopped.ResourceArn)

	out, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), listUsage(arn))
	if err != nil {
		t.Fatal(err)
	}
	if out.NextToken != nil || len(out.LicenseConfigurationUsageList) != 3 {
		t.Fatalf("got %d rows and the token %v, want 3 rows and none", len(out.LicenseConfigurationUsageList), out.NextToken)
	}
	for i, row := range out.LicenseConfigurationUsageList {
		want := types.LicenseConfigurationUsage{
			ResourceArn:      aws.String(licensetest.MachineARN(alice, fmt.Sprintf("i-%04d", i))),
			ResourceType:     types.ResourceTypeEc2Instance,
			ResourceStatus:   aws.String("running"),
			ResourceOwnerId:  aws.String(alice),
			ConsumedLicenses: aws.Int64(int64(i + 1)),
			AssociationTime:  row.AssociationTime,
		}
		if diff := cmp.Diff(want, row, ignoreMarker); diff != "" {
			t.Errorf("row %d differs (-want +got):\n%s", i, diff)
		}
		if d := row.AssociationTime.Sub(licensetest.Epoch); d < 0 || d > time.Second {
			t.Errorf("row %d is associated at %v, want %v", i, row.AssociationTime, licensetest.Epoch)
		}
	}
}

// ignoreMarker passes over the unexported marker in the SDK's shapes.
var ignoreMarker = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".noSmithyDocumentSerde" }, cmp.Ignore())

func TestTheWireOfAUsageAnswer(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	empty := configure(t, s.Client(alice), nil)
	target := api.LicenseManager + ".ListUsageForLicenseConfiguration"
	got := s.Send(s.URL, alice, target, `{"LicenseConfigurationArn":"`+empty+`","NextToken":null,"Filters":null,"Unknown":1}`)
	if want := `{"LicenseConfigurationUsageList":[]}`; got.Status != 200 || got.Body != want {
		t.Errorf("got %d %s, want 200 %s", got.Status, got.Body, want)
	}
	for header, want := range map[string]string{"Content-Type": "application/x-amz-json-1.1", "Content-Length": strconv.Itoa(len(got.Body))} {
		if got.Header.Get(header) != want {
			t.Errorf("%s is %q, want %q", header, got.Header.Get(header), want)
		}
	}
	arn := fleet(t, s, alice, 1)
	got = s.Send(s.URL, alice, target, `{"LicenseConfigurationArn":"`+arn+`"}`)
	if !strings.Contains(got.Body, `"ConsumedLicenses":1}]}`) || strings.Contains(got.Body, "null") {
		t.Errorf("got %s", got.Body)
	}
}

func TestUsageFilters(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 3)
	database := api.Resource{ResourceArn: new("arn:aws:rds:eu-west-1:" + alice + ":db:books"), VCpus: new(int64(4))}
	s.Put(alice, database)
	associate(t, s.Client(alice), arn, *database.ResourceArn)
	second := licensetest.MachineARN(alice, "i-0001")

	for name, test := range map[string]struct {
		filters []types.Filter
		want    int
	}{
		"None":            {nil, 4},
		"Resource":        {[]types.Filter{where("resourceArn", second)}, 1},
		"Type":            {[]types.Filter{where("resourceType", "EC2_INSTANCE")}, 3},
		"TypeRDS":         {[]types.Filter{where("resourceType", "RDS")}, 1},
		"Account":         {[]types.Filter{where("resourceAccount", alice)}, 4},
		"All":             {[]types.Filter{where("resourceArn", second), where("resourceType", "EC2_INSTANCE"), where("resourceAccount", alice), where("asOf", "2026-01-01T00:00:00Z")}, 0},
		"AndNothing":      {[]types.Filter{where("resourceArn", second), where("resourceType", "RDS")}, 0},
		"OtherAccount":    {[]types.Filter{where("resourceAccount", bob)}, 0},
		"NoAccount":       {[]types.Filter{where("resourceAccount", "me")}, 0},
		"NoType":          {[]types.Filter{where("resourceType", "ec2_instance")}, 0},
		"TypeAMI":         {[]types.Filter{where("resourceType", "EC2_AMI")}, 0},
		"NoResource":      {[]types.Filter{where("resourceArn", strings.ToUpper(second))}, 0},
		"EmptyResource":   {[]types.Filter{where("resourceArn", "")}, 0},
		"EmptyType":       {[]types.Filter{where("resourceType", "")}, 0},
		"EmptyAccount":    {[]types.Filter{where("resourceAccount", "")}, 0},
		"AccountOfZeroes": {[]types.Filter{where("resourceAccount", "000000000000")}, 0},
		"LongValue":       {[]types.Filter{where("resourceArn", strings.Repeat("x", 1<<16))}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), listUsage(arn, test.filters...))
			if err != nil {
				t.Fatal(err)
			}
			if got := len(out.LicenseConfigurationUsageList); got != test.want || out.NextToken != nil {
				t.Errorf("got %d rows and the token %v, want %d rows", got, out.NextToken, test.want)
			}
		})
	}
}

func TestUsageFiltersThatAreRefused(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := configure(t, s.Client(alice), nil)
	known := "resourceArn, resourceType, resourceAccount, asOf"
	for name, test := range map[string]struct {
		filters []types.Filter
		code    string
		says    string
	}{
		"Unknown":   {[]types.Filter{where("resourceStatus", "running")}, invalidParameter, known},
		"Case":      {[]types.Filter{where("ResourceArn", "x")}, invalidParameter, known},
		"NoName":    {[]types.Filter{{Values: []string{"x"}}}, invalidParameter, known},
		"NoValues":  {[]types.Filter{{Name: aws.String("resourceArn")}}, invalidParameter, "resourceArn"},
		"Empty":     {[]types.Filter{where("resourceArn")}, invalidParameter, "resourceArn"},
		"TwoValues": {[]types.Filter{where("resourceType", "EC2_HOST", "RDS")}, filterLimit, "resourceType"},
		"Twice":     {[]types.Filter{where("resourceType", "RDS"), where("resourceType", "RDS")}, invalidParameter, "resourceType"},
		"Eleven":    {slices.Repeat([]types.Filter{where("resourceType", "RDS")}, 11), filterLimit, "10"},
		"Future":    {[]types.Filter{where("asOf", "2026-01-01T00:00:01Z")}, invalidParameter, "2026-01-01T00:00:00"},
		"NoMoment":  {[]types.Filter{where("asOf", "yesterday")}, invalidParameter, "RFC 3339"},
		"NoValue":   {[]types.Filter{where("asOf", "")}, invalidParameter, "asOf"},
		"Negative":  {[]types.Filter{where("asOf", "-1")}, invalidParameter, "asOf"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), listUsage(arn, test.filters...))
			wantRefused(t, err, test.code, test.says)
		})
	}
}

func TestUsageAtAPointInTime(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	s.Clock.Advance(time.Hour)
	arn := configure(t, s.Client(alice), nil)
	a, b := licensetest.Machine(alice, "i-a", 2), licensetest.Machine(alice, "i-b", 4)
	s.Put(alice, a, b)
	s.Clock.Advance(time.Hour) // 02:00
	associate(t, s.Client(alice), arn, *a.ResourceArn)
	s.Clock.Advance(time.Hour) // 03:00
	associate(t, s.Client(alice), arn, *b.ResourceArn)
	s.Clock.Advance(time.Hour) // 04:00
	a.VCpus = new(int64(16))
	s.Put(alice, a)
	s.Clock.Advance(time.Hour) // 05:00
	b.Status = new("stopped")
	s.Put(alice, b)
	s.Clock.Advance(time.Hour)

	for asOf, want := range map[string]string{
		"2025-12-31T23:59:59Z":            "",
		"1":                               "",
		"2026-01-01T01:59:59.999Z":        "",
		"2026-01-01T02:00:00.1Z":          "2",
		"2026-01-01T02:59:59Z":            "2",
		"2026-01-01T04:30:00+01:00":       "2 4",
		"1767236400.5":                    "2 4", // 03:00:00.5
		"2026-01-01T04:00:01Z":            "16 4",
		"2026-01-01T05:00:01.0000001Z":    "16",
		"2026-01-01T06:00:00Z":            "16",
		"2026-01-01T03:59:59.9999999999Z": "2 4",
	} {
		out, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), listUsage(arn, where("asOf", asOf)))
		if err != nil {
			t.Errorf("as of %s: %v", asOf, err)
			continue
		}
		if got := consumed(out.LicenseConfigurationUsageList); got != want {
			t.Errorf("as of %s the machines consume %q, want %q", asOf, got, want)
		}
	}
}

// consumed are the licences of each row.
func consumed(rows []types.LicenseConfigurationUsage) string {
	var texts []string
	for _, row := range rows {
		texts = append(texts, strconv.FormatInt(*row.ConsumedLicenses, 10))
	}
	return strings.Join(texts, " ")
}

func TestPagesOfUsage(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 7)
	client := s.Client(alice)
	var got []types.LicenseConfigurationUsage
	in := listUsage(arn)
	for _, size := range []int32{3, 1, 2, 5} { // the size may change between pages
		in.MaxResults = &size
		out, err := client.ListUsageForLicenseConfiguration(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out.LicenseConfigurationUsageList...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
		s.Put(alice, licensetest.Machine(alice, "i-0006", 99)) // what a page pinned stays as it was
	}
	if in.NextToken != nil || consumed(got) != "1 2 3 4 5 6 7" {
		t.Errorf("the pages hold %s, want 1 to 7", consumed(got))
	}
	out, err := client.ListUsageForLicenseConfiguration(t.Context(), listUsage(arn))
	if err != nil || consumed(out.LicenseConfigurationUsageList) != "1 2 3 4 5 6 99" {
		t.Errorf("a new list holds %v, %v, want the new count", out, err)
	}
}

func TestAPageThatEndsExactlyIsTheLast(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	in := listUsage(fleet(t, s, alice, 2))
	in.MaxResults = aws.Int32(2)
	out, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), in)
	if err != nil || out.NextToken != nil {
		t.Errorf("got the token %v, %v, want none", out.NextToken, err)
	}
}

func TestPageSizes(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 2)
	for _, size := range []int32{0, -1} {
		in := listUsage(arn)
		in.MaxResults = &size
		_, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), in)
		wantRefused(t, err, invalidParameter, "MaxResults")
	}
	target := api.LicenseManager + ".ListUsageForLicenseConfiguration"
	for _, size := range []string{"1001", "2147483648", "1099511627776", "null"} {
		got := s.Send(s.URL, alice, target, `{"LicenseConfigurationArn":"`+arn+`","MaxResults":`+size+`}`)
		if got.Status != 200 || strings.Contains(got.Body, "NextToken") {
			t.Errorf("MaxResults %s answers %d %s, want both rows", size, got.Status, got.Body)
		}
	}
	for _, size := range []string{"1.5", `"5"`, "{}", "1e400"} {
		got := s.Send(s.URL, alice, target, `{"LicenseConfigurationArn":"`+arn+`","MaxResults":`+size+`}`)
		if got.Status != 400 || !strings.Contains(got.Body, "SerializationException") {
			t.Errorf("MaxResults %s answers %d %s, want a SerializationException", size, got.Status, got.Body)
		}
	}
}

func TestTokensOfUsage(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn, other := fleet(t, s, alice, 3), configure(t, s.Client(alice), nil)
	first := listUsage(arn)
	first.MaxResults = aws.Int32(1)
	out, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	token := *out.NextToken
	if len(token) > 200 {
		t.Errorf("the token has %d characters, want at most 200", len(token))
	}

	t.Run("Empty", func(t *testing.T) {
		in := listUsage(arn)
		in.NextToken = aws.String("")
		out, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), in)
		if err != nil || len(out.LicenseConfigurationUsageList) != 3 {
			t.Errorf("got %v, %v, want the first page", out, err)
		}
	})
	t.Run("OtherServer", func(t *testing.T) {
		got := s.Send(s.Another(), alice, api.LicenseManager+".ListUsageForLicenseConfiguration", `{"LicenseConfigurationArn":"`+arn+`","NextToken":"`+token+`"}`)
		if got.Status != 200 || strings.Count(got.Body, "ResourceArn") != 2 {
			t.Errorf("got %d %s, want the second page", got.Status, got.Body)
		}
	})
	for name, in := range map[string]*licensemanager.ListUsageForLicenseConfigurationInput{
		"Forged":      listUsage(arn),
		"OtherFilter": listUsage(arn, where("resourceType", "EC2_INSTANCE")),
		"OtherConfig": listUsage(other),
		"AsOf":        listUsage(arn, where("asOf", "0")),
	} {
		in.NextToken = &token
		if name == "Forged" {
			in.NextToken = aws.String("AAAA" + token[4:])
		}
		t.Run(name, func(t *testing.T) {
			_, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), in)
			wantRefused(t, err, invalidParameter, "NextToken")
		})
	}
	t.Run("OtherOperation", func(t *testing.T) {
		_, err := s.Client(alice).ListAssociationsForLicenseConfiguration(t.Context(), &licensemanager.ListAssociationsForLicenseConfigurationInput{LicenseConfigurationArn: &arn, NextToken: &token})
		wantRefused(t, err, invalidParameter, "NextToken")
	})
	t.Run("OtherAccount", func(t *testing.T) {
		in := listUsage(arn)
		in.NextToken = &token
		_, err := s.Client(bob).ListUsageForLicenseConfiguration(t.Context(), in)
		wantRefused(t, err, invalidParameter)
	})
	t.Run("OtherRegion", func(t *testing.T) {
		in := listUsage(arn)
		in.NextToken = &token
		_, err := s.ClientIn(alice, "us-east-1").ListUsageForLicenseConfiguration(t.Context(), in)
		wantRefused(t, err, invalidParameter)
	})
}

func TestUsageOfAnUnknownConfiguration(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := configure(t, s.Client(alice), nil)
	for name, unknown := range map[string]string{
		"Nothing": "",
		"NoARN":   "lic-1",
		"Unknown": arn[:len(arn)-1] + "0",
		"Slash":   strings.Replace(arn, "license-configuration:", "license-configuration/", 1),
		"Region":  strings.Replace(arn, "eu-west-1", "us-east-1", 1),
		"Account": strings.Replace(arn, alice, bob, 1),
	} {
		if unknown == arn {
			unknown = arn[:len(arn)-1] + "1"
		}
		t.Run(name, func(t *testing.T) {
			_, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), listUsage(unknown))
			wantRefused(t, err, invalidParameter, unknownARN)
		})
	}
	got := s.Send(s.URL, alice, api.LicenseManager+".ListUsageForLicenseConfiguration", `{}`)
	if got.Status != 400 || !strings.Contains(got.Body, "ValidationException") || !strings.Contains(got.Body, "licenseConfigurationArn") {
		t.Errorf("no ARN answers %d %s, want a ValidationException", got.Status, got.Body)
	}
}
