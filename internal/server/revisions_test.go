package server_test

import (
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

func TestListRevisions(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 2)
	before := s.Clock.Now().Format(time.RFC3339Nano)
	s.Clock.Advance(time.Hour)
	s.Call(alice, "AWSLicenseManager.UpdateLicenseConfiguration", &api.UpdateLicenseConfigurationInput{
		LicenseConfigurationArn: &arn, Name: new("new <name>"), LicenseCount: new(int64(2)),
		ProductInformationList: []api.ProductInformation{{ResourceType: new("RDS"), ProductInformationFilterList: []api.ProductInformationFilter{{
			ProductInformationFilterName: new("Engine Edition"), ProductInformationFilterComparator: new("EQUALS"), ProductInformationFilterValue: []string{"oracle-ee"},
		}}}},
	}, nil)

	in := &api.ListRevisionsInput{LicenseConfigurationArn: &arn, MaxResults: new(int64(1)), IncludeTerms: new(true), MaxChanges: new(int64(5))}
	var all []api.Revision
	for {
		var out api.ListRevisionsOutput
		s.Call(alice, "Reeve.ListRevisions", in, &out)
		all = append(all, out.Revisions...)
		if len(all) == 1 && (*out.Terms.Name != "new <name>" || *out.Terms.LicenseCount != 2 || *out.Terms.ProductInformationList[0].ResourceType != "RDS") {
			t.Errorf("the terms are %+v", out.Terms)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	newest, oldest := all[0], all[len(all)-1]
	if int64(len(all)) != *newest.Number || *oldest.Number != 1 || len(*newest.Hash) != 64 || *newest.Cause != "UpdateLicenseConfiguration" || !strings.Contains(*newest.Caller, alice) {
		t.Errorf("%d revisions, the newest is %+v", len(all), newest)
	}
	changed := map[string]string{}
	for _, c := range newest.TermChanges {
		changed[*c.Name] = *c.To
	}
	if len(changed) != 3 || changed["Name"] != "new <name>" || !strings.Contains(changed["ProductInformationList"], `"ProductInformationFilterValue":["oracle-ee"]`) {
		t.Errorf("it changed %v", changed)
	}
	machine := all[1]
	if *machine.PreviousConsumedLicenses >= *machine.ConsumedLicenses || *machine.AssociationCount != *machine.PreviousAssociationCount+1 || len(machine.Changes) != 2 ||
		*machine.Changes[0].Kind != "usage" || *machine.Changes[0].Change != "added" || *machine.Changes[0].ToStatus != "running" || *machine.Changes[1].Origin != "request" {
		t.Errorf("the revision of a machine is %+v", machine)
	}

	var past api.ListRevisionsOutput
	s.Call(alice, "Reeve.ListRevisions", &api.ListRevisionsInput{LicenseConfigurationArn: &arn, To: &before, IncludeTerms: new(true), Order: new("OLDEST_FIRST")}, &past)
	if len(past.Revisions) != len(all)-1 || *past.Terms.Name != "windows" || *past.Revisions[0].Number != 1 {
		t.Errorf("before the change there are %d revisions with the terms %+v", len(past.Revisions), past.Terms)
	}
	for _, wrong := range []string{`"Order":"RANDOM"`, `"MaxChanges":101`, `"From":"yesterday"`, `"To":"2035-01-01T00:00:00Z"`, `"NextToken":"x"`} {
		if got := s.Send(s.URL, alice, "Reeve.ListRevisions", `{"LicenseConfigurationArn":"`+arn+`",`+wrong+`}`); got.Status != 400 {
			t.Errorf("%s answers %d %s", wrong, got.Status, got.Body)
		}
	}
}

func TestListPositions(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 2)
	before := s.Clock.Now().Format(time.RFC3339Nano)
	s.Clock.Advance(time.Hour)
	s.Call(alice, "AWSLicenseManager.UpdateLicenseConfiguration", &api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, LicenseCount: new(int64(2))}, nil)
	over := s.Clock.Now()
	s.Clock.Advance(time.Hour)
	fleet(t, s, bob, 1)
	other := configure(t, s.Client(alice), nil)

	var out api.ListPositionsOutput
	s.Call(alice, "Reeve.ListPositions", &api.ListPositionsInput{IncludeHistory: new(true), MaxResults: new(int64(1))}, &out)
	if len(out.Positions) != 1 || out.NextToken == nil {
		t.Fatalf("the first page is %+v", out)
	}
	p := out.Positions[0]
	since, err := time.Parse(time.RFC3339Nano, *p.OverSince)
	if err != nil || !since.Equal(over) || *p.OverLicenses != 1 || *p.PeakLicenses30Days != 3 || len(p.Trend) != 73 || *p.FailureCount != 0 {
		t.Errorf("the position is %+v, over since %s", p, *p.OverSince)
	}
	var rest api.ListPositionsOutput
	s.Call(alice, "Reeve.ListPositions", &api.ListPositionsInput{IncludeHistory: new(true), MaxResults: new(int64(1)), NextToken: out.NextToken}, &rest)
	if len(rest.Positions) != 1 || *rest.Positions[0].LicenseConfigurationArn != other || rest.NextToken != nil || rest.Positions[0].OverSince != nil {
		t.Errorf("the last page is %+v", rest)
	}
	var past api.ListPositionsOutput
	s.Call(alice, "Reeve.ListPositions", &api.ListPositionsInput{AsOf: &before}, &past)
	if len(past.Positions) != 1 || past.Positions[0].LicenseCount != nil || *past.Positions[0].ConsumedLicenses != 3 || past.Positions[0].FailureCount != nil || past.Positions[0].Trend != nil {
		t.Errorf("before the change: %+v", past.Positions)
	}
	for _, wrong := range []string{`"AsOf":"2035-01-01T00:00:00Z"`, `"AsOf":"then"`, `"MaxResults":0`, `"LicenseConfigurationArns":[` + strings.Repeat(`"a",`, 100) + `"a"]`} {
		if got := s.Send(s.URL, alice, "Reeve.ListPositions", `{`+wrong+`}`); got.Status != 400 {
			t.Errorf("%s answers %d %s", wrong, got.Status, got.Body)
		}
	}
}

func TestListAssociationsOfATime(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 3)
	before := s.Clock.Now().Format(time.RFC3339Nano)
	s.Clock.Advance(time.Hour)
	s.Call(alice, "Reeve.DeleteResources", &api.DeleteResourcesInput{ResourceArns: []string{licensetest.MachineARN(alice, "i-0001")}}, nil)

	list := func(asOf *string) (ids []string) {
		in := &api.ListAssociationsInput{LicenseConfigurationArn: &arn, AsOf: asOf, MaxResults: new(int64(2))}
		for {
			var out api.ListAssociationsOutput
			s.Call(alice, "Reeve.ListAssociations", in, &out)
			for _, a := range out.Associations {
				ids = append(ids, (*a.ResourceArn)[strings.LastIndexByte(*a.ResourceArn, '/')+1:])
				if *a.Origin != "request" || *a.Unlicensed || *a.ResourceType != "EC2_INSTANCE" || *a.ResourceOwnerId != alice {
					t.Errorf("an association is %+v", a)
				}
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return ids
			}
		}
	}
	if now, then := strings.Join(list(nil), " "), strings.Join(list(&before), " "); now != "i-0000 i-0002" || then != "i-0000 i-0001 i-0002" {
		t.Errorf("now %q, before %q", now, then)
	}
	if got := list(new("2020-01-01T00:00:00Z")); got != nil {
		t.Errorf("before it existed: %q", got)
	}
}
