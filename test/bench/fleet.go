package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"reeve/internal/license"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
	keyID   = "AKIABENCHBENCHBENCH1"
	secret  = "bench/secret/bench/secret/bench/secret01"
	perPut  = license.MaxReports
)

// shape says how the history of a fleet comes about: one vCPU configuration,
// machines that are launched, change their size and are terminated.
type shape struct {
	Name    string
	Alive   int // usage records now
	Changes int // how often each machine changes its size after its launch
	Dead    int // machines that were launched and terminated besides
}

// plain is the shape of the lists by number of records: each machine has
// changed once.
func plain(records int) shape {
	return shape{Name: strconv.Itoa(records), Alive: records, Changes: 1}
}

func (s shape) machines() int { return s.Alive + s.Dead }

// changes is how many changes of machines make the shape.
func (s shape) changes() int { return s.Alive*(1+s.Changes) + 2*s.Dead }

// fleet is what was loaded.
type fleet struct {
	Shape   shape
	ARN     string         // of the configuration
	Moments []license.Time // of the past: a tenth, half and nine tenths into the history
	Old     license.Time   // when all first machines ran and none had changed
	Seconds float64        // it took to load
}

// The accounts that own machines, and which machine is whose: see machineARN.
const (
	rareOwner = "999999999999"
	rareEvery = 10_000
)

var owners = []string{account, "222222222222", "333333333333", "444444444444"}

// machineARN spreads machines over owners and types: one of twenty is a
// database; one of ten thousand is a managed instance, and one of ten thousand
// is owned by an account that owns nothing else.
func machineARN(i int) string {
	owner := owners[i%len(owners)]
	switch {
	case i%rareEvery == 9_999:
		return fmt.Sprintf("arn:aws:ec2:%s:%s:instance/i-%017x", region, rareOwner, i)
	case i%rareEvery == 4_999:
		return fmt.Sprintf("arn:aws:ssm:%s:%s:managed-instance/mi-%017x", region, owner, i)
	case i%20 == 7:
		return fmt.Sprintf("arn:aws:rds:%s:%s:db:database-%017x", region, owner, i)
	}
	return fmt.Sprintf("arn:aws:ec2:%s:%s:instance/i-%017x", region, owner, i)
}

// machineIndex is the i of machineARN.
func machineIndex(arn string) (int, error) {
	i, err := strconv.ParseInt(arn[strings.LastIndexByte(arn, '-')+1:], 16, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no machine of a fleet: %w", arn, err)
	}
	return int(i), nil
}

// openFleet loads a fleet, unless dir has the note of one.
func openFleet(ctx context.Context, db database, dir string, s shape) (*fleet, error) {
	f := &fleet{Shape: s}
	note := filepath.Join(dir, "fleet.json")
	if text, err := os.ReadFile(note); err == nil && !db.throwAway() {
		if err := json.Unmarshal(text, f); err != nil || f.Shape != s {
			return nil, fmt.Errorf("%s is of another fleet: remove %s", note, dir)
		}
		return f, nil
	}
	if err := f.load(ctx, db); err != nil {
		return nil, fmt.Errorf("load fleet: %w", err)
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return f, os.WriteFile(note, text, 0o600)
}

// load makes the fleet in an empty database, through the same rules as every
// import.
func (f *fleet) load(ctx context.Context, db database) error {
	s, err := db.openToLoad(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	start := time.Now()
	l := &loader{fleet: f, ctx: ctx}
	if err := l.run(s); err != nil {
		return err
	}
	f.Seconds = time.Since(start).Seconds()
	say("loaded %s in %.0f s, %.0f changes a second\n", f.Shape.Name, f.Seconds, float64(l.done)/f.Seconds)
	return nil
}

// loader runs the life of a fleet through the rules.
type loader struct {
	*fleet
	ctx     context.Context
	history *license.Loader
	at      license.Time
	times   []license.Time // of every step
	done    int            // changes of machines
}

func (l *loader) run(s license.Store) error {
	l.history = license.New(s, license.Settings{}).NewHistory(license.Caller{Account: account, Region: region, Principal: "bench", Root: true})
	l.at = license.TimeOf(time.Now().Add(-300 * 24 * time.Hour))
	spec := license.ConfigurationSpec{Terms: license.Terms{Name: "bench", CountingType: license.VCPU}}
	var err error
	if l.ARN, err = l.history.Create(l.ctx, l.at, spec); err != nil {
		return err
	}
	if err := l.live(); err != nil {
		return err
	}
	for _, tenths := range []int{1, 5, 9} {
		l.Moments = append(l.Moments, l.times[len(l.times)*tenths/10])
	}
	return l.history.Seal(l.ctx)
}

// live launches the first machines, replaces them for as long as machines have
// to die, and changes those that are left.
func (l *loader) live() error {
	alive, all := l.Shape.Alive, l.Shape.machines()
	if err := l.each(0, alive, l.launch); err != nil {
		return err
	}
	l.Old = l.at
	for from := alive; from < all; from += perPut {
		to := min(from+perPut, all)
		if err := l.each(from, to, l.launch); err != nil {
			return err
		}
		if err := l.each(from-alive, to-alive, l.terminate); err != nil {
			return err
		}
	}
	for n := range l.Shape.Changes {
		vcpus := int64(4 + 4*(n%2)) // launched with 2
		change := func(from, to int) error {
			return l.history.Put(l.ctx, l.at, reports(from, to, license.Report{VCPUs: &vcpus}))
		}
		if err := l.each(all-alive, all, change); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) launch(from, to int) error {
	vcpus := int64(2)
	if err := l.history.Put(l.ctx, l.at, reports(from, to, license.Report{VCPUs: &vcpus})); err != nil {
		return err
	}
	arns := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		arns = append(arns, machineARN(i))
	}
	return l.history.Associate(l.ctx, l.at, l.ARN, arns)
}

func (l *loader) terminate(from, to int) error {
	deleted := "deleted"
	return l.history.Put(l.ctx, l.at, reports(from, to, license.Report{Status: &deleted}))
}

func reports(from, to int, r license.Report) []license.Report {
	list := make([]license.Report, 0, to-from)
	for i := from; i < to; i++ {
		r.ARN = machineARN(i)
		list = append(list, r)
	}
	return list
}

// each runs a step for every batch of machines, a second apart.
func (l *loader) each(from, to int, step func(from, to int) error) error {
	for ; from < to; from += perPut {
		last := min(from+perPut, to)
		l.at += license.Time(time.Second / time.Microsecond)
		l.times = append(l.times, l.at)
		if err := step(from, last); err != nil {
			return err
		}
		l.done += last - from
		say("loading %s: %d of %d changes", l.Shape.Name, l.done, l.Shape.changes())
	}
	return nil
}
