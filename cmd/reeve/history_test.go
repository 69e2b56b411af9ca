package main

import (
	"testing"

	"reeve/internal/api"
)

func TestHistoryTakesRoundSteps(t *testing.T) {
	for _, c := range []struct {
		from, to  string
		given     bool // --from
		wantFrom  string
		wantHours int64
	}{
		{"2025-11-23T07:40:00.25Z", "2026-11-22T04:11:09Z", false, "2025-11-17T00:00:00Z", 7 * 24}, // a Monday
		{"2026-11-01T07:40:00Z", "2026-11-22T04:11:09Z", false, "2026-11-01T00:00:00Z", 12},
		{"2026-11-01T07:40:00Z", "2026-11-22T04:11:09Z", true, "2026-11-01T07:40:00Z", 12},
		{"2026-11-01T07:40:00Z", "2026-11-03T07:40:00Z", true, "2026-11-01T07:40:00Z", 1},
		{"1990-01-01T00:00:00Z", "2026-01-01T00:00:00Z", true, "1990-01-01T00:00:00Z", 364 * 24},
	} {
		var in api.GetUsageHistoryInput
		if c.given {
			in.From = &c.from
		}
		roundSteps(&in, &api.GetUsageHistoryOutput{From: &c.from, To: &c.to})
		if val(in.From) != c.wantFrom || val(in.To) != c.to || val(in.StepSeconds) != c.wantHours*3600 {
			t.Errorf("%s to %s: steps of %d s from %s", c.from, c.to, val(in.StepSeconds), val(in.From))
		}
	}
}
