package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
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
)

// overloadRow is what a server does of what it is asked, when that is what it
// can do, and when it is ten times as much.
type overloadRow struct {
	Database  string
	Case      string
	Sustained float64 // answers a second to as many connections as it likes
	Offered   float64 // requests a second that were sent in the overload
	Served    float64 // of these, a second
	Ratio     spread  // served to sustained
	Work      spread  // the same for each second of the server's processor time
	Health    float64 // ms, the slowest answer of /healthz in the overload
}

// demand is requests that are sent in turn.
type demand struct {
	name     string
	requests [][]byte
	next     atomic.Int64
}

func (d *demand) take() []byte { return d.requests[int(d.next.Add(1))%len(d.requests)] }

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

// demandsOf are what is asked too often: what waits for the disk, and what costs
// the least.
func demandsOf(address string, f *fleet) ([]*demand, error) {
	changes := &demand{name: "PutResources of 1"}
	for round := range changeRounds {
		for i := range f.Shape.Alive {
			signed, err := sign(address, "license-manager", putResources, putBody(i, i+1, int64(3+round)))
			if err != nil {
				return nil, err
			}
			changes.requests = append(changes.requests, signed)
		}
	}
	q, err := ask(address, request{LicenseConfigurationArn: f.ARN, MaxResults: 100}, []string{""})
	if err != nil {
		return nil, err
	}
	return []*demand{changes, {name: "ListUsage, first page of 100", requests: q.requests}}, nil
}

// measureDemand measures what the server can do and the overload in turn.
func (b *bench) measureDemand(kind string, p *program, d *demand) (overloadRow, error) {
	row := overloadRow{Database: kind, Case: d.name}
	var sustained, offered, served, ratios, work []float64
	for round := range b.rounds {
		say("%s, overload: %s, round %d of %d", kind, d.name, round+1, b.rounds)
		before := p.processorTime()
		can, err := drive(p.address, 4*b.clients, 15*b.slice, func(int) ([]byte, error) { return d.take(), nil }, nil)
		if err != nil {
			return row, err
		}
		perWork := float64(len(can.times)) / (p.processorTime() - before)
		o := &flood{address: p.address, demand: d, rate: overload * can.rate(), warm: 15 * b.slice, length: 40 * b.slice, work: p.processorTime}
		if err := o.run(); err != nil {
			return row, err
		}
		sustained, offered, served = append(sustained, can.rate()), append(offered, o.persecond(&o.sent)), append(served, o.persecond(&o.served))
		ratios = append(ratios, o.persecond(&o.served)/can.rate())
		work = append(work, float64(o.served.Load())/o.worked/perWork)
		row.Health = max(row.Health, float64(o.health.Microseconds())/1000)
	}
	row.Sustained, row.Offered, row.Served, row.Ratio, row.Work = median(sustained), median(offered), median(served), spreadOf(ratios), spreadOf(work)
	return row, nil
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
	work               func() float64
	worked             float64 // by the server, while it counted
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
	time.Sleep(f.warm)
	before := f.work()
	time.Sleep(f.length - f.warm)
	f.worked = f.work() - before
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
		due := f.start.Add(time.Duration(float64(f.next.Add(1)) / f.rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		now := time.Since(f.start)
		if now > f.length {
			return nil
		}
		ok, err := c.try(f.demand.take())
		if err != nil {
			return err
		}
		if took := time.Since(f.start); now >= f.warm {
			f.sent.Add(1)
			if ok && took <= f.length {
				f.served.Add(1)
			}
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

// processorTime is how many seconds of it the program has used; 0 where the
// system has no /proc.
func (p *program) processorTime() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // behind the name
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100 // ticks of Linux
}
