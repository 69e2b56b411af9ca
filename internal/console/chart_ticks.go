package console

import "time"

// tick is a moment that the axis names.
type tick struct {
	at   time.Time
	text string
}

// tickKind is how far apart ticks are.
type tickKind struct {
	span   time.Duration // it is for times up to that
	months int           // else days, else hours
	days   int
	hours  int
	format string
}

var tickKinds = []tickKind{
	{span: 6 * time.Hour, hours: 1, format: "15:04"},
	{span: 36 * time.Hour, hours: 6, format: "2 Jan 15:04"},
	{span: 8 * 24 * time.Hour, days: 1, format: "2 Jan"},
	{span: 32 * 24 * time.Hour, days: 5, format: "2 Jan"},
	{span: 100 * 24 * time.Hour, days: 14, format: "2 Jan"},
	{span: 250 * 24 * time.Hour, months: 1, format: "Jan 2006"},
	{span: 500 * 24 * time.Hour, months: 2, format: "Jan 2006"},
	{span: 1100 * 24 * time.Hour, months: 6, format: "Jan 2006"},
	{months: 12, format: "2006"},
}

// maxTicks bounds the names of an axis, whatever the time.
const maxTicks = 24

// ticks are the moments to name: where days or months begin for the viewer.
func (c *chart) ticks() (list []tick) {
	from, span := c.Steps[0].From.In(c.Zone), c.To.Sub(c.Steps[0].From)
	kind := tickKinds[len(tickKinds)-1]
	for _, k := range tickKinds {
		if k.span >= span {
			kind = k
			break
		}
	}
	if kind.months == 12 {
		kind.months *= int(span/(maxTicks*365*24*time.Hour)) + 1
	}
	for t := kind.first(from); !t.After(c.To) && len(list) < maxTicks; t = kind.next(t) {
		if !t.Before(c.Steps[0].From) {
			list = append(list, tick{t, t.Format(kind.format)})
		}
	}
	if len(list) == 0 { // it is short, and lies between two of them
		list = append(list, tick{from, from.Format("2 Jan 15:04")})
	}
	return list
}

// first is the first tick at or before a moment, or just after it.
func (k *tickKind) first(from time.Time) time.Time {
	y, m, d := from.Date()
	switch {
	case k.months > 0:
		return dayBegins(time.Date(y, time.Month((int(m)-1)/min(k.months, 12)*min(k.months, 12)+1), 1, 0, 0, 0, 0, time.UTC), from.Location())
	case k.days > 0:
		return dayBegins(from, from.Location())
	}
	return time.Date(y, m, d, from.Hour()/k.hours*k.hours, 0, 0, 0, from.Location())
}

func (k *tickKind) next(t time.Time) time.Time {
	if k.hours > 0 {
		return t.Add(time.Duration(k.hours) * time.Hour)
	}
	return dayBegins(dated(t).AddDate(0, k.months, k.days), t.Location())
}
