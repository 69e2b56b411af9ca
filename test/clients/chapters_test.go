package clients_test

import (
	"strings"
	"time"

	lm "github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
)

// The first half of the story: what there is, and what it consumes.

const (
	windowsName = "Windows Server – Büro 東京 🚀"
	windowsText = "Zeile \"eins\"\nand a \\ backslash\t<&>"
)

// The machines that everything is about, as ARNs.
var (
	web1   = instance("i-web1")
	web2   = instance("i-web2") // stopped
	vm1    = instance("i-vm1")  // on the dedicated host, as vm2 is
	vm2    = instance("i-vm2")
	other  = instanceOf(member, "i-member")
	golden = image("ami-golden")
	host   = "arn:aws:ec2:" + region + ":" + root + ":dedicated-host/h-rack7"
	orders = "arn:aws:rds:" + region + ":" + root + ":db:orders"
	lab    = "arn:aws:ssm:" + region + ":" + root + ":managed-instance/mi-lab" // of metal
)

func (s *story) empty() {
	list := ask[lm.ListLicenseConfigurationsOutput](s, &lm.ListLicenseConfigurationsInput{})
	if list.LicenseConfigurations == nil || len(list.LicenseConfigurations) != 0 || list.NextToken != nil {
		s.t.Errorf("a new account has the configurations %v and the token %v", list.LicenseConfigurations, list.NextToken)
	}
	inventory := ask[lm.ListResourceInventoryOutput](s, &lm.ListResourceInventoryInput{NextToken: new("")})
	if inventory.ResourceInventoryList == nil || len(inventory.ResourceInventoryList) != 0 {
		s.t.Errorf("a new account has the inventory %v", inventory.ResourceInventoryList)
	}
}

func (s *story) configurations() {
	s.windows = s.create(&lm.CreateLicenseConfigurationInput{
		Name: new(windowsName), Description: new(windowsText), LicenseCountingType: types.LicenseCountingTypeVcpu,
		LicenseCount: new(int64(100)), LicenseRules: []string{"#honorVcpuOptimization=true", "#minimumVcpus=2"},
		Tags: []types.Tag{{Key: new("Größe"), Value: new("groß 大")}, {Key: new("empty"), Value: new("")}},
	})
	s.databases = s.create(&lm.CreateLicenseConfigurationInput{
		Name: new("Databases"), LicenseCountingType: types.LicenseCountingTypeInstance,
		LicenseRules: []string{"#allowedTenancy=EC2-Default,EC2-DedicatedInstance"},
	})
	s.hosts = s.create(&lm.CreateLicenseConfigurationInput{
		Name: new("Hosts"), LicenseCountingType: types.LicenseCountingTypeCore, LicenseRules: []string{"#minimumCores=8"},
	})
	s.sockets = s.create(&lm.CreateLicenseConfigurationInput{
		Name: new("Sockets"), LicenseCountingType: types.LicenseCountingTypeSocket,
		LicenseCount: new(int64(2)), LicenseCountHardLimit: new(true),
	})
	s.echo()
	s.listed()
	s.refused(&lm.CreateLicenseConfigurationInput{
		Name: new("x"), LicenseCountingType: types.LicenseCountingTypeVcpu, LicenseRules: []string{"minimumVcpus=2"},
	}, invalidParameter, "Expected format is #RuleType=RuleValue")
	s.refused(&lm.CreateLicenseConfigurationInput{
		Name: new("x"), LicenseCountingType: types.LicenseCountingTypeVcpu, LicenseRules: []string{"#minimumSockets=2"},
	}, invalidParameter, "minimumSockets", "not allowed")
}

