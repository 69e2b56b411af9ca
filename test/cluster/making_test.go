//go:build unix

package cluster_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
)

// mostMadeOf bounds what one client makes.
const mostMadeOf = 300

// making is clients that make configurations and do not try again, so that
// each call that a server makes twice is there twice: taking a licence that
// one has would hide it.
type making struct {
	t       *testing.T
	account *account
	smooth  bool // no call may fail
	ending  chan struct{}
	all     sync.WaitGroup

	mu     sync.Mutex
	made   map[string]int64 // by name: 1 when it was acknowledged, 0 when there was no answer
	failed int
}

// startMaking lets the clients begin. smooth is for faults of which they are
// to notice nothing.
func startMaking(t *testing.T, d *deployment, smooth bool) *making {
	t.Helper()
	m := &making{t: t, smooth: smooth, account: through(t, d.balancer.URL), ending: make(chan struct{}), made: map[string]int64{}}
	for n := range 2 {
		m.all.Go(func() { m.work(fmt.Sprint("made-", n)) })
	}
	return m
}

func (m *making) work(name string) {
	for n := range mostMadeOf {
		select {
		case <-m.ending:
			return
		default:
		}
		own, told := fmt.Sprint(name, "-", n), int64(1)
		_, err := m.account.pool(m.t.Context(), own, 1, once)
		if err != nil {
			told = 0
		}
		if err != nil && m.smooth {
			m.t.Errorf("create configuration: %v", err)
		}
		m.mu.Lock()
		m.made[own] = told
		m.failed += int(1 - told)
		m.mu.Unlock()
	}
}

// once keeps AWS's client from trying again.
func once(o *licensemanager.Options) { o.Retryer = aws.NopRetryer{} }

// finish wants every configuration that was acknowledged to be there once.
func (m *making) finish() {
	m.t.Helper()
	close(m.ending)
	m.all.Wait()
	there := map[string]int64{}
	in := &licensemanager.ListLicenseConfigurationsInput{}
	for range 1000 {
		out, err := m.account.ListLicenseConfigurations(m.t.Context(), in)
		must(m.t, "list configurations", err)
		for _, c := range out.LicenseConfigurations {
			there[*c.Name]++
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	for name, told := range m.made {
		if n := there[name]; n > 1 || n < told {
			m.t.Errorf("%s is there %d times, and was acknowledged %d times", name, n, told)
		}
	}
	m.t.Logf("%d configurations were asked for, %d times without an answer", len(m.made), m.failed)
}
