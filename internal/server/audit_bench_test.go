package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"reeve/internal/audit"
	"reeve/internal/licensetest"
)

// The load of BenchmarkAudit, which docs/audit.md has the result of.
const (
	auditClients = 16
	auditRound   = 100 // requests of each client before the other server's turn
)

// BenchmarkAudit asks two servers for the same pages of 50 in turn, one with an
// audit trail and one without, and prints the ratio. Run it with -benchtime=20x.
func BenchmarkAudit(b *testing.B) {
	with, without := newAudited(b, audit.All), newAudited(b, audit.Off)
	with.round(b)
	without.round(b) // both are warm
	var on, off, onCPU, offCPU time.Duration
	b.ResetTimer()
	for i := range b.N {
		for turn := range 2 {
			used := cpuTime(b)
			if i%2 == turn {
				on += with.round(b)
				onCPU += cpuTime(b) - used
			} else {
				off += without.round(b)
				offCPU += cpuTime(b) - used
			}
		}
	}
	calls := float64(b.N * auditClients * auditRound)
	b.ReportMetric(calls/on.Seconds(), "audited/s")
	b.ReportMetric(calls/off.Seconds(), "unaudited/s")
	b.ReportMetric(off.Seconds()/on.Seconds(), "ratio")
	b.ReportMetric(offCPU.Seconds()/onCPU.Seconds(), "cpu-ratio")
}

// audited is a server under repeated reads.
type audited struct {
	url    string
	client *http.Client
	walk   benchRequests
}

func newAudited(b *testing.B, mode audit.Mode) *audited {
	s := licensetest.Start(b, licensetest.Options{Audit: mode})
	arn := benchFleet(b, s, 2000)
	running := httptest.NewServer(s.Handler(true))
	b.Cleanup(running.Close)
	return &audited{running.URL, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: auditClients}}, benchWalk(b, s, arn, 50)}
}

// round has every client ask its share and returns how long that took.
func (a *audited) round(b *testing.B) time.Duration {
	begun := time.Now()
	var all sync.WaitGroup
	for client := range auditClients {
		all.Go(func() {
			for i := range auditRound {
				a.ask(b, (client+i)%8+1)
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

func (a *audited) ask(b *testing.B, page int) {
	r, err := http.NewRequest(http.MethodPost, a.url+"/", bytes.NewReader(a.walk.bodies[page]))
	if err != nil {
		b.Error(err)
		return
	}
	signed := a.walk.requests[page]
	r.Header, r.Host = signed.Header, signed.Host
	answer, err := a.client.Do(r)
	if err != nil {
		b.Error(err)
		return
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		b.Errorf("status %d, %v", answer.StatusCode, err)
	}
}