// echo: what was given comes back as it was given.
func (s *story) echo() {
	c := s.get(s.windows)
	same(s.t, "name", windowsName, *c.Name)
	same(s.t, "description", windowsText, *c.Description)
	same(s.t, "counting type", types.LicenseCountingTypeVcpu, c.LicenseCountingType)
	same(s.t, "count", new(int64(100)), c.LicenseCount)
	same(s.t, "hard limit", new(false), c.LicenseCountHardLimit)
	same(s.t, "rules", []string{"#honorVcpuOptimization=true", "#minimumVcpus=2"}, c.LicenseRules)
	same(s.t, "status", "AVAILABLE", *c.Status)
	same(s.t, "owner", root, *c.OwnerAccountId)
	same(s.t, "consumed", new(int64(0)), c.ConsumedLicenses)
	same(s.t, "ARN", "arn:aws:license-manager:"+region+":"+root+":license-configuration:"+*c.LicenseConfigurationId, s.windows)
	same(s.t, "tags", []types.Tag{{Key: new("Größe"), Value: new("groß 大")}, {Key: new("empty"), Value: new("")}}, c.Tags)
	if unlimited := s.get(s.databases); unlimited.LicenseCount != nil || unlimited.Description != nil {
		s.t.Errorf("what was never set is there: %v, %v", unlimited.LicenseCount, unlimited.Description)
	}
}

func (s *story) listed() {
	in := &lm.ListLicenseConfigurationsInput{MaxResults: new(int32(3))}
	page := ask[lm.ListLicenseConfigurationsOutput](s, in)
	in.NextToken = page.NextToken
	rest := ask[lm.ListLicenseConfigurationsOutput](s, in)
	var arns []string
	for _, c := range append(page.LicenseConfigurations, rest.LicenseConfigurations...) {
		arns = append(arns, *c.LicenseConfigurationArn)
	}
	same(s.t, "configurations by creation", []string{s.windows, s.databases, s.hosts, s.sockets}, arns)
	if page.NextToken == nil || rest.NextToken != nil {
		s.t.Errorf("the tokens are %v and %v", page.NextToken, rest.NextToken)
	}
	enforced := ask[lm.ListLicenseConfigurationsOutput](s, &lm.ListLicenseConfigurationsInput{
		Filters: filters(filter("enforceLicenseCount", "true"), filter("licenseCountingType", "Socket")),
	})
	if len(enforced.LicenseConfigurations) != 1 || *enforced.LicenseConfigurations[0].Name != "Sockets" {
		s.t.Errorf("enforced by socket: %v", enforced.LicenseConfigurations)
	}
}

func (s *story) inventory() {
	s.put(
		api.Resource{ResourceArn: &web1, Status: new("running"), VCpus: new(int64(8)), Cores: new(int64(2)), ThreadsPerCore: new(int64(2)),
			Platform: new("Windows Server 2022 – Büro"), InstanceType: new("m6i.2xlarge"), Tags: []api.Tag{{Key: new("équipe"), Value: new("ψ")}}},
		api.Resource{ResourceArn: &web2, Status: new("stopped"), VCpus: new(int64(2))},
		api.Resource{ResourceArn: &host, Cores: new(int64(48)), Sockets: new(int64(2))},
		api.Resource{ResourceArn: &vm1, HostId: new("h-rack7"), VCpus: new(int64(4))},
		api.Resource{ResourceArn: &vm2, HostId: new("h-rack7"), VCpus: new(int64(4))},
		api.Resource{ResourceArn: &orders, VCpus: new(int64(8)), EngineEdition: new("oracle-ee")},
		api.Resource{ResourceArn: &lab, Sockets: new(int64(2)), Cores: new(int64(16)), ThreadsPerCore: new(int64(2)), Virtual: new(false),
			Applications: []api.Application{{Name: new("SQL Server"), Publisher: new("Microsoft")}}},
		api.Resource{ResourceArn: &other, VCpus: new(int64(16))},
	)
	s.finds([]string{web1, web2, host, vm1, vm2, orders, lab, other})
	s.finds([]string{web1}, inventoryFilter("tag:équipe", "EQUALS", "ψ"))
	s.finds([]string{web1}, inventoryFilter("platform", "BEGINS_WITH", "Windows"))
	s.finds([]string{lab}, inventoryFilter("application_name", "EQUALS", "SQL Server"))
	s.finds([]string{other}, inventoryFilter("account_id", "NOT_EQUALS", root))
	s.finds(nil, inventoryFilter("resource_id", "EQUALS", "i-web1"), inventoryFilter("account_id", "EQUALS", member))
	s.refused(&lm.ListResourceInventoryInput{Filters: []types.InventoryFilter{inventoryFilter("size", "EQUALS", "1")}}, invalidParameter, "size")
}

