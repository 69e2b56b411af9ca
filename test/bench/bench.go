package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
)

// bench is one run.
type bench struct {
	options
	ctx     context.Context
	scratch string // directory that goes away with the run
	report  report

	mu    sync.Mutex
	ready map[string]*fleet // by directory
}

func run(ctx context.Context, o options) (err error) {
	b := &bench{options: o, ctx: ctx, ready: map[string]*fleet{}}
	if b.scratch, err = os.MkdirTemp("", "reeve-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.scratch)
	if b.data == "" {
		b.data = b.scratch
	}
	if b.profile != "" {
		if err := os.MkdirAll(b.profile, 0o700); err != nil {
			return err
		}
	}
	if err := b.describe(); err != nil {
		return err
	}
	if err := b.load(); err != nil {
		return err
	}
	failed := b.measure()
	say("")
	return errors.Join(b.report.publish(o), failed)
}

// measure measures the parts that were asked for. One that fails does not take
// the others with it.
func (b *bench) measure() error {
	var failed []error
	for _, part := range b.parts {
		if b.ctx.Err() != nil {
			break
		}
		var err error
		switch part {
		case "peers":
			b.report.Peers, err = b.measurePeers()
		case "start":
			err = b.measureStarts()
		case "overload":
			err = b.measureOverloads()
		default:
			err = b.measureOn(part)
		}
		if err != nil {
			b.note("part %s was not measured to its end: %v", part, err)
			failed = append(failed, fmt.Errorf("%s: %w", part, err))
		}
	}
	return errors.Join(failed...)
}

// measureOn measures a part on each database.
func (b *bench) measureOn(part string) error {
	for _, kind := range b.databases {
		if part == "writes" {
			rows, err := b.measureWrites(kind)
			if err != nil {
				return err
			}
			b.report.Writes = append(b.report.Writes, rows...)
		}
		for _, s := range b.wanted(part, kind) {
			f, err := b.fleet(kind, s)
			if err != nil {
				return err
			}
			if part == "lists" {
				rows, err := b.measureLists(kind, f)
				if err != nil {
					return err
				}
				b.report.Lists = append(b.report.Lists, rows...)
				continue
			}
			rows, err := b.measureShape(kind, f)
			if err != nil {
				return err
			}
			b.report.Shapes = append(b.report.Shapes, rows...)
		}
	}
	return nil
}

// measureStarts measures the program over each fleet that it is wanted for.
func (b *bench) measureStarts() error {
	size, err := b.buildBinary()
	if err != nil {
		return err
	}
	b.report.BinaryMiB = float64(size) / (1 << 20)
	for _, kind := range b.databases {
		for _, s := range b.wanted("start", kind) {
			f, err := b.fleet(kind, s)
			if err != nil {
				return err
			}
			row, err := b.measureStart(kind, f)
			if err != nil {
				return err
			}
			b.report.Starts = append(b.report.Starts, row)
		}
	}
	return nil
}

// wanted are the fleets that a part needs on a database. The shapes are on
// PostgreSQL only where there is time for it: with its fleet of a million.
func (b *bench) wanted(part, kind string) (list []shape) {
	sizes := b.records[kind]
	switch part {
	case "lists":
		for _, n := range sizes {
			list = append(list, plain(n))
		}
	case "start":
		list = append(list, plain(sizes[0]))
		for _, n := range sizes[1:] {
			if n >= 1e6 || n == sizes[len(sizes)-1] {
				list = append(list, plain(n))
			}
		}
	case "shapes":
		if kind == "postgres" && !slices.Contains(sizes, 1e6) {
			return nil
		}
		for _, s := range shapes {
			list = append(list, s.smaller(b.divide))
		}
	}
	return list
}

// place is where a fleet lives.
func (b *bench) place(kind string, s shape) (database, string, error) {
	name := kind + "-" + notWord.ReplaceAllString(s.Name, "_")
	dir := filepath.Join(b.data, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", err
	}
	db, err := databaseFor(kind, dir, b.postgres, s.Name)
	return db, dir, err
}

// ownFleet makes a fleet for one part of a run, in a directory that the part
// may remove and that goes away with the run.
func (b *bench) ownFleet(kind string, s shape) (db database, dir string, f *fleet, err error) {
	if dir, err = os.MkdirTemp(b.scratch, s.Name+"-"); err != nil {
		return db, dir, nil, err
	}
	if db, err = databaseFor(kind, dir, b.postgres, filepath.Base(dir)); err != nil {
		return db, dir, nil, err
	}
	f, err = openFleet(b.ctx, db, dir, s)
	return db, dir, f, err
}

// fleet returns a fleet, which it makes if there is none.
func (b *bench) fleet(kind string, s shape) (*fleet, error) {
	db, dir, err := b.place(kind, s)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	f := b.ready[dir]
	b.mu.Unlock()
	if f != nil {
		return f, nil
	}
	if f, err = openFleet(b.ctx, db, dir, s); err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.ready[dir] = f
	b.mu.Unlock()
	return f, nil
}

// load makes all fleets before anything is measured, as many at once as there
// are processors, the largest first.
func (b *bench) load() error {
	type job struct {
		kind string
		shape
	}
	var jobs []job
	for _, kind := range b.databases {
		for _, part := range b.parts {
			for _, s := range b.wanted(part, kind) {
				if !slices.Contains(jobs, job{kind, s}) {
					jobs = append(jobs, job{kind, s})
				}
			}
		}
	}
	slices.SortStableFunc(jobs, func(x, y job) int { return y.changes() - x.changes() })
	slots := make(chan struct{}, runtime.NumCPU())
	errs := make([]error, len(jobs))
	var wait sync.WaitGroup
	for i, j := range jobs {
		slots <- struct{}{}
		wait.Go(func() {
			_, errs[i] = b.fleet(j.kind, j.shape)
			<-slots
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// note adds a line to the end of the report.
func (b *bench) note(format string, args ...any) {
	b.report.Notes = append(b.report.Notes, fmt.Sprintf(format, args...))
}
