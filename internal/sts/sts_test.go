package sts_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"reeve/internal/api"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

const alice = "222222222222"

const workerPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"license-manager:List*","Resource":"*"}}`

// client is AWS's own client of STS.
func client(s *licensetest.Server, key sigv4.Credentials) *sts.Client {
	return sts.New(sts.Options{
		Region: licensetest.Region, BaseEndpoint: &s.URL, RetryMaxAttempts: 1, HTTPClient: licensetest.Wire{Client: http.DefaultClient},
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken),
	})
}

// person makes a user of alice's account who may assume roles.
func person(t *testing.T, s *licensetest.Server, name string) sigv4.Credentials {
	t.Helper()
	s.Credentials(alice) // which makes the account
	s.Call(alice, "Reeve.CreateUser", &api.CreateUserInput{UserName: &name}, nil)
	s.Call(alice, "Reeve.PutPolicy", &api.PutPolicyInput{UserName: &name, PolicyName: new("assume"),
		PolicyDocument: new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`)}, nil)
	var key api.CreateAccessKeyOutput
	s.Call(alice, "Reeve.CreateAccessKey", &api.CreateAccessKeyInput{UserName: &name}, &key)
	return sigv4.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: *key.SecretAccessKey}
}

// role makes a role of alice's account, and returns its ARN.
func role(t *testing.T, s *licensetest.Server, name, trust string) string {
	t.Helper()
	s.Credentials(alice)
	var made api.CreateRoleOutput
	s.Call(alice, "Reeve.CreateRole", &api.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}, &made)
	s.Call(alice, "Reeve.PutPolicy", &api.PutPolicyInput{RoleName: &name, PolicyName: new("p"), PolicyDocument: new(workerPolicy)}, nil)
	return *made.Role.Arn
}

func trustAccount(condition string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + alice + `:root"},"Action":"sts:AssumeRole"` + condition + `}}`
}

// wantCode fails the test unless err is a fault of that code with those words.
func wantCode(t *testing.T, err error, code, words string) {
	t.Helper()
	var fault smithy.APIError
	if !errors.As(err, &fault) || fault.ErrorCode() != code || !strings.Contains(fault.ErrorMessage(), words) {
		t.Errorf("got %v, want %s with %q", err, code, words)
	}
}

func TestGetCallerIdentity(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	for arn, key := range map[string]sigv4.Credentials{
		"arn:aws:iam::" + licensetest.Root + ":root": s.Credentials(licensetest.Root),
		"arn:aws:iam::" + alice + ":user/ana":        person(t, s, "ana"),
	} {
		got, err := client(s, key).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil || *got.Arn != arn || !strings.Contains(arn, *got.Account) || aws.ToString(got.UserId) == "" {
			t.Errorf("%s: %+v, %v", arn, got, err)
		}
	}
	_, err := client(s, sigv4.Credentials{AccessKeyID: "AKIANOBODY", SecretAccessKey: "x"}).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "InvalidClientTokenId", "The security token included in the request is invalid.")
	key := s.Credentials(alice)
	key.SecretAccessKey += "x"
	_, err = client(s, key).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "SignatureDoesNotMatch", "does not match")
}

// TestAssumeRoleWithTheSDK walks the way of every credential chain: a user's key
// assumes a role, and the role's session signs calls.
func TestAssumeRoleWithTheSDK(t *testing.T) {
	var log bytes.Buffer
	s := licensetest.Start(t, licensetest.Options{Log: slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})})
	key := person(t, s, "ana")
	arn := role(t, s, "worker", trustAccount(`,"Condition":{"StringEquals":{"sts:ExternalId":"x-1"}}`))
	provider := stscreds.NewAssumeRoleProvider(client(s, key), arn, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.ExternalID, o.Duration = "job-7", aws.String("x-1"), 15*time.Minute
	})
	before := time.Now().Truncate(time.Second)
	got, err := provider.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after := time.Now(); got.Expires.Before(before.Add(15*time.Minute)) || got.Expires.After(after.Add(15*time.Minute)) {
		t.Errorf("the session was made between %v and %v, and lasts until %v", before, after, got.Expires)
	}
	session := sigv4.Credentials{AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken}
	who, err := client(s, session).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || *who.Arn != "arn:aws:sts::"+alice+":assumed-role/worker/job-7" || !strings.HasPrefix(*who.UserId, "AROA") {
		t.Errorf("the session is %+v, %v", who, err)
	}
	c := licensemanager.New(licensemanager.Options{Region: licensetest.Region, BaseEndpoint: &s.URL, RetryMaxAttempts: 1, HTTPClient: licensetest.Wire{Client: http.DefaultClient}, Credentials: provider})
	if _, err := c.ListLicenseConfigurations(t.Context(), &licensemanager.ListLicenseConfigurationsInput{}); err != nil {
		t.Errorf("the role's policy allows it: %v", err)
	}
	_, err = c.GetServiceSettings(t.Context(), &licensemanager.GetServiceSettingsInput{})
	wantCode(t, err, "AuthorizationException", "User: arn:aws:sts::"+alice+":assumed-role/worker/job-7 is not authorized to perform: license-manager:GetServiceSettings")

	session.SessionToken = "AAAA" + session.SessionToken[4:]
	_, err = client(s, session).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "InvalidClientTokenId", "is invalid")
	for what, secret := range map[string]string{"token": got.SessionToken, "secret": got.SecretAccessKey, "user's secret": key.SecretAccessKey} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the %s is in the log", what)
		}
	}
	if !strings.Contains(log.String(), `"role assumed"`) {
		t.Errorf("the log does not tell of it: %s", log.String())
	}
}

