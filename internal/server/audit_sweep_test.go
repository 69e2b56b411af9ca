package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/audit"
	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/licensetest"
	"reeve/internal/server"
	"reeve/internal/sigv4"
)

// sweepAgent is the user agent of every call of the sweep.
const sweepAgent = "sweep/1.0"

// allowedCalls are calls that are answered, in this order; $arn and the like
// stand for what those before gave.
var allowedCalls = []struct{ name, body string }{
	{"PutResources", `{"Resources":[{"ResourceArn":"$machine","VCpus":4,"Status":"running"},{"ResourceArn":"$other","VCpus":2,"Status":"running"}]}`},
	{"UpdateLicenseSpecificationsForResource", `{"ResourceArn":"$machine","AddLicenseSpecifications":[{"LicenseConfigurationArn":"$arn"}]}`},
	{"GetLicenseConfiguration", `{"LicenseConfigurationArn":"$arn"}`},
	{"UpdateLicenseConfiguration", `{"LicenseConfigurationArn":"$arn","Description":"swept"}`},
	{"ListLicenseConfigurations", `{}`},
	{"ListUsageForLicenseConfiguration", `{"LicenseConfigurationArn":"$arn"}`},
	{"ListAssociationsForLicenseConfiguration", `{"LicenseConfigurationArn":"$arn"}`},
	{"ListFailuresForLicenseConfigurationOperations", `{"LicenseConfigurationArn":"$arn"}`},
	{"ListLicenseSpecificationsForResource", `{"ResourceArn":"$machine"}`},
	{"ListResourceInventory", `{}`},
	{"GetServiceSettings", `{}`},
	{"UpdateServiceSettings", `{"EnableCrossAccountsDiscovery":false}`},
	{"TagResource", `{"ResourceArn":"$arn","Tags":[{"Key":"a","Value":"b"}]}`},
	{"ListTagsForResource", `{"ResourceArn":"$arn"}`},
	{"UntagResource", `{"ResourceArn":"$arn","TagKeys":["a"]}`},
	{"GetResource", `{"ResourceArn":"$machine"}`},
	{"FindResources", `{}`},
	{"ListResourceVersions", `{"ResourceArn":"$machine"}`},
	{"ExplainUsage", `{"LicenseConfigurationArn":"$arn","ResourceArn":"$machine"}`},
	{"GetUsageHistory", `{"LicenseConfigurationArn":"$arn"}`},
	{"CompareUsage", `{"LicenseConfigurationArn":"$arn","From":"1767225599","To":"1767225600"}`},
	{"SimulateUsage", `{"Actions":[{"Change":{"ResourceArn":"$machine","VCpus":8}}]}`},
	{"VerifyLedgers", `{}`},
	{"ExportLedger", `{"LicenseConfigurationArn":"$arn"}`},
	{"CreateCheckpoint", `{}`},
	{"GetCheckpoint", `{}`},
	{"ListCheckpoints", `{}`},
	{"RotateCheckpointKey", `{}`},
	{"ExcludeResource", `{"LicenseConfigurationArn":"$arn","ResourceArn":"$other","Reason":"a sweep","Owner":"somebody"}`},
	{"ListExclusions", `{"LicenseConfigurationArn":"$arn"}`},
	{"IncludeResource", `{"LicenseConfigurationArn":"$arn","ResourceArn":"$other"}`},
	{"DiscoverResources", `{"LicenseConfigurationArn":"$arn","DryRun":true}`},
	{"ListRevisions", `{"LicenseConfigurationArn":"$arn"}`},
	{"ListPositions", `{}`},
	{"ListAssociations", `{"LicenseConfigurationArn":"$arn"}`},
	{"ListSoftware", `{}`},
	{"CreateAccount", `{"Name":"swept","AccountId":"444455556666"}`},
	{"ListAccounts", `{}`},
	{"CreateOrganization", `{"ManagementAccountId":"$root"}`},
	{"DescribeOrganization", `{}`},
	{"AddAccountToOrganization", `{"AccountId":"444455556666"}`},
	{"ListOrganizationAccounts", `{}`},
	{"UpdateServiceSettings", `{"OrganizationConfiguration":{"EnableIntegration":true}}`},
	{"ShareLicenseConfiguration", `{"LicenseConfigurationArn":"$arn","Principal":"organization"}`},
	{"ListLicenseConfigurationShares", `{"LicenseConfigurationArn":"$arn"}`},
	{"ListLicenseConfigurationsForOrganization", `{}`},
	{"UnshareLicenseConfiguration", `{"LicenseConfigurationArn":"$arn","Principal":"organization"}`},
	{"RegisterDelegatedAdministrator", `{"AccountId":"444455556666"}`},
	{"DeregisterDelegatedAdministrator", `{"AccountId":"444455556666"}`},
	{"RemoveAccountFromOrganization", `{"AccountId":"444455556666"}`},
	{"CreateUser", `{"UserName":"swept"}`},
	{"ListUsers", `{}`},
	{"CreateAccessKey", `{"UserName":"swept"}`},
	{"ListAccessKeys", `{"UserName":"swept"}`},
	{"UpdateAccessKey", `{"UserName":"swept","AccessKeyId":"$key","Status":"Inactive"}`},
	{"DeleteAccessKey", `{"UserName":"swept","AccessKeyId":"$key"}`},
	{"CreateRole", `{"RoleName":"swept","AssumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},\"Action\":\"sts:AssumeRole\"}]}"}`},
	{"ListRoles", `{}`},
	{"UpdateRole", `{"RoleName":"swept","MaxSessionDuration":3600}`},
	{"PutPolicy", `{"PolicyName":"swept","PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}`},
	{"ListPolicies", `{}`},
	{"AttachPolicy", `{"UserName":"swept","PolicyArn":"arn:aws:iam::$root:policy/swept"}`},
	{"DetachPolicy", `{"UserName":"swept","PolicyArn":"arn:aws:iam::$root:policy/swept"}`},
	{"DeletePolicy", `{"PolicyName":"swept"}`},
	{"SimulatePolicy", `{"UserName":"swept","ActionNames":["license-manager:GetServiceSettings"]}`},
	{"DeleteUser", `{"UserName":"swept"}`},
	{"GetCallerIdentity", `{}`},
	{"PutSources", `{"Sources":[{"Name":"swept","Kind":"directory","Settings":"{\"path\":\"/tmp/swept\",\"password\":\"$secret\"}","EverySeconds":3600}]}`},
	{"ListSources", `{}`},
	{"CreateAgentToken", `{"Name":"swept"}`},
	{"ListAgentTokens", `{}`},
	{"DeleteAgentToken", `{"AgentTokenId":"$token"}`},
	{"LookupEvents", `{}`},
	{"VerifyEvents", `{}`},
	{"DeleteRole", `{"RoleName":"swept"}`},
	{"DeleteResources", `{"ResourceArns":["$machine","$other"]}`},
	{"DeleteLicenseConfiguration", `{"LicenseConfigurationArn":"$arn"}`},
}

