package sigv4_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/sigv4"
)

const (
	credential = "AKID/20130609/us-east-1/license-manager/aws4_request"
	signature  = "0000000000000000000000000000000000000000000000000000000000000000"
	authorized = "AWS4-HMAC-SHA256 Credential=" + credential + ", SignedHeaders=host;x-amz-date, Signature=" + signature
)

// verifyAt verifies a request with the given headers ("Name: value") at
// 2013-06-09 10:00:15 UTC, when the only key is AKID.
func verifyAt(t *testing.T, query string, headers ...string) error {
	t.Helper()
	r := &http.Request{Method: "POST", URL: &url.URL{Path: "/", RawQuery: query}, Host: "localhost", Header: http.Header{}}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	v := newVerifier(time.Date(2013, 6, 9, 10, 0, 15, 0, time.UTC), map[string]string{"AKID": "secret"})
	_, err := v.Verify(r, nil)
	return err
}

func replaceAuth(pairs ...string) string {
	return "Authorization: " + strings.NewReplacer(pairs...).Replace(authorized)
}

const (
	date = "X-Amz-Date: 20130609T100015Z"

	missing      = "MissingAuthenticationTokenException"
	incomplete   = "IncompleteSignatureException"
	invalid      = "InvalidSignatureException"
	unrecognized = "UnrecognizedClientException"
	expired      = "ExpiredTokenException"

	notSigned = "Request is missing Authentication Token"
	mismatch  = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	needsHash = "X-Amz-Content-Sha256 must be the SHA-256 of the request's body in hexadecimal: " +
		"this service does not accept unsigned or streamed payloads."
)

