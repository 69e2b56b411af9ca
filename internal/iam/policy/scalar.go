package policy

import (
	"strconv"
	"strings"
	"time"
)

// decimal is a number of any size, exactly: its digits before the point
// without leading zeros, and those after it without trailing ones.
type decimal struct {
	negative bool
	whole    string
	fraction string
}

// parseDecimal reads an integer or decimal number of at most 64 characters.
func parseDecimal(text string) (decimal, bool) {
	if len(text) > 64 {
		return decimal{}, false
	}
	digits, negative := strings.CutPrefix(text, "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	whole, fraction, point := strings.Cut(digits, ".")
	if !allDigits(whole) || !allDigits(fraction) || whole == "" || point && fraction == "" {
		return decimal{}, false
	}
	d := decimal{whole: strings.TrimLeft(whole, "0"), fraction: strings.TrimRight(fraction, "0")}
	d.negative = negative && (d.whole != "" || d.fraction != "")
	return d, true
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// compare is negative when d is less than other, and 0 when they are equal.
func (d decimal) compare(other decimal) int {
	switch {
	case d.negative && !other.negative:
		return -1
	case !d.negative && other.negative:
		return 1
	case d.negative:
		return other.compareSize(d)
	}
	return d.compareSize(other)
}

func (d decimal) compareSize(other decimal) int {
	if longer := len(d.whole) - len(other.whole); longer != 0 {
		return longer
	}
	if order := strings.Compare(d.whole, other.whole); order != 0 {
		return order
	}
	return strings.Compare(d.fraction, other.fraction)
}

// parseDate reads a date of the W3C's profile of ISO 8601, or seconds since
// 1970. Four digits are a year.
func parseDate(text string) (time.Time, bool) {
	layout := ""
	switch {
	case len(text) == len("2006") && allDigits(text):
		layout = "2006"
	case len(text) == len("2006-01") && text[4] == '-':
		layout = "2006-01"
	case len(text) == len("2006-01-02") && text[4] == '-':
		layout = time.DateOnly
	case strings.IndexByte(text, 'T') == len(time.DateOnly) && strings.Count(text[:min(len(text), 19)], ":") == 2:
		layout = time.RFC3339
	case strings.IndexByte(text, 'T') == len(time.DateOnly):
		layout = "2006-01-02T15:04Z07:00"
	default:
		return parseEpoch(text)
	}
	t, err := time.Parse(layout, text)
	return t, err == nil
}

// parseEpoch reads seconds since 1970, with at most nine digits of a fraction
// and within the years 0 to 9999.
func parseEpoch(text string) (time.Time, bool) {
	d, ok := parseDecimal(text)
	if !ok || len(d.whole) > 12 || len(d.fraction) > 9 {
		return time.Time{}, false
	}
	seconds, _ := strconv.ParseInt("0"+d.whole, 10, 64)
	nanos, _ := strconv.ParseInt((d.fraction + "000000000")[:9], 10, 64)
	if d.negative {
		seconds, nanos = -seconds, -nanos
	}
	return time.Unix(seconds, nanos), true
}
