package sts_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"reeve/internal/api"
	"reeve/internal/audit"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

const (
	admin    = "arn:aws:iam::aws:policy/Admin"
	readOnly = "arn:aws:iam::aws:policy/ReadOnly"
)

// statement is a policy of one statement.
func statement(effect, action, condition string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Action":"` + action + `","Resource":"*"` + condition + `}}`
}

// tagging makes a role that everybody of the account may assume, with tags and
// a source identity too, and that may do what a policy says.
func tagging(t *testing.T, s *licensetest.Server, name, policy string) string {
	t.Helper()
	arn := role(t, s, name, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"`+alice+`"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}`)
	s.Call(alice, "Reeve.PutPolicy", &api.PutPolicyInput{RoleName: &name, PolicyName: new("p"), PolicyDocument: &policy}, nil)
	return arn
}

// trusted is a person who may assume roles with tags and a source identity.
func trusted(t *testing.T, s *licensetest.Server, name string) sigv4.Credentials {
	t.Helper()
	key := person(t, s, name)
	s.Call(alice, "Reeve.PutPolicy", &api.PutPolicyInput{UserName: &name, PolicyName: new("more"), PolicyDocument: new(statement("Allow", "sts:*", ""))}, nil)
	return key
}

// assume makes a session, and returns its credentials.
func assume(t *testing.T, s *licensetest.Server, by sigv4.Credentials, in sts.AssumeRoleInput) (sigv4.Credentials, *sts.AssumeRoleOutput) {
	t.Helper()
	in.RoleSessionName = aws.String("job")
	got, err := client(s, by).AssumeRole(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	c := got.Credentials
	return sigv4.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}, got
}

// manager is AWS's own client of License Manager.
func manager(s *licensetest.Server, key sigv4.Credentials) *licensemanager.Client {
	return licensemanager.New(licensemanager.Options{Region: licensetest.Region, BaseEndpoint: &s.URL, RetryMaxAttempts: 1, HTTPClient: licensetest.Wire{Client: http.DefaultClient},
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken)})
}

func list(t *testing.T, s *licensetest.Server, key sigv4.Credentials) error {
	t.Helper()
	_, err := manager(s, key).ListLicenseConfigurations(t.Context(), &licensemanager.ListLicenseConfigurationsInput{})
	return err
}

// TestSessionPoliciesLeaveLess: a session may do what both its role's policies
// and its own allow ("Session policies" in the IAM User Guide).
func TestSessionPoliciesLeaveLess(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	ana := trusted(t, s, "ana")
	all, none := tagging(t, s, "all", statement("Allow", "*", "")), tagging(t, s, "none", statement("Allow", "reeve:*", ""))
	barred := tagging(t, s, "barred", statement("Deny", "*", ""))
	s.Call(alice, "Reeve.PutPolicy", &api.PutPolicyInput{PolicyName: new("own"), PolicyDocument: new(statement("Allow", "license-manager:List*", ""))}, nil)
	own := "arn:aws:iam::" + alice + ":policy/own"
	who := "User: arn:aws:sts::" + alice + ":assumed-role/%s/job is not authorized to perform: license-manager:ListLicenseConfigurations "
	for name, c := range map[string]struct {
		role, policy string
		arns         []string
		want         string // what the refusal ends with
	}{
		"no session policy":         {all, "", nil, ""},
		"one that allows it":        {all, statement("Allow", "license-manager:List*", ""), nil, ""},
		"one that allows it not":    {all, statement("Allow", "license-manager:Get*", ""), nil, "because no session policy allows the license-manager:ListLicenseConfigurations action"},
		"one that denies it":        {all, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"license-manager:*","Resource":"*"}]}`, nil, "with an explicit deny in a session policy"},
		"by ARN":                    {all, "", []string{readOnly}, ""},
		"an account's own":          {all, "", []string{own}, ""},
		"either of two":             {all, statement("Allow", "reeve:*", ""), []string{readOnly}, ""},
		"it gives nothing":          {none, statement("Allow", "*", ""), []string{admin}, "because no identity-based policy allows the license-manager:ListLicenseConfigurations action"},
		"neither allows it":         {none, statement("Allow", "reeve:*", ""), nil, "because no identity-based policy allows the license-manager:ListLicenseConfigurations action"},
		"a denial of the role's":    {barred, statement("Allow", "*", ""), nil, "with an explicit deny in an identity-based policy"},
		"with a condition":          {all, statement("Allow", "*", `,"Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`), nil, ""},
		"with one that is not true": {all, statement("Allow", "*", `,"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`), nil, "because no session policy allows the license-manager:ListLicenseConfigurations action"},
	} {
		t.Run(name, func(t *testing.T) {
			in := sts.AssumeRoleInput{RoleArn: &c.role}
			if c.policy != "" {
				in.Policy = &c.policy
			}
			for _, arn := range c.arns {
				in.PolicyArns = append(in.PolicyArns, types.PolicyDescriptorType{Arn: &arn})
			}
			key, got := assume(t, s, ana, in)
			if size, use := aws.ToInt32(got.SessionTokenSize), aws.ToInt32(got.SessionTokenUtilization); size != int32(len(key.SessionToken)) || use < 1 || use > 20 {
				t.Errorf("the token has %d bytes, of %d%%", size, use)
			}
			err := list(t, s, key)
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			wantCode(t, err, "AuthorizationException", fmt.Sprintf(who, c.role[strings.LastIndexByte(c.role, '/')+1:])+c.want)
		})
	}
	key, _ := assume(t, s, ana, sts.AssumeRoleInput{RoleArn: &all, PolicyArns: []types.PolicyDescriptorType{{Arn: &own}, {Arn: aws.String(admin)}}})
	if err := list(t, s, key); err != nil {
		t.Fatal(err)
	}
	s.Call(alice, "Reeve.DeletePolicy", &api.DeletePolicyInput{PolicyName: new("own")}, nil)
	wantCode(t, list(t, s, key), "AuthorizationException", "no session policy allows") // it may have denied something
}

