package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/iam/policy"
	"reeve/internal/licensetest"
	"reeve/internal/server"
	"reeve/internal/sigv4"
)

// person makes a user of an account with an inline policy and a key.
func person(t testing.TB, s *licensetest.Server, account, name, document string) sigv4.Credentials {
	t.Helper()
	s.Credentials(account) // which makes the account
	s.Call(account, "Reeve.CreateUser", &api.CreateUserInput{UserName: &name}, nil)
	if document != "" {
		s.Call(account, "Reeve.PutPolicy", &api.PutPolicyInput{UserName: &name, PolicyName: new("p"), PolicyDocument: &document}, nil)
	}
	var key api.CreateAccessKeyOutput
	s.Call(account, "Reeve.CreateAccessKey", &api.CreateAccessKeyInput{UserName: &name}, &key)
	return sigv4.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: *key.SecretAccessKey}
}

// allow is a policy of one statement; rest goes on after the action and
// resource, such as `,"Condition":{…}`.
func allow(action, resource, rest string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"` + rest + `}}`
}

// as is AWS's own client for a user's key.
func as(s *licensetest.Server, key sigv4.Credentials) *licensemanager.Client {
	return licensemanager.New(licensemanager.Options{
		Region: licensetest.Region, BaseEndpoint: &s.URL, RetryMaxAttempts: 1, HTTPClient: licensetest.Wire{Client: http.DefaultClient},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey, SessionToken: key.SessionToken}, nil
		}),
	})
}

// callAs calls one operation with a key, and returns the fault's text.
func callAs(t testing.TB, s *licensetest.Server, key sigv4.Credentials, target string, in any) string {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", awsjson.ContentType)
	r.Header.Set("X-Amz-Target", target)
	if err := sigv4.Sign(r, body, key, licensetest.Region, "license-manager", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return ""
	}
	var fault struct {
		Type    string `json:"__type"`
		Message string
	}
	if err := json.UnmarshalRead(response.Body, &fault); err != nil {
		t.Fatal(err)
	}
	return fault.Type + ": " + fault.Message
}

// denied tells whether an error is the refusal of a permission.
func denied(err error) bool {
	var f smithy.APIError
	return errors.As(err, &f) && f.ErrorCode() == "AuthorizationException"
}

func configuration(t testing.TB, s *licensetest.Server, account, name string, tags ...types.Tag) string {
	t.Helper()
	made, err := s.Client(account).CreateLicenseConfiguration(t.Context(), &licensemanager.CreateLicenseConfigurationInput{
		Name: &name, LicenseCountingType: types.LicenseCountingTypeVcpu, Tags: tags,
	})
	if err != nil {
		t.Fatal(err)
	}
	return *made.LicenseConfigurationArn
}

func TestDenialsAreWordedAsAWSDoes(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := configuration(t, s, alice, "Oracle")
	nobody := person(t, s, alice, "nobody", "")
	barred := person(t, s, alice, "barred", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":"license-manager:Get*","Resource":"`+arn+`"}]}`)
	who := "User: arn:aws:iam::" + alice + ":user/"
	for _, c := range []struct {
		key         sigv4.Credentials
		target, arn string
		want        string
	}{
		{nobody, "AWSLicenseManager.GetLicenseConfiguration", arn, "AuthorizationException: " + who + "nobody is not authorized to perform: license-manager:GetLicenseConfiguration on resource: " + arn +
			" because no identity-based policy allows the license-manager:GetLicenseConfiguration action"},
		{nobody, "AWSLicenseManager.ListLicenseConfigurations", "", "AuthorizationException: " + who + "nobody is not authorized to perform: license-manager:ListLicenseConfigurations" +
			" because no identity-based policy allows the license-manager:ListLicenseConfigurations action"},
		{barred, "AWSLicenseManager.GetLicenseConfiguration", arn, "AuthorizationException: " + who + "barred is not authorized to perform: license-manager:GetLicenseConfiguration on resource: " + arn +
			" with an explicit deny in an identity-based policy"},
		{barred, "AWSLicenseManager.ListLicenseConfigurations", "", ""},
		{nobody, "Reeve.GetCallerIdentity", "", ""}, // needs no permission
	} {
		in := map[string]string{}
		if c.arn != "" {
			in["LicenseConfigurationArn"] = c.arn
		}
		if got := callAs(t, s, c.key, c.target, in); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.target, got, c.want)
		}
	}
}

