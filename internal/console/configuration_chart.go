package console

import (
	"net/http"
	"net/url"
	"time"

	"reeve/internal/api"
)

// chartRange is how far back a chart goes; 0 is to the beginning.
type chartRange struct {
	name, text string
	days       int
}

var chartRanges = []chartRange{{"30d", "30 days", 30}, {"90d", "90 days", 90}, {"1y", "1 year", 365}, {"all", "All", 0}}

const defaultRange = "1y"

// rangeForm chooses the days of a chart.
type rangeForm struct {
	Path     string
	Hidden   []parameter
	From, To string // days
	Max      string
	Own      bool // the days were chosen one by one
}

// ranges are the links to the usual ranges.
func (v *configurationView) ranges() (list []link) {
	q := v.URL.Query()
	own := q.Get("from") != "" || q.Get("to") != ""
	for _, r := range chartRanges {
		keep := v.kept("at", "tab")
		if r.name != defaultRange {
			keep.Set("range", r.name)
		}
		current := q.Get("range") == r.name || r.name == defaultRange && q.Get("range") == ""
		list = append(list, link{r.text, v.URL.Path + "?" + keep.Encode(), current && !own})
	}
	return list
}

func (v *configurationView) rangeForm() rangeForm {
	q := v.URL.Query()
	f := rangeForm{Path: v.URL.Path, From: q.Get("from"), To: q.Get("to"), Max: v.c.Now().In(v.zone).Format(time.DateOnly)}
	f.Own = f.From != "" || f.To != ""
	keep := v.kept("at", "tab")
	for _, name := range sortedKeys(keep) {
		f.Hidden = append(f.Hidden, parameter{name, keep.Get(name)})
	}
	return f
}

// chartSpan is the time that a chart shows; nil is the end of the ledger.
func (v *configurationView) chartSpan() (from time.Time, to *time.Time, err error) {
	created := moment(v.out.CreationTime)
	q := v.URL.Query()
	from, err = v.dayOf("from", q)
	if err != nil {
		return from, nil, err
	}
	if to, err = v.momentOf("to"); err != nil {
		return from, nil, err
	}
	if from.IsZero() && to == nil {
		from = v.rangeStart(q.Get("range"))
	}
	if v.at != nil && !from.IsZero() && v.at.Before(from) && to == nil {
		from = v.at.AddDate(0, -1, 0) // the moment is on the chart
	}
	if from.Before(created) {
		from = created
	}
	if to != nil && !to.After(from) {
		return from, nil, refuse(http.StatusBadRequest, "The chart would end before it begins. Choose a later end: the configuration was created on %s.", created.In(v.zone).Format("2 January 2006"))
	}
	return from, to, nil
}

// rangeStart is the beginning of one of the usual ranges: the zero time for all.
func (v *configurationView) rangeStart(name string) time.Time {
	days := 365
	for _, r := range chartRanges {
		if r.name == name {
			days = r.days
		}
	}
	if days == 0 {
		return time.Time{}
	}
	return dayBegins(dated(v.c.Now().In(v.zone)).AddDate(0, 0, -days), v.zone)
}

// dayOf is the beginning of a day that an address names; zero for none.
func (v *visit) dayOf(name string, q url.Values) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	day, _, err := dayNamed(text, v.zone)
	if err != nil {
		return day, refuse(http.StatusBadRequest, "%q is no day. Write it as in 2026-03-31.", clipped(text))
	}
	return day, nil
}

// roundSteps are the lengths of a chart's steps.
var roundSteps = []time.Duration{
	time.Second, 5 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 2 * 24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour, 28 * 24 * time.Hour, 91 * 24 * time.Hour,
}

// stepOf is the shortest round step that makes few enough of a time.
func stepOf(span time.Duration) time.Duration {
	for _, step := range roundSteps {
		if span/step < chartSteps {
			return step
		}
	}
	return span/chartSteps + 1
}

// addChart adds consumption against the limit over the chosen time.
func (v *configurationView) addChart(b *configurationBody) error {
	from, to, err := v.chartSpan()
	if err != nil {
		return err
	}
	end := v.c.Now()
	if to != nil {
		end = *to
	}
	step := stepOf(max(end.Sub(from), time.Second))
	var out api.GetUsageHistoryOutput
	err = v.call("GetUsageHistory", &api.GetUsageHistoryInput{
		LicenseConfigurationArn: &v.arn, From: wire(&from), To: wire(to), StepSeconds: new(int64((step + time.Second - 1) / time.Second)),
	}, &out)
	if err != nil {
		return err
	}
	drawn := chart{Title: "Licences in use and bought over time", Unit: "licences", To: moment(out.To), Zone: v.zone, Steps: make([]chartStep, len(out.Points))}
	if v.head != nil {
		drawn.Unit = unitOf(told(v.out.Terms.LicenseCountingType))
	}
	if v.at != nil {
		drawn.Mark = *v.at
	}
	for i, p := range out.Points {
		drawn.Steps[i] = chartStep{moment(p.From), told(p.ConsumedLicenses), told(p.PeakLicenses), p.LicenseCount}
	}
	b.Chart = drawn.view()
	return nil
}
