package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"reeve/internal/awsjson"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

// BenchmarkPermissions is what a page of usage costs the root user, a user whose
// policy names actions, one with conditions, and one whose conditions need the
// configuration's tags.
func BenchmarkPermissions(b *testing.B) {
	s := licensetest.Start(b, licensetest.Options{})
	arn := benchFleet(b, s, 1000)
	keys := map[string]sigv4.Credentials{
		"root":       s.Credentials(licensetest.Root),
		"actions":    person(b, s, licensetest.Root, "actions", allow("license-manager:List*", "*", "")),
		"conditions": person(b, s, licensetest.Root, "conditions", allow("license-manager:List*", "*", `,"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`)),
		"tags":       person(b, s, licensetest.Root, "tags", allow("license-manager:List*", "*", `,"Condition":{"Null":{"aws:ResourceTag/team":"true"}}`)),
	}
	for _, name := range []string{"root", "actions", "conditions", "tags"} {
		b.Run(name, func(b *testing.B) {
			body := []byte(`{"LicenseConfigurationArn":"` + arn + `","MaxResults":50}`)
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4750/", nil)
			r.Header.Set("Content-Type", awsjson.ContentType)
			r.Header.Set("X-Amz-Target", "AWSLicenseManager.ListUsageForLicenseConfiguration")
			if err := sigv4.Sign(r, body, keys[name], licensetest.Region, "license-manager", time.Now()); err != nil {
				b.Fatal(err)
			}
			handler, w := s.Handler(true), &nowhere{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(bytes.NewReader(body))
				handler.ServeHTTP(w, r)
			}
			if w.status != http.StatusOK {
				b.Fatalf("status %d", w.status)
			}
		})
	}
}
