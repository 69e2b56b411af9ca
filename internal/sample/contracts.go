package sample

import "reeve/internal/license"

// contractKey names a contract inside this package.
type contractKey string

const (
	sqlEnterprise     contractKey = "sql-enterprise"
	windowsDatacenter contractKey = "windows-datacenter"
	oracleDatabase    contractKey = "oracle-ee"
	redHat            contractKey = "rhel"
	suse              contractKey = "sles"
	hana              contractKey = "hana"
	rdsOracle         contractKey = "rds-oracle-se2"
	autocad           contractKey = "autocad"
	matlab            contractKey = "matlab"
	vsphere           contractKey = "vsphere"
	sqlStandard       contractKey = "sql-standard"
	weblogic          contractKey = "weblogic"
)

// contract is what the company agreed with a vendor: a licence configuration,
// and how its terms change in the year.
type contract struct {
	key               contractKey
	name, description string
	counting          license.CountingType
	count             int64 // 0: unlimited
	hard              bool
	rules             []string
	vendor, agreement string
	changes           []termsChange
}

// termsChange is a change of terms on a day of the year.
type termsChange struct {
	day int
	license.ConfigurationChange
}

// buy is a purchase: from that day on, count licences are owned.
func buy(day int, count int64) termsChange {
	return termsChange{day, license.ConfigurationChange{Count: &count}}
}

func (c *contract) terms() license.Terms {
	t := license.Terms{
		Name: c.name, Description: c.description, CountingType: c.counting, HardLimit: c.hard, Rules: c.rules,
		Tags: []license.Tag{{Key: "agreement", Value: c.agreement}, {Key: Tag, Value: tagValue}, {Key: "vendor", Value: c.vendor}},
	}
	if c.count > 0 {
		t.Count = new(c.count)
	}
	return t
}

// The first days of the quarters in which purchases are made.
const (
	secondQuarter = 92
	thirdQuarter  = 183
	fourthQuarter = 274
)

// contracts are in the order of their creation.
var contracts = []contract{
	{
		key: sqlEnterprise, name: "SQL Server 2022 Enterprise (per core, Dedicated Hosts)", vendor: "Microsoft", agreement: "EA-7719204",
		description: "Every physical core of the hosts that run SQL Server. Bought by the host, 48 cores each.",
		counting:    license.Core, count: 384, hard: true, rules: []string{"#allowedTenancy=EC2-DedicatedHost", "#minimumCores=16"},
		changes: []termsChange{buy(secondQuarter, 480), buy(thirdQuarter, 528), buy(fourthQuarter, 576)},
	},
	{
		key: windowsDatacenter, name: "Windows Server 2022 Datacenter", vendor: "Microsoft", agreement: "EA-7719204",
		description: "Both sockets of each Dedicated Host; as many guests as fit.",
		counting:    license.Socket, count: 84, rules: []string{"#allowedTenancy=EC2-DedicatedHost", "#minimumSockets=2"},
		changes: []termsChange{buy(thirdQuarter, 96)},
	},
	{
		key: oracleDatabase, name: "Oracle Database EE", vendor: "Oracle", agreement: "OMA-338115",
		description: "Processor licences, two vCPUs each where hyper-threading is on. Counted here by vCPU.",
		counting:    license.VCPU, count: 880,
		changes: []termsChange{buy(secondQuarter, 1072), buy(thirdQuarter, 1200)},
	},
	{
		key: redHat, name: "Red Hat Enterprise Linux", vendor: "Red Hat", agreement: "RH-50021887",
		description: "Standard subscriptions, one for each running machine; the shop's scaling group takes them in the daytime.",
		counting:    license.Instance, count: 700,
		changes: []termsChange{buy(secondQuarter, 850), buy(thirdQuarter, 1000), buy(fourthQuarter, 1150)},
	},
	{
		key: suse, name: "SUSE Linux Enterprise Server for SAP", vendor: "SUSE", agreement: "SU-11830",
		description: "Unlimited until the end of the agreement; counted for the true-up.",
		counting:    license.Instance,
	},
	{
		key: hana, name: "SAP HANA", vendor: "SAP", agreement: "SAP-0020093",
		description: "Certified sizes only. Machines with hyper-threading off count their cores.",
		counting:    license.VCPU, count: 1920, hard: true,
		rules:   []string{"#minimumVcpus=16", "#maximumVcpus=256", "#honorVcpuOptimization=True"},
		changes: []termsChange{buy(secondQuarter, 2176), buy(thirdQuarter, 2432), buy(fourthQuarter, 2752)},
	},
	{
		key: rdsOracle, name: "RDS Oracle SE2 BYOL", vendor: "Oracle", agreement: "OMA-338115",
		description: "Standard Edition 2 on Amazon RDS with our own licences.",
		counting:    license.VCPU, count: 280,
		changes: []termsChange{buy(fourthQuarter, 320)},
	},
	{
		key: autocad, name: "Autodesk AutoCAD (virtual desktops)", vendor: "Autodesk", agreement: "ADSK-EBA-440",
		description: "One for each desktop, whether it is switched on or not.",
		counting:    license.Instance, count: 270, rules: []string{"#includedStoppedInstances=True"},
		changes: []termsChange{buy(secondQuarter, 300), buy(thirdQuarter, 340)},
	},
	{
		key: matlab, name: "MathWorks MATLAB (engineering workstations)", vendor: "MathWorks", agreement: "MW-40718552",
		description: "Concurrent use: a workstation that is stopped uses none.",
		counting:    license.Instance, count: 220,
		changes: []termsChange{buy(thirdQuarter, 260)},
	},
	{
		key: vsphere, name: "VMware vSphere Foundation (per core)", vendor: "Broadcom", agreement: "BCM-90314",
		description: "The physical cores of the ESXi servers in both data centres.",
		counting:    license.Core, count: 1216, rules: []string{"#minimumCores=16"},
		changes: []termsChange{buy(thirdQuarter, 1344)},
	},
	{
		key: sqlStandard, name: "SQL Server 2022 Standard (on-premises, per core)", vendor: "Microsoft", agreement: "EA-7719204",
		description: "Bare-metal servers, and every ESXi server that a SQL Server guest runs on.",
		counting:    license.Core, count: 860,
		changes: []termsChange{buy(secondQuarter, 920), buy(thirdQuarter, 1000), buy(fourthQuarter, 1060)},
	},
	{
		key: weblogic, name: "Oracle WebLogic Suite (retired)", vendor: "Oracle", agreement: "OMA-338115",
		description: "Being replaced. No new machines.",
		counting:    license.VCPU, count: 192,
		changes: []termsChange{{fourthQuarter, license.ConfigurationChange{Status: new(license.Disabled)}}},
	},
}
