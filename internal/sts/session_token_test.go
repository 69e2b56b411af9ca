package sts_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"reeve/internal/api"
	"reeve/internal/audit"
	reeve "reeve/internal/client"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
	own "reeve/internal/sts"
)

// sessionToken makes temporary credentials of a key.
func sessionToken(t *testing.T, s *licensetest.Server, key sigv4.Credentials, seconds int32) (session sigv4.Credentials, lasts time.Duration) {
	t.Helper()
	in := &sts.GetSessionTokenInput{}
	if seconds != 0 {
		in.DurationSeconds = &seconds
	}
	got, err := client(s, key).GetSessionToken(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	c := got.Credentials
	return sigv4.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}, time.Until(*c.Expiration)
}

// makesUser calls an operation on users, and returns the refusal.
func makesUser(t *testing.T, s *licensetest.Server, key sigv4.Credentials) error {
	t.Helper()
	c, err := reeve.New(s.URL, licensetest.Region, key)
	if err != nil {
		t.Fatal(err)
	}
	_, err = reeve.Call[api.CreateUserInput, api.CreateUserOutput](t.Context(), c, "Reeve.CreateUser", &api.CreateUserInput{UserName: new("made")})
	return err
}

// TestSessionTokensAreTheirMakers: they are who made them, and may do as much at
// that moment, but manage nobody.
func TestSessionTokensAreTheirMakers(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{Audit: audit.All})
	key := person(t, s, "ana")
	allow := func(policy string) {
		s.Call(alice, "Reeve.PutPolicy", &api.PutPolicyInput{UserName: new("ana"), PolicyName: new("all"), PolicyDocument: &policy}, nil)
	}
	allow(statement("Allow", "*", ""))
	session, _ := sessionToken(t, s, key, 0)
	who, err := client(s, session).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || *who.Arn != "arn:aws:iam::"+alice+":user/ana" || !strings.HasPrefix(*who.UserId, "AIDA") {
		t.Errorf("the session is %+v, %v", who, err)
	}
	if err := list(t, s, session); err != nil {
		t.Error(err)
	}
	var refused *reeve.Error
	if err := makesUser(t, s, session); !errors.As(err, &refused) || refused.Code != "AuthorizationException" || !strings.Contains(refused.Message, "GetSessionToken") {
		t.Errorf("it makes a user: %v", err)
	}
	if err := makesUser(t, s, key); err != nil {
		t.Errorf("the key itself: %v", err)
	}
	arn := role(t, s, "worker", trustAccount(""))
	if _, err := client(s, session).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("job"), DurationSeconds: aws.Int32(3600)}); err != nil {
		t.Errorf("it assumes a role: %v", err)
	}
	allow(statement("Allow", "*", `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"},"Null":{"aws:TokenIssueTime":"false"}}`))
	if err := list(t, s, session); err != nil {
		t.Errorf("the condition keys of temporary credentials: %v", err)
	}
	wantCode(t, list(t, s, key), "AuthorizationException", "no identity-based policy allows")
	allow(statement("Deny", "license-manager:*", ""))
	wantCode(t, list(t, s, session), "AuthorizationException", "explicit deny")

	var out api.LookupEventsOutput
	s.Call(alice, "Reeve.LookupEvents", &api.LookupEventsInput{EventName: new("CreateUser"), Username: new("ana")}, &out)
	if told := strings.Join(texts(out.Events), "\n"); !strings.Contains(told, `"sessionContext":{"sessionIssuer":{},"attributes":{"creationDate":"2`) || strings.Contains(told, session.SecretAccessKey) {
		t.Errorf("the trail has %s", told)
	}
}

func texts(events []api.Event) (list []string) {
	for _, e := range events {
		list = append(list, *e.CloudTrailEvent)
	}
	return list
}

