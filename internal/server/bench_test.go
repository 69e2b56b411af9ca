package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"reeve/internal/awsjson"
	"reeve/internal/license"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

// BenchmarkListUsage is the cost of a page without the network: signature,
// request, page, answer. Repeated pages come from the cache of pages, random
// ones from the cache of nodes.
func BenchmarkListUsage(b *testing.B) {
	s := licensetest.Start(b, licensetest.Options{})
	arn := benchFleet(b, s, 20_000)
	for _, size := range []int{50, 1000} {
		walk := benchWalk(b, s, arn, size)
		for _, c := range []struct {
			name     string
			requests []*http.Request
			bodies   [][]byte
		}{
			{"first", walk.requests[:1], walk.bodies[:1]},
			{"repeated", walk.requests[1:9], walk.bodies[1:9]},
			{"random", walk.requests[1:], walk.bodies[1:]},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, size), func(b *testing.B) {
				handler := s.Handler(c.name != "random")
				w := &nowhere{header: http.Header{}}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					at := i * 7 % len(c.requests)
					c.requests[at].Body = io.NopCloser(bytes.NewReader(c.bodies[at]))
					handler.ServeHTTP(w, c.requests[at])
				}
				if w.status != http.StatusOK {
					b.Fatalf("status %d", w.status)
				}
			})
		}
	}
}

type benchRequests struct {
	requests []*http.Request
	bodies   [][]byte
}

// benchWalk signs the requests for every page of a list.
func benchWalk(b *testing.B, s *licensetest.Server, arn string, size int) (all benchRequests) {
	handler, token := s.Handler(false), ""
	for {
		body, err := json.Marshal(map[string]any{"LicenseConfigurationArn": arn, "MaxResults": size, "NextToken": token})
		if err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4750/", bytes.NewReader(body))
		r.Header.Set("Content-Type", awsjson.ContentType)
		r.Header.Set("X-Amz-Target", "AWSLicenseManager.ListUsageForLicenseConfiguration")
		if err := sigv4.Sign(r, body, s.Credentials(licensetest.Root), licensetest.Region, "license-manager", time.Now()); err != nil {
			b.Fatal(err)
		}
		all.requests, all.bodies = append(all.requests, r), append(all.bodies, body)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		var page struct{ NextToken string }
		if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil || answer.Code != http.StatusOK {
			b.Fatalf("%d %s: %v", answer.Code, answer.Body, err)
		}
		if token = page.NextToken; token == "" {
			return all
		}
	}
}

// benchFleet associates machines with a new configuration through their image.
func benchFleet(b *testing.B, s *licensetest.Server, machines int) string {
	b.Helper()
	who := s.Caller(licensetest.Root)
	arn, err := s.Manager.CreateConfiguration(b.Context(), who, license.ConfigurationSpec{Terms: license.Terms{Name: "bench", CountingType: license.VCPU}})
	if err != nil {
		b.Fatal(err)
	}
	image := "arn:aws:ec2:" + licensetest.Region + "::image/ami-same"
	if err := s.Manager.UpdateSpecifications(b.Context(), who, image, []license.Specification{{ConfigurationARN: arn}}, nil); err != nil {
		b.Fatal(err)
	}
	for from := 0; from < machines; from += license.MaxReports {
		reports := make([]license.Report, license.MaxReports)
		for i := range reports {
			ami, vcpus := "ami-same", int64(2)
			reports[i] = license.Report{ARN: *sameMachine(from+i, 2).ResourceArn, AMI: &ami, VCPUs: &vcpus}
		}
		if _, err := s.Manager.PutResources(b.Context(), who, license.Put{Reports: reports}); err != nil {
			b.Fatal(err)
		}
	}
	return arn
}

// nowhere is a ResponseWriter that costs nothing.
type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(status int)      { n.status = status }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
