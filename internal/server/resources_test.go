package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/license"
	"reeve/internal/licensetest"
)

// addTo is the request that associates one resource with one configuration.
func addTo(configuration, resource string) *licensemanager.UpdateLicenseSpecificationsForResourceInput {
	return &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn:              &resource,
		AddLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: &configuration}},
	}
}

func TestWhatConsumesNothingIsNotListed(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := configure(t, client, nil)
	stopped := licensetest.Machine(alice, "i-stopped", 2)
	stopped.Status = new("stopped")
	s.Put(alice, stopped)
	image := "arn:aws:ec2:eu-west-1::image/ami-1"
	associate(t, client, arn, *stopped.ResourceArn, image)

	usage, err := client.ListUsageForLicenseConfiguration(t.Context(), listUsage(arn))
	if err != nil || len(usage.LicenseConfigurationUsageList) != 0 {
		t.Errorf("usage is %v, %v, want none", usage, err)
	}
	out, err := client.ListAssociationsForLicenseConfiguration(t.Context(), &licensemanager.ListAssociationsForLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	if err != nil || len(out.LicenseConfigurationAssociations) != 2 {
		t.Fatalf("associations are %v, %v, want both", out, err)
	}
	for _, a := range out.LicenseConfigurationAssociations {
		if *a.ResourceOwnerId != alice || a.AssociationTime == nil || a.AmiAssociationScope != nil {
			t.Errorf("got the association %+v", a)
		}
	}
}

func TestSpecificationsOfAResource(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	image := "arn:aws:ec2:eu-west-1::image/ami-1"
	var arns []string
	for range 3 {
		arns = append(arns, configure(t, client, nil))
	}
	_, err := client.UpdateLicenseSpecificationsForResource(t.Context(), &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: &image,
		AddLicenseSpecifications: []types.LicenseSpecification{
			{LicenseConfigurationArn: &arns[0]}, {LicenseConfigurationArn: &arns[1], AmiAssociationScope: aws.String("cross-account")}, {LicenseConfigurationArn: &arns[2]},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	scopes := map[string]string{}
	in := &licensemanager.ListLicenseSpecificationsForResourceInput{ResourceArn: &image, MaxResults: aws.Int32(2)}
	for {
		out, err := client.ListLicenseSpecificationsForResource(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range out.LicenseSpecifications {
			scopes[*spec.LicenseConfigurationArn] = aws.ToString(spec.AmiAssociationScope)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if len(scopes) != 3 || scopes[arns[1]] != "cross-account" || scopes[arns[0]] != "" {
		t.Errorf("got %v, want the three configurations", scopes)
	}
	answer := s.Send(s.URL, alice, api.LicenseManager+".UpdateLicenseSpecificationsForResource",
		`{"ResourceArn":"`+image+`","RemoveLicenseSpecifications":[{"LicenseConfigurationArn":"`+arns[0]+`"}]}`)
	if answer.Status != 200 || answer.Body != "{}" {
		t.Errorf("removal answers %d %s, want {}", answer.Status, answer.Body)
	}
}

func TestUnknownResourceCannotBeAssociated(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := configure(t, client, nil)
	machine := licensetest.MachineARN(alice, "i-unknown")
	_, err := client.UpdateLicenseSpecificationsForResource(t.Context(), addTo(arn, machine))
	wantRefused(t, err, invalidParameter, machine)
	_, err = client.UpdateLicenseSpecificationsForResource(t.Context(), addTo(arn, "arn:aws:s3:::bucket"))
	wantRefused(t, err, invalidParameter, "arn:aws:s3:::bucket")
	if _, err := client.UpdateLicenseSpecificationsForResource(t.Context(), addTo(arn, "arn:aws:ec2:eu-west-1::image/ami-1")); err != nil {
		t.Errorf("an image need not be known, and is refused: %v", err)
	}
}

func TestSandboxDeclaresUnknownResources(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{Settings: license.Settings{Sandbox: true}})
	client := s.Client(alice)
	arn := configure(t, client, nil)
	associate(t, client, arn, licensetest.MachineARN(alice, "i-unknown"))
	if got := getConfiguration(t, client, arn); *got.ConsumedLicenses != 2 {
		t.Errorf("the declared machine consumes %d, want 2", *got.ConsumedLicenses)
	}
	_, err := client.UpdateLicenseSpecificationsForResource(t.Context(), addTo(arn, licensetest.MachineARN(bob, "i-unknown")))
	wantRefused(t, err, invalidParameter)
}

func TestResourcesOfOtherAccountsInOnesOwnInventory(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := configure(t, s.Client(alice), nil)
	theirs := licensetest.Machine(bob, "i-theirs", 2)
	s.Put(alice, theirs)
	associate(t, s.Client(alice), arn, *theirs.ResourceArn)
	out, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), listUsage(arn, where("resourceAccount", bob)))
	if err != nil || len(out.LicenseConfigurationUsageList) != 1 || *out.LicenseConfigurationUsageList[0].ResourceOwnerId != bob {
		t.Errorf("got %v, %v, want the machine of account %s", out, err, bob)
	}
	inventory, err := s.Client(bob).ListResourceInventory(t.Context(), &licensemanager.ListResourceInventoryInput{})
	if err != nil || len(inventory.ResourceInventoryList) != 0 {
		t.Errorf("account %s sees %v, %v, want nothing", bob, inventory, err)
	}
}

func TestAssociationAcrossRegions(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	west, east := s.Client(alice), s.ClientIn(alice, "us-east-1")
	arn := configure(t, east, nil)
	s.Put(alice, licensetest.Machine(alice, "i-west", 2))
	associate(t, east, arn, licensetest.MachineARN(alice, "i-west"))
	if got := getConfiguration(t, east, arn); *got.ConsumedLicenses != 2 {
		t.Errorf("the machine of another region consumes %d, want 2", *got.ConsumedLicenses)
	}
	_, err := west.GetLicenseConfiguration(t.Context(), &licensemanager.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	wantRefused(t, err, invalidParameter, unknownARN)
}

func TestFactIsRecordedAndARequestRefused(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := configure(t, client, func(in *licensemanager.CreateLicenseConfigurationInput) {
		in.LicenseCount, in.LicenseCountHardLimit = aws.Int64(4), aws.Bool(true)
	})
	s.Put(alice, licensetest.Machine(alice, "i-1", 4))
	associate(t, client, arn, licensetest.MachineARN(alice, "i-1"))

	grown := s.Send(s.URL, alice, "Reeve.PutResources", `{"Mode":"admit","Resources":[{"ResourceArn":"`+licensetest.MachineARN(alice, "i-1")+`","VCpus":8}]}`)
	if grown.Status != 400 || !strings.Contains(grown.Body, "LicenseUsageException") {
		t.Errorf("the request answers %d %s, want a LicenseUsageException", grown.Status, grown.Body)
	}
	if got := getConfiguration(t, client, arn); *got.ConsumedLicenses != 4 {
		t.Errorf("after a refused request %d are consumed, want 4", *got.ConsumedLicenses)
	}
	out := s.Put(alice, licensetest.Machine(alice, "i-1", 8))
	if len(out.Failures) != 1 || *out.Failures[0].LicenseConfigurationArn != arn || *out.Changed != 1 {
		t.Errorf("the fact answers %+v, want it changed, with one failure", out)
	}
	failures, err := client.ListFailuresForLicenseConfigurationOperations(t.Context(), &licensemanager.ListFailuresForLicenseConfigurationOperationsInput{LicenseConfigurationArn: &arn})
	if err != nil || len(failures.LicenseOperationFailureList) != 1 {
		t.Fatalf("failures are %v, %v, want one", failures, err)
	}
	if f := failures.LicenseOperationFailureList[0]; *f.ResourceArn != licensetest.MachineARN(alice, "i-1") || *f.ResourceOwnerId != alice || *f.ErrorMessage == "" || f.FailureTime == nil {
		t.Errorf("got the failure %+v", f)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	answer := s.Send(s.URL, alice, "Reeve.PutResources", `{"DryRun":true,"Resources":[{"ResourceArn":"`+licensetest.MachineARN(alice, "i-1")+`","VCpus":8}]}`)
	if want := `{"Created":1,"Changed":0,"Unchanged":0,"Failures":[]}`; answer.Body != want {
		t.Errorf("got %s, want %s", answer.Body, want)
	}
	out, err := s.Client(alice).ListResourceInventory(t.Context(), &licensemanager.ListResourceInventoryInput{})
	if err != nil || len(out.ResourceInventoryList) != 0 {
		t.Errorf("the inventory holds %v, %v, want nothing", out, err)
	}
}

func TestManagedInstancesCountTheirOwnCores(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := configure(t, client, func(in *licensemanager.CreateLicenseConfigurationInput) {
		in.LicenseCountingType = types.LicenseCountingTypeCore
	})
	machine := "arn:aws:ssm:eu-west-1:" + alice + ":managed-instance/mi-0123456789abcdef0"
	s.Put(alice, api.Resource{ResourceArn: &machine, Cores: new(int64(16)), Sockets: new(int64(2)), Virtual: new(false)})
	associate(t, client, arn, machine)
	out, err := client.ListUsageForLicenseConfiguration(t.Context(), listUsage(arn, where("resourceType", "SYSTEMS_MANAGER_MANAGED_INSTANCE")))
	if err != nil || consumed(out.LicenseConfigurationUsageList) != "16" {
		t.Errorf("got %v, %v, want 16 cores", out, err)
	}
}

func TestStopAndStartKeepTheAssociationTime(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 1)
	first, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), listUsage(arn))
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []string{"stopped", "running"} {
		s.Clock.Advance(time.Hour)
		m := licensetest.Machine(alice, "i-0000", 1)
		m.Status = &status
		s.Put(alice, m)
	}
	second, err := s.Client(alice).ListUsageForLicenseConfiguration(t.Context(), listUsage(arn))
	if err != nil || !second.LicenseConfigurationUsageList[0].AssociationTime.Equal(*first.LicenseConfigurationUsageList[0].AssociationTime) {
		t.Errorf("the association time moved: %v, %v", second, err)
	}
}

func TestInventory(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	answer := s.Send(s.URL, alice, api.LicenseManager+".ListResourceInventory", "{}")
	if answer.Body != `{"ResourceInventoryList":[]}` { // AWS answers FailedDependencyException until its inventory is set up
		t.Errorf("an empty inventory is %s", answer.Body)
	}
	for i, platform := range []string{"Ubuntu", "Windows Server", "Ubuntu"} {
		m := licensetest.Machine(alice, "i-"+string(rune('a'+i)), 2)
		m.Platform, m.InstanceType, m.AmiId = &platform, new("m5.large"), new("ami-1")
		m.Tags = []api.Tag{{Key: new("team"), Value: new(platform)}}
		s.Put(alice, m)
		s.Clock.Advance(time.Millisecond)
	}
	filters := []types.InventoryFilter{{Name: aws.String("platform"), Condition: types.InventoryFilterConditionBeginsWith, Value: aws.String("Ubu")}}
	in := &licensemanager.ListResourceInventoryInput{Filters: filters, MaxResults: aws.Int32(1)}
	var ids []string
	for {
		out, err := client.ListResourceInventory(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.ResourceInventoryList {
			ids = append(ids, *r.ResourceId)
			if *r.ResourceOwningAccountId != alice || *r.Platform != "Ubuntu" || r.PlatformVersion != nil || *r.ResourceArn != licensetest.MachineARN(alice, *r.ResourceId) {
				t.Errorf("got the resource %+v", r)
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if strings.Join(ids, " ") != "i-a i-c" {
		t.Errorf("got %v, want i-a and i-c", ids)
	}
}

func TestInventoryFiltersThatAreRefused(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	for name, test := range map[string]struct{ filters, code, says string }{
		"Unknown":   {`{"Name":"colour","Condition":"EQUALS","Value":"x"}`, invalidParameter, "account_id"},
		"Case":      {`{"Name":"Platform","Condition":"EQUALS","Value":"x"}`, invalidParameter, "platform"},
		"NoKey":     {`{"Name":"tag:","Condition":"EQUALS","Value":"x"}`, invalidParameter, "tag:"},
		"Condition": {`{"Name":"account_id","Condition":"CONTAINS","Value":"1"}`, invalidParameter, "account_id"},
		"NoValue":   {`{"Name":"platform","Condition":"EQUALS"}`, invalidParameter, "platform"},
		"NoName":    {`{"Condition":"EQUALS","Value":"x"}`, "ValidationException", "filters.1.member.name"},
		"Enum":      {`{"Name":"platform","Condition":"LIKE","Value":"x"}`, "ValidationException", "BEGINS_WITH"},
		"Eleven":    {strings.Repeat(`{"Name":"platform","Condition":"EQUALS","Value":"x"},`, 10) + `{"Name":"platform","Condition":"EQUALS","Value":"x"}`, filterLimit, "10"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.Send(s.URL, alice, api.LicenseManager+".ListResourceInventory", `{"Filters":[`+test.filters+`]}`)
			if got.Status != 400 || !strings.Contains(got.Body, `"__type":"`+test.code+`"`) || !strings.Contains(got.Body, test.says) {
				t.Errorf("got %d %s, want %s with %q", got.Status, got.Body, test.code, test.says)
			}
		})
	}
}

func TestDeletedResourcesAreCounted(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 2)
	var out api.DeleteResourcesOutput
	s.Call(alice, "Reeve.DeleteResources", &api.DeleteResourcesInput{ResourceArns: []string{licensetest.MachineARN(alice, "i-0000"), licensetest.MachineARN(alice, "i-none")}}, &out)
	if *out.Deleted != 1 {
		t.Errorf("%d were deleted, want 1", *out.Deleted)
	}
	if got := getConfiguration(t, s.Client(alice), arn); *got.ConsumedLicenses != 2 {
		t.Errorf("%d are consumed, want the 2 of the other machine", *got.ConsumedLicenses)
	}
}