// notAllowed are the operations that the sweep has no answered call of, because
// they need a directory of the server, or another deployment.
var notAllowed = []string{"GetSource", "DeleteSource", "RunSource", "ListSourceRuns", "PutSources", "PutWitnessCheckpoint"}

// swept is a call and its answer.
type swept struct {
	name, what string
	who        string // type of the identity
	answer     licensetest.Answer
	sts        bool
}

// sweep is a server under calls of every operation.
type sweep struct {
	*licensetest.Server
	t       *testing.T
	log     syncBuffer
	calls   []swept
	secrets []string // that nothing may show
	values  map[string]string
}

type syncBuffer struct {
	sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(p)
}

func newSweep(t *testing.T) *sweep {
	s := &sweep{t: t, values: map[string]string{
		"$machine": licensetest.MachineARN(licensetest.Root, "i-0001"), "$other": licensetest.MachineARN(licensetest.Root, "i-0002"),
		"$root": licensetest.Root, "$secret": "hunter2hunter2",
	}}
	s.Server = licensetest.Start(t, licensetest.Options{Audit: audit.All,
		Log: slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})})
	s.secrets = append(s.secrets, s.values["$secret"], s.Credentials(licensetest.Root).SecretAccessKey)
	return s
}

// send sends a call, signed with a key or with none, and keeps the answer.
func (s *sweep) send(name, what, who string, body string, key *sigv4.Credentials, service string) licensetest.Answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+"/", strings.NewReader(body))
	s.must(err)
	r.Header.Set("User-Agent", sweepAgent)
	r.Header.Set("Content-Type", awsjson.ContentType)
	if service == "sts" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r.Header.Set("X-Amz-Target", targetOf(name))
	}
	if key != nil {
		s.must(sigv4.Sign(r, []byte(body), *key, licensetest.Region, service, time.Now()))
		_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		s.secrets = append(s.secrets, signature)
	}
	response, err := http.DefaultClient.Do(r)
	s.must(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	s.must(err)
	answer := licensetest.Answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}
	s.calls = append(s.calls, swept{name, what, who, answer, service == "sts"})
	return answer
}