func TestAssumeRoleIsRefused(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	ana := client(s, person(t, s, "ana"))
	arn := role(t, s, "worker", trustAccount(`,"Condition":{"StringEquals":{"sts:ExternalId":"x-1"}}`))
	for name, c := range map[string]struct {
		by          *sts.Client
		in          sts.AssumeRoleInput
		code, words string
	}{
		"without what the trust asks": {ana, sts.AssumeRoleInput{RoleArn: &arn}, "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: " + arn},
		"a role that is not there":    {ana, sts.AssumeRoleInput{RoleArn: aws.String(arn + "x")}, "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: " + arn + "x"},
		"no role":                     {ana, sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + alice + ":user/ana")}, "ValidationError", "is invalid"},
		"the root user":               {client(s, s.Credentials(alice)), sts.AssumeRoleInput{RoleArn: &arn}, "AccessDenied", "Roles may not be assumed by root accounts."},
		"too long":                    {ana, sts.AssumeRoleInput{RoleArn: &arn, ExternalId: aws.String("x-1"), DurationSeconds: aws.Int32(7200)}, "ValidationError", "MaxSessionDuration"},
		"with a device's code":        {ana, sts.AssumeRoleInput{RoleArn: &arn, ExternalId: aws.String("x-1"), SerialNumber: aws.String("arn:aws:iam::222222222222:mfa/ana"), TokenCode: aws.String("123456")}, "ValidationError", "is not supported here"},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.RoleSessionName = aws.String("job")
			_, err := c.by.AssumeRole(t.Context(), &c.in)
			wantCode(t, err, c.code, c.words)
		})
	}
}

// TestParametersAreHeldAgainstTheReference: what is wrong with parameters is told
// in the words of AWS's front end, all of it at once.
func TestParametersAreHeldAgainstTheReference(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	ana, arn := client(s, person(t, s, "ana")), role(t, s, "worker", trustAccount(""))
	const failed = " failed to satisfy constraint: Member must "
	for want, in := range map[string]sts.AssumeRoleInput{
		"1 validation error detected: Value '899' at 'durationSeconds'" + failed + "have value greater than or equal to 900":  {DurationSeconds: aws.Int32(899)},
		"1 validation error detected: Value '43201' at 'durationSeconds'" + failed + "have value less than or equal to 43200": {DurationSeconds: aws.Int32(43201)},
		"1 validation error detected: Value 'a' at 'roleSessionName'" + failed + "have length greater than or equal to 2":     {RoleSessionName: aws.String("a")},
		"1 validation error detected: Value 'a b' at 'roleSessionName'" + failed + `satisfy regular expression pattern: [\w+=,.@-]*`: {
			RoleSessionName: aws.String("a b")},
		"have length less than or equal to 64": {RoleSessionName: aws.String(strings.Repeat("x", 65))},
		"2 validation errors detected: Value 'x' at 'roleArn'" + failed + "have length greater than or equal to 20; Value '1' at 'durationSeconds'" + failed + "have value greater than or equal to 900": {
			RoleArn: aws.String("x"), DurationSeconds: aws.Int32(1)},
		"Value 'a#' at 'externalId'" + failed + "satisfy regular expression pattern":   {ExternalId: aws.String("a#")},
		"Value '' at 'externalId'" + failed + "have length greater than or equal to 2": {ExternalId: aws.String("")},
		"arn:aws:iam::" + alice + ":role/path/worker is invalid":                       {RoleArn: aws.String("arn:aws:iam::" + alice + ":role/path/worker")},
	} {
		if in.RoleArn == nil {
			in.RoleArn = &arn
		}
		if in.RoleSessionName == nil {
			in.RoleSessionName = aws.String("job")
		}
		_, err := ana.AssumeRole(t.Context(), &in)
		wantCode(t, err, "ValidationError", want)
	}
	for _, in := range []sts.AssumeRoleInput{{DurationSeconds: aws.Int32(900)}, {DurationSeconds: aws.Int32(3600)}, {RoleSessionName: aws.String("ab")}, {RoleSessionName: aws.String(strings.Repeat("x", 64))}, {ExternalId: aws.String("a:/b")}} {
		in.RoleArn = &arn
		if in.RoleSessionName == nil {
			in.RoleSessionName = aws.String("job")
		}
		if _, err := ana.AssumeRole(t.Context(), &in); err != nil {
			t.Error(err)
		}
	}
}

