package aws_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"reeve/internal/license"
	"reeve/internal/source"
	"reeve/internal/source/aws"
)

var _ source.Puller = (*aws.Source)(nil)
var _ source.Failing = (*aws.Source)(nil)

const (
	account = "111122223333"
	other   = "444455556666"
	region  = "eu-central-1"
)

// answers are what a recorded AWS answers, by action.
type answers map[string]answer

// answer gives the status and the body of one call. form holds the parameters
// of the query services; of Systems Manager, the body alone under "".
type answer func(form url.Values) (status int, body string)

// always is an answer that does not look at the question.
func always(body string) answer {
	return func(url.Values) (int, string) { return http.StatusOK, body }
}

// failing answers with an error in the form of the action's service.
func failing(service, code string) answer {
	return func(url.Values) (int, string) { return http.StatusBadRequest, failure(service, code) }
}

func failure(service, code string) string {
	switch service {
	case "ssm":
		return fmt.Sprintf(`{"__type":%q,"message":"no"}`, code)
	case "ec2":
		return fmt.Sprintf(`<Response><Errors><Error><Code>%s</Code><Message>no</Message></Error></Errors><RequestID>1</RequestID></Response>`, code)
	}
	return fmt.Sprintf(`<ErrorResponse><Error><Code>%s</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>`, code)
}

// after gives other answers to the first calls.
func after(last answer, first ...answer) answer {
	var mu sync.Mutex
	calls := 0
	return func(form url.Values) (int, string) {
		mu.Lock()
		defer mu.Unlock()
		calls++
		if calls <= len(first) {
			return first[calls-1](form)
		}
		return last(form)
	}
}

// cloud is an AWS of recorded answers.
type cloud struct {
	URL string

	mu    sync.Mutex
	calls map[string]int
	also  answers
}