// TestSessionTagsAreThePrincipals: tags and the source identity of a session are
// condition keys, and go on to sessions made from it ("Pass session tags in AWS
// STS" in the IAM User Guide).
func TestSessionTagsAreThePrincipals(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	ana := trusted(t, s, "ana")
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	for i, c := range []struct {
		condition string
		in        sts.AssumeRoleInput
		allowed   bool
	}{
		{`"StringEquals":{"aws:PrincipalTag/team":"red"}`, sts.AssumeRoleInput{Tags: []types.Tag{tag("Team", "red"), tag("cost", "")}}, true},
		{`"StringEquals":{"aws:PrincipalTag/team":"red"}`, sts.AssumeRoleInput{Tags: []types.Tag{tag("Team", "blue")}}, false},
		{`"StringEquals":{"aws:PrincipalTag/team":"red"}`, sts.AssumeRoleInput{}, false},
		{`"StringEquals":{"aws:SourceIdentity":"ana@example.com"}`, sts.AssumeRoleInput{SourceIdentity: aws.String("ana@example.com")}, true},
		{`"StringEquals":{"aws:SourceIdentity":"ana@example.com"}`, sts.AssumeRoleInput{}, false},
		{`"Bool":{"aws:MultiFactorAuthPresent":"false"},"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:00Z"}`, sts.AssumeRoleInput{}, true},
	} {
		arn := tagging(t, s, fmt.Sprint("r", i), statement("Allow", "license-manager:*", `,"Condition":{`+c.condition+`}`))
		c.in.RoleArn = &arn
		key, got := assume(t, s, ana, c.in)
		if aws.ToString(got.SourceIdentity) != aws.ToString(c.in.SourceIdentity) {
			t.Errorf("%s: the source identity is %v", c.condition, got.SourceIdentity)
		}
		if err := list(t, s, key); (err == nil) != c.allowed {
			t.Errorf("%s: %v", c.condition, err)
		}
	}
	first := tagging(t, s, "first", statement("Allow", "sts:*", ""))
	second := tagging(t, s, "second", statement("Allow", "*", `,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"red","aws:SourceIdentity":"ana"},"Null":{"aws:PrincipalTag/step":"true"}}`))
	link, _ := assume(t, s, ana, sts.AssumeRoleInput{RoleArn: &first, SourceIdentity: aws.String("ana"), Tags: []types.Tag{tag("team", "red"), tag("step", "1")}, TransitiveTagKeys: []string{"team"}})
	key, got := assume(t, s, link, sts.AssumeRoleInput{RoleArn: &second})
	if err := list(t, s, key); err != nil || aws.ToString(got.SourceIdentity) != "ana" {
		t.Errorf("the session of a session: %v, %+v", err, got)
	}
	for in, code := range map[*sts.AssumeRoleInput]string{
		{Tags: []types.Tag{tag("TEAM", "blue")}}:         "ValidationError",
		{SourceIdentity: aws.String("somebody")}:         "AccessDenied",
		{DurationSeconds: aws.Int32(3601)}:               "ValidationError",
		{Tags: []types.Tag{tag("a", "1"), tag("A", "")}}: "ValidationError",
	} {
		in.RoleArn, in.RoleSessionName = &second, aws.String("job")
		_, err := client(s, link).AssumeRole(t.Context(), in)
		wantCode(t, err, code, "")
	}
}

