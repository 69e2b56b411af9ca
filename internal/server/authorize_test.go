package server

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"reeve/internal/api"
)

// TestEveryNamedConfigurationIsAskedAbout: whatever member of an input names a
// configuration, also of an operation that comes later, the permission is asked
// for that one.
func TestEveryNamedConfigurationIsAskedAbout(t *testing.T) {
	const arn = "arn:aws:license-manager:eu-west-1:222222222222:license-configuration:lic-1"
	for _, o := range api.Operations {
		in := o.NewInput()
		witnessed := o.Name == "PutWitnessCheckpoint" // the configurations of another deployment
		if !name(reflect.ValueOf(in).Elem(), arn, 0) || witnessed {
			continue
		}
		if got := resourcesOf("222222222222", in); len(got) == 0 || slices.ContainsFunc(got, func(r string) bool { return r != arn }) {
			t.Errorf("%s is about %q", o.Name, got)
		}
	}
}

// name sets every member that is a configuration's ARN, also those inside of
// lists, and tells whether there is one.
func name(v reflect.Value, arn string, depth int) (found bool) {
	for i := range v.NumField() {
		field, member := v.Field(i), v.Type().Field(i).Name
		switch {
		case member == "LicenseConfigurationArn" && field.Type() == reflect.TypeFor[*string]():
			field.Set(reflect.ValueOf(&arn))
			found = true
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct && depth < 3:
			one := reflect.New(field.Type().Elem()).Elem()
			if name(one, arn, depth+1) {
				field.Set(reflect.Append(field, one))
				found = true
			}
		}
	}
	return found
}

// TestEveryAccountIsAskedAbout: a request that names another account is asked
// about that one's resources, so a policy can keep a caller to their own.
func TestEveryAccountIsAskedAbout(t *testing.T) {
	other := "333333333333"
	for _, o := range api.Operations {
		in := o.NewInput()
		field := reflect.ValueOf(in).Elem().FieldByName("AccountId")
		if !field.IsValid() || o.Service != api.Reeve {
			continue
		}
		field.Set(reflect.ValueOf(&other))
		for _, r := range resourcesOf("222222222222", in) {
			if !strings.HasPrefix(r, "arn:aws:iam::"+other+":") {
				t.Errorf("%s is about %q", o.Name, r)
			}
		}
	}
}
