package console

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// known returns what p points to, or the zero value for what an answer left out.
func known[T any](p *T) T {
	var v T
	if p != nil {
		v = *p
	}
	return v
}

// together runs calls that do not wait for each other, and returns the first
// error in their order.
func together(calls ...func() error) error {
	errs := make([]error, len(calls))
	var all sync.WaitGroup
	for i, call := range calls {
		all.Go(func() { errs[i] = call() })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// stamped is a moment of an answer, for the viewer.
func (v *visit) stamped(text *string) stamp { return v.at(moment(text)) }

// moment reads a moment of an answer; the zero time where there is none.
func moment(text *string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, known(text))
	if err != nil {
		return time.Time{}
	}
	return t
}

// momentPicker chooses the moment that a page is about.
type momentPicker struct {
	Path    string
	Hidden  []parameter // that the page keeps
	Value   string      // of the input: the viewer's local time
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
	p := momentPicker{Path: v.URL.Path, Max: now.Format(localForm), Past: at != nil, Shown: v.at(now), NowHref: v.URL.Path}
	if len(keep) > 0 {
		p.NowHref += "?" + keep.Encode()
	}
	for _, name := range sortedKeys(keep) {
		p.Hidden = append(p.Hidden, parameter{name, keep.Get(name)})
	}
	if at != nil {
		p.Shown, p.Value = v.at(*at), at.In(v.zone).Format(localForm)
	}
	for _, preset := range presetDays(now) {
		q := cloned(keep)
		q.Set("at", preset.day.Format(time.DateOnly))
		p.Presets = append(p.Presets, link{preset.text, v.URL.Path + "?" + q.Encode(), v.URL.Query().Get("at") == q.Get("at")})
	}
	return p
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

// pages is a choice of pages by number.
type pages struct {
	Text           string // 1–50 of 1,234
	Previous, Next string // addresses; "" for none
}

// pagesOf pages a list of a known length.
func pagesOf(path string, keep url.Values, at, size, total int) (p pages, from, to int) {
	last := max(0, (total-1)/size)
	at = min(max(at, 0), last)
	from, to = at*size, min(total, (at+1)*size)
	href := func(n int) string {
		q := cloned(keep)
		q.Del("page")
		if n > 0 {
			q.Set("page", strconv.Itoa(n+1))
		}
		return path + "?" + q.Encode() + "#list"
	}
	if total > 0 {
		p.Text = grouped(from+1) + "–" + grouped(to) + " of " + grouped(total)
	}
	if at > 0 {
		p.Previous = href(at - 1)
	}
	if at < last {
		p.Next = href(at + 1)
	}
	return p, from, to
}

// pageNumber is the page that an address asks for, from 0.
func (v *visit) pageNumber() int {
	n, err := strconv.Atoi(v.URL.Query().Get("page"))
	if err != nil || n < 1 || n > 1_000_000 {
		return 0
	}
	return n - 1
}

func cloned(q url.Values) url.Values {
	c := make(url.Values, len(q))
	for name, values := range q {
		c[name] = slices.Clone(values)
	}
	return c
}

func sortedKeys(q url.Values) []string { return slices.Sorted(maps.Keys(q)) }

// kept are the parameters of the address that links of a page keep.
func (v *visit) kept(names ...string) url.Values {
	q := url.Values{}
	for _, name := range names {
		if value := v.URL.Query().Get(name); value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// units are what each counting type counts, for people.
var units = map[string]string{"vCPU": "vCPUs", "Instance": "instances", "Core": "cores", "Socket": "sockets"}

func unitOf(counting string) string {
	if unit, ok := units[counting]; ok {
		return unit
	}
	return "licences"
}

// kindNames are what people call the types of resources.
var kindNames = map[string]string{
	"EC2_INSTANCE": "EC2 instance", "EC2_HOST": "Dedicated Host", "EC2_AMI": "Image", "RDS": "Database",
	"SYSTEMS_MANAGER_MANAGED_INSTANCE": "Managed machine",
}

func kindName(kind string) string {
	if name, ok := kindNames[kind]; ok {
		return name
	}
	return kind
}

// resourceName is the part of a resource's ARN that tells it from others.
func resourceName(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	name := parts[len(parts)-1]
	if at := strings.LastIndexAny(name, "/:"); at >= 0 && at+1 < len(name) {
		return name[at+1:]
	}
	return name
}

// personName is the part of a principal's ARN that people know.
func personName(principal string) string {
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) < 6 {
		return principal
	}
	return parts[5]
}
