package console

import (
	"testing"
	"time"
)

// TestADayIsAllOfIt: each day begins with its first moment and ends with its
// last, also where clocks are changed at midnight or behind it, and where a day
// was left out.
func TestADayIsAllOfIt(t *testing.T) {
	zones := append([]string{"America/Santiago", "America/Asuncion", "America/Havana", "Asia/Beirut", "Asia/Tehran", "Atlantic/Azores", "Pacific/Apia", "Asia/Gaza"}, someZones...)
	for _, name := range zones {
		zone, ok := zoneNamed(name)
		if !ok {
			t.Fatalf("there is no zone %s", name)
		}
		for day := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2030; day = day.AddDate(0, 0, 1) {
			begins, next, err := dayNamed(day.Format(time.DateOnly), zone)
			if err != nil {
				t.Fatal(err)
			}
			if dated(begins).Before(day) || !dated(begins.Add(-time.Microsecond)).Before(day) {
				t.Errorf("%s in %s begins with %s, and before it is %s", day.Format(time.DateOnly), name, begins, begins.Add(-time.Microsecond))
			}
			if last := next.Add(-time.Microsecond); dated(last).After(day) {
				t.Errorf("%s in %s ends with %s", day.Format(time.DateOnly), name, last)
			}
		}
	}
}

// TestTheEndOfADayWithoutTheNextMidnight: clocks in Santiago went from 23:59 on
// the fifth to 01:00 on the sixth, and a list of the fifth has its last hour.
func TestTheEndOfADayWithoutTheNextMidnight(t *testing.T) {
	zone, _ := zoneNamed("America/Santiago")
	for day, want := range map[string]string{
		"2026-09-04": "2026-09-05T04:00:00Z",
		"2026-09-05": "2026-09-06T04:00:00Z",
		"2026-09-06": "2026-09-07T03:00:00Z",
	} {
		_, next, err := dayNamed(day, zone)
		if got := next.UTC().Format(time.RFC3339); err != nil || got != want {
			t.Errorf("%s ends at %s (%v), want %s", day, got, err, want)
		}
	}
}