// refusals are in the order of the checks. The sentences are AWS's own, to
// the letter, where AWS has one.
var refusals = []struct {
	name    string
	query   string
	headers []string
	code    string
	message string
}{
	{"two signatures", "X-Amz-Algorithm=AWS4-HMAC-SHA256", []string{"Authorization: " + authorized}, invalid,
		"Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
	{"presigned", "X-Amz-Algorithm=AWS4-HMAC-SHA256", nil, invalid,
		"A signature in the query string is not accepted here. Send it in the Authorization header."},
	{"no signature", "", []string{date}, missing, notSigned},
	{"empty header", "", []string{"Authorization: "}, missing, notSigned},
	{"other scheme", "", []string{"Authorization: Basic abc", date}, missing, notSigned},
	{"two headers", "", []string{"Authorization: " + authorized, "Authorization: " + authorized, date}, incomplete,
		"The request has more than one Authorization header. Send exactly one."},
	{"too long", "", []string{"Authorization: AWS4-" + strings.Repeat("x", 4<<10), date}, incomplete,
		"The Authorization header is longer than 4096 bytes."},
	{"no parameters, no date", "", []string{"Authorization: AWS4-"}, incomplete,
		"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
			"Authorization header requires 'SignedHeaders' parameter. " +
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-"},
	{"no signature parameter", "", []string{"Authorization: AWS4-HMAC-SHA256 Credential=a,SignedHeaders=b", date}, incomplete,
		"Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 Credential=a,SignedHeaders=b"},
	{"parameter twice", "", []string{"Authorization: AWS4-HMAC-SHA256 Credential=a,Credential=b", date}, incomplete,
		"Authorization header has 'Credential' more than once. Authorization=AWS4-HMAC-SHA256 Credential=a,Credential=b"},
	{"no date", "", []string{"Authorization: AWS4- Credential=a, SignedHeaders=b, Signature=c"}, incomplete,
		"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
			"Authorization=AWS4- Credential=a, SignedHeaders=b, Signature=c"},
	{"bad date", "", []string{"Authorization: " + authorized, "X-Amz-Date: 201"}, incomplete,
		"Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601"},
	{"date with a fraction", "", []string{"Authorization: " + authorized, "X-Amz-Date: 20130609T100015.5Z"}, incomplete,
		"Date must be in ISO-8601 'basic format'. Got '20130609T100015.5Z'. See http://en.wikipedia.org/wiki/ISO_8601"},
	{"HTTP date in the wrong header", "", []string{"Authorization: " + authorized, "X-Amz-Date: Sun, 09 Jun 2013 10:00:15 GMT"}, incomplete,
		"Date must be in ISO-8601 'basic format'. Got 'Sun, 09 Jun 2013 10:00:15 GMT'. See http://en.wikipedia.org/wiki/ISO_8601"},
	{"two dates", "", []string{"Authorization: " + authorized, date, date}, incomplete,
		"Date must be in ISO-8601 'basic format'. Got '20130609T100015Z,20130609T100015Z'. See http://en.wikipedia.org/wiki/ISO_8601"},
	{"expired", "", []string{"Authorization: " + authorized, "X-Amz-Date: 20130301T000000Z"}, invalid,
		"Signature expired: 20130301T000000Z is now earlier than 20130609T094515Z (20130609T100015Z - 15 min.)"},
	{"not yet current", "", []string{"Authorization: " + authorized, "X-Amz-Date: 20130609T101516Z"}, invalid,
		"Signature not yet current: 20130609T101516Z is still later than 20130609T101515Z (20130609T100015Z + 15 min.)"},
	{"host not signed", "", []string{replaceAuth("host;", ""), date}, invalid,
		"'Host' must be a 'SignedHeader' in the AWS Authorization."},
	{"date not signed", "", []string{replaceAuth(";x-amz-date", ""), date}, invalid,
		"'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization."},
	{"HTTP date not signed", "", []string{replaceAuth(";x-amz-date", ""), "Date: Sun, 09 Jun 2013 10:00:15 GMT"}, invalid,
		"'Date' must be a 'SignedHeader' in the AWS Authorization."},
	{"target not signed", "", []string{"Authorization: " + authorized, date, "X-Amz-Target: A.B"}, invalid,
		"'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."},
	{"hash not signed", "", []string{"Authorization: " + authorized, date, "X-Amz-Content-Sha256: x"}, invalid,
		"'X-Amz-Content-Sha256' must be a 'SignedHeader' in the AWS Authorization."},
	{"no header name", "", []string{replaceAuth("host;", "host;;"), date}, invalid,
		"'SignedHeaders' lists '', which is not a header name."},
	{"header listed twice", "", []string{replaceAuth("host;", "host;Host;"), date}, invalid,
		"'SignedHeaders' lists 'host' twice."},
	{"too many headers", "", []string{replaceAuth("host;", "host;"+strings.Repeat("a;", 64)), date}, invalid,
		"The Authorization header lists more than 64 'SignedHeaders'."},
	{"algorithm", "", []string{replaceAuth("SHA256", "SHA25"), date}, incomplete,
		"Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). "},
	{"too few elements", "", []string{replaceAuth(credential, "a/b/c/d"), date}, incomplete,
		"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'"},
	{"too many elements", "", []string{replaceAuth(credential, "a/b/c/d/e/f"), date}, incomplete,
		"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d/e/f'"},
	{"everything wrong in the scope", "", []string{replaceAuth(credential, "a/b/c/d/e"), date}, invalid,
		"Credential should be scoped to a valid region, not 'c'. " +
			"Credential should be scoped to correct service: 'license-manager'. " +
			"Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. " +
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20130609', from '20130609T100015Z'."},
	{"session token that is not signed", "", []string{"Authorization: " + authorized, date, "X-Amz-Security-Token: t"}, invalid,
		"'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization."},
	{"session token that is nobody's", "", []string{replaceAuth("host;", "host;x-amz-security-token;"), date, "X-Amz-Security-Token: other"}, unrecognized,
		"The security token included in the request is invalid."},
	{"session token that is absurd", "", []string{replaceAuth("host;", "host;x-amz-security-token;"), date, "X-Amz-Security-Token: " + strings.Repeat("t", 4097)}, unrecognized,
		"The security token included in the request is invalid."},
	{"session that has ended", "", []string{replaceAuth("host;", "host;x-amz-security-token;"), date, "X-Amz-Security-Token: ended"}, expired,
		"The security token included in the request is expired"},
	{"unknown key", "", []string{replaceAuth("AKID", "AKIE"), date}, unrecognized,
		"The security token included in the request is invalid."},
	{"absurd key", "", []string{replaceAuth("AKID", strings.Repeat("A", 129)), date}, unrecognized,
		"The security token included in the request is invalid."},
	{"wrong signature", "", []string{"Authorization: " + authorized, date}, invalid, mismatch},
	{"listed header not sent", "", []string{replaceAuth("host;", "host;x-amz-api;"), date}, invalid,
		"'SignedHeaders' lists 'x-amz-api', but the request has no such header."},
	{"unsigned payload", "", []string{replaceAuth("host;", "host;x-amz-content-sha256;"), date, "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD"}, invalid, needsHash},
	{"streamed payload", "", []string{replaceAuth("host;", "host;x-amz-content-sha256;"), date, "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, invalid, needsHash},
	{"hash of another body", "", []string{replaceAuth("host;", "host;x-amz-content-sha256;"), date, "X-Amz-Content-Sha256: " + signature}, invalid, mismatch},
	{"query not encoded", "a=%zz", []string{"Authorization: " + authorized, date}, invalid,
		"The query string is not percent-encoded correctly, so its signature cannot be checked."},
}

func TestVerifyRefusals(t *testing.T) {
	for _, tc := range refusals {
		t.Run(tc.name, func(t *testing.T) {
			var got *sigv4.Error
			if err := verifyAt(t, tc.query, tc.headers...); !errors.As(err, &got) {
				t.Fatalf("error is %v, not a refusal", err)
			}
			if diff := cmp.Diff(sigv4.Error{Code: tc.code, Message: tc.message}, *got); diff != "" {
				t.Errorf("wrong refusal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVerifyReadsRegions(t *testing.T) {
	for region, valid := range map[string]bool{
		"us-east-1": true, "us-gov-west-1": true, "eusc-de-east-1": true, "ap-southeast-12": true, "local-one-0": true,
		"": false, "us": false, "us-east": false, "us-1": false, "u-east-1": false, "us-east-": false, "us--1": false, "-east-1": false,
		"US-east-1": false, "us-east-1a": false, "us-ea5t-1": false, "us-east-1-": false, "us east-1": false,
		"us-east-" + strings.Repeat("1", 24): true, "us-east-" + strings.Repeat("1", 25): false,
	} {
		err := verifyAt(t, "", replaceAuth("us-east-1", region), date)
		if got := !strings.Contains(err.Error(), "valid region"); got != valid {
			t.Errorf("region %q: valid %v, want %v (%v)", region, got, valid, err)
		}
	}
}

// Clients that cannot set X-Amz-Date sign the Date header, in any of the
// formats of RFC 9110 or in AWS's own.
func TestVerifyAcceptsDateHeader(t *testing.T) {
	for _, date := range []string{
		"Sun, 09 Jun 2013 10:00:15 GMT", "Sunday, 09-Jun-13 10:00:15 GMT", "Sun Jun  9 10:00:15 2013", "20130609T100015Z",
	} {
		at := time.Date(2013, 6, 9, 10, 0, 15, 0, time.UTC)
		r := &http.Request{Method: "POST", URL: &url.URL{Path: "/"}, Host: "localhost", Header: http.Header{"Date": {date}}}
		signWithDate(r, at, "secret")
		if _, err := newVerifier(at, map[string]string{"AKID": "secret"}).Verify(r, nil); err != nil {
			t.Errorf("Date: %s: %v", date, err)
		}
	}
}

// Clients list header names in any case and order; the signature has them in
// lower case, sorted.
func TestVerifyAcceptsListInAnyCaseAndOrder(t *testing.T) {
	at := time.Date(2013, 6, 9, 10, 0, 15, 0, time.UTC)
	r := &http.Request{Method: "POST", URL: &url.URL{Path: "/"}, Host: "localhost", Header: http.Header{}}
	if err := sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: keyA, SecretAccessKey: secretA}, "us-east-1", service, at); err != nil {
		t.Fatal(err)
	}
	replaceInAuthorization(r, "host;x-amz-date", "X-Amz-Date;Host")
	if _, err := newVerifier(at, bothSecrets).Verify(r, nil); err != nil {
		t.Error(err)
	}
}

func TestVerifyReportsFaultsOfTheLookup(t *testing.T) {
	at := time.Date(2013, 6, 9, 10, 0, 15, 0, time.UTC)
	broken := errors.New("the database is gone")
	for _, lookup := range []func(context.Context, string, string) (string, any, error){
		func(context.Context, string, string) (string, any, error) { return "", nil, broken },
		func(context.Context, string, string) (string, any, error) { return "", nil, nil }, // an empty secret would let anyone sign
	} {
		r := &http.Request{Method: "POST", URL: &url.URL{Path: "/"}, Host: "localhost", Header: http.Header{}}
		if err := sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: "AKID"}, "us-east-1", service, at); err != nil {
			t.Fatal(err)
		}
		v := newVerifier(at, nil)
		v.Lookup = lookup
		_, err := v.Verify(r, nil)
		var refusal *sigv4.Error
		if err == nil || errors.As(err, &refusal) {
			t.Errorf("Verify: %v; want a fault that is no refusal", err)
		}
	}
}

// A replaced secret must count at once, and the old one no longer, however
// warm the cache is.
func TestVerifyForgetsReplacedSecrets(t *testing.T) {
	at := time.Date(2013, 6, 9, 10, 0, 15, 0, time.UTC)
	secrets := map[string]string{"AKID": "old"}
	v := newVerifier(at, secrets)
	signed := func(secret string) error {
		r := &http.Request{Method: "POST", URL: &url.URL{Path: "/"}, Host: "localhost", Header: http.Header{}}
		if err := sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: "AKID", SecretAccessKey: secret}, "us-east-1", service, at); err != nil {
			t.Fatal(err)
		}
		_, err := v.Verify(r, nil)
		return err
	}
	if err := signed("old"); err != nil {
		t.Fatal(err)
	}
	secrets["AKID"] = "new"
	if err := signed("new"); err != nil {
		t.Errorf("new secret: %v", err)
	}
	if err := signed("old"); err == nil {
		t.Error("the old secret is still accepted")
	}
	delete(secrets, "AKID")
	if err := signed("new"); err == nil {
		t.Error("a deleted key is still accepted")
	}
}

// Temporary credentials sign their token too, so nobody can put another one in
// its place.
func TestVerifyHandsOnSessionTokens(t *testing.T) {
	at := time.Date(2013, 6, 9, 10, 0, 15, 0, time.UTC)
	r := &http.Request{Method: "POST", URL: &url.URL{Path: "/"}, Host: "localhost", Header: http.Header{}}
	creds := sigv4.Credentials{AccessKeyID: keyA, SecretAccessKey: secretA, SessionToken: "token of " + keyA}
	if err := sigv4.Sign(r, nil, creds, "us-east-1", service, at); err != nil {
		t.Fatal(err)
	}
	if _, err := newVerifier(at, bothSecrets).Verify(r, nil); err != nil {
		t.Fatal(err)
	}
	r.Header.Add("X-Amz-Security-Token", "another")
	if _, err := newVerifier(at, bothSecrets).Verify(r, nil); err == nil {
		t.Error("a second token was accepted")
	}
}
