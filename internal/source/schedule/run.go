package schedule

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"reeve/internal/license"
	"reeve/internal/source"
)

// MaxRemembered is how many resources one source may report.
const MaxRemembered = 1_000_000

// maxRefusals bounds how many resources of one run may be refused as they are:
// then it is not single ones that are wrong.
const maxRefusals = 1000

var (
	errLost     = errors.New("another server has the source now, or it was changed or deleted")
	errStopped  = errors.New("its server stopped")
	errTimeout  = errors.New("the run took longer than it may")
	errSilent   = errors.New("the database did not answer for as long as a run may be silent")
	errRefusals = fmt.Errorf("more than %d resources were refused", maxRefusals)
)

// run is one run of a source on this server.
type run struct {
	*Scheduler
	source  Source // as it was when the run began
	memory  []byte // of the puller, from its last run
	asked   Ask    // for this run, before it began
	partial bool   // what is not found is not gone
	who     license.Caller
	manager *license.Manager // over a store that is guarded by the lease

	known    map[arnHash]bool // what the source remembers: whether this run has seen it
	fresh    []string         // of the batch being put: what the source does not remember
	refusals int

	mu     sync.Mutex
	record Run
}

// arnHash stands for an ARN where hundreds of thousands of them are kept.
type arnHash [16]byte

func hashARN(arn string) arnHash {
	sum := sha256.Sum256([]byte(arn))
	return arnHash(sum[:16])
}

func newRun(s *Scheduler, src Source, record Run, memory []byte, asked Ask) *run {
	r := &run{Scheduler: s, source: src, record: record, memory: memory, asked: asked, known: map[arnHash]bool{}}
	r.who = license.Caller{Account: src.Account, Region: src.Region, Principal: "source/" + src.Name, Operation: "RunSource"}
	r.manager = s.options.NewManager(s.store.Guarded(r.guard))
	return r
}

// run pulls, and notes how it ended.
func (r *run) run(ctx context.Context) {
	log := r.options.Log.With("source", r.source.Name, "run", r.record.Number)
	log.Debug("source's run begins")
	next, err := r.pull(ctx)
	status := statusOf(ctx, err)
	if status == Stopped {
		err = errStopped
	}
	// What was done is noted also when the server is stopping.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	switch ended := r.finish(last, status, err, next); {
	case errors.Is(ended, errLost):
		log.Warn("source's run was taken away", "error", err)
	case ended != nil:
		log.Error("source's run could not be ended", "error", ended)
	case err != nil && status != Stopped:
		log.Warn("source's run failed", "error", err)
	default:
		log.Info("source's run ended", "status", status, "counts", r.record.Counts)
	}
}

// statusOf says what an end of a run is. What ends with the server's context
// was stopped, whatever the puller makes of it.
func statusOf(ctx context.Context, err error) Status {
	var shrunk *shrunkError
	switch {
	case err == nil:
		return Succeeded
	case ctx.Err() != nil:
		return Stopped
	case errors.As(err, &shrunk):
		return Refused
	}
	return Failed
}

// pull is the run itself, while another goroutine renews its lease.
func (r *run) pull(ctx context.Context) (next []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.options.Timeout, errTimeout)
	defer cancel()
	ctx, give := context.WithCancelCause(ctx)
	var keeper sync.WaitGroup
	keeper.Go(func() { give(r.keepLease(ctx)) })
	defer keeper.Wait()
	defer give(nil)
	next, err = r.pullAll(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // more than what the puller says of a context that ended
	}
	return next, err
}

func (r *run) pullAll(ctx context.Context) (next []byte, err error) {
	defer func() { // a puller's libraries are many; the server outlives them
		if p := recover(); p != nil {
			r.options.Log.Error("a source's puller panicked", "source", r.source.Name, "panic", p, "stack", string(debug.Stack()))
			err = errors.New("the source failed inside; the server's log has where")
		}
	}()
	puller, err := r.open()
	if err != nil {
		return nil, err
	}
	if err := r.recall(ctx); err != nil {
		return nil, err
	}
	next, err = puller.Pull(ctx, r.memory, func(reports []license.Report) error { return r.take(ctx, reports) })
	r.noteFailures(puller)
	if err == nil {
		err = ctx.Err() // a pull that was cut off is not complete, whatever it returns
	}
	if err == nil && len(next) > source.MaxMemory {
		err = fmt.Errorf("the source wants to remember %d bytes, at most %d are allowed", len(next), source.MaxMemory)
	}
	if err != nil {
		return nil, err
	}
	return next, r.release(ctx)
}

func (r *run) open() (source.Puller, error) {
	kind, err := r.sources.kinds.named(r.source.Kind)
	if err != nil {
		return nil, err
	}
	puller, err := kind.open([]byte(r.source.Settings), r.source.owner())
	if err != nil {
		return nil, err
	}
	if p, ok := puller.(source.Partial); ok {
		r.partial = p.Partial()
	}
	return puller, nil
}

func (r *run) noteFailures(puller source.Puller) {
	failing, ok := puller.(source.Failing)
	if !ok {
		return
	}
	shown, all := failing.Failures()
	for _, f := range shown {
		r.fail(f.Place, f.Reason)
	}
	r.count(func(c *Counts) { c.Failed += int64(all - len(shown)) })
}

