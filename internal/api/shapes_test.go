package api_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
)

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEmptyListsAreWrittenAndNilIsLeftOut(t *testing.T) {
	tests := []struct {
		name string
		out  any
		want string
	}{
		{"nothing", api.ListUsageForLicenseConfigurationOutput{}, `{}`},
		{"empty list", api.ListUsageForLicenseConfigurationOutput{LicenseConfigurationUsageList: []api.LicenseConfigurationUsage{}}, `{"LicenseConfigurationUsageList":[]}`},
		{"false and 0 and the empty string", api.GetLicenseConfigurationOutput{LicenseCountHardLimit: new(false), ConsumedLicenses: new(int64(0)), Description: new("")},
			`{"Description":"","LicenseCountHardLimit":false,"ConsumedLicenses":0}`},
		{"a row", api.LicenseConfigurationUsage{
			ResourceArn: new("arn:aws:ec2:eu-west-1:111122223333:instance/i-1"), ResourceType: new("EC2_INSTANCE"), ResourceStatus: new("running"),
			ResourceOwnerId: new("111122223333"), AssociationTime: new(api.Time(1700000000_123456)), ConsumedLicenses: new(int64(4)),
		}, `{"ResourceArn":"arn:aws:ec2:eu-west-1:111122223333:instance/i-1","ResourceType":"EC2_INSTANCE","ResourceStatus":"running",` +
			`"ResourceOwnerId":"111122223333","AssociationTime":1700000000.123,"ConsumedLicenses":4}`},
		{"a map of structures", api.CrossRegionDiscoveryStatus{Message: map[string]api.RegionStatus{"eu-west-1": {Status: new("ok")}}},
			`{"Message":{"eu-west-1":{"Status":"ok"}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, encode(t, tt.out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	arn := new("a")
	tests := []struct {
		name, body string
		want       *api.ListUsageForLicenseConfigurationInput
	}{
		{"null is absent", `{"LicenseConfigurationArn":null,"MaxResults":null,"Filters":null}`, &api.ListUsageForLicenseConfigurationInput{}},
		{"empty list is not absent", `{"Filters":[]}`, &api.ListUsageForLicenseConfigurationInput{Filters: []api.Filter{}}},
		{"unknown member", `{"LicenseConfigurationArn":"a","Other":{"x":[1]}}`, &api.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: arn}},
		{"other case", `{"licenseConfigurationArn":"a"}`, &api.ListUsageForLicenseConfigurationInput{}},
		{"large number", `{"MaxResults":1099511627776}`, &api.ListUsageForLicenseConfigurationInput{MaxResults: new(int64(1 << 40))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := new(api.ListUsageForLicenseConfigurationInput)
			if err := json.Unmarshal([]byte(tt.body), got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, body := range []string{
		`{"MaxResults":1.5}`, `{"MaxResults":"5"}`, `{"MaxResults":9223372036854775808}`, `{"NextToken":5}`,
		`{"Filters":{}}`, `{"Filters":[1]}`, `{"NextToken":"a","NextToken":"b"}`, `[]`,
	} {
		if err := json.Unmarshal([]byte(body), new(api.ListUsageForLicenseConfigurationInput)); err == nil {
			t.Errorf("%s is accepted", body)
		}
	}
}

// Report generators spell their members with a small first letter.
func TestLowerCamelMembers(t *testing.T) {
	const body = `{"licenseConfigurationArns":["arn:aws:s::a:r"],"reportStartDate":1700000000.5}`
	var got api.ReportContext
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := api.ReportContext{LicenseConfigurationArns: []string{"arn:aws:s::a:r"}, ReportStartDate: new(api.Time(1700000000_500000))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(body, encode(t, got)); diff != "" {
		t.Error(diff)
	}
	if got := encode(t, api.S3Location{Bucket: new("b"), KeyPrefix: new("k")}); got != `{"bucket":"b","keyPrefix":"k"}` {
		t.Error(got)
	}
}

func TestOperations(t *testing.T) {
	byService := map[string][]string{}
	for _, op := range api.Operations {
		byService[op.Service] = append(byService[op.Service], op.Name)
		if !slices.IsSorted(op.Errors) || !slices.Contains(op.Errors, api.ServerInternalException) {
			t.Errorf("%s declares %v; want sorted errors with %s", op.Name, op.Errors, api.ServerInternalException)
		}
		in, out := reflect.TypeOf(op.NewInput()).Elem().Name(), reflect.TypeOf(op.NewOutput()).Elem().Name()
		if in != op.Name+"Input" || out != op.Name+"Output" {
			t.Errorf("%s has the shapes %s and %s", op.Name, in, out)
		}
	}
	if n := len(byService[api.LicenseManager]); n != 62 {
		t.Errorf("%d operations of AWS's model; it has 62", n)
	}
	for service, names := range byService {
		if !slices.IsSorted(names) {
			t.Errorf("the operations of %s are not sorted: %v", service, names)
		}
	}
}

// FuzzInputs decodes any text as any operation's input: what decodes can be
// validated within bounds, and written and read again without a change.
func FuzzInputs(f *testing.F) {
	for i, op := range api.Operations {
		f.Add(i, []byte(`{}`))
		f.Add(i, []byte(filled(reflect.TypeOf(op.NewInput()).Elem())))
	}
	f.Fuzz(func(t *testing.T, operation int, body []byte) {
		op := api.Operations[uint(operation)%uint(len(api.Operations))]
		in := op.NewInput()
		if json.Unmarshal(body, in) != nil {
			return
		}
		found := in.Validate()
		if text := found.Error(); len(found) > 10 || len(text) > 16<<10 || !utf8.ValidString(text) {
			t.Errorf("%d violations in %d bytes", len(found), len(text))
		}
		again := op.NewInput()
		text := encode(t, in)
		if err := json.Unmarshal([]byte(text), again); err != nil {
			t.Fatalf("%s does not read what it wrote: %v", op.Name, err)
		}
		if diff := cmp.Diff(text, encode(t, again)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(found, again.Validate()); diff != "" {
			t.Error(diff)
		}
	})
}

// filled is JSON for a type with every member present.
func filled(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[api.Time]():
		return "1700000000.123"
	case t.Kind() == reflect.Pointer:
		return filled(t.Elem())
	case t.Kind() == reflect.Slice:
		return "[" + filled(t.Elem()) + "]"
	case t.Kind() == reflect.Map:
		return `{"key":` + filled(t.Elem()) + "}"
	case t.Kind() == reflect.Struct:
		var members []string
		for i := range t.NumField() {
			field := t.Field(i)
			members = append(members, `"`+wireName(field)+`":`+filled(field.Type))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	return map[reflect.Kind]string{reflect.String: `"text"`, reflect.Int64: "7", reflect.Bool: "true"}[t.Kind()]
}

// wireName is the name of a field in JSON.
func wireName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// What filled writes is what the types read: no member is lost.
func TestEveryMemberRoundTrips(t *testing.T) {
	for _, op := range api.Operations {
		for _, shape := range []any{op.NewInput(), op.NewOutput()} {
			want := filled(reflect.TypeOf(shape).Elem())
			if err := json.Unmarshal([]byte(want), shape); err != nil {
				t.Errorf("%s: %v", op.Name, err)
				continue
			}
			if diff := cmp.Diff(want, encode(t, shape)); diff != "" {
				t.Errorf("%s: %s", op.Name, diff)
			}
		}
	}
}
