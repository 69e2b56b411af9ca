package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/license"
	"reeve/internal/licensetest"
)

func getConfiguration(t *testing.T, client *licensemanager.Client, arn string) *licensemanager.GetLicenseConfigurationOutput {
	t.Helper()
	out, err := client.GetLicenseConfiguration(t.Context(), &licensemanager.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// body is the wire form of one configuration's answer, with what is drawn at
// random put back to ID.
func body(s *licensetest.Server, account, arn string) string {
	answer := s.Send(s.URL, account, api.LicenseManager+".GetLicenseConfiguration", `{"LicenseConfigurationArn":"`+arn+`"}`)
	id := arn[strings.LastIndexByte(arn, ':')+1:]
	return strings.ReplaceAll(answer.Body, id, "ID")
}

func TestTheSmallestConfigurationOnTheWire(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	got := body(s, alice, configure(t, s.Client(alice), nil))
	want := `{"LicenseConfigurationId":"ID","LicenseConfigurationArn":"arn:aws:license-manager:eu-west-1:222222222222:license-configuration:ID",` +
		`"Name":"windows","LicenseCountingType":"vCPU","LicenseRules":[],"LicenseCountHardLimit":false,"ConsumedLicenses":0,` +
		`"Status":"AVAILABLE","OwnerAccountId":"222222222222",` +
		`"ConsumedLicenseSummaryList":[{"ResourceType":"EC2_INSTANCE","ConsumedLicenses":0},{"ResourceType":"EC2_HOST","ConsumedLicenses":0},` +
		`{"ResourceType":"SYSTEMS_MANAGER_MANAGED_INSTANCE","ConsumedLicenses":0}],` +
		`"ManagedResourceSummaryList":[{"ResourceType":"EC2_INSTANCE","AssociationCount":0},{"ResourceType":"EC2_HOST","AssociationCount":0},` +
		`{"ResourceType":"EC2_AMI","AssociationCount":0},{"ResourceType":"SYSTEMS_MANAGER_MANAGED_INSTANCE","AssociationCount":0}],` +
		`"DisassociateWhenNotFound":false}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answered differently (-want +got):\n%s", diff)
	}
}

func TestAConfigurationComesBackAsItWasGiven(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	given := &licensemanager.CreateLicenseConfigurationInput{
		Name:                     aws.String("Wörter 🗝"),
		Description:              aws.String("as \"bought\"\n"),
		LicenseCountingType:      types.LicenseCountingTypeVcpu,
		LicenseCount:             aws.Int64(0),
		LicenseCountHardLimit:    aws.Bool(true),
		LicenseRules:             []string{"#honorVcpuOptimization=true", "#allowedTenancy=EC2-Default"},
		DisassociateWhenNotFound: aws.Bool(true),
		LicenseExpiry:            aws.Int64(1893456000),
		Tags:                     []types.Tag{{Key: aws.String("b"), Value: aws.String("")}, {Key: aws.String("a"), Value: aws.String("1")}},
		ProductInformationList: []types.ProductInformation{{
			ResourceType: aws.String("SSM_MANAGED"),
			ProductInformationFilterList: []types.ProductInformationFilter{{
				ProductInformationFilterName:       aws.String("Application Name"),
				ProductInformationFilterValue:      []string{"Oracle"},
				ProductInformationFilterComparator: aws.String("EQUALS"),
			}},
		}},
	}
	created, err := s.Client(alice).CreateLicenseConfiguration(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	got := getConfiguration(t, s.Client(alice), *created.LicenseConfigurationArn)
	again := &licensemanager.CreateLicenseConfigurationInput{
		Name: got.Name, Description: got.Description, LicenseCountingType: got.LicenseCountingType,
		LicenseCount: got.LicenseCount, LicenseCountHardLimit: got.LicenseCountHardLimit, LicenseRules: got.LicenseRules,
		DisassociateWhenNotFound: got.DisassociateWhenNotFound, LicenseExpiry: got.LicenseExpiry,
		Tags: []types.Tag{got.Tags[1], got.Tags[0]}, ProductInformationList: got.ProductInformationList,
	}
	if diff := cmp.Diff(given, again, ignoreMarker); diff != "" {
		t.Errorf("came back differently (-given +got):\n%s", diff)
	}
	if got.AutomatedDiscoveryInformation != nil {
		t.Error("there is AutomatedDiscoveryInformation although no discovery has run")
	}
}

func TestUpdateChangesWhatItNames(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := configure(t, client, func(in *licensemanager.CreateLicenseConfigurationInput) {
		in.Description, in.LicenseCount, in.LicenseRules = aws.String("old"), aws.Int64(5), []string{"#minimumVcpus=2"}
	})
	answer := s.Send(s.URL, alice, api.LicenseManager+".UpdateLicenseConfiguration", `{"LicenseConfigurationArn":"`+arn+`","Description":""}`)
	if answer.Status != 200 || answer.Body != "{}" {
		t.Errorf("got %d %s, want 200 {}", answer.Status, answer.Body)
	}
	got := getConfiguration(t, client, arn)
	if got.Description != nil || aws.ToInt64(got.LicenseCount) != 5 || len(got.LicenseRules) != 1 {
		t.Errorf("got %v %v %v, want no description and the rest as it was", got.Description, got.LicenseCount, got.LicenseRules)
	}
	_, err := client.UpdateLicenseConfiguration(t.Context(), &licensemanager.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, LicenseConfigurationStatus: "GONE"})
	wantRefused(t, err, "ValidationException", "AVAILABLE")
	_, err = client.UpdateLicenseConfiguration(t.Context(), &licensemanager.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, LicenseRules: []string{}})
	wantRefused(t, err, invalidParameter, "#minimumVcpus=2")
}

func TestDeletedConfigurationIsGoneAndItsPastIsNot(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := fleet(t, s, alice, 1)
	_, err := client.DeleteLicenseConfiguration(t.Context(), &licensemanager.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	wantRefused(t, err, invalidParameter, "in use")
	if err != nil && strings.Contains(err.Error(), unknownARN) {
		t.Errorf("a configuration in use is refused as unknown: %v", err)
	}
	inUse := s.Clock.Now()
	s.Clock.Advance(time.Minute)
	s.Call(alice, api.LicenseManager+".UpdateLicenseSpecificationsForResource", &api.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn:                 new(licensetest.MachineARN(alice, "i-0000")),
		RemoveLicenseSpecifications: []api.LicenseSpecification{{LicenseConfigurationArn: &arn}},
	}, nil)
	s.Call(alice, api.LicenseManager+".DeleteLicenseConfiguration", &api.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &arn}, nil)

	_, err = client.GetLicenseConfiguration(t.Context(), &licensemanager.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	wantRefused(t, err, invalidParameter, unknownARN)
	_, err = client.DeleteLicenseConfiguration(t.Context(), &licensemanager.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &arn})
	wantRefused(t, err, invalidParameter, unknownARN)
	_, err = client.ListUsageForLicenseConfiguration(t.Context(), listUsage(arn))
	wantRefused(t, err, invalidParameter, unknownARN)
	list, err := client.ListLicenseConfigurations(t.Context(), &licensemanager.ListLicenseConfigurationsInput{})
	if err != nil || len(list.LicenseConfigurations) != 0 {
		t.Errorf("the list holds %v, %v, want nothing", list, err)
	}
	out, err := client.ListUsageForLicenseConfiguration(t.Context(), listUsage(arn, where("asOf", inUse.Format(time.RFC3339Nano))))
	if err != nil || len(out.LicenseConfigurationUsageList) != 1 {
		t.Errorf("as of %v there is %v, %v, want the machine", inUse, out, err)
	}
}

func TestListOfConfigurations(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	var arns []string
	for i := range 5 {
		arns = append(arns, configure(t, client, func(in *licensemanager.CreateLicenseConfigurationInput) {
			in.Name = aws.String(fmt.Sprint(i))
			if i == 1 {
				in.LicenseCountingType = types.LicenseCountingTypeInstance
			}
			if i >= 3 {
				in.LicenseCount, in.LicenseCountHardLimit = aws.Int64(1), aws.Bool(i == 4)
			}
		}))
		s.Clock.Advance(time.Millisecond)
	}
	s.Put(alice, licensetest.Machine(alice, "i-big", 2))
	associate(t, client, arns[3], licensetest.MachineARN(alice, "i-big"))

	list := func(in licensemanager.ListLicenseConfigurationsInput) string {
		t.Helper()
		var names string
		for {
			out, err := client.ListLicenseConfigurations(t.Context(), &in)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range out.LicenseConfigurations {
				names += *c.Name
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return names
			}
		}
	}
	for name, test := range map[string]struct {
		in   licensemanager.ListLicenseConfigurationsInput
		want string
	}{
		"All":       {licensemanager.ListLicenseConfigurationsInput{}, "01234"},
		"NoARNs":    {licensemanager.ListLicenseConfigurationsInput{LicenseConfigurationArns: []string{}}, "01234"},
		"Pages":     {licensemanager.ListLicenseConfigurationsInput{MaxResults: aws.Int32(2)}, "01234"},
		"ARNs":      {licensemanager.ListLicenseConfigurationsInput{LicenseConfigurationArns: []string{arns[4], arns[0]}}, "04"},
		"Type":      {licensemanager.ListLicenseConfigurationsInput{Filters: []types.Filter{where("licenseCountingType", "Instance")}}, "1"},
		"NoType":    {licensemanager.ListLicenseConfigurationsInput{Filters: []types.Filter{where("licenseCountingType", "")}}, ""},
		"Enforced":  {licensemanager.ListLicenseConfigurationsInput{Filters: []types.Filter{where("enforceLicenseCount", "true")}}, "4"},
		"Exceeded":  {licensemanager.ListLicenseConfigurationsInput{Filters: []types.Filter{where("usagelimitExceeded", "True")}}, "3"},
		"FilterAll": {licensemanager.ListLicenseConfigurationsInput{MaxResults: aws.Int32(1), Filters: []types.Filter{where("usagelimitExceeded", "false"), where("licenseCountingType", "vCPU")}}, "024"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := list(test.in); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	_, err := client.ListLicenseConfigurations(t.Context(), &licensemanager.ListLicenseConfigurationsInput{Filters: []types.Filter{where("enforceLicenseCount", "yes")}})
	wantRefused(t, err, invalidParameter, "enforceLicenseCount", "true or false")
}

func TestHardLimitHoldsForDatabases(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := configure(t, s.Client(alice), func(in *licensemanager.CreateLicenseConfigurationInput) {
		in.LicenseCount, in.LicenseCountHardLimit = aws.Int64(4), aws.Bool(true)
	})
	for _, name := range []string{"one", "two"} {
		s.Put(alice, api.Resource{ResourceArn: new(databaseARN(alice, name)), VCpus: new(int64(4))})
	}
	associate(t, s.Client(alice), arn, databaseARN(alice, "one"))
	_, err := s.Client(alice).UpdateLicenseSpecificationsForResource(t.Context(), &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn:              aws.String(databaseARN(alice, "two")),
		AddLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: &arn}},
	})
	wantRefused(t, err, "LicenseUsageException")
}

func databaseARN(account, name string) string {
	return "arn:aws:rds:eu-west-1:" + account + ":db:" + name
}

func TestSummariesNameDatabasesWhenThereAreAny(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 2)
	s.Put(alice, api.Resource{ResourceArn: new(databaseARN(alice, "books")), VCpus: new(int64(4))})
	associate(t, s.Client(alice), arn, databaseARN(alice, "books"))
	got := getConfiguration(t, s.Client(alice), arn)
	var sum int64
	for _, line := range got.ConsumedLicenseSummaryList {
		sum += *line.ConsumedLicenses
	}
	if sum != 7 || *got.ConsumedLicenses != 7 || len(got.ConsumedLicenseSummaryList) != 4 || len(got.ManagedResourceSummaryList) != 5 {
		t.Errorf("%d licences in the lines, %d in all, lines %d and %d; want 7, 7, 4 and 5", sum, *got.ConsumedLicenses, len(got.ConsumedLicenseSummaryList), len(got.ManagedResourceSummaryList))
	}
}

func TestQuotasAreOff(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	for range 30 { // AWS allows 25, and about 10 a day
		configure(t, s.Client(alice), nil)
	}
	limited := licensetest.Start(t, licensetest.Options{Settings: license.Settings{MaxConfigurations: 1}})
	configure(t, limited.Client(alice), nil)
	_, err := limited.Client(alice).CreateLicenseConfiguration(t.Context(), &licensemanager.CreateLicenseConfigurationInput{Name: aws.String("x"), LicenseCountingType: types.LicenseCountingTypeVcpu})
	wantRefused(t, err, "ResourceLimitExceededException")
}

func TestDisabledConfigurationTakesNoNewAssociations(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := fleet(t, s, alice, 1)
	s.Call(alice, api.LicenseManager+".UpdateLicenseConfiguration", &api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn, LicenseConfigurationStatus: new("DISABLED")}, nil)
	s.Put(alice, licensetest.Machine(alice, "i-new", 1))
	_, err := client.UpdateLicenseSpecificationsForResource(t.Context(), &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn:              aws.String(licensetest.MachineARN(alice, "i-new")),
		AddLicenseSpecifications: []types.LicenseSpecification{{LicenseConfigurationArn: &arn}},
	})
	wantRefused(t, err, invalidParameter, "DISABLED")
	s.Put(alice, licensetest.Machine(alice, "i-0000", 8)) // what it has goes on counting
	if got := getConfiguration(t, client, arn); *got.ConsumedLicenses != 8 || *got.Status != "DISABLED" {
		t.Errorf("a disabled configuration consumes %d and is %s, want 8 and DISABLED", *got.ConsumedLicenses, *got.Status)
	}
}

func TestTags(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	client := s.Client(alice)
	arn := configure(t, client, nil)
	list := func() string {
		t.Helper()
		answer := s.Send(s.URL, alice, api.LicenseManager+".ListTagsForResource", `{"ResourceArn":"`+arn+`"}`)
		return answer.Body
	}
	if got := list(); got != `{"Tags":[]}` {
		t.Errorf("a new configuration has the tags %s", got)
	}
	_, err := client.TagResource(t.Context(), &licensemanager.TagResourceInput{ResourceArn: &arn, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}, {Key: aws.String("cost")}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := list(), `{"Tags":[{"Key":"cost","Value":""},{"Key":"team","Value":"a"}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := client.UntagResource(t.Context(), &licensemanager.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"cost", "none"}}); err != nil {
		t.Fatal(err)
	}
	if got := getConfiguration(t, client, arn); len(got.Tags) != 1 || *got.Tags[0].Key != "team" {
		t.Errorf("got the tags %v, want team", got.Tags)
	}
}

func TestTagsAreForConfigurationsOnly(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	for _, arn := range []string{
		"", "x", "arn:aws:license-manager::" + alice + ":grant:g-1",
		"arn:aws:license-manager:eu-west-1:" + alice + ":report-generator:r-1",
		licensetest.MachineARN(alice, "i-1"),
	} {
		_, err := s.Client(alice).ListTagsForResource(t.Context(), &licensemanager.ListTagsForResourceInput{ResourceArn: &arn})
		wantRefused(t, err, invalidParameter, "license configurations only")
	}
}

func TestServiceSettings(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	get := func() string {
		return s.Send(s.URL, alice, api.LicenseManager+".GetServiceSettings", "").Body
	}
	if got, want := get(), `{"OrganizationConfiguration":{"EnableIntegration":false},"EnableCrossAccountsDiscovery":false}`; got != want {
		t.Errorf("fresh settings are %s, want %s", got, want)
	}
	update := s.Send(s.URL, alice, api.LicenseManager+".UpdateServiceSettings",
		`{"S3BucketArn":"arn:aws:s3:::aws-license-manager-service-x"}`)
	if update.Status != 200 || update.Body != "{}" {
		t.Errorf("the update answers %d %s", update.Status, update.Body)
	}
	if got, want := get(), `{"S3BucketArn":"arn:aws:s3:::aws-license-manager-service-x","OrganizationConfiguration":{"EnableIntegration":false},"EnableCrossAccountsDiscovery":false}`; got != want {
		t.Errorf("settings are %s, want %s", got, want)
	}
	if got := s.Send(s.URL, bob, api.LicenseManager+".GetServiceSettings", "{}").Body; strings.Contains(got, "S3") {
		t.Errorf("another account sees %s", got)
	}
}

// TestServiceSettingsTakeARNsOfTheirKind: the bucket's and the topic's, of the
// names that AWS's service role may use.
func TestServiceSettingsTakeARNsOfTheirKind(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	bucket := func(arn string) *licensemanager.UpdateServiceSettingsInput {
		return &licensemanager.UpdateServiceSettingsInput{S3BucketArn: &arn}
	}
	topic := func(arn string) *licensemanager.UpdateServiceSettingsInput {
		return &licensemanager.UpdateServiceSettingsInput{SnsTopicArn: &arn}
	}
	for _, good := range []*licensemanager.UpdateServiceSettingsInput{
		bucket("arn:aws:s3:::aws-license-manager-service-x.1"), bucket("arn:aws-us-gov:s3:::aws-license-manager-service-x"), bucket(""),
		topic("arn:aws:sns:eu-west-1:123456789012:aws-license-manager-service-A_1"), topic("arn:aws-cn:sns:cn-north-1:123456789012:aws-license-manager-service-x.fifo"), topic(""),
	} {
		if _, err := s.Client(alice).UpdateServiceSettings(t.Context(), good); err != nil {
			t.Errorf("%s%s: %v", aws.ToString(good.S3BucketArn), aws.ToString(good.SnsTopicArn), err)
		}
	}
	for _, bad := range []*licensemanager.UpdateServiceSettingsInput{
		bucket("x"), bucket("arn:aws:s3:::other"), bucket("arn:aws:s3:::aws-license-manager-service-"), bucket("arn:aws:s3:::aws-license-manager-service-X"),
		bucket("arn:aws:s3:::aws-license-manager-service-x/key"), bucket("arn:aws:iam::1:s3:::aws-license-manager-service-x"),
		bucket("arn:aws:s3:eu-west-1:123456789012:aws-license-manager-service-x"), bucket("arn:aws:sns:eu-west-1:123456789012:aws-license-manager-service-x"),
		bucket("arn:aws:s3:::aws-license-manager-service-" + strings.Repeat("x", 3000)),
		topic("arn:aws:s3:::aws-license-manager-service-x"), topic("arn:aws:sns:::aws-license-manager-service-x"), topic("arn:aws:sns:eu-west-1:12345:aws-license-manager-service-x"),
		topic("arn:aws:sns:eu-west-1:123456789012:other"), topic("arn:aws:sns:eu-west-1:123456789012:aws-license-manager-service-x:subscription"),
	} {
		_, err := s.Client(alice).UpdateServiceSettings(t.Context(), bad)
		wantRefused(t, err, invalidParameter, "begins with aws-license-manager-service-")
	}
}

func TestHardLimitNeedsACount(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	_, err := s.Client(alice).CreateLicenseConfiguration(t.Context(), &licensemanager.CreateLicenseConfigurationInput{
		Name: aws.String("x"), LicenseCountingType: types.LicenseCountingTypeVcpu, LicenseCountHardLimit: aws.Bool(true),
	})
	wantRefused(t, err, invalidParameter, "LicenseCount")
}
