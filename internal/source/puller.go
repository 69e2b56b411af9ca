package source

import (
	"context"

	"reeve/internal/license"
)

// A Puller reads all resources of one place that tells nobody of changes by
// itself, such as an AWS account or a vCenter.
//
// Pull hands over every resource that is there, in batches of at most
// license.MaxReports, also those that have not changed: a report that changes
// nothing costs next to nothing. An error of each ends the pull and is
// returned. When Pull returns nil, everything was seen, and what an earlier
// pull handed over and this one did not is gone.
//
// last is what the last pull that succeeded returned as next (nil the first
// time, at most MaxMemory): a puller's own memory of what it need not fetch
// again. Pull keeps to ctx, to the rate limits of its place, and tries again
// what may succeed then; an error names what its reader can do.
type Puller interface {
	Pull(ctx context.Context, last []byte, each func([]license.Report) error) (next []byte, err error)
}

// Partial is what a Puller also implements when its place does not list all
// that there is, such as a directory that files are dropped into: while Partial
// returns true, what a pull does not hand over is not gone.
type Partial interface{ Partial() bool }

// Failing is what a Puller also implements when it passes over single parts of
// its place that cannot be read, and goes on. Failures returns what the last
// Pull passed over, at most MaxFailures of them, and how many there were in all.
type Failing interface {
	Failures() (shown []Failure, all int)
}

// Failure is one part of a place that could not be read, or one resource that
// could not be recorded or licensed.
type Failure struct {
	Place  string `json:"place"` // an ARN, or a file and a line
	Reason string `json:"reason"`
}

// MaxFailures bounds the list of failures that a run keeps.
const MaxFailures = 50

// MaxMemory bounds what a Puller may remember from one pull to the next, in
// bytes.
const MaxMemory = 16 << 20
