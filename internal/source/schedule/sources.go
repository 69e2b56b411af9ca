package schedule

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"reeve/internal/license"
)

// Sources keeps the sources of a deployment. Who may use it is for its callers
// to decide: sources read files and credentials of the servers.
type Sources struct {
	store Store
	kinds Kinds
	wake  chan struct{} // tells this process's scheduler that a run may be due
}

// New returns the sources in a store.
func New(store Store, kinds Kinds) *Sources {
	return &Sources{store: store, kinds: kinds, wake: make(chan struct{}, 1)}
}

// firstWithin bounds how long the first run of a new source waits, so that many
// sources of one file do not all begin at once.
const firstWithin = 10 * time.Second

// PutResult says what a Put did with each definition, in their order.
type PutResult struct {
	Sources                     []*Source
	Created, Changed, Unchanged int
}

// Put creates or changes sources by their names: all of them, or none.
// Settings that changed end a run that is going on with those of before, and
// make the source due.
func (s *Sources) Put(ctx context.Context, who license.Caller, definitions []Definition) (PutResult, error) {
	if err := checkDefinitions(definitions); err != nil {
		return PutResult{}, err
	}
	var result PutResult
	err := s.store.Update(ctx, func(tx Tx) error {
		result = PutResult{}
		for i := range definitions {
			if err := s.put(tx, who, &definitions[i], &result); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return PutResult{}, err
	}
	s.poke()
	return result, nil
}

func checkDefinitions(definitions []Definition) error {
	if len(definitions) == 0 || len(definitions) > MaxDefinitions {
		return refuse(license.InvalidParameter, "Sources has %d entries, expected 1 to %d.", len(definitions), MaxDefinitions)
	}
	seen := map[string]bool{}
	for _, d := range definitions {
		if err := checkName(d.Name); err != nil {
			return err
		}
		if seen[d.Name] {
			return refuse(license.InvalidParameter, "The source %s is given more than once.", d.Name)
		}
		seen[d.Name] = true
	}
	return nil
}

func (s *Sources) put(tx Tx, who license.Caller, d *Definition, result *PutResult) error {
	now, err := tx.Now()
	if err != nil {
		return err
	}
	known, err := lockNamed(tx, d.Name)
	if err != nil {
		return err
	}
	if known == nil {
		known, err = s.insert(tx, who, d, now)
		result.Created++
		result.Sources = append(result.Sources, known)
		return err
	}
	before := *known
	if err := d.change(s.kinds, known); err != nil {
		return err
	}
	result.Sources = append(result.Sources, known)
	if *known == before {
		result.Unchanged++
		return nil
	}
	result.Changed++
	return save(tx, known, &before, now)
}

// lockNamed locks a source by its name, or returns nil.
func lockNamed(tx Tx, name string) (*Source, error) {
	found, err := tx.SourceNamed(name)
	if err != nil || found == nil {
		return nil, err
	}
	return tx.LockSource(found.Num)
}

func (s *Sources) insert(tx Tx, who license.Caller, d *Definition, now license.Time) (*Source, error) {
	made, err := d.create(s.kinds, who, rand.Int64N(math.MaxInt64-1)+1, now)
	if err != nil {
		return nil, err
	}
	there, err := tx.AccountExists(made.Account)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, refuse(license.InvalidParameter, "Source %s: there is no account %s. Make it with CreateAccount first.", made.Name, made.Account)
	}
	all, err := tx.Sources(0, 0, MaxSources)
	if err != nil {
		return nil, err
	}
	if len(all) >= MaxSources {
		return nil, refuse(license.LimitExceeded, "There are %d sources, and there may not be more. Delete one first.", len(all))
	}
	made.Due = later(now, rand.N(min(firstWithin, made.Every/10)))
	return made, tx.InsertSource(made)
}

// save writes a source that changed. What the puller remembers was learnt with
// the settings of before, so new ones begin without it.
func save(tx Tx, s, before *Source, now license.Time) error {
	if s.Every != before.Every {
		s.Due = min(s.Due, later(now, s.Every))
	}
	if before.Paused && !s.Paused {
		s.Due = min(s.Due, now)
	}
	if s.Settings != before.Settings {
		if err := end(tx, s, Stopped, "the source's settings were changed meanwhile", now); err != nil {
			return err
		}
		if err := tx.SaveMemory(s.Num, nil); err != nil {
			return err
		}
		s.Due, s.Failed = now, 0
	}
	return tx.SaveSource(s)
}

// end notes that the run that a source names as going on is not. The caller
// saves the source.
func end(tx Tx, s *Source, status Status, reason string, now license.Time) error {
	if !s.Running() {
		return nil
	}
	s.Lease = 0
	r, err := tx.Run(s.Num, s.Run)
	if err != nil || r == nil {
		return err
	}
	r.Status, r.Ended, r.Error = status, now, reason
	return tx.SaveRun(s.Num, r)
}

// Details are a source with what people ask about it.
type Details struct {
	*Source
	LastRun  *Run // nil: there is none
	Troubled *Run // the newest run that is kept and has an error or failures
}

// Get returns a source by its name.
func (s *Sources) Get(ctx context.Context, name string) (*Details, error) {
	var found *Details
	err := s.store.View(ctx, func(tx Tx) error {
		src, err := named(tx, name)
		if err != nil {
			return err
		}
		found, err = details(tx, src)
		return err
	})
	return found, err
}

// named finds a source, or refuses.
func named(tx Tx, name string) (*Source, error) {
	found, err := tx.SourceNamed(name)
	if err == nil && found == nil {
		err = unknown(name)
	}
	return found, err
}

func unknown(name string) error {
	return refuse(license.InvalidParameter, "There is no source %q.", clip(name))
}

func details(tx Tx, s *Source) (*Details, error) {
	d := &Details{Source: s}
	var err error
	if d.LastRun, err = tx.Run(s.Num, s.Run); err != nil {
		return nil, err
	}
	d.Troubled, err = tx.TroubledRun(s.Num)
	return d, err
}

// Place is where a list of sources goes on.
type Place struct {
	Created license.Time
	Num     int64
}

// List returns up to limit sources after a place, in the order of their
// creation, and the place after them, nil at the end.
func (s *Sources) List(ctx context.Context, after Place, limit int) (list []*Details, next *Place, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		list, next = nil, nil
		found, err := tx.Sources(after.Created, after.Num, limit+1)
		if err != nil {
			return err
		}
		if len(found) > limit {
			found = found[:limit]
			last := found[limit-1]
			next = &Place{last.Created, last.Num}
		}
		for _, src := range found {
			d, err := details(tx, src)
			if err != nil {
				return err
			}
			list = append(list, d)
		}
		return nil
	})
	return list, next, err
}