// TestAPermissionDecidesBeforeAnythingTellsWhatExists: whoever may not see a
// configuration gets the same answer for one that there is and one that there
// is not.
func TestAPermissionDecidesBeforeAnythingTellsWhatExists(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	there := configuration(t, s, alice, "Oracle", types.Tag{Key: aws.String("team"), Value: aws.String("red")})
	missing := there[:len(there)-1] + "0"
	if missing == there {
		missing = there[:len(there)-1] + "1"
	}
	for name, document := range map[string]string{
		"nothing":  "",
		"by a tag": allow("*", "*", `,"Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}`),
	} {
		key := person(t, s, alice, strings.ReplaceAll(name, " ", "-"), document)
		for _, target := range []string{"AWSLicenseManager.GetLicenseConfiguration", "AWSLicenseManager.ListUsageForLicenseConfiguration", "Reeve.GetUsageHistory"} {
			a := callAs(t, s, key, target, map[string]string{"LicenseConfigurationArn": there})
			b := callAs(t, s, key, target, map[string]string{"LicenseConfigurationArn": missing})
			if !strings.HasPrefix(a, "AuthorizationException") || strings.ReplaceAll(a, there, "") != strings.ReplaceAll(b, missing, "") {
				t.Errorf("%s, %s:\n%s\n%s", name, target, a, b)
			}
		}
	}
}

