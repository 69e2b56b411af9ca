package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// overloaded is the fleet that too much is asked of.
var overloaded = shape{Name: "overload", Alive: 8000}

const (
	overload     = 10   // times what the server can do
	crowd        = 2000 // connections that the overload comes over
	changeRounds = 6    // sizes that each machine is given in turn
	halvings     = 6    // of the range in which the rate lies that the server can do
	nearlyAll    = 0.95 // of the requests at that rate are served
)

// overloadRow is what a server does of what it is asked, when that is what it
// can do, and when it is ten times as much.
type overloadRow struct {
	Database  string
	Case      string
	Few       float64 // answers a second over few connections, on each as soon as the last one came
	Sustained float64 // requests a second over the overload's connections that are served
	Offered   float64 // requests a second that were sent in the overload
	Served    float64 // of these, a second
	Ratio     spread  // served to sustained
	OfFew     spread  // served to the answers over few connections
	Health    float64 // ms, the slowest answer of /healthz in the overload
}

// demand is requests that are sent in turn.
type demand struct {
	name     string
	requests [][]byte
	next     atomic.Int64
}

func (d *demand) take() []byte { return d.requests[int(d.next.Add(1))%len(d.requests)] }

// measureOverloads measures each database's.
func (b *bench) measureOverloads() error {
	var failed []error
	for _, kind := range b.databases {
		rows, err := b.measureOverload(kind)
		b.report.Overloads, failed = append(b.report.Overloads, rows...), append(failed, err)
	}
	return errors.Join(failed...)
}

