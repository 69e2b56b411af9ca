package sample

import "reeve/internal/license"

// owner is one of the company's five accounts, which ARNs name. The first is
// the caller's own.
type owner int

const (
	online     owner = iota // shop, payments: the caller's own account
	erp                     // SAP and Oracle
	analytics               // data platform
	workplaces              // desktops and engineers' workstations
	plants                  // data centres and factories
)

// otherAccounts are numbers that AWS's own documentation uses. There is one
// more than needed, in case the caller's account is one of them.
var otherAccounts = [...]string{"111122223333", "222233334444", "444455556666", "777788889999", "123456789012"}

// accountsOf returns the account numbers by owner.
func accountsOf(own string) []string {
	accounts := []string{own}
	for _, a := range otherAccounts {
		if a != own && len(accounts) <= int(plants) {
			accounts = append(accounts, a)
		}
	}
	return accounts
}

// team is who pays for a machine.
type team struct{ name, costCentre string }

var (
	shop        = team{"shop", "4100"}
	payments    = team{"payments", "4120"}
	finance     = team{"finance-erp", "2200"}
	data        = team{"data-platform", "4300"}
	tooling     = team{"developer-tools", "4410"}
	workplaceIT = team{"workplace-it", "1700"}
	engineering = team{"product-engineering", "5100"}
	factories   = team{"factory-it", "6200"}
)

// Environments, as the tag env names them.
const (
	production  = "production"
	staging     = "staging"
	development = "development"
)

// system is an operating system as machines report it.
type system struct {
	platform, kind, version string
	operation               string // of EC2's billing: who brings the licence
	image                   string // name of the image that machines are launched from; "" for none
}

var (
	rhel        = system{"Red Hat Enterprise Linux", "Linux", "9.4", "RunInstances", "rhel-9-golden"}
	sles        = system{"SUSE Linux Enterprise Server for SAP", "Linux", "15 SP6", "RunInstances", "sles-15-sap"}
	oracleLinux = system{"Oracle Linux Server", "Linux", "8.10", "RunInstances", ""}
	amazonLinux = system{"Amazon Linux", "Linux", "2023", "RunInstances", "al2023-base"}
	ubuntu      = system{"Ubuntu", "Linux", "24.04", "RunInstances", "ubuntu-24.04-base"}
	windows     = system{"Microsoft Windows Server 2022 Datacenter", "Windows", "10.0.20348", "RunInstances:0800", "windows-2022-golden"}
	desktop     = system{"Microsoft Windows 11 Enterprise", "Windows", "10.0.22631", "RunInstances:0800", "windows-11-cad"}
)

// size is an instance type with what it has. cores is what the machine was
// launched with: less than half of the vCPUs where threads is 1.
type size struct {
	name           string
	vcpus, cores   int64
	threadsPerCore int64
}

var (
	t3Large      = size{"t3.large", 2, 1, 2}
	c6iLarge     = size{"c6i.large", 2, 1, 2}
	m6iXlarge    = size{"m6i.xlarge", 4, 2, 2}
	m6i2xlarge   = size{"m6i.2xlarge", 8, 4, 2}
	m6i4xlarge   = size{"m6i.4xlarge", 16, 8, 2}
	r6i2xlarge   = size{"r6i.2xlarge", 8, 4, 2}
	r6i4xlarge   = size{"r6i.4xlarge", 16, 8, 2}
	r6i8xlarge   = size{"r6i.8xlarge", 32, 16, 2}
	x2idn16      = size{"x2idn.16xlarge", 64, 32, 2}
	x2idn16NoSMT = size{"x2idn.16xlarge", 64, 32, 1} // hyper-threading off: half of the vCPUs to license
	x2idn32      = size{"x2idn.32xlarge", 128, 64, 2}
	g4dnXlarge   = size{"g4dn.xlarge", 4, 2, 2}
	g4dn2xlarge  = size{"g4dn.2xlarge", 8, 4, 2}
	m5Xlarge     = size{"m5.xlarge", 4, 2, 2}
	m5Twoxlarge  = size{"m5.2xlarge", 8, 4, 2}
	r5FourXlarge = size{"r5.4xlarge", 16, 8, 2}
)

// tags are those of a machine.
func tags(t team, env string) []license.Tag {
	return []license.Tag{{Key: "cost-centre", Value: t.costCentre}, {Key: "env", Value: env}, {Key: "team", Value: t.name}}
}
