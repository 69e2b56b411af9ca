package sigv4_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"reeve/internal/sigv4"
)

// referenceSignature is Signature Version 4 from its description, for POST /
// without a query and an empty body: slow, short, and independent of the code
// under test. Each line of headers is "name:value".
func referenceSignature(headers []string, signed, iso, scope, secret string) string {
	empty := sha256.Sum256(nil)
	canonical := "POST\n/\n\n" + strings.Join(headers, "\n") + "\n\n" + signed + "\n" + hex.EncodeToString(empty[:])
	hash := sha256.Sum256([]byte(canonical))
	key := []byte("AWS4" + secret)
	for _, part := range strings.Split(scope, "/") {
		key = referenceHMAC(key, part)
	}
	return hex.EncodeToString(referenceHMAC(key, "AWS4-HMAC-SHA256\n"+iso+"\n"+scope+"\n"+hex.EncodeToString(hash[:])))
}

func referenceHMAC(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// signWithDate signs a request that has a Date header and no other.
func signWithDate(r *http.Request, at time.Time, secret string) {
	iso := at.Format("20060102T150405Z")
	scope := iso[:8] + "/us-east-1/" + service + "/aws4_request"
	headers := []string{"date:" + strings.ReplaceAll(r.Header.Get("Date"), "  ", " "), "host:" + r.Host}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/"+scope+", SignedHeaders=date;host, Signature="+
		referenceSignature(headers, "date;host", iso, scope, secret))
}

// FuzzAuthorization sends arbitrary Authorization and X-Amz-Date headers.
// Nothing may panic, and nothing may be accepted but the reference signature
// of the known key for the scope and the headers that were named.
func FuzzAuthorization(f *testing.F) {
	for _, path := range recordings(f) {
		r, _ := readRecorded(f, path)
		f.Add(r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date"))
	}
	const iso = "20130609T100015Z"
	f.Add(authorized, iso)
	f.Add("AWS4-HMAC-SHA256 Credential=////, SignedHeaders=;;, Signature=", iso)
	f.Add("AWS4-", "")
	r := fuzzed("", iso)
	if err := sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, "us-east-1", service, amzTime(f, iso)); err != nil {
		f.Fatal(err)
	}
	f.Add(r.Header.Get("Authorization"), iso)
	v := newVerifier(amzTime(f, iso), map[string]string{"AKID": "secret"})
	f.Fuzz(func(t *testing.T, auth, date string) {
		identity, err := v.Verify(fuzzed(auth, date), nil)
		if err != nil {
			return
		}
		if identity.AccessKeyID != "AKID" || len(date) != len(iso) {
			t.Fatalf("accepted as %+v at %q", identity, date)
		}
		scope := date[:8] + "/" + identity.Region + "/" + service + "/aws4_request"
		want := referenceSignature([]string{"host:localhost", "x-amz-date:" + date}, "host;x-amz-date", date, scope, "secret")
		if !strings.Contains(auth, "Signature="+want) {
			t.Fatalf("accepted %q at %q; the signature is %s", auth, date, want)
		}
	})
}

func fuzzed(auth, date string) *http.Request {
	r, _ := http.NewRequest("POST", "http://localhost/", nil)
	r.Header["Authorization"] = []string{auth}
	r.Header["X-Amz-Date"] = []string{date}
	return r
}
