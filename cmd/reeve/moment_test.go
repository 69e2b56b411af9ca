package main

import (
	"errors"
	"testing"
)

func TestParseMoment(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-31":                  "2026-01-31T00:00:00Z",
		"2026-01-31T18:00:00Z":        "2026-01-31T18:00:00Z",
		"2026-01-31T18:00:00+02:00":   "2026-01-31T16:00:00Z",
		"2026-01-31T18:00:00.123456Z": "2026-01-31T18:00:00.123456Z",
		"1769882400":                  "2026-01-31T18:00:00Z",
		"":                            "",
		"20260131":                    "",
		"1769882400000":               "", // milliseconds
		"31.01.2026":                  "",
		"2026-02-30":                  "",
		"now":                         "",
	} {
		got, err := parseMoment("--as-of", text)
		var usage *usageError
		if got != want || want == "" && !errors.As(err, &usage) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseStep(t *testing.T) {
	for text, want := range map[string]int64{"1d": 86400, "90m": 5400, "1s": 1, "0d": 0, "-1d": 0, "1.5s": 0, "0s": 0, "week": 0} {
		got, err := parseStep(text)
		if val(got) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v; want %d", text, val(got), err, want)
		}
	}
}
