package console

import "time"

// dayNamed reads a day, such as 2026-03-31, and answers when it begins and when
// the next one does.
func dayNamed(text string, zone *time.Location) (begins, next time.Time, err error) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return begins, next, err
	}
	return dayBegins(day, zone), dayBegins(day.AddDate(0, 0, 1), zone), nil
}

// dayBegins is the first moment of a day in a zone. That is not always what
// time.Date makes of its midnight: where clocks go forward at midnight there is
// none, and where they go back behind it there are two. Of a day that a zone
// has left out it is the beginning of the next.
func dayBegins(day time.Time, zone *time.Location) time.Time {
	y, m, d := day.Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, zone)
	begins, ends := midnight.ZoneBounds()
	if dated(midnight).Before(dated(day)) {
		return ends
	}
	if begins.IsZero() {
		return midnight
	}
	_, offset := begins.Add(-1).Zone()
	earlier := time.Date(y, m, d, 0, 0, 0, 0, time.FixedZone("", offset)).In(zone)
	switch {
	case earlier.Before(begins):
		return earlier
	case midnight.Hour()+midnight.Minute() > 0:
		return begins
	}
	return midnight
}

// dated is the day of a moment where it is told, apart from any zone.
func dated(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
