package console

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/api"
)

// Bounds of the overview.
const (
	overviewRows  = 50 // of one page, each with its history
	overviewPages = 5  // of 1000 configurations that are put in order
	expirySoon    = 90 * 24 * time.Hour
)

// overviewBody is what the overview shows.
type overviewBody struct {
	Moment   momentPicker
	Tiles    []tile
	Rows     []positionRow
	Pages    pages
	Cut      bool   // there are more configurations than were put in order
	Silence  string // about configurations that are shared with the viewer's account
	FirstRun bool
	later    // all but the moment
}

// tile is one number that sums the page up.
type tile struct {
	Label, Hint, Href string
	Value             int64
	Tone              string // bad, warn or ""
}

// positionRow is where one configuration stands.
type positionRow struct {
	Name, Path, Unit, Status string
	Owner                    string // account that shares it; "" for the viewer's own
	Bought                   *int64
	Hard                     bool
	Used, Over               int64
	OverSince                stamp
	Share                    string
	Meter, Trend             template.HTML
	Peaks                    []int64 // in 30, 90 and 365 days
	Expiry                   expiry
	Failures, Unlicensed     int64
	Past                     bool
}

// expiry is when a licence ends, and what to think of that.
type expiry struct {
	At   stamp
	Day  string // "" for never
	Tone string
	Note string
}

// overview is the first page: where every configuration stands, now or at a
// moment, the worst first.
func (c *console) overview(v *visit) error {
	at, err := v.momentOf("at")
	if err != nil {
		return err
	}
	if err := v.mayPosition(at); err != nil {
		return err
	}
	body := &overviewBody{Moment: v.picker(at, nil)}
	body.later = v.after(func() error { return body.read(v, at) })
	return v.show(http.StatusOK, "overview", "Overview", body)
}

// mayPosition refuses what listing positions would be refused for: a moment, or by
// policies.
func (v *visit) mayPosition(at *time.Time) error {
	in := &api.ListPositionsInput{AsOf: wire(at), MaxResults: new(int64(1))}
	if at == nil && v.allows("ListPositions", in) {
		return nil
	}
	return v.call("ListPositions", in, new(jsontext.Value))
}

// read fills the page with what stands where.
func (b *overviewBody) read(v *visit, at *time.Time) error {
	all, cut, err := v.positions(at)
	if err != nil {
		return err
	}
	now := v.c.Now()
	if at != nil {
		now, b.Silence = *at, v.lendersSilence()
	}
	slices.SortStableFunc(all, func(a, b api.Position) int { return worseFirst(&a, &b, now) })
	b.Tiles, b.Cut, b.FirstRun = tilesOf(all, now, at != nil), cut, len(all) == 0 && at == nil
	var from, to int
	b.Pages, from, to = pagesOf(v.URL.Path, v.kept("at"), v.pageNumber(), overviewRows, len(all))
	b.Rows, err = v.positionRows(all[from:to], at, now)
	return err
}

// positions lists where all configurations stand, without their history; cut
// says that there are more.
func (v *visit) positions(at *time.Time) (all []api.Position, cut bool, err error) {
	in := &api.ListPositionsInput{AsOf: wire(at)}
	for range overviewPages {
		var out api.ListPositionsOutput
		if err := v.call("ListPositions", in, &out); err != nil {
			return nil, false, err
		}
		all = append(all, out.Positions...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all, false, nil
		}
	}
	return all, true, nil
}

// positionRows are the rows of one page, with the history of each.
func (v *visit) positionRows(list []api.Position, at *time.Time, now time.Time) ([]positionRow, error) {
	if len(list) == 0 {
		return nil, nil
	}
	in := &api.ListPositionsInput{AsOf: wire(at), IncludeHistory: new(true)}
	for _, p := range list {
		in.LicenseConfigurationArns = append(in.LicenseConfigurationArns, told(p.LicenseConfigurationArn))
	}
	var out api.ListPositionsOutput
	if err := v.call("ListPositions", in, &out); err != nil {
		return nil, err
	}
	rows := make([]positionRow, len(out.Positions))
	for i := range out.Positions {
		rows[i] = v.positionRow(&out.Positions[i], at, now)
	}
	return rows, nil
}