// measureOverload measures reeve serve, the program, over a fleet of its own.
func (b *bench) measureOverload(kind string) ([]overloadRow, error) {
	if _, err := b.buildBinary(); err != nil {
		return nil, err
	}
	db, dir, f, err := b.ownFleet(kind, overloaded)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p, _, err := b.startProgramOn(db, dir, f)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	demands, err := demandsOf(p.address, f)
	if err != nil {
		return nil, err
	}
	rows := make([]overloadRow, len(demands))
	for i, d := range demands {
		if rows[i], err = b.measureDemand(kind, p, d); err != nil {
			return rows[:i], fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return rows, nil
}

// demandsOf are what is asked too often: what waits for the disk, what costs so
// much that ten times as much can be asked, and what costs the least.
func demandsOf(address string, f *fleet) ([]*demand, error) {
	one, err := changesOf(address, f, 1)
	if err != nil {
		return nil, err
	}
	many, err := changesOf(address, f, 100)
	if err != nil {
		return nil, err
	}
	q, err := ask(address, request{LicenseConfigurationArn: f.ARN, MaxResults: 100}, []string{""})
	if err != nil {
		return nil, err
	}
	return []*demand{one, many, {name: "ListUsage, first page of 100", requests: q.requests}}, nil
}

// changesOf changes the whole fleet, size machines at a time, again and again.
func changesOf(address string, f *fleet, size int) (*demand, error) {
	d := &demand{name: "PutResources of " + count(size)}
	for round := range changeRounds {
		for i := 0; i < f.Shape.Alive; i += size {
			signed, err := sign(address, "license-manager", putResources, putBody(i, i+size, int64(3+round)))
			if err != nil {
				return nil, err
			}
			d.requests = append(d.requests, signed)
		}
	}
	return d, nil
}

// measureDemand measures what the server can do and the overload in turn.
func (b *bench) measureDemand(kind string, p *program, d *demand) (overloadRow, error) {
	row := overloadRow{Database: kind, Case: d.name}
	var few, sustained, offered, served, ratios, ofFew []float64
	for round := range b.rounds {
		say("%s, overload: %s, round %d of %d", kind, d.name, round+1, b.rounds)
		can, err := drive(p.address, 4*b.clients, 15*b.slice, func(int) ([]byte, error) { return d.take(), nil }, nil)
		if err != nil {
			return row, err
		}
		rate, err := b.sustainable(p, d, can.rate())
		if err != nil {
			return row, err
		}
		o := &flood{address: p.address, demand: d, rate: overload * rate, warm: 15 * b.slice, length: 40 * b.slice}
		if err := o.run(); err != nil {
			return row, err
		}
		got := o.persecond(&o.served)
		few, sustained, offered, served = append(few, can.rate()), append(sustained, rate), append(offered, o.persecond(&o.sent)), append(served, got)
		ratios, ofFew = append(ratios, got/rate), append(ofFew, got/can.rate())
		row.Health = max(row.Health, float64(o.health.Microseconds())/1000)
	}
	row.Few, row.Sustained, row.Offered, row.Served, row.Ratio, row.OfFew = median(few), median(sustained), median(offered), median(served), spreadOf(ratios), spreadOf(ofFew)
	return row, nil
}

// sustainable is the highest rate, up to most, at which requests over the crowd's
// connections are served.
func (b *bench) sustainable(p *program, d *demand, most float64) (rate float64, err error) {
	for range halvings {
		o := &flood{address: p.address, demand: d, rate: (rate + most) / 2, warm: 3 * b.slice, length: 10 * b.slice}
		if err := o.run(); err != nil {
			return 0, err
		}
		if o.persecond(&o.served) >= nearlyAll*o.rate {
			rate = o.rate
		} else {
			most = o.rate
		}
	}
	if rate == 0 {
		return 0, fmt.Errorf("no rate down to %.0f a second is served", most)
	}
	return rate, nil
}

// flood sends requests at a rate, whether they are answered or not, over as
// many connections as a crowd has.
type flood struct {
	address      string
	demand       *demand
	rate         float64       // requests a second
	warm, length time.Duration // how long it goes on before it counts, and in all

	start              time.Time
	next, sent, served atomic.Int64
	health             time.Duration // slowest
}

func (f *flood) persecond(n *atomic.Int64) float64 {
	return float64(n.Load()) / (f.length - f.warm).Seconds()
}

func (f *flood) run() error {
	f.start = time.Now()
	errs := make([]error, crowd+1)
	var all sync.WaitGroup
	for i := range crowd {
		all.Go(func() { errs[i] = f.one() })
	}
	all.Go(func() { errs[crowd] = f.askHealth() })
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// one sends its share of the requests over one connection, each when it is due.
func (f *flood) one() error {
	c := &connection{address: f.address}
	defer c.close()
	for {
		due := time.Duration(float64(f.next.Add(1)) / f.rate * float64(time.Second))
		time.Sleep(min(due, f.length) - time.Since(f.start))
		now := time.Since(f.start)
		if due > f.length || now > f.length {
			return nil
		}
		ok, err := c.try(f.demand.take())
		if err != nil {
			return err
		}
		if now >= f.warm {
			f.sent.Add(1)
		}
		if then := time.Since(f.start); ok && then >= f.warm && then <= f.length {
			f.served.Add(1)
		}
	}
}

// try sends one request and tells whether it was done; only a refusal to slow
// down is none that fails.
func (c *connection) try(request []byte) (done bool, err error) {
	if c.conn == nil {
		if err := c.dial(); err != nil {
			return false, err
		}
		c.r = bufio.NewReaderSize(c.conn, 4<<10)
	}
	if _, err := c.conn.Write(request); err != nil {
		return false, err
	}
	ok, last, length, err := c.head()
	if err != nil {
		return false, err
	}
	if !ok {
		answer, err := io.ReadAll(io.LimitReader(c.r, int64(length)))
		if err != nil || !bytes.Contains(answer, []byte("ThrottlingException")) {
			return false, fmt.Errorf("refused: %.300s %w", answer, err)
		}
	} else if _, err := c.r.Discard(length); err != nil {
		return false, err
	}
	if last {
		c.close()
	}
	return ok, nil
}

// askHealth asks for the server's health as a load balancer does, ten times a
// second, over new connections.
func (f *flood) askHealth() error {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for time.Since(f.start) < f.length {
		began := time.Now()
		answer, err := client.Get("http://" + f.address + "/healthz")
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("/healthz answers %d in the overload", answer.StatusCode)
		}
		f.health = max(f.health, time.Since(began))
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}
