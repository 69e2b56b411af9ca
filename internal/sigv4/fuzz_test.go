package sigv4_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"reeve/internal/sigv4"
)

// FuzzSigned signs any request that can be sent, sends it over the wire's own
// text, and verifies it: what Sign signs is accepted, and nothing else is in
// place of its body.
func FuzzSigned(f *testing.F) {
	f.Add("/", "", "application/x-amz-json-1.1", "{}")
	f.Add("/a//b/../c%2Fd/", "x=1&a=%20&x=+&&b", " two  spaces\t", "")
	f.Add("/%C3%A9", "=&=&%41=~", "", "\x00\xff")
	const iso = "20130609T100015Z"
	creds := sigv4.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}
	at := amzTime(f, iso)
	v := newVerifier(at, map[string]string{"AKID": "secret"})
	f.Fuzz(func(t *testing.T, path, query, value, body string) {
		u, err := url.Parse("http://localhost" + path)
		if err != nil || !strings.HasPrefix(path, "/") || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(query, "#\x7f") {
			return
		}
		if strings.ContainsAny(value, "\r\n") {
			return // it would be sent with spaces in their place
		}
		if u.RawPath != "" && u.RawPath != u.EscapedPath() {
			return // it is not sent as it was written
		}
		u.RawQuery = query
		r := &http.Request{Method: "POST", URL: u, Host: u.Host, Header: http.Header{"X-Amz-Target": {value}}}
		if sigv4.Sign(r, []byte(body), creds, "us-east-1", service, at) != nil {
			return // its query is not percent-encoded
		}
		arrived := sent(r)
		if arrived == nil {
			return // no HTTP
		}
		presigned := arrived.URL.Query().Has("X-Amz-Algorithm")
		if _, err := v.Verify(arrived, []byte(body)); err != nil && !presigned {
			t.Fatalf("what was signed is refused: %v\n%q", err, arrived.URL)
		}
		if _, err := v.Verify(arrived, []byte(body+" ")); err == nil {
			t.Fatal("another body is accepted")
		}
	})
}

// sent is a request as the server reads it; nil if it cannot be sent.
func sent(r *http.Request) *http.Request {
	var wire bytes.Buffer
	out := r.Clone(r.Context())
	out.Body, out.ContentLength = http.NoBody, 0
	if strings.ContainsAny(r.URL.RawQuery+r.URL.EscapedPath(), " \r\n\t") || out.Write(&wire) != nil {
		return nil
	}
	arrived, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		return nil
	}
	return arrived
}