func (v *visit) positionRow(p *api.Position, at *time.Time, now time.Time) positionRow {
	row := positionRow{
		Name: told(p.Name), Path: v.configurationPath(told(p.LicenseConfigurationArn)), Owner: v.lender(told(p.LicenseConfigurationArn)), Unit: unitOf(told(p.LicenseCountingType)),
		Status: told(p.Status), Bought: p.LicenseCount, Hard: told(p.LicenseCountHardLimit),
		Used: told(p.ConsumedLicenses), Over: told(p.OverLicenses), OverSince: v.when(p.OverSince),
		Meter: meter(told(p.ConsumedLicenses), p.LicenseCount), Peaks: peaksOf(p),
		Expiry:   v.expiryOf(p.LicenseExpiry, now),
		Failures: told(p.FailureCount), Unlicensed: told(p.UnlicensedCount), Past: at != nil,
	}
	if p.LicenseCount != nil {
		row.Share = share(row.Used, *p.LicenseCount)
	}
	if at != nil {
		row.Path += "?" + url.Values{"at": {v.URL.Query().Get("at")}}.Encode()
	}
	row.Trend = sparkline(p.Trend, p.LicenseCount, "In use over a year: at most "+grouped(told(p.PeakLicenses365Days))+", "+grouped(row.Used)+" at the end")
	return row
}

func peaksOf(p *api.Position) []int64 {
	if p.PeakLicenses30Days == nil {
		return nil
	}
	return []int64{*p.PeakLicenses30Days, told(p.PeakLicenses90Days), told(p.PeakLicenses365Days)}
}

// expiryOf says when a licence ends, as seen from a moment.
func (v *visit) expiryOf(seconds *int64, now time.Time) expiry {
	if seconds == nil {
		return expiry{}
	}
	end := time.Unix(*seconds, 0)
	e := expiry{At: v.at(end), Day: end.In(v.zone).Format("2 Jan 2006")}
	switch left := end.Sub(now); {
	case left <= 0:
		e.Tone, e.Note = "bad", "expired"
	case left <= expirySoon:
		e.Tone, e.Note = "warn", "in "+counted(int64(left/(24*time.Hour)), "day", "days")
	}
	return e
}

// counted writes a number with its noun.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// severity puts what needs somebody first.
func severity(p *api.Position, now time.Time) int {
	expired, soon := expiring(p, now)
	switch {
	case told(p.OverLicenses) > 0:
		return 4
	case expired && told(p.ConsumedLicenses) > 0:
		return 3
	case told(p.FailureCount) > 0:
		return 2
	case soon || expired:
		return 1
	}
	return 0
}

func expiring(p *api.Position, now time.Time) (expired, soon bool) {
	if p.LicenseExpiry == nil {
		return false, false
	}
	left := time.Unix(*p.LicenseExpiry, 0).Sub(now)
	return left <= 0, left > 0 && left <= expirySoon
}

// worseFirst orders positions: by what is wrong, then by how full they are.
func worseFirst(a, b *api.Position, now time.Time) int {
	return cmp.Or(
		cmp.Compare(severity(b, now), severity(a, now)),
		cmp.Compare(fullness(b), fullness(a)),
		strings.Compare(strings.ToLower(told(a.Name)), strings.ToLower(told(b.Name))),
	)
}

// fullness is how much of what was bought is in use; without a limit, nothing is.
func fullness(p *api.Position) float64 {
	used := float64(told(p.ConsumedLicenses))
	switch {
	case p.LicenseCount == nil:
		return -1
	case *p.LicenseCount == 0:
		return used * 1e6 // any use of nothing is worse than twice of something
	}
	return used / float64(*p.LicenseCount)
}

// tilesOf sums all positions up. Of the past, failures are not known.
func tilesOf(all []api.Position, now time.Time, past bool) []tile {
	var over, failures, unlicensed, ending int64
	for i := range all {
		p := &all[i]
		if told(p.OverLicenses) > 0 {
			over++
		}
		failures += told(p.FailureCount)
		unlicensed += told(p.UnlicensedCount)
		if expired, soon := expiring(p, now); expired || soon {
			ending++
		}
	}
	tiles := []tile{
		{Label: "Configurations", Value: int64(len(all)), Href: Home + "configurations"},
		{Label: "Over-used", Value: over, Tone: toneOf(over, "bad"), Hint: "more in use than bought"},
		{Label: "Expired or soon", Value: ending, Tone: toneOf(ending, "warn"), Hint: "within 90 days"},
	}
	if past {
		return tiles
	}
	if over > 0 {
		tiles[1].Href = Home + "configurations?over=1"
	}
	return slices.Insert(tiles, 2,
		tile{Label: "Failures", Value: failures, Tone: toneOf(failures, "bad"), Hint: "of single machines", Href: failuresPath},
		tile{Label: "Unlicensed machines", Value: unlicensed, Tone: toneOf(unlicensed, "bad"), Hint: "associated, and without a licence", Href: failuresPath})
}

func toneOf(n int64, tone string) string {
	if n > 0 {
		return tone
	}
	return ""
}
