package api_test

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
)

// newInput returns an empty input of the named operation.
func newInput(t testing.TB, operation string) api.Input {
	t.Helper()
	for _, op := range api.Operations {
		if op.Name == operation {
			return op.NewInput()
		}
	}
	t.Fatalf("no operation %s", operation)
	return nil
}

// violations decodes body as the operation's input and validates it.
func violations(t *testing.T, operation, body string) api.Violations {
	t.Helper()
	in := newInput(t, operation)
	if err := json.Unmarshal([]byte(body), in); err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	return in.Validate()
}

func TestViolationTexts(t *testing.T) {
	const arn = "arn:aws:license-manager:eu-west-1:111122223333:license:l-0a1b2c"
	tests := []struct{ name, operation, body, want string }{
		{
			"required member missing", "CreateLicenseConfiguration", `{"LicenseCountingType":"vCPU"}`,
			"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
		}, {
			"null is missing", "CreateLicenseConfiguration", `{"Name":null,"LicenseCountingType":"vCPU"}`,
			"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
		}, {
			"two at once, in the order of the members", "CreateLicenseConfiguration", `{}`,
			"2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; " +
				"Value null at 'licenseCountingType' failed to satisfy constraint: Member must not be null",
		}, {
			"enum, case and all", "CreateLicenseConfiguration", `{"Name":"n","LicenseCountingType":"VCPU"}`,
			"1 validation error detected: Value 'VCPU' at 'licenseCountingType' failed to satisfy constraint: " +
				"Member must satisfy enum value set: [vCPU, Instance, Core, Socket]",
		}, {
			"name in other case is not the member", "CreateLicenseConfiguration", `{"name":"n","LicenseCountingType":"vCPU"}`,
			"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
		}, {
			"pattern and its text as the model writes it", "GetLicense", `{"LicenseArn":"lic"}`,
			"1 validation error detected: Value 'lic' at 'licenseArn' failed to satisfy constraint: Member must satisfy regular expression pattern: " +
				"^arn:aws[a-zA-Z-]*:[A-Za-z0-9][A-Za-z0-9_/.-]{0,62}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,1023}$",
		}, {
			"pattern matches the whole value", "GetLicenseConversionTask", `{"LicenseConversionTaskId":"lct-1 "}`,
			"1 validation error detected: Value 'lct-1 ' at 'licenseConversionTaskId' failed to satisfy constraint: " +
				"Member must satisfy regular expression pattern: ^lct-[a-zA-Z0-9]*",
		}, {
			"too large", "ListLicenses", `{"MaxResults":101}`,
			"1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100",
		}, {
			"too small", "ListLicenses", `{"MaxResults":0}`,
			"1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1",
		}, {
			"more than 32 bits", "ListLicenses", `{"MaxResults":1099511627776}`,
			"1 validation error detected: Value '1099511627776' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100",
		}, {
			"too short", "CreateAccount", `{"Name":""}`,
			"1 validation error detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1",
		}, {
			"list elements count from 1", "ListResourceInventory",
			`{"Filters":[{"Name":"account_id","Condition":"EQUALS"},{"Condition":"IS"}]}`,
			"2 validation errors detected: Value null at 'filters.2.member.name' failed to satisfy constraint: Member must not be null; " +
				"Value 'IS' at 'filters.2.member.condition' failed to satisfy constraint: Member must satisfy enum value set: [EQUALS, NOT_EQUALS, BEGINS_WITH, CONTAINS]",
		}, {
			"too few elements, elements of a list of strings", "CreateGrantVersion",
			`{"ClientToken":"t","GrantArn":"` + arn + `","AllowedOperations":[]}`,
			"1 validation error detected: Value '[]' at 'allowedOperations' failed to satisfy constraint: Member must have length greater than or equal to 1",
		}, {
			"strings of a list", "CreateToken", `{"ClientToken":"t","LicenseArn":"` + arn + `","TokenProperties":["a","b","c","d"]}`,
			"1 validation error detected: Value '[a, b, c, d]' at 'tokenProperties' failed to satisfy constraint: Member must have length less than or equal to 3",
		}, {
			"element of a list of strings", "DeleteResources", `{"ResourceArns":["a",""]}`,
			"1 validation error detected: Value '' at 'resourceArns.2.member' failed to satisfy constraint: Member must have length greater than or equal to 1",
		}, {
			"null in a list is an empty element", "PutResources", `{"Resources":[null]}`,
			"1 validation error detected: Value null at 'resources.1.member.resourceArn' failed to satisfy constraint: Member must not be null",
		}, {
			"list of structures shows its size", "PutResources", `{"Resources":[` + strings.Repeat(`{"ResourceArn":"a"},`, 1000) + `{"ResourceArn":"a"}]}`,
			"1 validation error detected: Value '[1001 members]' at 'resources' failed to satisfy constraint: Member must have length less than or equal to 1000",
		}, {
			"structure in a structure", "CreateLicenseManagerReportGenerator",
			`{"ReportGeneratorName":"n","Type":["LicenseConfigurationUsageReport"],"ClientToken":"t","ReportContext":{"licenseConfigurationArns":["x"]},"ReportFrequency":{"period":"YEAR"}}`,
			"2 validation errors detected: Value 'x' at 'reportContext.licenseConfigurationArns.1.member' failed to satisfy constraint: Member must satisfy regular expression pattern: " +
				"^arn:aws[a-zA-Z-]*:[A-Za-z0-9][A-Za-z0-9_/.-]{0,62}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,1023}$; " +
				"Value 'YEAR' at 'reportFrequency.period' failed to satisfy constraint: Member must satisfy enum value set: [DAY, WEEK, MONTH, ONE_TIME]",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, violations(t, tt.operation, tt.body).Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValidInputs(t *testing.T) {
	tests := []struct{ name, operation, body string }{
		{"nothing asked for", "GetServiceSettings", `{}`},
		{"an ARN of the greatest length", "GetLicense", `{"LicenseArn":"arn:aws:s::a:r` + strings.Repeat("x", 1023) + `"}`},
		{"lengths count characters, not bytes", "CreateAccount", `{"Name":"` + strings.Repeat("ü", 128) + `"}`},
		{"text with line breaks", "DeleteGrant", `{"GrantArn":"arn:aws:s::a:r","Version":"1","StatusReason":"a\nb"}`},
		{"first page token", "ListUsageForLicenseConfiguration", `{"LicenseConfigurationArn":"a","NextToken":"","Filters":[{"Values":[]}],"MaxResults":-1}`},
		{"facts cleared", "PutResources", `{"Resources":[{"ResourceArn":"a","Status":"","VCpus":0,"Tags":[],"Applications":[],"LicensePacks":[]}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := violations(t, tt.operation, tt.body); got != nil {
				t.Error(got)
			}
		})
	}
}

func TestLengthLimits(t *testing.T) {
	const resource = "arn:aws:s::a:r"
	tests := []struct {
		name string
		in   api.Input
		want string
	}{
		{"ARN longer than its pattern", &api.GetLicenseInput{LicenseArn: new(resource + strings.Repeat("x", 1024))}, "regular expression"},
		{"ARN longer than its bound", &api.GetLicenseInput{LicenseArn: new(resource + strings.Repeat("x", 4096))}, "less than or equal to 2048"},
		{"name", &api.CreateAccountInput{Name: new(strings.Repeat("ü", 129))}, "less than or equal to 128"},
		{"account", &api.CreateAccessKeyInput{AccountId: new("1234567890123")}, "regular expression pattern: [0-9]{12}"},
		{"size", &api.PutResourcesInput{Resources: []api.Resource{{ResourceArn: new("a"), Cores: new(int64(math.MaxInt64))}}}, "less than or equal to 1048576"},
		{"negative size", &api.PutResourcesInput{Resources: []api.Resource{{ResourceArn: new("a"), Sockets: new(int64(-1))}}}, "greater than or equal to 0"},
		{"too many tags", &api.PutResourcesInput{Resources: []api.Resource{{ResourceArn: new("a"), Tags: make([]api.Tag, 51)}}}, "less than or equal to 50"},
		{"too many applications", &api.PutResourcesInput{Resources: []api.Resource{{ResourceArn: new("a"), Applications: applications(5001)}}}, "less than or equal to 5000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.in.Validate()
			if len(got) != 1 || !strings.Contains(got.Error(), tt.want) {
				t.Errorf("got %v; want one violation with %q", got, tt.want)
			}
		})
	}
}

func applications(n int) []api.Application {
	list := make([]api.Application, n)
	for i := range list {
		list[i].Name = new("app")
	}
	return list
}

// Whatever the input, the answer stays short and readable.
func TestMessagesAreBounded(t *testing.T) {
	long := "x" + strings.Repeat("ü", 1<<20) // byte 128 is inside a character
	in := &api.PutResourcesInput{Mode: &long, Resources: make([]api.Resource, 1000)}
	for i := range in.Resources {
		in.Resources[i] = api.Resource{ResourceArn: &long, Status: &long, LicensePacks: []string{long, long}}
	}
	got := in.Validate()
	if len(got) != 10 {
		t.Errorf("%d violations are listed; want 10", len(got))
	}
	text := got.Error()
	if !strings.HasPrefix(text, "10 validation errors detected: ") {
		t.Errorf("message starts %q", text[:40])
	}
	if len(text) > 4096 || !utf8.ValidString(text) {
		t.Errorf("message has %d bytes, valid UTF-8: %v", len(text), utf8.ValidString(text))
	}
	if cut := strings.TrimSuffix(strings.Trim(got[0].Value, "'"), "..."); len(cut) != 127 {
		t.Errorf("value is cut to %d bytes; want 127", len(cut))
	}
}

// Every request is validated, so a valid one must not cost.
func TestValidInputsDoNotAllocate(t *testing.T) {
	in := &api.PutResourcesInput{Resources: []api.Resource{{
		ResourceArn: new("arn:aws:ec2:eu-west-1:111122223333:instance/i-1"), Status: new("running"),
		Applications: applications(3), LicensePacks: []string{"a", "b"},
	}}}
	if n := testing.AllocsPerRun(10, func() { in.Validate() }); n > 0 {
		t.Errorf("%v allocations for a valid input", n)
	}
}