func inventoryFilter(name string, condition types.InventoryFilterCondition, value string) types.InventoryFilter {
	return types.InventoryFilter{Name: &name, Condition: condition, Value: &value}
}

func (s *story) finds(want []string, fs ...types.InventoryFilter) {
	s.t.Helper()
	var arns []string
	for _, r := range ask[lm.ListResourceInventoryOutput](s, &lm.ListResourceInventoryInput{Filters: fs}).ResourceInventoryList {
		arns = append(arns, *r.ResourceArn)
	}
	same(s.t, "inventory", want, arns)
}

func (s *story) associations() {
	before := now()
	for _, arn := range []string{web1, web2, orders, lab, other, golden} {
		s.done(add(arn, s.windows))
	}
	s.done(add(web1, s.databases))
	s.done(add(vm1, s.hosts))
	s.done(add(vm2, s.hosts))
	s.done(add(vm2, s.hosts)) // again is no error
	s.refused(add(vm1, s.databases), invalidParameter, "EC2-DedicatedHost")
	s.refused(add(instance("i-nobody"), s.windows), invalidParameter, "not in the inventory")
	s.refused(add(web1, s.windows+"0"), invalidParameter, invalidARN)

	list := ask[lm.ListAssociationsForLicenseConfigurationOutput](s, &lm.ListAssociationsForLicenseConfigurationInput{LicenseConfigurationArn: &s.windows})
	arns := map[string]types.ResourceType{}
	for _, a := range list.LicenseConfigurationAssociations {
		arns[*a.ResourceArn] = a.ResourceType
		if a.AssociationTime == nil || now().Before(*a.AssociationTime) || a.AssociationTime.Before(before.Truncate(time.Millisecond)) {
			s.t.Errorf("%s was associated at %v", *a.ResourceArn, a.AssociationTime)
		}
	}
	same(s.t, "associations", map[string]types.ResourceType{
		web1: types.ResourceTypeEc2Instance, web2: types.ResourceTypeEc2Instance, orders: types.ResourceTypeRds,
		lab: types.ResourceTypeSystemsManagerManagedInstance, other: types.ResourceTypeEc2Instance, golden: types.ResourceTypeEc2Ami,
	}, arns)
	same(s.t, "configurations of a machine", []string{s.windows, s.databases}, s.specifications(web1))
	same(s.t, "configurations of an unknown machine", nil, s.specifications(instance("i-nobody")))
}

func (s *story) specifications(arn string) []string {
	s.t.Helper()
	out := ask[lm.ListLicenseSpecificationsForResourceOutput](s, &lm.ListLicenseSpecificationsForResourceInput{ResourceArn: &arn})
	arns := map[string]bool{}
	for _, l := range out.LicenseSpecifications {
		arns[*l.LicenseConfigurationArn] = true
	}
	var ordered []string // by creation, as the story knows them
	for _, c := range []string{s.windows, s.databases, s.hosts, s.sockets} {
		if arns[c] {
			ordered = append(ordered, c)
		}
	}
	if len(ordered) != len(out.LicenseSpecifications) {
		s.t.Errorf("%s has the license specifications %v", arn, out.LicenseSpecifications)
	}
	return ordered
}

// What each machine consumes of the windows licences. web1 has fewer cores
// switched on than its type has, and the rule honours that.
var (
	web1Row   = row{web1, types.ResourceTypeEc2Instance, "running", root, 4}
	ordersRow = row{orders, types.ResourceTypeRds, "available", root, 8}
	labRow    = row{lab, types.ResourceTypeSystemsManagerManagedInstance, "Online", root, 32}
	otherRow  = row{other, types.ResourceTypeEc2Instance, "running", member, 16}
)

