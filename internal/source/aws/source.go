// Package aws reads EC2 instances, dedicated hosts, images, RDS databases and
// Systems Manager's managed instances with their software from AWS accounts.
//
// A pull is made of parts, one for each account and region. A part that fails
// leaves the others going: what could be read is handed over, and the pull
// ends with an error, so nobody takes what is missing for gone.
package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"reeve/internal/license"
	"reeve/internal/source"
)

// maxParts is how many accounts and regions are read at a time.
const maxParts = 4

// maxErrors is how many failed parts an error tells of.
const maxErrors = 10

// Source is a source.Puller over AWS accounts. It may be used by one pull at a
// time.
type Source struct {
	settings Settings
	types    *typeCache
	retryer  func() aws.Retryer

	failures []source.Failure // of the last pull, see Failures
	failed   int
}

// Open checks settings and that their profile can be loaded. It sends nothing.
func Open(s Settings) (*Source, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	src := &Source{settings: s, types: newTypeCache(), retryer: adaptive}
	_, err := src.load(context.Background())
	return src, err
}

// pull is one run of Pull.
type pull struct {
	settings *Settings
	types    *typeCache
	memory   *memory
	started  time.Time

	mu   sync.Mutex // held while reports are handed over, one batch at a time
	each func([]license.Report) error
	stop context.CancelCauseFunc

	passedMu sync.Mutex
	passed   []source.Failure // at most source.MaxFailures
	inAll    int
}

// Pull reads every account and region, see source.Puller. What it remembers is
// when the software of each machine was last captured.
func (s *Source) Pull(ctx context.Context, last []byte, each func([]license.Report) error) ([]byte, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := &pull{settings: &s.settings, types: s.types, memory: remember(last), started: time.Now(), each: each, stop: stop}
	loaded, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	accounts, failed := s.accounts(ctx, loaded)
	parts := p.split(accounts, loaded.regions)
	failures := make([]error, len(parts))
	inParallel(ctx, len(parts), maxParts, func(i int) { failures[i] = parts[i].read(ctx) })
	s.failures, s.failed = p.passed, p.inAll
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if err := summary(append(failed, failures...)); err != nil {
		return nil, err
	}
	return p.memory.encode(), nil
}

// Failures returns what the last Pull passed over, see source.Failing.
func (s *Source) Failures() ([]source.Failure, int) { return s.failures, s.failed }

// passOver notes a fact of one resource that cannot be taken.
func (p *pull) passOver(arn, reason string) {
	p.passedMu.Lock()
	defer p.passedMu.Unlock()
	p.inAll++
	if len(p.passed) < source.MaxFailures {
		p.passed = append(p.passed, source.Failure{Place: arn, Reason: reason})
	}
}

// handOver passes reports on. Parts run at once and each is called by one of
// them at a time; its error ends the pull.
func (p *pull) handOver(ctx context.Context, reports []license.Report) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for batch := range slices.Chunk(reports, license.MaxReports) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := p.each(batch); err != nil {
			p.stop(err)
			return err
		}
	}
	return nil
}

// summary joins the failures of parts, not more than a person reads.
func summary(all []error) error {
	failures := slices.DeleteFunc(all, func(err error) bool { return err == nil })
	if more := len(failures) - maxErrors; more > 0 {
		failures = append(failures[:maxErrors:maxErrors], fmt.Errorf("and %d more accounts and regions failed", more))
	}
	return errors.Join(failures...)
}

// inParallel calls do with 0 to n-1, at most width at a time, and waits for
// all of them. After ctx has ended it begins no more.
func inParallel(ctx context.Context, n, width int, do func(i int)) {
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(n, width) {
		wait.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wait.Wait()
}
