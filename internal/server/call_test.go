package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/licensetest"
	"reeve/internal/server"
)

func ptr[T any](v T) *T { return &v }

func TestACallWithinTheProcessIsAnsweredAsOverHTTP(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	who := server.Caller{Identity: iam.Identity{Account: licensetest.Root, Root: true, Principal: iam.PrincipalOf(licensetest.Root)}, Region: licensetest.Region}
	var made api.CreateLicenseConfigurationOutput
	in := api.CreateLicenseConfigurationInput{Name: ptr("Oracle"), LicenseCountingType: ptr("vCPU")}
	if err := s.API().Call(t.Context(), who, "CreateLicenseConfiguration", &in, &made); err != nil {
		t.Fatal(err)
	}
	got, err := s.Client(licensetest.Root).GetLicenseConfiguration(t.Context(), &licensemanager.GetLicenseConfigurationInput{LicenseConfigurationArn: made.LicenseConfigurationArn})
	if err != nil || *got.Name != "Oracle" {
		t.Errorf("over HTTP: %v, %v", got, err)
	}
}

func TestACallWithinTheProcessIsRefusedAsOverHTTP(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	root := iam.Identity{Account: licensetest.Root, Root: true, Principal: iam.PrincipalOf(licensetest.Root)}
	for _, c := range []struct {
		name, operation string
		who             iam.Identity
		in              any
		code            string
	}{
		{"no such operation", "MakeCoffee", root, &api.GetCallerIdentityInput{}, "UnknownOperationException"},
		{"a broken constraint", "CreateLicenseConfiguration", root, &api.CreateLicenseConfigurationInput{Name: ptr("x")}, "ValidationException"},
		{"a permission", "CreateAccount", iam.Identity{Account: "222222222222"}, &api.CreateAccountInput{Name: ptr("x")}, "AuthorizationException"},
		{"nobody", "GetCallerIdentity", iam.Identity{}, &api.GetCallerIdentityInput{}, "AuthorizationException"},
		{"a body that is too large", "CreateAccount", root, &api.CreateAccountInput{Name: ptr(strings.Repeat("x", 2<<20))}, "RequestEntityTooLargeException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out struct{}
			err := s.API().Call(t.Context(), server.Caller{Identity: c.who, Region: licensetest.Region}, c.operation, c.in, &out)
			var fault *awsjson.Fault
			if !errors.As(err, &fault) || fault.Code != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

// Allows says of every operation what a call would be refused for: by policies for
// one action, for one configuration, and for whom they name nothing.
func TestAllowsAgreesWithWhatCallsAreRefused(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	s.Credentials(alice)
	one, other := configuration(t, s, alice, "one"), configuration(t, s, alice, "other")
	for name, document := range map[string]string{
		"idle": "", "all": allow("*", "*", ""), "reads": allow("reeve:List*", "*", ""), "named": allow("*", one, ""),
	} {
		_, who, err := s.Directory.Lookup(t.Context(), person(t, s, alice, name, document).AccessKeyID)
		if err != nil {
			t.Fatal(err)
		}
		caller := server.Caller{Identity: who, Region: licensetest.Region}
		for _, arn := range []string{one, other} {
			for operation, in := range map[string]any{
				"ListRevisions": &api.ListRevisionsInput{LicenseConfigurationArn: &arn}, "ListAssociations": &api.ListAssociationsInput{LicenseConfigurationArn: &arn},
				"ListUsageForLicenseConfiguration": &api.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: &arn}, "ListPositions": &api.ListPositionsInput{},
			} {
				var out map[string]any
				err := s.API().Call(t.Context(), caller, operation, in, &out)
				var fault *awsjson.Fault
				refused := errors.As(err, &fault) && fault.Code == "AuthorizationException"
				if allowed := s.API().Allows(t.Context(), caller, operation, in); allowed == refused || err != nil && !refused {
					t.Errorf("%s: %s is answered with %v, and allowed: %v", name, operation, err, allowed)
				}
			}
		}
	}
}
