package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// zoneCookie holds the name of the viewer's time zone, such as Europe/Berlin; a
// script of ours sets it.
const zoneCookie = "reeve-zone"

// zoneOf is the viewer's time zone, UTC where it is not known.
func zoneOf(r *http.Request) *time.Location {
	for _, name := range []string{chosenZoneCookie, zoneCookie} {
		if cookie, err := r.Cookie(name); err == nil {
			if zone, ok := zoneNamed(cookie.Value); ok {
				return zone
			}
		}
	}
	return time.UTC
}

// stamp is a moment as the partial "time" shows it.
type stamp struct {
	UTC   string // RFC 3339, for programs and on hover
	Local string // for the viewer
}

// at is a moment for the viewer; "" where there is none.
func (v *visit) at(t time.Time) stamp {
	if t.IsZero() {
		return stamp{}
	}
	return stamp{t.UTC().Format(time.RFC3339), t.In(v.zone).Format("2 Jan 2006 15:04")}
}

// momentForms are the ways in which people and forms write a moment without a
// zone; a day stands for its end, as an audit means it.
var momentForms = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"}

// momentOf reads a moment from a field of the address or the form: a day
// (2026-03-31, which is the end of it), a day and a time (2026-03-31T12:00),
// both in the viewer's zone, or RFC 3339. It is nil where the field is empty or
// the day is not over yet: now.
func (v *visit) momentOf(name string) (*time.Time, error) {
	text := strings.TrimSpace(v.FormValue(name))
	if text == "" {
		return nil, nil
	}
	if begins, next, err := dayNamed(text, v.zone); err == nil {
		end := next.Add(-time.Microsecond)
		if end.After(v.c.Now()) && !begins.After(v.c.Now()) {
			return nil, nil
		}
		return &end, nil
	}
	for _, form := range momentForms {
		if t, err := time.ParseInLocation(form, text, v.zone); err == nil {
			return &t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return &t, nil
	}
	return nil, refuse(http.StatusBadRequest, "%q is no moment. Write a day, such as 2026-03-31, or a day and a time, such as 2026-03-31T12:00.", clipped(text))
}

// wire is a moment as operations take it; nil for now.
func wire(t *time.Time) *string {
	if t == nil {
		return nil
	}
	return new(t.UTC().Format(time.RFC3339Nano))
}

// clipped bounds what a page repeats of a request.
func clipped(s string) string {
	const most = 100
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// moment reads a moment of an answer; the zero time where there is none.
func moment(text *string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, told(text))
	if err != nil {
		return time.Time{}
	}
	return t
}

// momentPicker chooses the moment that a page is about.
type momentPicker struct {
	Path    string
	Hidden  []parameter // that the page keeps
	At      field       // of the input: the viewer's local time
	Max     string
	Past    bool
	Shown   stamp // the moment; of now, when the page was made
	NowHref string
	Presets []link
}

type parameter struct{ Name, Value string }

// link is a link of a group, of which one may be the current one.
type link struct {
	Text    string
	Href    string
	Current bool
}

// localForm is how inputs of type datetime-local write a moment.
const localForm = "2006-01-02T15:04:05"

// picker is the choice of a moment for a page with these parameters; at is nil
// for now.
func (v *visit) picker(at *time.Time, keep url.Values) momentPicker {
	now := v.c.Now().In(v.zone)
	p := momentPicker{Path: v.URL.Path, Max: now.Format(localForm), At: field{Name: "at"}, Past: at != nil, Shown: v.at(now), NowHref: v.URL.Path}
	if len(keep) > 0 {
		p.NowHref += "?" + keep.Encode()
	}
	for _, name := range sortedKeys(keep) {
		p.Hidden = append(p.Hidden, parameter{name, keep.Get(name)})
	}
	if at != nil {
		p.Shown, p.At.Value = v.at(*at), at.In(v.zone).Format(localForm)
	}
	for _, preset := range presetDays(now) {
		q := cloned(keep)
		q.Set("at", preset.day.Format(time.DateOnly))
		p.Presets = append(p.Presets, link{preset.text, v.URL.Path + "?" + q.Encode(), v.URL.Query().Get("at") == q.Get("at")})
	}
	return p
}

// pickAgain is the choice of a moment after one that was refused, as it was typed.
func (v *visit) pickAgain(text string) *momentPicker {
	keep := v.URL.Query()
	keep.Del("at")
	p := v.picker(nil, keep)
	p.At.Value, p.At.Error = clipped(v.URL.Query().Get("at")), plainRefusal(text)
	return &p
}

type presetDay struct {
	text string
	day  time.Time // its end is meant
}

// presetDays are the days that people ask for: the last one, and the last days
// of the month, the quarter and the year before.
func presetDays(now time.Time) []presetDay {
	y, m, d := now.Date()
	before := func(y int, m time.Month, d int) time.Time {
		return time.Date(y, m, d, 12, 0, 0, 0, now.Location()).AddDate(0, 0, -1)
	}
	quarter := (m-1)/3*3 + 1
	return []presetDay{
		{"Yesterday", before(y, m, d)},
		{"End of last month", before(y, m, 1)},
		{"End of last quarter", before(y, quarter, 1)},
		{"End of last year", before(y, 1, 1)},
	}
}
