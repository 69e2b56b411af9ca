package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/licensetest"
	"reeve/internal/server"
	"reeve/internal/sigv4"
	"reeve/internal/store"
	"reeve/internal/store/testdb"
)

// These benchmarks write through the API: HTTP, Signature Version 4, JSON, the
// rules, and a commit that is on disk before the answer. The database is
// SQLite, or PostgreSQL with
//
//	REEVE_TEST_DATABASE=postgres REEVE_TEST_POSTGRES_FSYNC=1
//
// (without the latter a throw-away server does not sync).

// writer is a server with the real clock, and a client of its root account.
type writer struct {
	b   testing.TB
	url string
	key sigv4.Credentials
}

func startWriter(b testing.TB) *writer {
	b.Helper()
	ctx := context.Background()
	s, err := store.New(ctx, testdb.New(b).Open(nil), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	directory, err := iam.Open(ctx, s, iam.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := directory.Bootstrap(ctx, iam.RootOptions{Account: licensetest.Root}); err != nil {
		b.Fatal(err)
	}
	root := iam.Identity{Account: licensetest.Root, Root: true, Principal: "arn:aws:iam::" + licensetest.Root + ":root"}
	id, secret, err := directory.CreateAccessKey(ctx, root, licensetest.Root, "")
	if err != nil {
		b.Fatal(err)
	}
	key, err := directory.TokenKey(ctx)
	if err != nil {
		b.Fatal(err)
	}
	running := httptest.NewServer(server.New(server.Config{
		Manager: license.New(s, license.Settings{}), Directory: directory, TokenKey: key,
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}))
	b.Cleanup(running.Close)
	return &writer{b: b, url: running.URL, key: sigv4.Credentials{AccessKeyID: id, SecretAccessKey: secret.Reveal()}}
}

// send returns the answer's body, or an error unless the call succeeded.
func (w *writer) send(target string, body []byte) ([]byte, error) {
	r, err := http.NewRequest(http.MethodPost, w.url+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", awsjson.ContentType)
	r.Header.Set("X-Amz-Target", target)
	if err := sigv4.Sign(r, body, w.key, licensetest.Region, "license-manager", time.Now()); err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %d: %s", target, response.StatusCode, answer)
	}
	return answer, err
}

func (w *writer) call(target string, in, out any) {
	w.b.Helper()
	answer, err := w.send(target, encoded(w.b, in))
	if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	if err != nil {
		w.b.Fatal(err)
	}
}

func encoded(b testing.TB, in any) []byte {
	b.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		b.Fatal(err)
	}
	return body
}

// configuration makes a configuration and returns its ARN.
func (w *writer) configuration(name string, limit *int64) string {
	w.b.Helper()
	var out api.CreateLicenseConfigurationOutput
	w.call(api.LicenseManager+".CreateLicenseConfiguration", &api.CreateLicenseConfigurationInput{
		Name: new(name), LicenseCountingType: new("vCPU"), LicenseCount: limit, LicenseCountHardLimit: new(limit != nil),
	}, &out)
	return *out.LicenseConfigurationArn
}

func (w *writer) associate(resource, configuration string) {
	w.b.Helper()
	w.call(api.LicenseManager+".UpdateLicenseSpecificationsForResource", &api.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn:              &resource,
		AddLicenseSpecifications: []api.LicenseSpecification{{LicenseConfigurationArn: &configuration}},
	}, nil)
}

// consumed is how many licences a configuration says are in use.
func (w *writer) consumed(configuration string) int64 {
	w.b.Helper()
	var out api.GetLicenseConfigurationOutput
	w.call(api.LicenseManager+".GetLicenseConfiguration", &api.GetLicenseConfigurationInput{LicenseConfigurationArn: &configuration}, &out)
	return *out.ConsumedLicenses
}

const (
	benchBatches = 10
	benchBatch   = license.MaxReports
)

func benchID(n int) string { return fmt.Sprintf("i-%017x", n) }

// reports is a batch of machines as it looks at a round: each round changes
// every machine.
type reports func(batch, round int) []api.Resource

