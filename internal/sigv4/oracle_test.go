package sigv4_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/aws-http-auth/credentials"
	smithy "github.com/aws/smithy-go/aws-http-auth/sigv4"
	"pgregory.net/rapid"

	"reeve/internal/sigv4"
)

const (
	keyA, secretA = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	keyB, secretB = "AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"
)

var bothSecrets = map[string]string{keyA: secretA, keyB: secretB}

// signer signs a request in place with keyA.
type signer struct {
	name string
	sign func(r *http.Request, body []byte, region string, at time.Time) error
}

var signers = []signer{
	{"sdk", signWithSDK},
	{"smithy", signWithSmithy},
	{"own", func(r *http.Request, body []byte, region string, at time.Time) error {
		return sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: keyA, SecretAccessKey: secretA}, region, service, at)
	}},
}

func signWithSDK(r *http.Request, body []byte, region string, at time.Time) error {
	sum := sha256.Sum256(body)
	creds := aws.Credentials{AccessKeyID: keyA, SecretAccessKey: secretA}
	return sdk.NewSigner().SignHTTP(context.Background(), creds, r, hex.EncodeToString(sum[:]), service, region, at)
}

func signWithSmithy(r *http.Request, body []byte, region string, at time.Time) error {
	sum := sha256.Sum256(body)
	err := smithy.New().SignRequest(&smithy.SignRequestInput{
		Request: r, PayloadHash: sum[:], Service: service, Region: region, Time: at,
		Credentials: credentials.Credentials{AccessKeyID: keyA, SecretAccessKey: secretA},
	})
	r.Header.Del("Host") // net/http sends r.Host and knows no such header
	return err
}

// drawRequest makes an unsigned request of any method, path, query, headers
// and body, within what all signers spell alike: no dot segments, one value
// for each name in the query, no runs of spaces in header values.
func drawRequest(t *rapid.T) (*http.Request, []byte) {
	body := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body")
	u := &url.URL{
		Scheme:   "http",
		Host:     rapid.StringMatching(`[a-z]{1,12}(\.example)?(:[1-9][0-9]{3})?`).Draw(t, "host"),
		Path:     rapid.StringMatching(`/([a-zA-Z0-9 é%+=:@!*'()&$,;_~-]{1,8}/?){0,3}`).Draw(t, "path"),
		RawQuery: drawQuery(t),
	}
	r := &http.Request{
		Method: rapid.SampledFrom([]string{"POST", "GET", "PUT", "DELETE"}).Draw(t, "method"),
		URL:    u, Host: u.Host, Header: http.Header{}, ContentLength: int64(len(body)),
	}
	r.Header.Set("X-Amz-Target", rapid.StringMatching(`[A-Za-z]{1,20}\.[A-Za-z]{1,20}`).Draw(t, "target"))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	for name, values := range rapid.MapOfN(
		rapid.StringMatching(`X-Amz-Meta-[A-Za-z0-9]{1,8}`),
		rapid.SliceOfN(rapid.StringMatching(`[!-~é]{1,8}( [!-~é]{1,8}){0,2}`), 1, 3), 0, 4).Draw(t, "headers") {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	return r, body
}

func drawQuery(t *rapid.T) string {
	values := url.Values{}
	for name, value := range rapid.MapOfN(rapid.StringMatching(`[A-Za-z0-9]{1,6}`), rapid.StringMatching(`[ -~é]{0,8}`), 0, 4).Draw(t, "query") {
		values.Set(name, value)
	}
	return strings.ReplaceAll(values.Encode(), "+", "%20")
}

func drawTime(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(1e9, 4e9).Draw(t, "time"), 0).UTC()
}

func drawRegion(t *rapid.T) string {
	return rapid.SampledFrom([]string{"us-east-1", "eu-central-1", "us-gov-west-1", "ap-southeast-12"}).Draw(t, "region")
}

