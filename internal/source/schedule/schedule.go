// Package schedule keeps the sources of a deployment, which are the places that
// resources are pulled from, and runs each when it is due: on one server at a
// time, whichever of them it is.
//
// [Sources] keeps them; a [Scheduler] runs them. Both work over a [Store], which
// package store implements. What a source finds goes through license.Manager
// like every other report. docs/sources.md says what people see of it.
package schedule

import (
	"context"
	"fmt"
	"math"
	"time"

	"reeve/internal/license"
	"reeve/internal/source"
)

// Source is one place that resources are pulled from, and how its runs go.
type Source struct {
	Num         int64  // random, unique in a deployment
	Name        string // unique in a deployment
	Account     string // whose inventory it feeds
	Region      string // of what has no region of its own
	Kind        string // a key of Kinds
	Settings    string // JSON of the kind; never a secret
	Every       time.Duration
	Paused      bool
	AllowShrink bool // a complete run may find far less than the one before
	Created     license.Time
	CreatedBy   string // principal

	State
}

// State is what the runs of a source leave behind.
type State struct {
	Due       license.Time // when the next run begins, unless it is paused
	Asked     Ask
	Run       int64        // number of the last run that began; 0: none has
	Lease     license.Time // until when that run's server has it to itself; 0: it has ended
	Failed    int64        // runs that failed since the last one that succeeded
	Found     int64        // resources of the last complete run that succeeded; -1: there is none
	Succeeded license.Time // end of the last run that succeeded; 0: none has
}

// ID names the source where names may be taken again: src- and 16 hex digits.
func (s *Source) ID() string { return fmt.Sprintf("src-%016x", uint64(s.Num)) }

// Running reports whether a run is going on, or was when its server ended.
func (s *Source) Running() bool { return s.Lease != 0 }

// Ready is when the next run may begin at the earliest: at once when somebody
// asked for it, else when it is due, and not while a server has the source.
func (s *Source) Ready() license.Time {
	begin := s.Due
	switch {
	case s.Asked != NotAsked:
		begin = 0
	case s.Paused:
		begin = never
	}
	return max(begin, s.Lease)
}

func (s *Source) ready(now license.Time) bool { return s.Ready() <= now }

// never is later than every clock.
const never license.Time = math.MaxInt64

// Ask says whether somebody asked for a run that has not begun.
type Ask int64

// What can be asked for. Stores keep the numbers.
const (
	NotAsked       Ask = 0
	AskedOnce      Ask = 1
	AskedAndShrink Ask = 2 // a run that may find far less than the one before
)

// Status is how a run ended, or that it has not.
type Status string

// The statuses of runs. Stores and the API keep the texts.
const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	Refused   Status = "REFUSED" // it found so little that it is not believed
	Stopped   Status = "STOPPED" // its server stopped, or the source was changed
	Lost      Status = "LOST"    // its server did not come back to it in time
)

// Run is one run of a source. The first of a source has the number 1.
type Run struct {
	Number   int64
	Status   Status
	Server   string // that ran it
	Started  license.Time
	Ended    license.Time // 0 while it goes on
	Counts   Counts
	Error    string           // why it did not succeed
	Failures []source.Failure // the first of Counts.Failed
}

// Counts are what a run did so far.
type Counts struct {
	Seen      int64 // distinct resources
	Created   int64
	Changed   int64
	Unchanged int64
	Failed    int64 // could not be read, recorded or licensed
	Gone      int64 // released because they were not there any more
}

// idle reports whether a run has nothing to tell.
func (r *Run) idle() bool {
	return r.Status == Succeeded && r.Counts.Seen == 0 && r.Counts.Failed == 0 && r.Counts.Gone == 0
}

// Store keeps sources. Transactions are those of license.Store.
type Store interface {
	View(ctx context.Context, fn func(Tx) error) error
	Update(ctx context.Context, fn func(Tx) error) error

	// Guarded is the store of the rules, in which every Update runs guard at
	// the end of its transaction: an error of guard takes all of it back.
	Guarded(guard func(Tx) error) license.Store
}

// Tx is one transaction. Reads of what is not there return nil.
type Tx interface {
	Now() (license.Time, error)
	AccountExists(account string) (bool, error)

	SourceNamed(name string) (*Source, error)
	LockSource(num int64) (*Source, error)

	// InsertSource adds a source; a clash of number or name is a conflict that
	// runs the update again. SaveSource writes what can change of a locked one.
	InsertSource(s *Source) error
	SaveSource(s *Source) error

	// DeleteSource removes a source and everything that is kept of it.
	DeleteSource(num int64) error

	// Sources returns up to limit sources after a place, in the order of
	// (Created, Num).
	Sources(created license.Time, num int64, limit int) ([]*Source, error)

	// DueSources returns the numbers of up to limit sources that are Ready at a
	// moment, in the order in which they became so.
	DueSources(now license.Time, limit int) ([]int64, error)

	RunTx
	RememberedTx
}

// RunTx keeps the runs of sources and their pullers' memory.
type RunTx interface {
	// SaveRun adds a run or replaces it.
	SaveRun(source int64, r *Run) error
	Run(source, number int64) (*Run, error)

	// Runs returns up to limit runs with numbers below before, newest first.
	Runs(source, before int64, limit int) ([]*Run, error)

	// TroubledRun returns the newest run with an error or a failure.
	TroubledRun(source int64) (*Run, error)

	// DeleteRuns removes the runs with first <= number <= last.
	DeleteRuns(source, first, last int64) error

	Memory(source int64) ([]byte, error)
	SaveMemory(source int64, memory []byte) error
}

// RememberedTx keeps which resources the complete runs of a source reported,
// so that it shows which are gone.
type RememberedTx interface {
	// Remembered returns up to limit ARNs after a given one, in order.
	Remembered(source int64, after string, limit int) ([]string, error)
	Remember(source int64, account string, arns []string) error
	Forget(source int64, arns []string) error

	// LockShared returns those ARNs that another source of the account
	// remembers too, and locks what is remembered of all of them.
	LockShared(source int64, account string, arns []string) ([]string, error)
}