// take is what the puller hands its batches to.
func (r *run) take(ctx context.Context, reports []license.Report) error {
	if len(reports) == 0 {
		return nil
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if len(reports) > license.MaxReports {
		return fmt.Errorf("the source handed over %d resources at once, at most %d are allowed", len(reports), license.MaxReports)
	}
	return r.put(ctx, reports)
}

// put records a batch. One that is refused is halved, until the resources that
// cannot be recorded stand alone: those are failures, and the others go on.
func (r *run) put(ctx context.Context, reports []license.Report) error {
	r.fresh = r.newAmong(reports)
	if len(r.known)+len(r.fresh) > MaxRemembered {
		return fmt.Errorf("the source reports more than %d resources: make several sources of it", MaxRemembered)
	}
	result, err := r.manager.PutResources(ctx, r.who, license.Put{Mode: license.Observe, Reports: reports})
	switch {
	case license.KindOf(err) == license.InvalidParameter && len(reports) > 1:
		half := len(reports) / 2
		if err := r.put(ctx, reports[:half]); err != nil {
			return err
		}
		return r.put(ctx, reports[half:])
	case license.KindOf(err) == license.InvalidParameter:
		return r.refused(reports[0].ARN, err)
	case err != nil:
		return fmt.Errorf("record resources: %w", err)
	}
	r.note(reports, result)
	return nil
}

// newAmong returns the resources of a batch that the source does not remember.
func (r *run) newAmong(reports []license.Report) []string {
	if r.partial {
		return nil
	}
	var fresh []string
	for i := range reports {
		if _, known := r.known[hashARN(reports[i].ARN)]; !known {
			fresh = append(fresh, reports[i].ARN)
		}
	}
	return fresh
}

// note adds up what a batch did.
func (r *run) note(reports []license.Report, result license.PutResult) {
	seen := 0
	for i := range reports {
		key := hashARN(reports[i].ARN)
		if !r.known[key] {
			seen++
		}
		r.known[key] = true
	}
	r.count(func(c *Counts) {
		c.Seen += int64(seen)
		c.Created += int64(result.Created)
		c.Changed += int64(result.Changed)
		c.Unchanged += int64(result.Unchanged)
	})
	for _, f := range result.Failures {
		r.fail(f.ResourceARN, f.Message)
	}
}

// refused notes a resource that cannot be recorded as it is. It is there all
// the same: what is known of it stays.
func (r *run) refused(arn string, err error) error {
	if key := hashARN(arn); !r.partial {
		if seen, known := r.known[key]; known && !seen {
			r.known[key] = true
			r.count(func(c *Counts) { c.Seen++ })
		}
	}
	r.fail(arn, err.Error())
	if r.refusals++; r.refusals > maxRefusals {
		return errRefusals
	}
	return nil
}

func (r *run) fail(place, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Counts.Failed++
	if len(r.record.Failures) < source.MaxFailures {
		r.record.Failures = append(r.record.Failures, source.Failure{Place: clipTo(place, 400), Reason: clipTo(reason, 400)})
	}
}

func (r *run) count(add func(*Counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.record.Counts)
}

// recall reads what the source remembers.
func (r *run) recall(ctx context.Context) error {
	if r.partial {
		return nil
	}
	return r.eachRemembered(ctx, func(arns []string) error {
		for _, arn := range arns {
			r.known[hashARN(arn)] = false
		}
		return nil
	})
}

// eachRemembered passes on what the source remembers, page by page.
func (r *run) eachRemembered(ctx context.Context, each func([]string) error) error {
	for after := ""; ; {
		var page []string
		err := r.store.View(ctx, func(tx Tx) (err error) {
			page, err = tx.Remembered(r.source.Num, after, rememberedPage)
			return err
		})
		if err != nil {
			return fmt.Errorf("read remembered resources: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		after = page[len(page)-1]
		if err := each(page); err != nil {
			return err
		}
	}
}

// rememberedPage is how many remembered resources are read at a time.
const rememberedPage = 5000

// guard runs at the end of every transaction of the run: it fails when the
// lease is another's, and remembers what the transaction put for the first
// time.
func (r *run) guard(tx Tx) error {
	if _, err := r.held(tx); err != nil {
		return err
	}
	if len(r.fresh) == 0 {
		return nil
	}
	return tx.Remember(r.source.Num, r.source.Account, r.fresh)
}

// held locks the source and fails unless this run still has it.
func (r *run) held(tx Tx) (*Source, error) {
	src, err := tx.LockSource(r.source.Num)
	if err != nil {
		return nil, err
	}
	if src == nil || src.Run != r.record.Number || !src.Running() {
		return nil, errLost
	}
	return src, nil
}

// keepLease renews the lease until ctx ends, and returns why it cannot.
func (r *run) keepLease(ctx context.Context) error {
	tick := time.NewTicker(r.options.Lease / 4)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		begun := time.Now()
		switch err := r.renew(ctx); {
		case err == nil:
			last = begun
		case errors.Is(err, errLost):
			return err
		case time.Since(last) > r.options.Lease:
			return errSilent
		}
	}
}

// renew moves the lease on and shows how far the run is.
func (r *run) renew(ctx context.Context) error {
	r.mu.Lock()
	record := r.record
	r.mu.Unlock()
	return r.store.Update(ctx, func(tx Tx) error {
		src, err := r.held(tx)
		if err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		src.Lease = later(now, r.options.Lease)
		if err := tx.SaveSource(src); err != nil {
			return err
		}
		return tx.SaveRun(src.Num, &record)
	})
}
