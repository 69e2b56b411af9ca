package console

import (
	"net/http"
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
	if day, err := time.ParseInLocation(time.DateOnly, text, v.zone); err == nil {
		end := day.AddDate(0, 0, 1).Add(-time.Microsecond)
		if end.After(v.c.Now()) && !day.After(v.c.Now()) {
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
