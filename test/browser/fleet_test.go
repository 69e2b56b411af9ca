package browser_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/iam"
)

// Names of the sample fleet, and of what furnish adds to it.
const (
	oracle    = "Oracle Database EE"                                     // over-used
	sqlServer = "SQL Server 2022 Enterprise (per core, Dedicated Hosts)" // by its hosts, with failures
	proxies   = "Web proxies"                                            // found by a rule
	shared    = "MathWorks MATLAB (engineering workstations)"            // with a member of the organization
)

const (
	trustOfRoot = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + rootAccount + `"},"Action":"sts:AssumeRole"}]}`
	denyAgents  = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"reeve:*AgentToken*","Resource":"*"}]}`
)

// fleet is what tests know of the sample.
type fleet struct {
	arns   map[string]string // of configurations, by name
	member member            // of the root account's organization
}

// member is an account that the root account shares a licence with.
type member struct {
	account       string
	id, secret    string // of a key
	machine, path string // its own, and the page of what is shared with it
}

// furnished is the sample with one of everything that a page can show: a
// discovery rule, an exclusion, a source, a user and an agent token.
var furnished struct {
	once sync.Once
	fleet
}

func furnish(t *testing.T, s *server) fleet {
	t.Helper()
	furnished.once.Do(func() {
		rules := []api.ProductInformation{{ResourceType: new("SSM_MANAGED"), ProductInformationFilterList: []api.ProductInformationFilter{{
			ProductInformationFilterName: new("Application Name"), ProductInformationFilterValue: []string{"nginx"}, ProductInformationFilterComparator: new("EQUALS")}}}}
		made := call[api.CreateLicenseConfigurationOutput](t, s, "AWSLicenseManager.CreateLicenseConfiguration", &api.CreateLicenseConfigurationInput{
			Name: new(proxies), Description: new("Support contract for nginx, by machine."), LicenseCountingType: new("Instance"), LicenseCount: new(int64(120)),
			ProductInformationList: rules, Tags: []api.Tag{{Key: new("team"), Value: new("web")}}})
		arn := *made.LicenseConfigurationArn
		discover(t, s, arn)
		out := (&fleet{arns: map[string]string{proxies: arn}}).users(t, s, proxies)[0]
		call[api.ExcludeResourceOutput](t, s, "Reeve.ExcludeResource", &api.ExcludeResourceInput{
			LicenseConfigurationArn: &arn, ResourceArn: &out, Reason: new("A test machine of the vendor's, free of charge."), Owner: new("Ada Keller")})
		call[api.PutSourcesOutput](t, s, "Reeve.PutSources", &api.PutSourcesInput{Sources: []api.SourceDefinition{{
			Name: new("factory"), Kind: new("directory"), Settings: new(`{"path":"` + filepath.Join(workshop.dir, "gone") + `"}`), EverySeconds: new(int64(3600))}}})
		call[api.CreateUserOutput](t, s, "Reeve.CreateUser", &api.CreateUserInput{UserName: new("grace")})
		call[api.CreateRoleOutput](t, s, "Reeve.CreateRole", &api.CreateRoleInput{RoleName: new("Auditors"), AssumeRolePolicyDocument: new(trustOfRoot)})
		call[api.AttachPolicyOutput](t, s, "Reeve.AttachPolicy", &api.AttachPolicyInput{RoleName: new("Auditors"), PolicyArn: new(iam.ManagedARN("ReadOnly"))})
		call[api.PutPolicyOutput](t, s, "Reeve.PutPolicy", &api.PutPolicyInput{RoleName: new("Auditors"), PolicyName: new("no-agents"), PolicyDocument: new(denyAgents)})
		call[api.CreateAgentTokenOutput](t, s, "Reeve.CreateAgentToken", &api.CreateAgentTokenInput{Name: new("Data centre Zürich")})
		furnished.fleet = fleet{arns: configurations(t, s)}
		furnished.member = lend(t, s, furnished.arns[shared])
	})
	return furnished.fleet
}

// lend shares a configuration with another account, of which a machine uses it.
func lend(t *testing.T, s *server, arn string) (m member) {
	t.Helper()
	name := "Subsidiary that was bought last year and is not yet moved over"
	m.account = *call[api.CreateAccountOutput](t, s, "Reeve.CreateAccount", &api.CreateAccountInput{Name: &name}).AccountId
	key := call[api.CreateAccessKeyOutput](t, s, "Reeve.CreateAccessKey", &api.CreateAccessKeyInput{AccountId: &m.account})
	m.id, m.secret = *key.AccessKeyId, *key.SecretAccessKey
	made := call[api.CreateOrganizationOutput](t, s, "Reeve.CreateOrganization", &api.CreateOrganizationInput{ManagementAccountId: new(rootAccount)})
	call[api.AddAccountToOrganizationOutput](t, s, "Reeve.AddAccountToOrganization", &api.AddAccountToOrganizationInput{AccountId: &m.account, OrganizationId: made.Organization.OrganizationId})
	call[api.ShareLicenseConfigurationOutput](t, s, "Reeve.ShareLicenseConfiguration", &api.ShareLicenseConfigurationInput{LicenseConfigurationArn: &arn, Principal: &m.account})

	theirs := *s
	var err error
	theirs.root, err = client.New(s.url, region, client.Credentials{AccessKeyID: m.id, SecretAccessKey: m.secret})
	must(t, "take the member's key", err)
	m.machine = "arn:aws:ec2:" + region + ":" + m.account + ":instance/i-0subsidiary"
	call[api.PutResourcesOutput](t, &theirs, "Reeve.PutResources", &api.PutResourcesInput{Resources: []api.Resource{
		{ResourceArn: &m.machine, Name: new("wind-tunnel-01"), Status: new("running"), VCpus: new(int64(16)), InstanceType: new("c7i.4xlarge")}}})
	call[api.UpdateLicenseSpecificationsForResourceOutput](t, &theirs, "AWSLicenseManager.UpdateLicenseSpecificationsForResource", &api.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: &m.machine, AddLicenseSpecifications: []api.LicenseSpecification{{LicenseConfigurationArn: &arn}}})
	m.path = "/console/configurations/" + rootAccount + ":" + arn[strings.LastIndex(arn, ":")+1:]
	return m
}

// discover has a configuration's rules look at the whole inventory.
func discover(t *testing.T, s *server, arn string) {
	t.Helper()
	in := &api.DiscoverResourcesInput{LicenseConfigurationArn: &arn}
	for {
		out := call[api.DiscoverResourcesOutput](t, s, "Reeve.DiscoverResources", in)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return
		}
	}
}

// configurations are the ARNs of all configurations by name.
func configurations(t *testing.T, s *server) map[string]string {
	t.Helper()
	list := call[api.ListLicenseConfigurationsOutput](t, s, "AWSLicenseManager.ListLicenseConfigurations", &api.ListLicenseConfigurationsInput{MaxResults: new(int64(100))})
	arns := make(map[string]string)
	for _, c := range list.LicenseConfigurations {
		arns[*c.Name] = *c.LicenseConfigurationArn
	}
	return arns
}

// path is the page of a configuration.
func (f fleet) path(name string) string {
	arn := f.arns[name]
	return "/console/configurations/" + arn[strings.LastIndex(arn, ":")+1:]
}

// usage is what consumes a configuration, as the API lists it.
func (f *fleet) usage(t *testing.T, s *server, name string, filters ...api.Filter) []api.LicenseConfigurationUsage {
	t.Helper()
	in := &api.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: new(f.arns[name]), Filters: filters}
	var all []api.LicenseConfigurationUsage
	for {
		out := call[api.ListUsageForLicenseConfigurationOutput](t, s, "AWSLicenseManager.ListUsageForLicenseConfiguration", in)
		all = append(all, out.LicenseConfigurationUsageList...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all
		}
	}
}

// consumed is the sum of usage, as pages write it.
func consumed(usage []api.LicenseConfigurationUsage) string { return grouped(sum(usage)) }

func sum(usage []api.LicenseConfigurationUsage) int {
	n := 0
	for _, u := range usage {
		n += int(*u.ConsumedLicenses)
	}
	return n
}

// grouped is a number below a million, as pages write it.
func grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// users are the ARNs of usage.
func (f *fleet) users(t *testing.T, s *server, name string) []string {
	t.Helper()
	var arns []string
	for _, u := range f.usage(t, s, name) {
		arns = append(arns, *u.ResourceArn)
	}
	return arns
}

// failed is a resource that wanted a licence and has none.
func (f *fleet) failed(t *testing.T, s *server, name string) string {
	t.Helper()
	list := call[api.ListFailuresForLicenseConfigurationOperationsOutput](t, s, "AWSLicenseManager.ListFailuresForLicenseConfigurationOperations",
		&api.ListFailuresForLicenseConfigurationOperationsInput{LicenseConfigurationArn: new(f.arns[name])}).LicenseOperationFailureList
	return *list[0].ResourceArn
}
