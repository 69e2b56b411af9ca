package console

import (
	"net/http"
	"time"
)

// zoneCookie holds the name of the viewer's time zone, such as Europe/Berlin; a
// script of ours sets it.
const zoneCookie = "reeve-zone"

// zoneOf is the viewer's time zone, UTC where it is not known.
func zoneOf(r *http.Request) *time.Location {
	cookie, err := r.Cookie(zoneCookie)
	if err != nil || len(cookie.Value) > 64 {
		return time.UTC
	}
	zone, err := time.LoadLocation(cookie.Value)
	if err != nil {
		return time.UTC
	}
	return zone
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
