package main

import (
	"context"
	"fmt"

	"reeve/internal/license"
	"reeve/internal/sample"
)

// loadSample fills the root account with the sample company, in the region
// that commands started here would ask in, and then says what to try. It runs
// beside the server, and ends early when ctx does.
func (s *serverProcess) loadSample(ctx context.Context, p *process) {
	who := s.rootCaller(p, "LoadSample")
	done, err := s.fillSample(ctx, who)
	switch {
	case ctx.Err() != nil:
		s.log.Warn("sample interrupted", "fix", "start with an empty data directory to load it again")
		return
	case err != nil:
		s.log.Error("sample not loaded", "error", err)
	case done.Skipped:
		s.log.Info("sample is there already", "region", who.Region)
	default:
		s.log.Info("sample loaded", "region", who.Region, "configurations", len(done.Configurations), "resources", done.Resources, "revisions", done.Revisions)
	}
	fmt.Fprintln(p.stdout)
	s.suggest(ctx, p)
}

// fillSample takes the time from the database, whose clock the ledgers follow,
// and logs each tenth of the work.
func (s *serverProcess) fillSample(ctx context.Context, who license.Caller) (sample.Summary, error) {
	var now license.Time
	err := s.store.View(ctx, func(tx license.Tx) (err error) {
		now, err = tx.Now()
		return err
	})
	if err != nil {
		return sample.Summary{}, err
	}
	tenths := 0
	return sample.Load(ctx, s.manager, who, now, func(done, total int) {
		if reached := done * 10 / total; reached > tenths && reached < 10 {
			tenths = reached
			s.log.Info("sample loading", "days_done", done, "days", total)
		}
	})
}