func TestVerifyAcceptsWhatOtherSignersSign(t *testing.T) {
	for _, s := range signers {
		t.Run(s.name, rapid.MakeCheck(func(t *rapid.T) {
			r, body := drawRequest(t)
			at, region := drawTime(t), drawRegion(t)
			if err := s.sign(r, body, region, at); err != nil {
				t.Fatalf("sign: %v", err)
			}
			skew := time.Duration(rapid.Int64Range(-15*60, 15*60).Draw(t, "skew")) * time.Second
			got, err := newVerifier(at.Add(skew), bothSecrets).Verify(r, body)
			want := sigv4.Identity{AccessKeyID: keyA, Region: region, Value: "owner of " + keyA}
			if err != nil || got != want {
				t.Fatalf("Verify = %+v, %v; want %+v\nAuthorization: %s", got, err, want, r.Header.Get("Authorization"))
			}
		}))
	}
}

// tampering changes something that the signature covers.
type tampering struct {
	name  string
	apply func(t *rapid.T, r *http.Request, body []byte) []byte
}

var tamperings = []tampering{
	{"method", func(_ *rapid.T, r *http.Request, body []byte) []byte { r.Method += "X"; return body }},
	{"path", func(_ *rapid.T, r *http.Request, body []byte) []byte { r.URL.Path += "x"; return body }},
	{"path of slash", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		r.URL.Path = strings.TrimSuffix(r.URL.Path, "/") + "/%2F"
		return body
	}},
	{"query added", func(_ *rapid.T, r *http.Request, body []byte) []byte { r.URL.RawQuery += "&another=1"; return body }},
	{"query badly encoded", func(_ *rapid.T, r *http.Request, body []byte) []byte { r.URL.RawQuery += "&a=%zz"; return body }},
	{"host", func(_ *rapid.T, r *http.Request, body []byte) []byte { r.Host += "x"; return body }},
	{"body longer", func(_ *rapid.T, _ *http.Request, body []byte) []byte { return append(body, ' ') }},
	{"body byte", tamperBody},
	{"header value", func(t *rapid.T, r *http.Request, body []byte) []byte {
		key := drawSignedHeader(t, r)
		r.Header[key] = append([]string{r.Header[key][0] + "x"}, r.Header[key][1:]...)
		return body
	}},
	{"header repeated", func(t *rapid.T, r *http.Request, body []byte) []byte {
		key := drawSignedHeader(t, r)
		r.Header[key] = append(r.Header[key][:1:1], r.Header[key]...)
		return body
	}},
	{"header dropped", func(t *rapid.T, r *http.Request, body []byte) []byte {
		r.Header.Del(drawSignedHeader(t, r))
		return body
	}},
	{"target swapped and no longer signed", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		r.Header.Set("X-Amz-Target", "AWSLicenseManager.DeleteLicenseConfiguration")
		replaceInAuthorization(r, ";x-amz-target", "")
		return body
	}},
	{"signed header no longer listed", func(t *rapid.T, r *http.Request, body []byte) []byte {
		name := strings.ToLower(drawSignedHeader(t, r))
		replaceInAuthorization(r, ";"+name, "")
		replaceInAuthorization(r, "="+name+";", "=")
		return body
	}},
	{"signed header listed twice", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		replaceInAuthorization(r, "host;", "host;host;")
		return body
	}},
	{"one more header listed", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		r.Header.Set("Accept", "*/*")
		replaceInAuthorization(r, "SignedHeaders=", "SignedHeaders=accept;")
		return body
	}},
	{"key id", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		replaceInAuthorization(r, keyA, keyB)
		return body
	}},
	{"region", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		replaceInAuthorization(r, "/"+service, "9/"+service)
		return body
	}},
	{"service", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		replaceInAuthorization(r, service, "ec2")
		return body
	}},
	{"terminator", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		replaceInAuthorization(r, "aws4_request", "aws4_requesu")
		return body
	}},
	{"scope date", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		replaceInAuthorization(r, keyA+"/", keyA+"/1")
		return body
	}},
	{"date by a second", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		at, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		r.Header.Set("X-Amz-Date", at.Add(time.Second).Format("20060102T150405Z"))
		return body
	}},
	{"authorization repeated", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		r.Header.Add("Authorization", r.Header.Get("Authorization"))
		return body
	}},
	{"authorization dropped", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		r.Header.Del("Authorization")
		return body
	}},
	{"session token added", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		r.Header.Set("X-Amz-Security-Token", "")
		return body
	}},
	{"signature digit", tamperSignature},
	{"signature longer", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		r.Header.Set("Authorization", r.Header.Get("Authorization")+"0")
		return body
	}},
	{"signature shorter", func(_ *rapid.T, r *http.Request, body []byte) []byte {
		auth := r.Header.Get("Authorization")
		r.Header.Set("Authorization", auth[:len(auth)-1])
		return body
	}},
}

