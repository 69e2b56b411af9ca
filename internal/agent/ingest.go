package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"reeve/internal/license"
)

// ingest brings reports into the ledgers. Reports of one token that wait at
// the same time go in together, as one transaction: the wait for the disk is
// most of what one alone costs. Each is answered when that transaction is
// durable.
type ingest struct {
	manager *license.Manager
	meter   Meter

	mu     sync.Mutex
	queues map[license.Caller]*queue
}

// maxTogether is how many reports share a transaction, which others wait for
// meanwhile.
const maxTogether = 64

// queue holds the reports of one token that wait. It exists while there are
// any, and has one goroutine then.
type queue struct{ items []*item }

type item struct {
	report license.Report
	until  time.Time  // when it has waited too long
	done   chan error // buffered: one answer
}

func newIngest(m *license.Manager, meter Meter) *ingest {
	return &ingest{manager: m, meter: meter, queues: map[license.Caller]*queue{}}
}

// put takes one report and returns when it is durable. Reports of one machine
// are taken in the order in which they came.
func (g *ingest) put(who license.Caller, report license.Report) error {
	it := &item{report: report, until: time.Now().Add(queueTime), done: make(chan error, 1)}
	g.mu.Lock()
	q := g.queues[who]
	if q == nil {
		q = &queue{}
		g.queues[who] = q
		go g.run(who, q)
	}
	q.items = append(q.items, it)
	g.mu.Unlock()
	g.meter.Waiting(1)
	defer g.meter.Waiting(-1)
	return <-it.done
}

// run empties a queue and ends with it.
func (g *ingest) run(who license.Caller, q *queue) {
	for {
		batch := g.next(who, q)
		if len(batch) == 0 {
			return
		}
		g.answer(who, batch)
	}
}

// next takes the reports of one transaction off the queue: the first ones, up
// to the second report of one machine.
func (g *ingest) next(who license.Caller, q *queue) []*item {
	g.mu.Lock()
	defer g.mu.Unlock()
	machines := map[string]bool{}
	n := 0
	for n < len(q.items) && n < maxTogether {
		r := &q.items[n].report
		if machines[r.ARN] || machines[r.Instance] {
			break
		}
		machines[r.ARN] = true
		if r.Instance != "" {
			machines[r.Instance] = true
		}
		n++
	}
	batch := slices.Clone(q.items[:n])
	q.items = slices.Delete(q.items, 0, n)
	if n == 0 {
		delete(g.queues, who)
	}
	return batch
}

// answer puts a batch and tells everybody. One report that is refused must not
// take the others with it, so each then goes alone.
func (g *ingest) answer(who license.Caller, batch []*item) {
	batch = slices.DeleteFunc(batch, func(it *item) bool {
		late := time.Now().After(it.until)
		if late {
			it.done <- errBusy
		}
		return late
	})
	if len(batch) == 0 {
		return
	}
	err := g.together(who, batch)
	var refused *license.Error
	alone := len(batch) > 1 && errors.As(err, &refused)
	for _, it := range batch {
		if alone {
			err = g.together(who, []*item{it})
		}
		it.done <- err
	}
}

// together puts a batch in one transaction.
func (g *ingest) together(who license.Caller, batch []*item) (err error) {
	defer func() {
		if p := recover(); p != nil { // or everybody in the queue would wait for ever
			err = fmt.Errorf("put reports of agents: panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), putTime)
	defer cancel()
	put := license.Put{Mode: license.Observe, Reports: make([]license.Report, len(batch))}
	for i, it := range batch {
		put.Reports[i] = it.report
	}
	result, err := g.manager.PutResources(ctx, who, put)
	if err == nil {
		g.meter.Messages(taken, result.Created+result.Changed)
		g.meter.Messages(unchanged, result.Unchanged)
	}
	return err
}

// putGuests notes on which host the machines run that a hypervisor has named.
// Those that are not in the inventory are left out of it: nothing is known of
// them but that they exist, which is not enough to count by.
func (g *ingest) putGuests(ctx context.Context, who license.Caller, host string, guests []string) error {
	ctx, cancel := context.WithTimeout(ctx, putTime)
	defer cancel()
	if len(guests) == 0 {
		return nil
	}
	there, err := g.manager.InInventory(ctx, who, append(slices.Clone(guests), host))
	if err != nil || !there[host] { // it is an EC2 instance
		return err
	}
	var known []license.Report
	for _, arn := range guests {
		if there[arn] {
			known = append(known, license.Report{ARN: arn, Host: &host})
		}
	}
	if len(known) == 0 {
		return nil
	}
	_, err = g.manager.PutResources(ctx, who, license.Put{Mode: license.Observe, Reports: known})
	return err
}