func (s *sweep) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func targetOf(name string) string {
	i := slices.IndexFunc(api.Operations, func(o api.Operation) bool { return o.Name == name })
	return api.Operations[i].Service + "." + name
}

// keep remembers what later calls name, and what is a secret.
func (s *sweep) keep(name string, answer licensetest.Answer) {
	var out map[string]any
	_ = json.Unmarshal([]byte(answer.Body), &out) // what is no JSON has nothing to keep
	for member, variable := range map[string]string{"LicenseConfigurationArn": "$arn", "AccessKeyId": "$key", "AgentTokenId": "$token"} {
		if text, ok := out[member].(string); ok && strings.HasPrefix(name, "Create") {
			s.values[variable] = text
		}
	}
	for _, member := range []string{"SecretAccessKey", "Token"} {
		if text, ok := out[member].(string); ok {
			s.secrets = append(s.secrets, text)
		}
	}
}

func (s *sweep) body(text string) string {
	for name, value := range s.values {
		text = strings.ReplaceAll(text, name, value)
	}
	return text
}

// nobody is a user without a policy.
func (s *sweep) nobody() *sigv4.Credentials {
	var out api.CreateAccessKeyOutput
	s.Call(licensetest.Root, "Reeve.CreateUser", &api.CreateUserInput{UserName: new("nobody")}, nil)
	s.Call(licensetest.Root, "Reeve.CreateAccessKey", &api.CreateAccessKeyInput{UserName: new("nobody")}, &out)
	s.secrets = append(s.secrets, *out.SecretAccessKey)
	return &sigv4.Credentials{AccessKeyID: *out.AccessKeyId, SecretAccessKey: *out.SecretAccessKey}
}

// all calls every operation: unsigned, by who may not, with what is no input,
// and as it is answered.
func (s *sweep) all() {
	root, nobody := s.Credentials(licensetest.Root), s.nobody()
	for _, o := range server.Operations() {
		s.send(o.Name, "unsigned", "Unknown", `{}`, nil, "license-manager")
		s.send(o.Name, "not permitted", "IAMUser", `{}`, nobody, "license-manager")
		s.send(o.Name, "no input", "Root", `{"SecretAccessKey":"`+s.values["$secret"]+`",`, &root, "license-manager")
	}
	s.keep("Create", s.send("CreateLicenseConfiguration", "answered", "Root", `{"Name":"swept","LicenseCountingType":"vCPU"}`, &root, "license-manager"))
	for _, c := range allowedCalls {
		s.keep(c.name, s.send(c.name, "answered", "Root", s.body(c.body), &root, "license-manager"))
		if c.name == "CreateRole" {
			s.sts(&root, nobody)
		}
	}
}