func (s *story) usage() {
	s.sees(s.windows, nil, web1Row, ordersRow, labRow, otherRow)
	s.sees(s.databases, nil, row{web1, types.ResourceTypeEc2Instance, "running", root, 1})
	s.sees(s.hosts, nil, row{host, types.ResourceTypeEc2Host, "available", root, 48}) // once, for two machines
	s.sees(s.sockets, nil)

	s.sees(s.windows, filters(filter("resourceArn", lab)), labRow)
	s.sees(s.windows, filters(filter("resourceType", "EC2_INSTANCE")), web1Row, otherRow)
	s.sees(s.windows, filters(filter("resourceAccount", member)), otherRow)
	s.sees(s.windows, filters(filter("resourceAccount", root), filter("resourceType", "EC2_INSTANCE")), web1Row)
	s.sees(s.windows, filters(filter("resourceType", "RDS"), filter("resourceArn", orders), filter("resourceAccount", root), asOf(now())), ordersRow)

	for _, fs := range [][]types.Filter{
		filters(filter("resourceArn", web2)),   // stopped
		filters(filter("resourceArn", golden)), // an image
		filters(filter("resourceArn", "i-web1")),
		filters(filter("resourceType", "ec2_instance")),
		filters(filter("resourceType", "EC2_AMI")),
		filters(filter("resourceAccount", "999999999999")),
		filters(filter("resourceAccount", "")),
		filters(filter("resourceArn", web1), filter("resourceType", "RDS")),
		filters(filter("resourceArn", other), filter("resourceAccount", root)),
	} {
		s.sees(s.windows, fs)
	}
}

// summaries name every type, with zeros.
func (s *story) summaries() {
	type line struct {
		Type types.ResourceType
		N    int64
	}
	var consumed, managed []line
	c := s.get(s.windows)
	for _, l := range c.ConsumedLicenseSummaryList {
		consumed = append(consumed, line{l.ResourceType, *l.ConsumedLicenses})
	}
	for _, l := range c.ManagedResourceSummaryList {
		managed = append(managed, line{l.ResourceType, *l.AssociationCount})
	}
	same(s.t, "consumed licences", []line{{"EC2_INSTANCE", 20}, {"EC2_HOST", 0}, {"SYSTEMS_MANAGER_MANAGED_INSTANCE", 32}, {"RDS", 8}}, consumed)
	same(s.t, "managed resources", []line{{"EC2_INSTANCE", 3}, {"EC2_HOST", 0}, {"EC2_AMI", 1}, {"SYSTEMS_MANAGER_MANAGED_INSTANCE", 1}, {"RDS", 1}}, managed)
	same(s.t, "consumed in all", new(int64(60)), c.ConsumedLicenses)
	for _, l := range s.get(s.sockets).ConsumedLicenseSummaryList {
		if *l.ConsumedLicenses != 0 {
			s.t.Errorf("an unused configuration consumes %d by %s", *l.ConsumedLicenses, l.ResourceType)
		}
	}
}

func (s *story) limits() {
	s.done(add(lab, s.sockets))
	message := s.refused(add(vm1, s.sockets), licenseUsage)
	if strings.Contains(message, invalidARN) {
		s.t.Errorf("the message reads as if the configuration were unknown: %s", message)
	}
	labSockets := row{lab, types.ResourceTypeSystemsManagerManagedInstance, "Online", root, 2}
	s.sees(s.sockets, nil, labSockets) // a refusal changes nothing
	same(s.t, "configurations of the refused machine", []string{s.hosts}, s.specifications(vm1))

	s.done(&lm.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &s.sockets, LicenseCount: new(int64(4))})
	s.done(add(vm1, s.sockets))
	hostSockets := row{host, types.ResourceTypeEc2Host, "available", root, 2}
	s.sees(s.sockets, nil, hostSockets, labSockets)
	s.done(add(vm2, s.sockets)) // on the same host, which is counted already

	// Fewer than are in use is allowed; it takes nothing away.
	s.done(&lm.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &s.sockets, LicenseCount: new(int64(1))})
	same(s.t, "consumed", new(int64(4)), s.get(s.sockets).ConsumedLicenses)
	over := ask[lm.ListLicenseConfigurationsOutput](s, &lm.ListLicenseConfigurationsInput{Filters: filters(filter("usagelimitExceeded", "true"))})
	if len(over.LicenseConfigurations) != 1 || *over.LicenseConfigurations[0].LicenseConfigurationArn != s.sockets {
		s.t.Errorf("over the limit: %v", over.LicenseConfigurations)
	}
	for _, arn := range []string{lab, vm1, vm2} {
		s.done(remove(arn, s.sockets))
	}
	s.done(remove(vm2, s.sockets)) // again is no error
	s.sees(s.sockets, nil)
}

