package server_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

const discoveredARN = "arn:aws:ssm:eu-west-1:" + alice + ":managed-instance/mi-0123456789abcdef0"

// discovers makes a configuration that discovers an application.
func discovers(t *testing.T, s *licensetest.Server, application string) string {
	t.Helper()
	return configure(t, s.Client(alice), func(in *licensemanager.CreateLicenseConfigurationInput) {
		in.ProductInformationList = []types.ProductInformation{{
			ResourceType: aws.String("SSM_MANAGED"),
			ProductInformationFilterList: []types.ProductInformationFilter{{
				ProductInformationFilterName:       aws.String("Application Name"),
				ProductInformationFilterValue:      []string{application},
				ProductInformationFilterComparator: aws.String("EQUALS"),
			}},
		}}
	})
}

func discovered(software ...string) api.Resource {
	r := api.Resource{ResourceArn: new(discoveredARN), VCpus: new(int64(4)), Applications: []api.Application{}}
	for _, name := range software {
		r.Applications = append(r.Applications, api.Application{Name: new(name)})
	}
	return r
}

// A reported machine is associated by a rule, in the answer of AWS's client.
func TestDiscoveryRunsWithEachReport(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := discovers(t, s, "Oracle")
	if got := getConfiguration(t, s.Client(alice), arn); got.AutomatedDiscoveryInformation != nil {
		t.Errorf("discovery ran before anything did: %+v", got.AutomatedDiscoveryInformation)
	}
	s.Put(alice, discovered("oracle"))
	got := getConfiguration(t, s.Client(alice), arn)
	if *got.ConsumedLicenses != 4 || got.AutomatedDiscoveryInformation == nil || got.AutomatedDiscoveryInformation.LastRunTime == nil {
		t.Errorf("%d consumed, discovery %+v", *got.ConsumedLicenses, got.AutomatedDiscoveryInformation)
	}
	list, err := s.Client(alice).ListLicenseConfigurations(t.Context(), &licensemanager.ListLicenseConfigurationsInput{})
	if err != nil || list.LicenseConfigurations[0].AutomatedDiscoveryInformation == nil {
		t.Errorf("the list has no discovery information: %v", err)
	}
}

func TestDiscoveredAssociationIsNotRemovedByHand(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := discovers(t, s, "Oracle")
	s.Put(alice, discovered("Oracle"))
	_, err := s.Client(alice).UpdateLicenseSpecificationsForResource(t.Context(), &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn:                 aws.String(discoveredARN),
		RemoveLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: &arn}},
	})
	if err == nil || !strings.Contains(err.Error(), "InvalidParameterValueException") || !strings.Contains(err.Error(), "Exclude the resource") {
		t.Errorf("removing says %v", err)
	}
	var excluded api.ExcludeResourceOutput
	s.Call(alice, "Reeve.ExcludeResource", &api.ExcludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: new(discoveredARN),
		Reason: new("lab"), Owner: new("ann"), Until: new("2027-01-01T00:00:00Z")}, &excluded)
	if e := excluded.Exclusion; *e.Until != "2027-01-01T00:00:00.000000Z" || *e.Owner != "ann" || e.EndTime != nil {
		t.Errorf("excluded: %+v", e)
	}
	var list api.ListExclusionsOutput
	s.Call(alice, "Reeve.ListExclusions", &api.ListExclusionsInput{LicenseConfigurationArn: &arn}, &list)
	if len(list.Exclusions) != 1 || *list.Exclusions[0].Reason != "lab" || list.NextToken != nil {
		t.Errorf("exclusions: %+v", list)
	}
	s.Call(alice, "Reeve.IncludeResource", &api.IncludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: new(discoveredARN)}, nil)
	s.Call(alice, "Reeve.ListExclusions", &api.ListExclusionsInput{LicenseConfigurationArn: &arn, All: new(true), MaxResults: new(int64(1))}, &list)
	if len(list.Exclusions) != 1 || list.Exclusions[0].EndTime == nil {
		t.Errorf("all exclusions: %+v", list)
	}
	if got := getConfiguration(t, s.Client(alice), arn); *got.ConsumedLicenses != 4 {
		t.Errorf("%d consumed after it was included", *got.ConsumedLicenses)
	}
}

func TestDiscoverResources(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := discovers(t, s, "Oracle")
	s.Put(alice, discovered("Mail"))
	rules := []api.DiscoveryRule{{ResourceType: new("SSM_MANAGED"), ProductInformationFilterList: []api.DiscoveryFilter{{
		ProductInformationFilterName: new("Application Name"), ProductInformationFilterValue: []string{"mail"}, ProductInformationFilterComparator: new("EQUALS")}}}}
	var out api.DiscoverResourcesOutput
	s.Call(alice, "Reeve.DiscoverResources", &api.DiscoverResourcesInput{LicenseConfigurationArn: &arn, DryRun: new(true), ProductInformationList: rules}, &out)
	if len(out.Finds) != 1 || *out.Finds[0].Outcome != "associate" || *out.Finds[0].Rule != 1 || *out.Finds[0].AdditionalLicenses != 4 || *out.Finds[0].Facts[0].Value != "Mail" {
		t.Errorf("the dry run found %+v", out.Finds)
	}
	s.Call(alice, "Reeve.DiscoverResources", &api.DiscoverResourcesInput{LicenseConfigurationArn: &arn}, &out)
	if *out.Looked != 1 || out.NextToken != nil || out.LastRunTime == nil {
		t.Errorf("the run says %+v", out)
	}
	body := `{"LicenseConfigurationArn":"` + arn + `","ProductInformationList":[]}`
	if answer := s.Send(s.URL, alice, "Reeve.DiscoverResources", body); answer.Status != 400 || !strings.Contains(answer.Body, "dry run") {
		t.Errorf("rules without a dry run: %+v", answer)
	}
}

func TestListSoftware(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	discovers(t, s, "Oracle")
	s.Put(alice, discovered("Oracle", "Mail"))
	second := discovered("Mail")
	second.ResourceArn = new(discoveredARN + "1")
	s.Put(alice, second)
	list := func(unmatched bool) (text string) {
		for token := (*string)(nil); ; {
			var out api.ListSoftwareOutput
			s.Call(alice, "Reeve.ListSoftware", &api.ListSoftwareInput{Unmatched: &unmatched, MaxResults: new(int64(1)), NextToken: token}, &out)
			for _, p := range out.Software {
				text += *p.Name + strings.Repeat("+", int(*p.Machines)) + map[bool]string{true: "! ", false: " "}[*p.Matched]
			}
			if token = out.NextToken; token == nil {
				return text
			}
		}
	}
	if got := list(false); got != "Mail++ Oracle+! " {
		t.Errorf("the software is %q", got)
	}
	if got := list(true); got != "Mail++ " {
		t.Errorf("what no rule names is %q", got)
	}
	s.Put(alice, discovered())
	if got := list(false); got != "Mail+ " {
		t.Errorf("after its software went: %q", got)
	}
}