func counted(batch, round int) []api.Resource {
	all := make([]api.Resource, benchBatch)
	for i := range all {
		all[i] = licensetest.Machine(licensetest.Root, benchID(batch*benchBatch+i), int64(2+round%2*2))
		all[i].InstanceType, all[i].AmiId = new("m5.large"), new("ami-0123456789abcdef0")
		all[i].Tags = []api.Tag{{Key: new("team"), Value: new("payments")}}
	}
	return all
}

// installed has 20 applications a machine, one of which changes its name.
func installed(batch, round int) []api.Resource {
	all := counted(batch, 0)
	for i := range all {
		for n := range 20 {
			name := fmt.Sprintf("package-%d", n)
			if n == 7 {
				name = fmt.Sprintf("package-%d-%d", n, round)
			}
			all[i].Applications = append(all[i].Applications, api.Application{
				Name: &name, Publisher: new("Example Corporation"), Version: new("1.2.3"),
			})
		}
	}
	return all
}

// BenchmarkPutResources reports 1,000 resources a call, each of which has
// changed; every one counts in one configuration that has 10,000.
func BenchmarkPutResources(b *testing.B) {
	for _, kind := range []struct {
		name     string
		machines reports
	}{{"counted", counted}, {"software", installed}} {
		b.Run(kind.name, func(b *testing.B) {
			w := startWriter(b)
			arn := w.configuration("all", nil)
			image := "arn:aws:ec2:" + licensetest.Region + "::image/ami-0123456789abcdef0"
			w.call(api.Reeve+".PutResources", &api.PutResourcesInput{Resources: []api.Resource{{ResourceArn: &image}}}, nil)
			w.associate(image, arn)
			for batch := range benchBatches {
				w.call(api.Reeve+".PutResources", &api.PutResourcesInput{Resources: kind.machines(batch, 0)}, nil)
			}
			var bodies [2 * benchBatches][]byte
			for i := range bodies {
				bodies[i] = encoded(b, &api.PutResourcesInput{Resources: kind.machines(i%benchBatches, 1+i/benchBatches)})
			}
			b.ResetTimer()
			used := cpuTime(b)
			for n := range b.N {
				if _, err := w.send(api.Reeve+".PutResources", bodies[n%len(bodies)]); err != nil {
					b.Fatal(err)
				}
			}
			changes := float64(b.N * benchBatch)
			if n := w.consumed(arn); n < benchBatches*benchBatch {
				b.Errorf("%d licences are in use: the machines were not counted", n)
			}
			b.ReportMetric(changes/b.Elapsed().Seconds(), "changes/s")
			b.ReportMetric(float64((cpuTime(b)-used).Microseconds())/changes, "cpu-µs/change")
		})
	}
}

// BenchmarkCheckouts is so many clients that each associate a machine and
// dissociate it again, under a hard limit: all with one configuration, or each
// with its own.
func BenchmarkCheckouts(b *testing.B) {
	for _, configurations := range []int{1, 32} {
		for _, clients := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("configurations=%d/clients=%d", configurations, clients), func(b *testing.B) {
				benchCheckouts(b, configurations, clients)
			})
		}
	}
}

func benchCheckouts(b *testing.B, configurations, clients int) {
	w := startWriter(b)
	w.call(api.Reeve+".PutResources", &api.PutResourcesInput{Resources: counted(0, 0)[:clients]}, nil)
	arns := make([]string, configurations)
	for i := range arns {
		arns[i] = w.configuration(fmt.Sprint("pool ", i), new(int64(1_000_000)))
	}
	var turn atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	used := cpuTime(b)
	for client := range clients {
		resource := licensetest.MachineARN(licensetest.Root, benchID(client))
		specs := []api.LicenseSpecification{{LicenseConfigurationArn: &arns[client%configurations]}}
		add := encoded(b, &api.UpdateLicenseSpecificationsForResourceInput{ResourceArn: &resource, AddLicenseSpecifications: specs})
		remove := encoded(b, &api.UpdateLicenseSpecificationsForResourceInput{ResourceArn: &resource, RemoveLicenseSpecifications: specs})
		group.Go(func() {
			for body := add; turn.Add(1) <= int64(b.N); add, remove, body = remove, add, remove {
				if _, err := w.send(api.LicenseManager+".UpdateLicenseSpecificationsForResource", body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
	b.ReportMetric(float64((cpuTime(b)-used).Microseconds())/float64(b.N), "cpu-µs/change")
}