func TestSessionTermsThatAreRefused(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	ana, arn := trusted(t, s, "ana"), tagging(t, s, "worker", workerPolicy)
	plain := role(t, s, "plain", trustAccount(""))
	var many []types.PolicyDescriptorType
	for range 11 {
		many = append(many, types.PolicyDescriptorType{Arn: aws.String(readOnly)})
	}
	var long []types.Tag
	for i := range 50 {
		long = append(long, types.Tag{Key: aws.String(fmt.Sprint("key", i)), Value: aws.String(strings.Repeat("x", 256))})
	}
	for name, c := range map[string]struct {
		in          sts.AssumeRoleInput
		code, words string
	}{
		"a policy that is no JSON":     {sts.AssumeRoleInput{Policy: aws.String("{")}, "MalformedPolicyDocument", "the session policy is not usable"},
		"a policy with a principal":    {sts.AssumeRoleInput{Policy: aws.String(trustAccount(""))}, "MalformedPolicyDocument", "names no principal"},
		"an empty policy":              {sts.AssumeRoleInput{Policy: aws.String("")}, "ValidationError", "Value '' at 'policy' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		"a long policy":                {sts.AssumeRoleInput{Policy: aws.String(workerPolicy + strings.Repeat(" ", 2048))}, "ValidationError", "at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"},
		"a policy that is not there":   {sts.AssumeRoleInput{PolicyArns: []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::" + alice + ":policy/none")}}}, "ValidationError", "there is no such policy"},
		"another account's policy":     {sts.AssumeRoleInput{PolicyArns: []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::333333333333:policy/x")}}}, "ValidationError", "there is no such policy"},
		"many policies":                {sts.AssumeRoleInput{PolicyArns: many}, "ValidationError", "more than 10"},
		"more than a token holds":      {sts.AssumeRoleInput{Tags: long}, "PackedPolicyTooLarge", "Packed size"},
		"51 tags":                      {sts.AssumeRoleInput{Tags: append(long, types.Tag{Key: aws.String("x"), Value: aws.String("")})}, "ValidationError", "at most 50"},
		"a tag of AWS":                 {sts.AssumeRoleInput{Tags: []types.Tag{{Key: aws.String("AWS:x"), Value: aws.String("")}}}, "ValidationError", "reserved"},
		"a tag twice":                  {sts.AssumeRoleInput{Tags: []types.Tag{{Key: aws.String("x"), Value: aws.String("1")}, {Key: aws.String("X"), Value: aws.String("2")}}}, "ValidationError", "Duplicate tag keys"},
		"a transitive key without tag": {sts.AssumeRoleInput{TransitiveTagKeys: []string{"x"}}, "ValidationError", "must be included in the requested tags"},
		"a bad source identity":        {sts.AssumeRoleInput{SourceIdentity: aws.String("a b")}, "ValidationError", "Value 'a b' at 'sourceIdentity'"},
		"tags that the trust has not":  {sts.AssumeRoleInput{RoleArn: &plain, Tags: []types.Tag{{Key: aws.String("x"), Value: aws.String("1")}}}, "AccessDenied", "is not authorized to perform: sts:TagSession on resource: " + plain},
		"a source that the trust has not": {sts.AssumeRoleInput{RoleArn: &plain, SourceIdentity: aws.String("ana")}, "AccessDenied",
			"is not authorized to perform: sts:SetSourceIdentity on resource: " + plain},
	} {
		t.Run(name, func(t *testing.T) {
			if c.in.RoleArn == nil {
				c.in.RoleArn = &arn
			}
			c.in.RoleSessionName = aws.String("job")
			_, err := client(s, ana).AssumeRole(t.Context(), &c.in)
			wantCode(t, err, c.code, c.words)
		})
	}
	web := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {arn}, "RoleSessionName": {"job"}, "WebIdentityToken": {"a.b.c"}, "Tags.member.1.Key": {"x"}}
	r, err := http.PostForm(s.URL+"/", web)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if text, _ := io.ReadAll(r.Body); !strings.Contains(string(text), "Tags.member.1.Key is not supported here") {
		t.Errorf("tags beside a token: %s", text)
	}
}

// TestTheTrailTellsOfASessionsTerms: what a session was asked for with, since when
// it is and for whom, in CloudTrail's members.
func TestTheTrailTellsOfASessionsTerms(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{Audit: audit.All})
	arn := tagging(t, s, "worker", workerPolicy)
	key, _ := assume(t, s, trusted(t, s, "ana"), sts.AssumeRoleInput{RoleArn: &arn, SourceIdentity: aws.String("ana"), Policy: aws.String(workerPolicy),
		PolicyArns: []types.PolicyDescriptorType{{Arn: aws.String(readOnly)}}, Tags: []types.Tag{{Key: aws.String("Team"), Value: aws.String("red")}}, TransitiveTagKeys: []string{"Team"}})
	wantCode(t, changes(t, s, key), "AuthorizationException", "no identity-based policy allows")
	for name, want := range map[string][]string{
		"AssumeRole": {`"policyArns":[{"arn":"` + readOnly + `"}]`, `"sourceIdentity":"ana"`, `"tags":[{"key":"Team","value":"red"}]`, `"transitiveTagKeys":["Team"]`, `"policy":"{`},
		"UpdateServiceSettings": {`"type":"AssumedRole"`, `"sessionIssuer":{"type":"Role"`, `"attributes":{"creationDate":"2`, `","mfaAuthenticated":"false"},"sourceIdentity":"ana"}}`,
			`"errorCode":"AuthorizationException"`},
	} {
		var out api.LookupEventsOutput
		s.Call(alice, "Reeve.LookupEvents", &api.LookupEventsInput{EventName: &name}, &out)
		if len(out.Events) != 1 {
			t.Fatalf("there are %d events of %s", len(out.Events), name)
		}
		for _, part := range want {
			if got := *out.Events[0].CloudTrailEvent; !strings.Contains(got, part) {
				t.Errorf("%s has no %s: %s", name, part, got)
			}
		}
	}
}

// changes tries something that no policy allows, and that is recorded at once.
func changes(t *testing.T, s *licensetest.Server, key sigv4.Credentials) error {
	t.Helper()
	_, err := manager(s, key).UpdateServiceSettings(t.Context(), &licensemanager.UpdateServiceSettingsInput{})
	return err
}