// empty is an account in which there is nothing.
var empty = answers{
	"GetCallerIdentity": always(`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
		`<Arn>arn:aws:iam::111122223333:user/reeve</Arn><UserId>AIDA</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`),
	"DescribeHosts":               always(`<DescribeHostsResponse><hostSet/></DescribeHostsResponse>`),
	"DescribeImages":              always(`<DescribeImagesResponse><imagesSet/></DescribeImagesResponse>`),
	"DescribeInstances":           always(`<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>`),
	"DescribeInstanceTypes":       always(`<DescribeInstanceTypesResponse><instanceTypeSet/></DescribeInstanceTypesResponse>`),
	"DescribeDBInstances":         always(`<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances/></DescribeDBInstancesResult></DescribeDBInstancesResponse>`),
	"DescribeOptionGroups":        always(`<DescribeOptionGroupsResponse><DescribeOptionGroupsResult><OptionGroupsList/></DescribeOptionGroupsResult></DescribeOptionGroupsResponse>`),
	"DescribeInstanceInformation": always(`{"InstanceInformationList":[]}`),
	"ListInventoryEntries":        always(`{"Entries":[]}`),
	"ListTagsForResource":         always(`{"TagList":[]}`),
}

// start serves what there is in an account besides nothing.
func start(t *testing.T, there answers) *cloud {
	t.Helper()
	setKeys(t)
	c := &cloud{calls: map[string]int{}, also: maps.Clone(empty)}
	maps.Copy(c.also, there)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// setKeys gives the process an access key and nothing else of this machine's.
func setKeys(t *testing.T) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	action := form.Get("Action")
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, action, _ = strings.Cut(target, ".")
		form = url.Values{"": {string(body)}}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	}
	c.mu.Lock()
	c.calls[action]++
	answer := c.also[action]
	c.mu.Unlock()
	if answer == nil {
		http.Error(w, "nothing is recorded for "+action, http.StatusNotImplemented)
		return
	}
	status, text := answer(form)
	if status == 0 { // half an answer
		w.Header().Set("Content-Length", "1000000")
		_, _ = io.WriteString(w, "<Desc")
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// set changes an answer.
func (c *cloud) set(action string, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.also[action] = a
}

// count is how often an action was called since the last count.
func (c *cloud) count(action string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.calls[action]
	c.calls[action] = 0
	return n
}

// settings read everything in one region.
func (c *cloud) settings() aws.Settings {
	return aws.Settings{Regions: []string{region}, Endpoint: c.URL, MaxRequestsPerSecond: 1000}
}

func open(t *testing.T, s aws.Settings) *aws.Source {
	t.Helper()
	src, err := aws.Open(s)
	if err != nil {
		t.Fatalf("open source: %v", err)
	}
	src.TryAgainAtOnce()
	return src
}

// pull runs one pull and returns the reports by ARN.
func pull(t *testing.T, src *aws.Source, last []byte) (map[string]license.Report, []byte, error) {
	t.Helper()
	found := map[string]license.Report{}
	next, err := src.Pull(t.Context(), last, func(reports []license.Report) error {
		if len(reports) == 0 || len(reports) > license.MaxReports {
			t.Errorf("a batch of %d reports", len(reports))
		}
		for _, r := range reports {
			found[r.ARN] = r
		}
		return nil
	})
	return found, next, err
}

func mustPull(t *testing.T, src *aws.Source, last []byte) (map[string]license.Report, []byte) {
	t.Helper()
	found, next, err := pull(t, src, last)
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	return found, next
}

func names(found map[string]license.Report) []string { return slices.Sorted(maps.Keys(found)) }

// sizes answers DescribeInstanceTypes for the two types that are recorded.
func sizes(form url.Values) (int, string) {
	var items strings.Builder
	for i := 1; form.Get(fmt.Sprintf("Filter.1.Value.%d", i)) != ""; i++ {
		switch name := form.Get(fmt.Sprintf("Filter.1.Value.%d", i)); name {
		case "m6i.2xlarge", "r5.4xlarge":
			n := map[string]int{"m6i.2xlarge": 8, "r5.4xlarge": 16}[name]
			fmt.Fprintf(&items, `<item><instanceType>%s</instanceType><bareMetal>false</bareMetal><vCpuInfo><defaultVCpus>%d</defaultVCpus>`+
				`<defaultCores>%d</defaultCores><defaultThreadsPerCore>2</defaultThreadsPerCore></vCpuInfo></item>`, name, n, n/2)
		}
	}
	return http.StatusOK, `<DescribeInstanceTypesResponse><instanceTypeSet>` + items.String() + `</instanceTypeSet></DescribeInstanceTypesResponse>`
}

const hostsXML = `<DescribeHostsResponse><hostSet>
<item><hostId>h-0a</hostId><state>available</state><ownerId>111122223333</ownerId><hostProperties><cores>48</cores><instanceFamily>m6i</instanceFamily><sockets>2</sockets><totalVCpus>96</totalVCpus></hostProperties>
 <tagSet><item><key>Name</key><value>rack 7</value></item></tagSet></item>
<item><hostId>h-0b</hostId><state>under-assessment</state><ownerId>444455556666</ownerId><hostProperties><cores>24</cores><sockets>1</sockets><totalVCpus>48</totalVCpus></hostProperties></item>
</hostSet></DescribeHostsResponse>`

const imageXML = `<DescribeImagesResponse><imagesSet>
<item><imageId>ami-0a</imageId><imageState>available</imageState><imageOwnerId>801119661308</imageOwnerId><name>Windows 2022 SQL</name><platform>windows</platform>
<platformDetails>Windows with SQL Server Standard</platformDetails><usageOperation>RunInstances:0006</usageOperation></item></imagesSet></DescribeImagesResponse>`

const instancesXML = `<DescribeInstancesResponse><reservationSet>
<item><instancesSet><item><instanceId>i-0a</instanceId><imageId>ami-0a</imageId><instanceState><code>16</code><name>running</name></instanceState><instanceType>m6i.2xlarge</instanceType>
<platform>windows</platform><platformDetails>Windows with SQL Server Standard</platformDetails><usageOperation>RunInstances:0006</usageOperation>
<placement><tenancy>host</tenancy><hostId>h-0b</hostId></placement><cpuOptions><coreCount>2</coreCount><threadsPerCore>1</threadsPerCore></cpuOptions>
<productCodes><item><productCode>abc</productCode><type>marketplace</type></item></productCodes>
<tagSet><item><key>Name</key><value>db 1</value></item><item><key>team</key><value></value></item></tagSet></item></instancesSet></item>
</reservationSet>%s</DescribeInstancesResponse>`

// twoPages answers DescribeInstances with a second page of one instance that
// is terminated.
func twoPages(form url.Values) (int, string) {
	if form.Get("NextToken") == "" {
		return http.StatusOK, fmt.Sprintf(instancesXML, "<nextToken>2</nextToken>")
	}
	return http.StatusOK, `<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-0b</instanceId><instanceState><name>terminated</name></instanceState>
<instanceType>t9.unheard</instanceType></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`
}

const databaseXML = `<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>
<DBInstance><DBInstanceArn>arn:aws:rds:eu-central-1:111122223333:db:orders</DBInstanceArn><DBInstanceIdentifier>orders</DBInstanceIdentifier><DBInstanceClass>db.r5.4xlarge.tpc2.mem2x</DBInstanceClass>
<DBInstanceStatus>available</DBInstanceStatus><Engine>oracle-ee-cdb</Engine><EngineVersion>19.0</EngineVersion><LicenseModel>bring-your-own-license</LicenseModel><ReplicaMode>open-read-only</ReplicaMode>
<OptionGroupMemberships><OptionGroupMembership><OptionGroupName>tuned</OptionGroupName></OptionGroupMembership></OptionGroupMemberships>
<ProcessorFeatures><ProcessorFeature><Name>coreCount</Name><Value>4</Value></ProcessorFeature><ProcessorFeature><Name>threadsPerCore</Name><Value>1</Value></ProcessorFeature></ProcessorFeatures>
<TagList><Tag><Key>env</Key><Value>prod</Value></Tag></TagList></DBInstance>
<DBInstance><DBInstanceArn>arn:aws:rds:eu-central-1:111122223333:db:shop</DBInstanceArn><DBInstanceIdentifier>shop</DBInstanceIdentifier><DBInstanceClass>db.serverless</DBInstanceClass>
<DBInstanceStatus>stopped</DBInstanceStatus><Engine>oracle-se2</Engine><LicenseModel>license-included</LicenseModel></DBInstance>
</DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>`

const groupsXML = `<DescribeOptionGroupsResponse><DescribeOptionGroupsResult><OptionGroupsList>
<OptionGroup><OptionGroupName>tuned</OptionGroupName><Options><Option><OptionName>SQLT</OptionName><OptionSettings><OptionSetting><Name>LICENSE_PACK</Name><Value>T</Value></OptionSetting></OptionSettings></Option>
<Option><OptionName>OLS</OptionName></Option></Options></OptionGroup>
</OptionGroupsList></DescribeOptionGroupsResult></DescribeOptionGroupsResponse>`

// machines answers DescribeInstanceInformation: i-0a, and mi-0123456789abcdef0.
func machines(form url.Values) (int, string) {
	if strings.Contains(form.Get(""), "ManagedInstance") {
		return http.StatusOK, `{"InstanceInformationList":[{"InstanceId":"mi-0123456789abcdef0","PingStatus":"ConnectionLost","PlatformType":"Linux","PlatformName":"Ubuntu","PlatformVersion":"24.04",
"ComputerName":"web1","ResourceType":"ManagedInstance","LastAssociationExecutionDate":1700000000.5}]}`
	}
	return http.StatusOK, `{"InstanceInformationList":[{"InstanceId":"i-0a","PingStatus":"Online","PlatformType":"Windows","PlatformName":"Microsoft Windows Server 2022 Datacenter","PlatformVersion":"10.0.20348",
"ResourceType":"EC2Instance","LastAssociationExecutionDate":1700000000.5}]}`
}

// inventory answers ListInventoryEntries: the software of both machines in two
// pages, and the processors of the managed instance.
func inventory(form url.Values) (int, string) {
	switch question := form.Get(""); {
	case strings.Contains(question, "AWS:InstanceDetailedInformation"):
		return http.StatusOK, `{"CaptureTime":"2026-01-01T00:00:00Z","Entries":[{"CPUs":"16","CPUCores":"8","CPUSockets":"2","CPUHyperThreadEnabled":"true"}]}`
	case strings.Contains(question, "NextToken"):
		return http.StatusOK, `{"CaptureTime":"2026-01-01T00:00:00Z","Entries":[{"Name":"SQL Server","Publisher":"Microsoft Corporation","Version":"16.0"}]}`
	}
	return http.StatusOK, `{"CaptureTime":"2026-01-01T00:00:00Z","NextToken":"2","Entries":[{"Name":"7-Zip","Version":"24"},{"Name":" "}]}`
}

// everything is an account with one of each.
var everything = answers{
	"DescribeHosts": always(hostsXML), "DescribeInstances": twoPages, "DescribeInstanceTypes": sizes,
	"DescribeImages": func(form url.Values) (int, string) {
		if form.Get("Owner.1") == "self" {
			return empty["DescribeImages"](form)
		}
		return http.StatusOK, imageXML
	},
	"DescribeDBInstances": always(databaseXML), "DescribeOptionGroups": always(groupsXML),
	"DescribeInstanceInformation": machines, "ListInventoryEntries": inventory,
	"ListTagsForResource": always(`{"TagList":[{"Key":"site","Value":"fra"}]}`),
}