// failures: a fact that breaks a hard limit is recorded, holds no licence, and
// is listed until it fits again.
func (s *story) failures() {
	tight := s.create(&lm.CreateLicenseConfigurationInput{
		Name: new("Tight"), LicenseCountingType: types.LicenseCountingTypeVcpu, LicenseCount: new(int64(4)), LicenseCountHardLimit: new(true),
	})
	arn := instance("i-grows")
	size := func(vcpus int64) api.Resource {
		return api.Resource{ResourceArn: &arn, VCpus: &vcpus, Status: new("running")}
	}
	fits := row{arn, types.ResourceTypeEc2Instance, "running", root, 2}
	s.put(size(2))
	s.done(add(arn, tight))
	s.sees(tight, nil, fits)
	s.put(size(8))
	s.sees(tight, nil)
	failed := s.failed(tight)
	if len(failed) != 1 || *failed[0].ResourceArn != arn || failed[0].ErrorMessage == nil || failed[0].FailureTime == nil {
		s.t.Errorf("the failures are %v", failed)
	}
	s.put(size(2))
	s.sees(tight, nil, fits)
	same(s.t, "failures once it fits", 0, len(s.failed(tight)))
	s.done(remove(arn, tight))
	s.done(&lm.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &tight})
}

func (s *story) failed(arn string) []types.LicenseOperationFailure {
	s.t.Helper()
	in := &lm.ListFailuresForLicenseConfigurationOperationsInput{LicenseConfigurationArn: &arn}
	return ask[lm.ListFailuresForLicenseConfigurationOperationsOutput](s, in).LicenseOperationFailureList
}

func (s *story) tags() {
	s.done(&lm.TagResourceInput{ResourceArn: &s.hosts, Tags: []types.Tag{
		{Key: new("b"), Value: new("1")}, {Key: new("ключ"), Value: new("значение")}, {Key: new("a"), Value: new("")},
	}})
	s.done(&lm.TagResourceInput{ResourceArn: &s.hosts, Tags: []types.Tag{{Key: new("b"), Value: new("2")}}})
	s.done(&lm.UntagResourceInput{ResourceArn: &s.hosts, TagKeys: []string{"a", "never there"}})
	want := []types.Tag{{Key: new("b"), Value: new("2")}, {Key: new("ключ"), Value: new("значение")}}
	same(s.t, "tags", want, ask[lm.ListTagsForResourceOutput](s, &lm.ListTagsForResourceInput{ResourceArn: &s.hosts}).Tags)
	same(s.t, "tags of Get", want, s.get(s.hosts).Tags)
	s.refused(&lm.TagResourceInput{ResourceArn: &s.hosts, Tags: []types.Tag{{Key: new("aws:x"), Value: new("")}}}, invalidParameter, "aws:")
}

func (s *story) settings() {
	fresh := ask[lm.GetServiceSettingsOutput](s, &lm.GetServiceSettingsInput{})
	if fresh.S3BucketArn != nil || fresh.SnsTopicArn != nil || fresh.OrganizationConfiguration == nil ||
		fresh.OrganizationConfiguration.EnableIntegration || *fresh.EnableCrossAccountsDiscovery {
		s.t.Errorf("a new account has the settings %+v", fresh)
	}
	bucket := "arn:aws:s3:::aws-license-manager-service-1"
	s.done(&lm.UpdateServiceSettingsInput{S3BucketArn: &bucket})
	same(s.t, "bucket", &bucket, ask[lm.GetServiceSettingsOutput](s, &lm.GetServiceSettingsInput{}).S3BucketArn)
	s.refused(&lm.UpdateServiceSettingsInput{SnsTopicArn: new("arn:aws:sns:eu-west-1:1:mine")}, invalidParameter, "SnsTopicArn")
}
