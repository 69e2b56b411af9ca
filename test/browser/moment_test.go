package browser_test

import "time"

// zone is where all people of the tests are.
const zone = "Europe/Zurich"

// Two moments in the sample's year, which ends today: Oracle's licences were
// bought for the second time before the first, and for the last before the other.
var (
	spring = noon(238)
	autumn = noon(55)
)

// moment is one of the past, to the minute.
type moment struct{ time.Time }

func noon(daysAgo int) moment {
	where, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	year, month, day := time.Now().In(where).Date()
	return moment{time.Date(year, month, day-daysAgo, 12, 0, 0, 0, where)}
}

// asOf is the moment as the API takes it, shown as pages write it, field as their
// fields hold it, and day its date as addresses take it.
func (m moment) asOf() string  { return m.UTC().Format(time.RFC3339) }
func (m moment) shown() string { return m.Format("2 Jan 2006 15:04") }
func (m moment) field() string { return m.Format("2006-01-02T15:04:05") }
func (m moment) day() string   { return m.Format(time.DateOnly) }
