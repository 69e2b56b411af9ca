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

// MaxMemory bounds what a Puller may remember from one pull to the next, in
// bytes.
const MaxMemory = 16 << 20
