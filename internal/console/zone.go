package console

import (
	"net/http"
	"strings"
	"time"
	_ "time/tzdata" // zones, also where the system has none
)

// chosenZoneCookie holds a time zone that the viewer has chosen, which wins
// over the browser's own.
const chosenZoneCookie = "reeve-chosen-zone"

// someZones are what the choice of a time zone suggests.
var someZones = []string{
	"UTC", "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "America/Bogota", "America/Chicago", "America/Denver", "America/Los_Angeles",
	"America/Mexico_City", "America/New_York", "America/Sao_Paulo", "America/Toronto", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Jakarta", "Asia/Kolkata",
	"Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney", "Europe/Amsterdam", "Europe/Berlin", "Europe/Dublin",
	"Europe/Istanbul", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Rome", "Europe/Stockholm", "Europe/Warsaw", "Europe/Zurich", "Pacific/Auckland",
}

// zoneNamed finds a time zone by its name, such as Europe/Berlin.
func zoneNamed(name string) (*time.Location, bool) {
	if name == "" || name == "Local" || len(name) > 64 {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// chooseZone keeps a time zone, or with an empty name that of the browser.
func (c *console) chooseZone(v *visit) error {
	name := strings.TrimSpace(v.PostFormValue("zone"))
	if name == "" {
		v.dropCookie(chosenZoneCookie)
		return v.done(settingsPath, "Times are shown in the time zone of your browser.")
	}
	if _, ok := zoneNamed(name); !ok {
		f := v.sent()
		f.blame("zone", "This is no time zone. Write one like Europe/Berlin, or nothing for that of your browser.")
		return v.showSettings(http.StatusBadRequest, f)
	}
	v.setCookie(chosenZoneCookie, name, 365*24*time.Hour)
	return v.done(settingsPath, "Times are shown in the time zone %s.", name)
}
