package main

import (
	"strconv"
	"time"
)

// momentHelp describes TIME in the help of commands that take one.
const momentHelp = `TIME is RFC 3339 (2026-01-31T18:00:00Z), a date, which means its first moment in
UTC (2026-02-01 is the end of January), or seconds since 1970.`

// leastEpoch keeps a date written without dashes, such as 20260131, from being
// read as seconds: what is below is in the year 1973 or before.
const leastEpoch = 100_000_000

// parseMoment reads a TIME of the command line and returns it as the API wants
// it. flag is for the error.
func parseMoment(flag, text string) (string, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= leastEpoch && n < 1e11 {
		return moment(time.Unix(n, 0)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return moment(t), nil
		}
	}
	return "", misuse("%s is %q: give a time such as 2026-01-31T18:00:00Z, a date such as 2026-01-31, or seconds since 1970", flag, text)
}

// parseOptionalMoment is parseMoment that leaves out what was not given.
func parseOptionalMoment(flag, text string) (*string, error) {
	if text == "" {
		return nil, nil
	}
	t, err := parseMoment(flag, text)
	return &t, err
}

// tidyMoment is a time that the server wrote, as moment writes it.
func tidyMoment(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return moment(t)
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