// TestOrganizationsAreAskedFor: a role may trust a whole organization, and a
// policy keep its callers to it.
func TestOrganizationsAreAskedFor(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	const carol, bob = "444444444444", "333333333333"
	for _, account := range []string{alice, bob, carol} {
		s.Credentials(account)
	}
	var made api.CreateOrganizationOutput
	s.Call(licensetest.Root, "Reeve.CreateOrganization", &api.CreateOrganizationInput{ManagementAccountId: new(alice)}, &made)
	id := *made.Organization.OrganizationId
	s.Call(licensetest.Root, "Reeve.AddAccountToOrganization", &api.AddAccountToOrganizationInput{AccountId: new(carol)}, nil)
	arn := role(t, s, "everybodys", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalOrgID":"`+id+`"}}}}`)
	within := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"` + id + `","aws:ResourceOrgID":"${aws:PrincipalOrgID}"}}}}`
	for account, member := range map[string]bool{carol: true, bob: false} {
		s.Call(account, "Reeve.CreateUser", &api.CreateUserInput{UserName: new("ann")}, nil)
		s.Call(account, "Reeve.PutPolicy", &api.PutPolicyInput{UserName: new("ann"), PolicyName: new("p"), PolicyDocument: &within}, nil)
		var key api.CreateAccessKeyOutput
		s.Call(account, "Reeve.CreateAccessKey", &api.CreateAccessKeyInput{UserName: new("ann")}, &key)
		ann := sigv4.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: *key.SecretAccessKey}
		_, err := client(s, ann).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("job")})
		if listed := list(t, s, ann); (err == nil) != member || (listed == nil) != member {
			t.Errorf("account %s: %v, %v", account, err, listed)
		}
		if !member {
			wantCode(t, err, "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: "+arn)
		}
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	post := func(body string) string {
		t.Helper()
		r, err := http.Post(s.URL+"/", "application/x-www-form-urlencoded; charset=utf-8", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode < 400 || r.Header.Get("Content-Type") != "text/xml" {
			t.Errorf("%.40s: %d %v %v", body, r.StatusCode, r.Header, err)
		}
		return string(text)
	}
	for body, want := range map[string]string{
		"":  "<Code>InvalidAction</Code>",
		"%": "<Code>MalformedInput</Code>",
		"Action=GetCallerIdentity&Version=2011-06-15":         "<Code>MissingAuthenticationToken</Code>",
		"Action=AssumeRole&Version=2011-06-15":                "<Code>MissingAuthenticationToken</Code>",
		"Action=GetCallerIdentity&Version=2010-05-08":         "<Code>InvalidAction</Code>",
		"Action=GetFederationToken&Version=2011-06-15":        "Could not find operation GetFederationToken",
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15": "<Code>ValidationError</Code>",
		strings.Repeat("a=b&", 20_000):                        "<Code>RequestEntityTooLarge</Code>",
	} {
		if got := post(body); !strings.Contains(got, want) {
			t.Errorf("%.60s: %s", body, got)
		}
	}
	web := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::" + alice + ":role/r"}, "RoleSessionName": {"job"}, "WebIdentityToken": {"a.b.c"}}
	if got := post(web.Encode()); !strings.Contains(got, "--web-identity-issuers") {
		t.Errorf("a server that trusts no issuer: %s", got)
	}
}