// Delete removes a source and its runs. A run that is going on ends with its
// next step. What the source reported stays in the inventory.
func (s *Sources) Delete(ctx context.Context, name string) error {
	return s.change(ctx, name, func(tx Tx, src *Source, _ license.Time) error { return tx.DeleteSource(src.Num) })
}

// Ask asks for a run now, whether the source is paused or not, and returns its
// number. Asking again before it has begun is the same run. With shrink it may
// find far less than the run before.
func (s *Sources) Ask(ctx context.Context, name string, shrink bool) (number int64, err error) {
	err = s.change(ctx, name, func(tx Tx, src *Source, _ license.Time) error {
		number = src.Run + 1
		if src.Asked = max(src.Asked, AskedOnce); shrink {
			src.Asked = AskedAndShrink
		}
		return tx.SaveSource(src)
	})
	if err == nil {
		s.poke()
	}
	return number, err
}

// change runs fn over a locked source.
func (s *Sources) change(ctx context.Context, name string, fn func(Tx, *Source, license.Time) error) error {
	return s.store.Update(ctx, func(tx Tx) error {
		src, err := lockNamed(tx, name)
		if err != nil {
			return err
		}
		if src == nil {
			return unknown(name)
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		return fn(tx, src, now)
	})
}

// Runs returns up to limit runs of a source with numbers below before (0: all),
// newest first, and whether there are more.
func (s *Sources) Runs(ctx context.Context, name string, before int64, limit int) (runs []*Run, more bool, err error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	err = s.store.View(ctx, func(tx Tx) error {
		src, err := named(tx, name)
		if err != nil {
			return err
		}
		runs, err = tx.Runs(src.Num, before, limit+1)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("list runs: %w", err)
	}
	if len(runs) > limit {
		return runs[:limit], true, nil
	}
	return runs, false, nil
}

// poke tells this process's scheduler to look at once.
func (s *Sources) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// later is a moment some time after another.
func later(t license.Time, d time.Duration) license.Time { return t + license.Time(d/time.Microsecond) }