// sts calls the operations of STS.
func (s *sweep) sts(root, nobody *sigv4.Credentials) {
	const role = "&RoleArn=arn:aws:iam::" + licensetest.Root + ":role/swept&RoleSessionName=me"
	s.send("GetCallerIdentity", "answered", "Root", "Action=GetCallerIdentity&Version=2011-06-15", root, "sts")
	s.send("GetCallerIdentity", "unsigned", "Unknown", "Action=GetCallerIdentity&Version=2011-06-15", nil, "sts")
	s.send("AssumeRole", "no input", "IAMUser", "Action=AssumeRole&Version=2011-06-15", nobody, "sts")
	s.send("AssumeRoleWithWebIdentity", "not permitted", "Unknown", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=a."+s.values["$secret"]+".c"+role, nil, "sts")
	s.send("GetSessionToken", "unsigned", "Unknown", "Action=GetSessionToken&Version=2011-06-15", nil, "sts")
	for _, answer := range []licensetest.Answer{
		s.send("AssumeRole", "asked", "IAMUser", "Action=AssumeRole&Version=2011-06-15"+role, nobody, "sts"),
		s.send("GetSessionToken", "answered", "Root", "Action=GetSessionToken&Version=2011-06-15", root, "sts"),
	} {
		for _, member := range []string{"SecretAccessKey", "SessionToken"} {
			_, rest, found := strings.Cut(answer.Body, "<"+member+">")
			if secret, _, _ := strings.Cut(rest, "<"); found {
				s.secrets = append(s.secrets, secret)
			}
		}
	}
}

// events closes the trail and returns its events by the number of the request,
// and all of it as text.
func (s *sweep) events() (byRequest map[string][]map[string]any, text string) {
	s.must(s.Audit.Close())
	byRequest = map[string][]map[string]any{}
	var all strings.Builder
	chains, err := s.Store.Audit().Chains(s.t.Context(), 0, 100)
	s.must(err)
	for _, c := range chains {
		segments, err := s.Store.Audit().Segments(s.t.Context(), c.Num, 0, 10_000)
		s.must(err)
		for _, segment := range segments {
			lines, err := segment.Lines()
			s.must(err)
			for _, line := range lines {
				var e map[string]any
				s.must(json.Unmarshal(line, &e))
				id, _ := e["requestID"].(string)
				byRequest[id] = append(byRequest[id], e)
				all.Write(append(line, '\n'))
			}
		}
	}
	return byRequest, all.String()
}

// TestEveryCallLeavesOneEvent sweeps over all operations.
func TestEveryCallLeavesOneEvent(t *testing.T) {
	s := newSweep(t)
	s.all()
	events, _ := s.events()
	answered := map[string]bool{}
	for _, c := range s.calls {
		id := c.answer.Header.Get("X-Amzn-Requestid")
		found := events[id]
		if id == "" || len(found) != 1 {
			t.Errorf("%s, %s: request %q has %d events", c.name, c.what, id, len(found))
			continue
		}
		c.compare(t, found[0])
		if c.answer.Status == http.StatusOK {
			answered[c.name] = true
		} else if c.what == "answered" && !slices.Contains(notAllowed, c.name) {
			t.Errorf("%s is not answered: %s", c.name, c.answer.Body)
		}
	}
	for _, o := range server.Operations() {
		if o.Reason == "" && !answered[o.Name] && !slices.Contains(notAllowed, o.Name) {
			t.Errorf("the sweep has no call of %s that is answered", o.Name)
		}
	}
}

// reads are the verbs that change nothing.
var reads = []string{"Get", "List", "Explain", "Compare", "Verify", "Lookup", "Simulate", "Find", "Describe", "Export", "Assume"}

// compare holds an event against what is known of the call.
func (c *swept) compare(t *testing.T, e map[string]any) {
	t.Helper()
	got := func(path ...string) string {
		var at any = e
		for _, name := range path {
			m, _ := at.(map[string]any)
			at = m[name]
		}
		if at == nil {
			return ""
		}
		return fmt.Sprint(at)
	}
	code := ""
	if c.answer.Status != http.StatusOK {
		code = c.answer.Header.Get("X-Amzn-Errortype")
		if c.sts {
			_, rest, _ := strings.Cut(c.answer.Body, "<Code>")
			code, _, _ = strings.Cut(rest, "<")
		}
		if code == "" {
			t.Errorf("%s, %s: refused without a code: %s", c.name, c.what, c.answer.Body)
		}
	}
	reading := slices.ContainsFunc(reads, func(verb string) bool { return strings.HasPrefix(c.name, verb) })
	for member, want := range map[string]string{
		"eventName": c.name, "sourceIPAddress": "127.0.0.1", "userAgent": sweepAgent, "errorCode": code, "eventVersion": "1.08",
		"readOnly": fmt.Sprint(reading), "eventType": "AwsApiCall", "managementEvent": "true", "eventCategory": "Management",
		"recipientAccountId": licensetest.Root,
	} {
		if got(member) != want {
			t.Errorf("%s, %s: %s is %q, want %q", c.name, c.what, member, got(member), want)
		}
	}
	if who := got("userIdentity", "type"); who != c.who {
		t.Errorf("%s, %s: by a %q, want %s", c.name, c.what, who, c.who)
	}
	for _, member := range []string{"eventTime", "eventSource", "eventID", "awsRegion"} {
		if got(member) == "" {
			t.Errorf("%s, %s: there is no %s", c.name, c.what, member)
		}
	}
	if known := c.who != "Unknown"; known && (got("userIdentity", "arn") == "" || got("userIdentity", "accessKeyId") == "" || got("userIdentity", "accountId") != licensetest.Root) {
		t.Errorf("%s, %s: made by %v", c.name, c.what, e["userIdentity"])
	}
}

// TestNoSecretIsTold looks for every secret that calls gave or took in all that
// is told: the trail, the log, and the answers to questions.
func TestNoSecretIsTold(t *testing.T) {
	s := newSweep(t)
	s.all()
	var told strings.Builder
	for _, c := range s.calls {
		if c.name == "GetSessionToken" {
			continue // it is what gives secrets, not what tells them
		}
		if strings.HasPrefix(c.name, "List") || strings.HasPrefix(c.name, "Get") || strings.HasPrefix(c.name, "LookupEvents") || strings.HasPrefix(c.name, "Export") {
			told.WriteString(c.answer.Body)
		}
	}
	_, trail := s.events()
	s.log.Lock()
	log := s.log.String()
	s.log.Unlock()
	if len(s.secrets) < 100 {
		t.Errorf("there are only %d secrets", len(s.secrets))
	}
	for _, secret := range s.secrets {
		for where, text := range map[string]string{"the trail": trail, "the log": log, "an answer": told.String()} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s tells a secret: …%s…", where, text[max(at-200, 0):min(at+len(secret)+20, len(text))])
			}
		}
	}
}

