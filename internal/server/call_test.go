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
