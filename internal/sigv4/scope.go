package sigv4

import (
	"net/http"
	"strings"
	"time"
)

const (
	isoBasic = "20060102T150405Z"
	isoDay   = "20060102"
)

// date is when a request says it was signed.
type date struct {
	time time.Time
	iso  string // in ISO 8601 basic format, as it enters the signature
}

// dateHeader names the header that dates r: X-Amz-Date wins over Date.
func dateHeader(r *http.Request) string {
	if len(r.Header["X-Amz-Date"]) > 0 {
		return "X-Amz-Date"
	}
	return "Date"
}

func missingDate(r *http.Request) string {
	if len(r.Header[dateHeader(r)]) == 0 {
		return "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	}
	return ""
}

// readDate reads the date header that readAuthorization found to be there.
func readDate(r *http.Request) (date, error) {
	header := dateHeader(r)
	text := r.Header[header][0]
	if n := len(r.Header[header]); n > 1 {
		text = strings.Join(r.Header[header], ",")
	}
	if t, ok := parseBasic(text); ok {
		return date{t, text}, nil
	}
	if header == "Date" {
		if t, err := http.ParseTime(text); err == nil {
			return date{t.UTC(), t.UTC().Format(isoBasic)}, nil
		}
	}
	return date{}, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", text)
}

// parseBasic reads ISO 8601 basic format as isoBasic has it, in a fraction of
// the time that the general parser takes.
func parseBasic(text string) (t time.Time, ok bool) {
	if len(text) != len(isoBasic) || text[8] != 'T' || text[15] != 'Z' ||
		!consists(text[:8], '0', '9') || !consists(text[9:15], '0', '9') {
		return t, false
	}
	two := func(at int) int { return int(text[at]-'0')*10 + int(text[at+1]-'0') }
	month, day, hour, minute, second := two(4), two(6), two(9), two(11), two(13)
	t = time.Date(two(0)*100+two(2), time.Month(month), day, hour, minute, second, 0, time.UTC)
	// What is outside its range, such as 31 February, became another moment.
	ok = t.Month() == time.Month(month) && t.Day() == day && t.Hour() == hour && t.Minute() == minute && t.Second() == second
	return t, ok
}

// checkSkew compares whole seconds, which is what its messages show.
func checkSkew(d date, now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	if oldest := now.Add(-maxSkew); d.time.Before(oldest) {
		return invalid("Signature expired: %s is now earlier than %s (%s - 15 min.)",
			d.iso, oldest.Format(isoBasic), now.Format(isoBasic))
	}
	if newest := now.Add(maxSkew); d.time.After(newest) {
		return invalid("Signature not yet current: %s is still later than %s (%s + 15 min.)",
			d.iso, newest.Format(isoBasic), now.Format(isoBasic))
	}
	return nil
}

// scope is a credential taken apart: who signed, for which day, region and
// service.
type scope struct {
	accessKeyID string
	date        string // YYYYMMDD
	region      string
	service     string
	text        string // "date/region/service/aws4_request", as it enters the signature
}

// readScope takes the credential apart and checks all but the access key id.
func (v *Verifier) readScope(auth authorization, d date) (scope, error) {
	var sc scope
	var end string
	sc.accessKeyID, sc.text, _ = strings.Cut(auth.credential, "/")
	if strings.Count(auth.credential, "/") != 4 {
		return scope{}, incomplete("Credential must have exactly 5 slash-delimited elements, "+
			"e.g. keyid/date/region/service/term, got '%s'", auth.credential)
	}
	var rest string
	sc.date, rest, _ = strings.Cut(sc.text, "/")
	sc.region, rest, _ = strings.Cut(rest, "/")
	sc.service, end, _ = strings.Cut(rest, "/")
	if wrong := v.wrongScope(sc, end, d); len(wrong) > 0 {
		return scope{}, &Error{codeInvalid, strings.Join(wrong, "")}
	}
	return sc, nil
}

// wrongScope returns AWS's sentence for each part of a scope that is wrong.
func (v *Verifier) wrongScope(sc scope, end string, d date) (sentences []string) {
	say := func(format string, args ...any) {
		sentences = append(sentences, invalid(format, args...).Message)
	}
	if !isRegion(sc.region) {
		say("Credential should be scoped to a valid region, not '%s'. ", sc.region)
	}
	if sc.service != v.Service {
		say("Credential should be scoped to correct service: '%s'. ", v.Service)
	}
	if end != terminator {
		say("Credential should be scoped with a valid terminator: 'aws4_request', not '%s'. ", end)
	}
	if day := d.iso[:len(isoDay)]; sc.date != day {
		say("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			sc.date, day, d.iso)
	}
	return sentences
}

// isRegion reports whether s has a region's form: two or more letters, then
// words, then a number, joined by hyphens ("us-east-1", "us-gov-west-1").
func isRegion(s string) bool {
	if len(s) > maxRegion {
		return false
	}
	first, rest, _ := strings.Cut(s, "-")
	last := strings.LastIndexByte(rest, '-')
	if last < 0 || len(first) < 2 || !consists(first, 'a', 'z') || !consists(rest[last+1:], '0', '9') {
		return false
	}
	for word := range strings.SplitSeq(rest[:last], "-") {
		if !consists(word, 'a', 'z') {
			return false
		}
	}
	return true
}

// consists reports whether s is one or more bytes from lo to hi.
func consists(s string, lo, hi byte) bool {
	for i := range len(s) {
		if s[i] < lo || s[i] > hi {
			return false
		}
	}
	return s != ""
}