// TestSessionTokensEnd with the key that made them, and nobody makes them of
// themselves.
func TestSessionTokensEnd(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	key := person(t, s, "ana")
	session, _ := sessionToken(t, s, key, 900)
	_, err := client(s, session).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
	wantCode(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	arn := role(t, s, "worker", trustAccount(""))
	assumed, _ := assume(t, s, key, sts.AssumeRoleInput{RoleArn: &arn})
	_, err = client(s, assumed).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
	wantCode(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")

	called := func() error {
		_, err := client(s, session).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		return err
	}
	set := func(status string) {
		s.Call(alice, "Reeve.UpdateAccessKey", &api.UpdateAccessKeyInput{UserName: new("ana"), AccessKeyId: &key.AccessKeyID, Status: &status}, nil)
	}
	set("Inactive")
	wantCode(t, called(), "ExpiredToken", "expired")
	set("Active")
	if err := called(); err != nil {
		t.Errorf("the key works again: %v", err)
	}
	other := person(t, s, "bea")
	stolen := session
	stolen.AccessKeyID = other.AccessKeyID
	_, err = client(s, stolen).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "InvalidClientTokenId", "is invalid")
	s.Call(alice, "Reeve.DeleteAccessKey", &api.DeleteAccessKeyInput{UserName: new("ana"), AccessKeyId: &key.AccessKeyID}, nil)
	wantCode(t, called(), "ExpiredToken", "expired")
}

// TestSessionTokensLastAsLongAsTheReferenceSays, and MFA is refused, not passed
// over.
func TestSessionTokensLastAsLongAsTheReferenceSays(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	ana, root := person(t, s, "ana"), s.Credentials(alice)
	for _, c := range []struct {
		key     sigv4.Credentials
		seconds int32
		want    time.Duration
	}{{ana, 0, 12 * time.Hour}, {ana, 900, 15 * time.Minute}, {ana, 129600, 36 * time.Hour}, {root, 0, time.Hour}, {root, 129600, time.Hour}, {root, 900, 15 * time.Minute}} {
		if _, lasts := sessionToken(t, s, c.key, c.seconds); lasts > c.want || lasts < c.want-5*time.Minute {
			t.Errorf("%d seconds last %v, want %v", c.seconds, lasts, c.want)
		}
	}
	for want, in := range map[string]sts.GetSessionTokenInput{
		"Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900":    {DurationSeconds: aws.Int32(899)},
		"Value '129601' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 129600": {DurationSeconds: aws.Int32(129601)},
		"is not supported here: leave it out": {SerialNumber: aws.String("arn:aws:iam::222222222222:mfa/ana"), TokenCode: aws.String("123456")},
	} {
		_, err := client(s, ana).GetSessionToken(t.Context(), &in)
		wantCode(t, err, "ValidationError", want)
	}
	session, _ := sessionToken(t, s, root, 0)
	if err := list(t, s, session); err != nil {
		t.Errorf("a root user's: %v", err)
	}
	if err := makesUser(t, s, session); err == nil {
		t.Error("a root user's makes a user")
	}
}

// TestSessionTokensShareARateLimit: whoever has a key has any number of them.
func TestSessionTokensShareARateLimit(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	key := person(t, s, "ana")
	limited := map[string]bool{}
	for range 2 {
		session, _ := sessionToken(t, s, key, 0)
		_, who, err := s.Directory.LookupSigner(t.Context(), session.AccessKeyID, session.SessionToken)
		if err != nil {
			t.Fatal(err)
		}
		limited[own.LimitedAs(who, session.AccessKeyID)] = true
	}
	if len(limited) != 1 {
		t.Errorf("two sessions are limited as %v", limited)
	}
}

// TestAnUnsignedSessionTokenIsNone: the operation is of whoever signs.
func TestAnUnsignedSessionTokenIsNone(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	r, err := http.PostForm(s.URL+"/", url.Values{"Action": {"GetSessionToken"}, "Version": {"2011-06-15"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusForbidden {
		t.Errorf("it is answered with %s", r.Status)
	}
}
