package server_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/license"
	"reeve/internal/licensetest"
)

// What is served is the same byte for byte with and without anything kept in
// memory, while others write.
func TestPagesAreTheSameWithAndWithoutCaches(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	plain := s.Uncached()
	arn := fleetOfMachines(t, s, 300)

	stop := make(chan struct{})
	var writer sync.WaitGroup
	var writes atomic.Int64
	writer.Go(func() {
		for n := range 200 {
			select {
			case <-stop:
				return
			default:
			}
			s.Clock.Advance(time.Second)
			resize(s, n)
			writes.Add(1)
		}
	})
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		comparePages(t, s, plain, arn, r)
	}
	close(stop)
	writer.Wait()
	if writes.Load() == 0 {
		t.Error("nothing was written meanwhile")
	}
}

// fleetOfMachines associates machines with a new configuration through their
// image.
func fleetOfMachines(t *testing.T, s *licensetest.Server, machines int) string {
	t.Helper()
	who := s.Caller(licensetest.Root)
	arn, err := s.Manager.CreateConfiguration(t.Context(), who, license.ConfigurationSpec{Terms: license.Terms{Name: "same", CountingType: license.VCPU}})
	if err != nil {
		t.Fatal(err)
	}
	image := "arn:aws:ec2:" + licensetest.Region + "::image/ami-same"
	if err := s.Manager.UpdateSpecifications(t.Context(), who, image, []license.Specification{{ConfigurationARN: arn}}, nil); err != nil {
		t.Fatal(err)
	}
	resources := make([]api.Resource, machines)
	for i := range resources {
		resources[i] = sameMachine(i, 2)
	}
	s.Put(licensetest.Root, resources...)
	return arn
}

func sameMachine(i int, vcpus int64) api.Resource {
	arn := fmt.Sprintf("arn:aws:ec2:%s:%s:instance/i-%017x", licensetest.Region, licensetest.Root, i)
	return api.Resource{ResourceArn: &arn, AmiId: new("ami-same"), VCpus: &vcpus}
}

// resize changes a few machines, stops one and starts another.
func resize(s *licensetest.Server, n int) {
	stopped, started := sameMachine((n*7)%300, 2), sameMachine((n*7-70+300)%300, 4)
	stopped.Status, started.Status = new("stopped"), new("running")
	s.Put(licensetest.Root, stopped, started, sameMachine((n*13+1)%300, int64(n%9+1)))
}

// comparePages walks a list at one revision on both servers.
func comparePages(t *testing.T, s *licensetest.Server, plain, arn string, r *rand.Rand) {
	t.Helper()
	in := map[string]any{"LicenseConfigurationArn": arn, "MaxResults": 1 + r.IntN(120)}
	if r.IntN(2) == 0 {
		asOf := s.Clock.Now().Add(-time.Duration(r.IntN(5)) * time.Second)
		in["Filters"] = []map[string]any{{"Name": "asOf", "Values": []string{asOf.Format(time.RFC3339Nano)}}}
	}
	for first := true; ; first = false {
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		const target = "AWSLicenseManager.ListUsageForLicenseConfiguration"
		kept := s.Send(s.URL, licensetest.Root, target, string(body))
		pinned := !first || in["Filters"] != nil
		for range 3 { // the third comes from the page cache
			if again := s.Send(s.URL, licensetest.Root, target, string(body)); pinned && again.Body != kept.Body {
				t.Fatalf("the same page came twice in two forms:\n%s\n%s", kept.Body, again.Body)
			}
		}
		if without := s.Send(plain, licensetest.Root, target, string(body)); pinned && without.Body != kept.Body {
			t.Fatalf("with caches:\n%s\nwithout:\n%s", kept.Body, without.Body)
		}
		var page struct{ NextToken string }
		if err := json.Unmarshal([]byte(kept.Body), &page); err != nil {
			t.Fatal(err)
		}
		if page.NextToken == "" {
			return
		}
		in["NextToken"] = page.NextToken
	}
}
