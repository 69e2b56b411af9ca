package license

import (
	"strconv"
	"strings"
	"time"
)

const (
	// lastMoment is the end of the year 9999, the last that RFC 3339 can write.
	lastMoment Time = 253402300799_999999

	// maxMomentText bounds what ParseMoment looks at; the longest sensible
	// form is far shorter.
	maxMomentText = 64
)

// ParseMoment reads a moment that a person or a client wrote: RFC 3339 with or
// without a fraction, or seconds since 1970 with or without one. The value is
// exact, no floating point is involved; what is finer than a microsecond is
// cut off. Anything else, and moments outside the years 1970 to 9999, is an
// InvalidParameter whose message shows the forms.
func ParseMoment(s string) (Time, error) {
	if len(s) <= maxMomentText {
		if t, ok := parseEpoch(s); ok {
			return t, nil
		}
		if t, ok := parseRFC3339(s); ok {
			return t, nil
		}
		return 0, refuseMoment(strconv.Quote(s))
	}
	return 0, refuseMoment("This text")
}

func refuseMoment(subject string) error {
	return refuse(InvalidParameter, "%s is not a moment between 1970 and 9999. "+
		"Write it as RFC 3339, such as 2026-01-31T23:59:59Z or 2026-02-01T00:59:59.5+01:00, "+
		"or as seconds since 1970, such as 1769903999 or 1769903999.5.", subject)
}

// parseEpoch reads decimal seconds: digits, and perhaps a point and digits.
// What is a year or a date without hyphens is none: as seconds it would be a
// moment of 1970, for which every list is empty.
func parseEpoch(s string) (Time, bool) {
	if calendar(s) {
		return 0, false
	}
	whole, fraction, point := strings.Cut(s, ".")
	if !digits(whole) || point && !digits(fraction) {
		return 0, false
	}
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds > int64(lastMoment)/1e6 {
		return 0, false
	}
	micros, err := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	return Time(seconds*1e6 + micros), err == nil
}

// calendar says whether s is a year since 1970 or a day of one: 2026, 20260131.
func calendar(s string) bool {
	day, err := time.Parse("20060102", s)
	if len(s) == len("2006") {
		day, err = time.Parse("2006", s)
	}
	return err == nil && day.Year() >= 1970
}

// parseRFC3339 is stricter than time.Parse, which also takes a comma before
// the fraction, an hour of one digit, and offsets of a day and more.
func parseRFC3339(s string) (Time, bool) {
	const shortest = len("2006-01-02T15:04:05Z")
	if len(s) < shortest || s[len("2006-01-02T15")] != ':' || strings.Contains(s, ",") || !shortOffset(s) {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, false
	}
	moment := TimeOf(t)
	return moment, moment >= 0 && moment <= lastMoment
}

// shortOffset says whether s ends in Z or in an offset of less than a day.
func shortOffset(s string) bool {
	offset := s[len(s)-len("+00:00"):]
	return strings.HasSuffix(s, "Z") || offset[1:3] < "24" && offset[4:6] < "60"
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