// A configuration can be named in any partition, so a statement that denies one
// holds in all of them.
func TestADenialHoldsInEveryPartition(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := configuration(t, s, alice, "Oracle")
	key := person(t, s, alice, "ana", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":"license-manager:*","Resource":"`+arn+`"}]}`)
	image := "arn:aws:ec2:" + licensetest.Region + "::image/ami-1"
	for _, named := range []string{arn, strings.Replace(arn, "arn:aws:", "arn:aws-cn:", 1)} {
		for target, in := range map[string]any{
			"GetLicenseConfiguration": map[string]string{"LicenseConfigurationArn": named},
			"TagResource":             map[string]any{"ResourceArn": named, "Tags": []map[string]string{{"Key": "a", "Value": "b"}}},
			"UntagResource":           map[string]any{"ResourceArn": named, "TagKeys": []string{"a"}},
			"ListTagsForResource":     map[string]string{"ResourceArn": named},
			"UpdateLicenseSpecificationsForResource": map[string]any{"ResourceArn": image,
				"AddLicenseSpecifications": []map[string]string{{"LicenseConfigurationArn": named}}},
		} {
			if got := callAs(t, s, key, "AWSLicenseManager."+target, in); !strings.Contains(got, "explicit deny") {
				t.Errorf("%s of %s: %s", target, named, got)
			}
		}
	}
	if got := callAs(t, s, key, "AWSLicenseManager.UpdateLicenseSpecificationsForResource", map[string]any{"ResourceArn": image,
		"RemoveLicenseSpecifications": []map[string]string{{"LicenseConfigurationArn": arn}}}); !strings.Contains(got, "explicit deny") {
		t.Errorf("removing it: %s", got)
	}
}

func TestConditions(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	red := configuration(t, s, alice, "red", types.Tag{Key: aws.String("Team"), Value: aws.String("red")})
	blue := configuration(t, s, alice, "blue", types.Tag{Key: aws.String("Team"), Value: aws.String("blue")})
	both := configuration(t, s, alice, "both", types.Tag{Key: aws.String("Team"), Value: aws.String("red")}, types.Tag{Key: aws.String("team"), Value: aws.String("blue")})
	get := func(arn string) func(*licensemanager.Client) error {
		return func(c *licensemanager.Client) error {
			_, err := c.GetLicenseConfiguration(t.Context(), &licensemanager.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn})
			return err
		}
	}
	create := func(tags ...types.Tag) func(*licensemanager.Client) error {
		return func(c *licensemanager.Client) error {
			_, err := c.CreateLicenseConfiguration(t.Context(), &licensemanager.CreateLicenseConfigurationInput{
				Name: aws.String(fmt.Sprint("c", time.Now().UnixNano())), LicenseCountingType: types.LicenseCountingTypeVcpu, Tags: tags})
			return err
		}
	}
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	untag := func(key string) func(*licensemanager.Client) error {
		return func(c *licensemanager.Client) error {
			_, err := c.UntagResource(t.Context(), &licensemanager.UntagResourceInput{ResourceArn: &red, TagKeys: []string{key}})
			return err
		}
	}
	for i, c := range []struct {
		condition string
		do        func(*licensemanager.Client) error
		allowed   bool
	}{
		{`"StringEquals":{"aws:ResourceTag/Team":"red"}`, get(red), true},
		{`"StringEquals":{"aws:ResourceTag/Team":"red"}`, get(blue), false},
		{`"StringEquals":{"license-manager:ResourceTag/Team":"red"}`, get(red), true},
		{`"StringEquals":{"license-manager:ResourceTag/Team":"red"}`, get(blue), false},
		{`"StringEquals":{"aws:resourcetag/\u0054eam":"red"}`, get(red), true}, // written in another way
		{`"Null":{"aws:ResourceTag/Owner":"true"}`, get(red), true},
		{`"StringEquals":{"aws:RequestTag/Team":"red"}`, create(tag("Team", "red")), true},
		{`"StringEquals":{"aws:RequestTag/Team":"red"}`, create(tag("Team", "blue")), false},
		{`"StringEquals":{"aws:RequestTag/Team":"red"}`, create(), false},
		{`"StringEquals":{"aws:RequestTag/Team":"red"}`, create(tag("Team", "red"), tag("team", "blue")), false}, // one of them, but not both
		{`"StringEquals":{"aws:RequestTag/Team":"red"}`, create(tag("team", "blue"), tag("Team", "red")), false},
		{`"StringEqualsIfExists":{"aws:RequestTag/Team":"red"}`, create(tag("team", "blue"), tag("Team", "red")), false},
		{`"ForAllValues:StringEquals":{"aws:RequestTag/Team":"red"}`, create(tag("team", "blue"), tag("Team", "red")), false},
		{`"StringEquals":{"aws:ResourceTag/Team":"red"}`, get(both), false},
		{`"StringEquals":{"aws:ResourceTag/Team":"blue"}`, get(both), false},
		{`"StringLike":{"aws:UserAgent":"*aws-sdk-go-v2/*"}`, get(red), true},
		{`"StringEquals":{"aws:ResourceAccount":"` + alice + `"}`, get(red), true},
		{`"StringEquals":{"aws:ResourceAccount":"` + alice + `"}`, create(), true},
		{`"StringNotEquals":{"aws:ResourceAccount":"` + alice + `"}`, get(red), false},
		{`"Bool":{"aws:ViaAWSService":"false","aws:PrincipalIsAWSService":"false"}`, get(red), true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["Team","Env"]}`, create(tag("Team", "x"), tag("Env", "y")), true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["Team","Env"]}`, create(tag("Team", "x"), tag("Cost", "y")), false},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["Other"]}`, untag("Other"), true},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["Other"]}`, untag("Third"), false},
		{`"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}`, get(red), true},
		{`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, get(red), false},
		{`"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}`, get(red), true},
		{`"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}`, get(red), false},
		{`"NumericGreaterThan":{"aws:EpochTime":"1577836800"}`, get(red), true},
		{`"Bool":{"aws:SecureTransport":"false"}`, get(red), true},
		{`"Bool":{"aws:SecureTransport":"true"}`, get(red), false},
		{`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/u*"}`, get(red), true},
		{`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}`, get(red), false},
		{`"StringLike":{"aws:username":"u*"}`, get(red), true},
		{`"StringEquals":{"aws:username":"somebody"}`, get(red), false},
		{`"StringEquals":{"aws:PrincipalAccount":"` + alice + `"}`, get(red), true},
		{`"StringEquals":{"aws:PrincipalType":"User"}`, get(red), true},
		{`"StringLike":{"aws:userid":"AIDA*"}`, get(red), true},
		{`"StringEquals":{"aws:RequestedRegion":"` + licensetest.Region + `"}`, get(red), true},
		{`"StringEquals":{"aws:RequestedRegion":"us-east-1"}`, get(red), false},
	} {
		t.Run(c.condition, func(t *testing.T) {
			key := person(t, s, alice, fmt.Sprint("u", i), allow("*", "*", `,"Condition":{`+c.condition+`}`))
			err := c.do(as(s, key))
			if c.allowed && err != nil || !c.allowed && !denied(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What users of an account may do ends at its border, and administering the
// deployment takes the root account and a policy.
func TestPermissionsEndAtTheAccount(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	all := allow("*", "*", "")
	admin, own, idle := person(t, s, licensetest.Root, "admin", all), person(t, s, alice, "own", all), person(t, s, licensetest.Root, "idle", "")
	limited := person(t, s, licensetest.Root, "limited", allow("*", "arn:aws:iam::"+licensetest.Root+":*", ""))
	s.Credentials(bob)
	other := configuration(t, s, bob, "Oracle")
	user := func(account string) any { return &api.CreateUserInput{UserName: new("eve"), AccountId: &account} }
	for name, c := range map[string]struct {
		key    sigv4.Credentials
		target string
		in     any
		want   string
	}{
		"own account":                      {own, "CreateUser", user(alice), ""},
		"another account":                  {own, "CreateUser", user(bob), "in its own account only"},
		"an account that does not exist":   {own, "CreateUser", user("999999999999"), "in its own account only"},
		"an account, by the root account":  {admin, "CreateUser", user(bob), ""},
		"an account, by its own resources": {limited, "CreateUser", user(bob), "no identity-based policy allows"},
		"without a policy":                 {idle, "CreateUser", user(bob), "no identity-based policy allows"},
		"key of another account":           {own, "CreateAccessKey", &api.CreateAccessKeyInput{AccountId: new(bob)}, "in its own account only"},
		"making accounts":                  {own, "CreateAccount", &api.CreateAccountInput{Name: new("x")}, "only keys of the deployment's root account"},
		"making accounts, root":            {admin, "CreateAccount", &api.CreateAccountInput{Name: new("x")}, ""},
		"making accounts, without policy":  {idle, "CreateAccount", &api.CreateAccountInput{Name: new("x")}, "no identity-based policy allows"},
		"sources":                          {own, "ListSources", &api.ListSourcesInput{}, "only keys of the deployment's root account"},
		"agent tokens":                     {own, "CreateAgentToken", &api.CreateAgentTokenInput{AccountId: new(bob)}, "in its own account only"},
	} {
		got := callAs(t, s, c.key, "Reeve."+c.target, c.in)
		if c.want == "" && got != "" || c.want != "" && (!strings.HasPrefix(got, "AuthorizationException") || !strings.Contains(got, c.want)) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	_, err := as(s, own).GetLicenseConfiguration(t.Context(), &licensemanager.GetLicenseConfigurationInput{LicenseConfigurationArn: &other})
	if err == nil || denied(err) || !strings.Contains(err.Error(), "Invalid license configuration ARN") {
		t.Errorf("a configuration of another account: %v", err)
	}
}

// TestManagedPoliciesNameOperations: no action of a policy that the program
// brings along is a slip of the pen.
func TestManagedPoliciesNameOperations(t *testing.T) {
	actions := []string{"sts:AssumeRole"}
	for _, o := range server.Operations() {
		service := map[string]string{api.Reeve: "reeve:", api.LicenseManager: "license-manager:"}[o.Service]
		actions = append(actions, service+o.Name)
	}
	for _, m := range policy.Managed() {
		document, err := policy.Parse(m.Text)
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		for _, pattern := range document.Actions() {
			one, err := policy.Parse([]byte(allow(pattern, "*", "")))
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, a := range actions {
				found = found || policy.Evaluate([]policy.Policy{{Document: one}}, &policy.Request{Action: a, Resource: "*"}).Allowed
			}
			if !found {
				t.Errorf("%s allows %s, which is no operation", m.Name, pattern)
			}
		}
	}
}

func TestSimulatePolicySaysWhichStatementDecides(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	person(t, s, alice, "ana", `{"Version":"2012-10-17","Statement":[{"Sid":"See","Effect":"Allow","Action":"license-manager:Get*","Resource":"*"},
		{"Sid":"NotAtNight","Effect":"Deny","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}]}`)
	ask := func(in *api.SimulatePolicyInput) []string {
		t.Helper()
		var out api.SimulatePolicyOutput
		s.Call(alice, "Reeve.SimulatePolicy", in, &out)
		var lines []string
		for _, r := range out.EvaluationResults {
			line := *r.EvalActionName + " " + *r.EvalDecision
			if r.PolicyName != nil {
				line += fmt.Sprintf(" %s %d %s", *r.PolicyName, *r.Statement, aws.ToString(r.Sid))
			}
			lines = append(lines, line)
		}
		return lines
	}
	got := ask(&api.SimulatePolicyInput{UserName: new("ana"), ActionNames: []string{"license-manager:GetLicenseConfiguration", "license-manager:TagResource"}})
	if want := []string{"license-manager:GetLicenseConfiguration allowed p 1 See", "license-manager:TagResource implicitDeny"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	got = ask(&api.SimulatePolicyInput{UserName: new("ana"), ActionNames: []string{"license-manager:GetLicenseConfiguration"},
		ContextEntries: []api.ContextEntry{{ContextKeyName: new("aws:SourceIp"), ContextKeyValues: []string{"203.0.113.9"}}}})
	if want := []string{"license-manager:GetLicenseConfiguration explicitDeny p 2 NotAtNight"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	got = ask(&api.SimulatePolicyInput{PolicyDocument: new(allow("reeve:*", "*", "")), ActionNames: []string{"reeve:ListSoftware"}})
	if want := []string{"reeve:ListSoftware allowed PolicyDocument 1 "}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	key := person(t, s, alice, "ben", "")
	for _, in := range []*api.SimulatePolicyInput{{UserName: new("ana"), ActionNames: []string{"a:b"}}, {UserName: new("nobody"), ActionNames: []string{"a:b"}}} {
		if got := callAs(t, s, key, "Reeve.SimulatePolicy", in); !strings.HasPrefix(got, "AuthorizationException") {
			t.Errorf("somebody who may not: %s", got)
		}
	}
}

// Access keys can be rotated without a gap, through the API alone.
func TestKeysAreRotated(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	first := person(t, s, alice, "ana", allow("license-manager:*", "*", ""))
	works := func(key sigv4.Credentials) bool {
		t.Helper()
		got := callAs(t, s, key, "AWSLicenseManager.ListLicenseConfigurations", struct{}{})
		if got != "" && !strings.HasPrefix(got, "UnrecognizedClientException: The security token included in the request is invalid.") {
			t.Errorf("got %s", got)
		}
		return got == ""
	}
	var made api.CreateAccessKeyOutput
	s.Call(alice, "Reeve.CreateAccessKey", &api.CreateAccessKeyInput{UserName: new("ana")}, &made)
	second := sigv4.Credentials{AccessKeyID: *made.AccessKeyId, SecretAccessKey: *made.SecretAccessKey}
	if !works(first) || !works(second) {
		t.Error("two keys do not work side by side")
	}
	s.Call(alice, "Reeve.UpdateAccessKey", &api.UpdateAccessKeyInput{UserName: new("ana"), AccessKeyId: &first.AccessKeyID, Status: new("Inactive")}, nil)
	if works(first) || !works(second) {
		t.Error("the inactive key works, or the other does not")
	}
	var list api.ListAccessKeysOutput
	s.Call(alice, "Reeve.ListAccessKeys", &api.ListAccessKeysInput{UserName: new("ana")}, &list)
	if len(list.AccessKeyMetadata) != 2 || *list.AccessKeyMetadata[0].Status != "Inactive" || *list.AccessKeyMetadata[1].Status != "Active" || list.AccessKeyMetadata[1].LastUsedTime == nil {
		t.Errorf("listed are %+v", list.AccessKeyMetadata)
	}
	s.Call(alice, "Reeve.DeleteAccessKey", &api.DeleteAccessKeyInput{UserName: new("ana"), AccessKeyId: &first.AccessKeyID}, nil)
	if got := callAs(t, s, second, "Reeve.ListAccessKeys", &api.ListAccessKeysInput{UserName: new("ana")}); !strings.HasPrefix(got, "AuthorizationException") {
		t.Errorf("a user without a permission lists keys: %s", got)
	}
}

// The name of who did it is in the ledger.
func TestLedgersRecordUsers(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	key := person(t, s, alice, "ana", allow("*", "*", ""))
	arn, machine := configuration(t, s, alice, "x"), licensetest.Machine(alice, "i-1", 2)
	s.Put(alice, machine)
	in := &api.ExcludeResourceInput{LicenseConfigurationArn: &arn, ResourceArn: machine.ResourceArn, Reason: new("a test"), Owner: new("ana")}
	if got := callAs(t, s, key, "Reeve.ExcludeResource", in); got != "" {
		t.Fatal(got)
	}
	answer := s.Send(s.URL, alice, "Reeve.ListExclusions", `{"LicenseConfigurationArn":"`+arn+`"}`)
	if !strings.Contains(answer.Body, "arn:aws:iam::"+alice+":user/ana") {
		t.Errorf("the exclusions are %s", answer.Body)
	}
}

// A call within the process, such as the console's, is asked the same.
func TestCallsWithinTheProcessNeedPermissionsToo(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	key := person(t, s, alice, "ana", allow("license-manager:List*", "*", `,"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.7"}}`))
	_, who, err := s.Directory.Lookup(t.Context(), key.AccessKeyID)
	if err != nil {
		t.Fatal(err)
	}
	call := func(operation, from string, out any) error {
		return s.API().Call(t.Context(), server.Caller{Identity: who, Region: licensetest.Region, Origin: iam.Origin{SourceIP: from}}, operation, &struct{}{}, out)
	}
	var list api.ListLicenseConfigurationsOutput
	if err := call("ListLicenseConfigurations", "192.0.2.7", &list); err != nil {
		t.Error(err)
	}
	for operation, from := range map[string]string{"ListLicenseConfigurations": "192.0.2.8", "ListSoftware": "192.0.2.7"} {
		var fault *awsjson.Fault
		if err := call(operation, from, &list); !errors.As(err, &fault) || fault.Code != "AuthorizationException" {
			t.Errorf("%s from %s: %v", operation, from, err)
		}
	}
}

// Every operation that takes an account refuses another one, and says the same
// whether the account, or what is named in it, exists.
func TestNobodyReachesPeopleOfAnotherAccount(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	person(t, s, bob, "ben", "")
	own, users := s.Credentials(alice), person(t, s, alice, "own", allow("*", "*", ""))
	trust := new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + alice + `"},"Action":"sts:AssumeRole"}}`)
	for _, account := range []*string{new(bob), new(licensetest.Root), new("999999999999")} {
		for operation, in := range map[string]any{
			"CreateUser":      &api.CreateUserInput{UserName: new("eve"), AccountId: account},
			"ListUsers":       &api.ListUsersInput{AccountId: account},
			"DeleteUser":      &api.DeleteUserInput{UserName: new("ben"), AccountId: account},
			"CreateRole":      &api.CreateRoleInput{RoleName: new("r"), AssumeRolePolicyDocument: trust, AccountId: account},
			"ListRoles":       &api.ListRolesInput{AccountId: account},
			"UpdateRole":      &api.UpdateRoleInput{RoleName: new("r"), AssumeRolePolicyDocument: trust, AccountId: account},
			"DeleteRole":      &api.DeleteRoleInput{RoleName: new("r"), AccountId: account},
			"PutPolicy":       &api.PutPolicyInput{PolicyName: new("p"), PolicyDocument: new(allow("*", "*", "")), UserName: new("ben"), AccountId: account},
			"ListPolicies":    &api.ListPoliciesInput{UserName: new("ben"), AccountId: account},
			"DeletePolicy":    &api.DeletePolicyInput{PolicyName: new("p"), AccountId: account},
			"AttachPolicy":    &api.AttachPolicyInput{PolicyArn: new(iam.ManagedARN("Admin")), UserName: new("ben"), AccountId: account},
			"DetachPolicy":    &api.DetachPolicyInput{PolicyArn: new(iam.ManagedARN("Admin")), UserName: new("ben"), AccountId: account},
			"CreateAccessKey": &api.CreateAccessKeyInput{UserName: new("ben"), AccountId: account},
			"ListAccessKeys":  &api.ListAccessKeysInput{UserName: new("ben"), AccountId: account},
			"UpdateAccessKey": &api.UpdateAccessKeyInput{AccessKeyId: new("AKIA"), Status: new("Inactive"), AccountId: account},
			"DeleteAccessKey": &api.DeleteAccessKeyInput{AccessKeyId: new("AKIA"), AccountId: account},
			"SimulatePolicy":  &api.SimulatePolicyInput{UserName: new("ben"), ActionNames: []string{"a:b"}, AccountId: account},
		} {
			for name, key := range map[string]sigv4.Credentials{"root": own, "user/own": users} {
				want := "AuthorizationException: arn:aws:iam::" + alice + ":" + name + " may do this in its own account only"
				if got := callAs(t, s, key, "Reeve."+operation, in); got != want {
					t.Errorf("%s of %s by %s: %s", operation, *account, name, got)
				}
			}
		}
	}
}