func tamperBody(t *rapid.T, _ *http.Request, body []byte) []byte {
	if len(body) == 0 {
		return []byte{0}
	}
	body = append([]byte(nil), body...)
	body[rapid.IntRange(0, len(body)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	return body
}

func tamperSignature(t *rapid.T, r *http.Request, body []byte) []byte {
	auth := []byte(r.Header.Get("Authorization"))
	i := len(auth) - rapid.IntRange(1, 64).Draw(t, "digit")
	other := rapid.SampledFrom([]byte("0123456789abcdefABCDEF")).Filter(func(c byte) bool { return c != auth[i] }).Draw(t, "other")
	auth[i] = other
	r.Header.Set("Authorization", string(auth))
	return body
}

func replaceInAuthorization(r *http.Request, old, new string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
}

// drawSignedHeader picks a signed header that is in the map.
func drawSignedHeader(t *rapid.T, r *http.Request) string {
	_, list, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	var keys []string
	for name := range strings.SplitSeq(list, ";") {
		if key := http.CanonicalHeaderKey(name); len(r.Header[key]) > 0 {
			keys = append(keys, key)
		}
	}
	return rapid.SampledFrom(keys).Draw(t, "signed header")
}

func TestVerifyRefusesEveryTampering(t *testing.T) {
	for _, tamper := range tamperings {
		t.Run(tamper.name, rapid.MakeCheck(func(t *rapid.T) {
			r, body := drawRequest(t)
			at := drawTime(t)
			s := signers[rapid.IntRange(0, len(signers)-1).Draw(t, "signer")]
			if err := s.sign(r, body, "us-east-1", at); err != nil {
				t.Fatalf("sign: %v", err)
			}
			v := newVerifier(at, bothSecrets)
			if rapid.Bool().Draw(t, "key is cached") {
				if _, err := v.Verify(r, body); err != nil {
					t.Fatalf("before tampering: %v", err)
				}
			}
			before, bodyBefore := spell(r), string(body)
			body = tamper.apply(t, r, body)
			if spell(r) == before && string(body) == bodyBefore {
				t.Fatalf("nothing was tampered with:\n%s", before)
			}
			if got, err := v.Verify(r, body); err == nil {
				t.Fatalf("accepted as %+v:\n%s\nwas\n%s", got, spell(r), before)
			}
		}))
	}
}

func spell(r *http.Request) string {
	return fmt.Sprintln(r.Method, r.URL, r.Host, r.Header)
}

func TestVerifyRefusesReplaysOutsideTheWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, body := drawRequest(t)
		at := drawTime(t)
		if err := signWithSDK(r, body, "us-east-1", at); err != nil {
			t.Fatal(err)
		}
		late := time.Duration(rapid.Int64Range(15*60+1, 1e6).Draw(t, "seconds")) * time.Second
		for _, now := range []time.Time{at.Add(late), at.Add(-late)} {
			if _, err := newVerifier(now, bothSecrets).Verify(r, body); err == nil {
				t.Fatalf("signed at %v, accepted at %v", at, now)
			}
		}
	})
}