// TestAuditorsOfTheRootAccountSeeTheWholeTrail: what concerns every account takes
// a caller of the root account and a policy, and no key of its root user.
func TestAuditorsOfTheRootAccountSeeTheWholeTrail(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{Audit: audit.All})
	auditor := func(account, name, arn string) sigv4.Credentials {
		key := person(t, s, account, name, "")
		s.Call(account, "Reeve.AttachPolicy", &api.AttachPolicyInput{UserName: &name, PolicyArn: &arn}, nil)
		return key
	}
	for name, c := range map[string]struct {
		key  sigv4.Credentials
		want string
	}{
		"an auditor of the root account":      {auditor(licensetest.Root, "ann", iam.ManagedARN("Auditor")), ""},
		"a reader of the root account":        {auditor(licensetest.Root, "ron", iam.ManagedARN("ReadOnly")), "no identity-based policy allows"},
		"an auditor of another account":       {auditor(alice, "abe", iam.ManagedARN("Auditor")), "for callers of the deployment's root account alone"},
		"an administrator of another account": {auditor(alice, "ada", iam.ManagedARN("Admin")), "for callers of the deployment's root account alone"},
	} {
		for target, in := range map[string]any{"Reeve.LookupEvents": &api.LookupEventsInput{AllAccounts: new(true)}, "Reeve.VerifyEvents": &api.VerifyEventsInput{}} {
			got := callAs(t, s, c.key, target, in)
			if c.want == "" && got != "" || c.want != "" && (!strings.HasPrefix(got, "AuthorizationException") || !strings.Contains(got, c.want)) {
				t.Errorf("%s, %s: got %q, want %q", name, target, got, c.want)
			}
		}
	}
}
