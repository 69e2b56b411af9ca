package console

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var chartStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// hourly are steps of an hour each.
func hourly(limit *int64, used ...int64) []chartStep {
	steps := make([]chartStep, len(used))
	for i, n := range used {
		steps[i] = chartStep{chartStart.Add(time.Duration(i) * time.Hour), n, n, limit}
	}
	return steps
}

func chartOf(steps []chartStep) chart {
	return chart{Title: "a <title>", Unit: "vCPUs", Zone: time.UTC, Steps: steps, To: chartStart.Add(time.Duration(len(steps)) * time.Hour)}
}

// pathOf is the path of a class in a drawing; "" where there is none.
func pathOf(drawing, class string) string {
	found := regexp.MustCompile(`<path class="` + class + `" d="([^"]*)"/>`).FindStringSubmatch(drawing)
	if found == nil {
		return ""
	}
	return found[1]
}

func TestAChartShowsTheNumbersThatItIsGiven(t *testing.T) {
	v := chartOf(hourly(new(int64(50)), 20, 80, 50, 0)).view()
	plot := string(v.Plot) // 240 high for 80, 1000 wide for four hours
	for class, want := range map[string]string{
		"chart-line":  "M0 180H250V0H500V90H750V240H1000",
		"chart-limit": "M0 90H250V90H500V90H750V90H1000",
		"chart-over":  "M250 0H500V90H250Z",
		"chart-mark":  "",
	} {
		if got := pathOf(plot, class); got != want {
			t.Errorf("the path %s is %q, want %q", class, got, want)
		}
	}
	for _, want := range []string{"1 Jan 2026 01:00: 80 of 50, 30 over", "1 Jan 2026 03:00: 0 of 50<"} {
		if !strings.Contains(plot, want) {
			t.Errorf("no step says %q in\n%s", want, plot)
		}
	}
	if got := v.Summary; got != "At the end 0 vCPUs in use of 50. The most was 80, in the step of 1 January 2026. More than was bought in 1 of 4 steps." {
		t.Errorf("the summary is %q", got)
	}
	if diff := gocmp.Diff([]string{"0", "20", "40", "60", "80"}, regexp.MustCompile(`\d+(?:,\d+)*(?:</text>)`).FindAllString(string(v.YAxis), -1), gocmp.Transformer("number", func(s string) string { return strings.TrimSuffix(s, "</text>") })); diff != "" {
		t.Errorf("the axis (-want +got):\n%s", diff)
	}
	if len(v.Rows) != 4 || v.Rows[1].Over != 30 || v.Rows[1].Peak != 80 || *v.Rows[1].Limit != 50 {
		t.Errorf("the table has %+v", v.Rows)
	}
}

func TestALimitThatChangesIsAStep(t *testing.T) {
	steps := hourly(nil, 10, 10, 10, 10)
	steps[1].Limit, steps[3].Limit = new(int64(20)), new(int64(5))
	v := chartOf(steps).view()
	if got := pathOf(string(v.Plot), "chart-limit"); got != "M250 0H500M750 180H1000" {
		t.Errorf("the limit is drawn as %q", got)
	}
	if got := pathOf(string(v.Plot), "chart-over"); got != "M750 120H1000V180H750Z" {
		t.Errorf("what is over is drawn as %q", got)
	}
	steps[2].Limit = new(int64(10))
	if got := pathOf(string(chartOf(steps).view().Plot), "chart-limit"); got != "M250 0H500V120H750V180H1000" {
		t.Errorf("without a gap the limit is drawn as %q", got)
	}
}

func TestAPeakWithinAStepIsShown(t *testing.T) {
	steps := hourly(new(int64(4)), 2, 2)
	steps[1].Peak = 8
	v := chartOf(steps).view()
	if got := pathOf(string(v.Plot), "chart-peak"); got != "M0 180H500V0H1000V240H0Z" {
		t.Errorf("the peak is drawn as %q", got)
	}
	if !strings.Contains(string(v.Plot), "2 of 4, at most 8, 4 over") {
		t.Errorf("the peak is not told:\n%s", v.Plot)
	}
}

func TestAMomentIsMarked(t *testing.T) {
	c := chartOf(hourly(nil, 1, 2))
	for at, want := range map[time.Duration]string{time.Hour: "M500 0V240", 0: "M0 0V240", 2 * time.Hour: "M1000 0V240", -time.Second: "", 3 * time.Hour: ""} {
		c.Mark = chartStart.Add(at)
		if got := pathOf(string(c.view().Plot), "chart-mark"); got != want {
			t.Errorf("after %s it is marked as %q, want %q", at, got, want)
		}
	}
}

func TestAChartWithoutTimeIsNone(t *testing.T) {
	if chartOf(nil).view() != nil {
		t.Error("a chart of nothing is drawn")
	}
	c := chartOf(hourly(nil, 1))
	c.To = chartStart
	if c.view() != nil {
		t.Error("a chart of no time is drawn")
	}
	c.To = chartStart.Add(time.Microsecond)
	if v := c.view(); v == nil || pathOf(string(v.Plot), "chart-line") != "M0 0H1000" {
		t.Errorf("a chart of one point is %+v", v)
	}
}

func TestManyStepsAreDrawnTogetherWithoutLosingAPeak(t *testing.T) {
	steps := make([]chartStep, 10_000)
	for i := range steps {
		steps[i] = chartStep{chartStart.Add(time.Duration(i) * time.Hour), 10, 10, new(int64(20))}
	}
	steps[4567].Peak = 99
	steps[7000].Peak, steps[7000].Limit = 15, new(int64(12))
	v := chartOf(steps).view()
	over, peaks := 0, 0
	for _, r := range v.Rows {
		if r.Over > 0 {
			over++
		}
		if r.Peak == 99 {
			peaks++
		}
	}
	if len(v.Rows) > chartSteps || len(v.Rows) < chartSteps/2 || peaks != 1 || over != 2 {
		t.Errorf("%d steps, %d with the peak, %d over", len(v.Rows), peaks, over)
	}
	if last := v.Rows[len(v.Rows)-1]; last.Used != 10 || *last.Limit != 20 {
		t.Errorf("the last step is %+v", last)
	}
	if n := len(v.Plot) + len(v.XAxis) + len(v.YAxis); n > 40_000 {
		t.Errorf("the drawing has %d bytes", n)
	}
}

// wellFormed fails the test unless a drawing is XML without a number that is
// none, and returns its words.
func wellFormed(t interface{ Fatalf(string, ...any) }, drawing string) string {
	var words strings.Builder
	d := xml.NewDecoder(strings.NewReader("<svg>" + drawing + "</svg>"))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return words.String()
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, drawing)
		}
		switch token := token.(type) {
		case xml.CharData:
			words.Write(token)
		case xml.StartElement:
			for _, a := range token.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
					t.Fatalf("the attribute %s", a.Name.Local)
				}
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") || strings.Contains(a.Value, "e+") {
					t.Fatalf("%s is %q", a.Name.Local, a.Value)
				}
			}
		}
	}
}

func TestEveryChartIsWellFormed(t *testing.T) {
	number := rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, math.MaxInt64), rapid.Just(int64(math.MaxInt64)))
	rapid.Check(t, func(t *rapid.T) {
		c := chart{Title: rapid.String().Draw(t, "title"), Unit: "<b>", Zone: time.UTC}
		at := chartStart
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			s := chartStep{From: at, Used: number.Draw(t, "used"), Peak: number.Draw(t, "peak")}
			if rapid.Bool().Draw(t, "limited") {
				s.Limit = new(number.Draw(t, "limit"))
			}
			c.Steps = append(c.Steps, s)
			at = at.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "span")))
		}
		c.To = at
		v := c.view()
		if v == nil {
			return
		}
		wellFormed(t, string(v.Plot)+string(v.XAxis)+string(v.YAxis))
		for _, n := range regexp.MustCompile(`[\d.]+`).FindAllString(pathOf(string(v.Plot), "chart-line"), -1) {
			if f, err := strconv.ParseFloat(n, 64); err != nil || f < 0 || f > chartWidth {
				t.Fatalf("the line goes to %s", n)
			}
		}
		if n := strings.Count(string(v.XAxis), "<text"); n > maxTicks {
			t.Fatalf("the axis names %d moments", n)
		}
	})
}

func TestTicksBeginDaysAndMonthsOfTheViewer(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("the time zones of the system are not there")
	}
	for span, want := range map[time.Duration]string{
		3 * time.Hour:             "01:00 02:00 03:00",
		24 * time.Hour:            "1 Mar 06:00 1 Mar 12:00 1 Mar 18:00 2 Mar 00:00",
		5 * 24 * time.Hour:        "2 Mar 3 Mar 4 Mar 5 Mar 6 Mar",
		365 * 24 * time.Hour:      "May 2026 Jul 2026 Sep 2026 Nov 2026 Jan 2027 Mar 2027",
		4 * 365 * 24 * time.Hour:  "2027 2028 2029 2030",
		60 * 365 * 24 * time.Hour: "2029 2032 2035 2038 2041 2044 2047 2050 2053 2056 2059 2062 2065 2068 2071 2074 2077 2080 2083 2086",
	} {
		from := time.Date(2026, 3, 1, 0, 30, 0, 0, berlin)
		c := chart{Zone: berlin, To: from.Add(span), Steps: []chartStep{{From: from}}}
		var words []string
		for _, tick := range c.ticks() {
			words = append(words, tick.text)
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("for %s the axis names\n%s, want\n%s", span, got, want)
		}
	}
}

func TestSparklines(t *testing.T) {
	if sparkline(nil, nil, "") != "" {
		t.Error("a sparkline of nothing is drawn")
	}
	text := string(sparkline([]int64{1, 4, 2}, new(int64(2)), `"<hostileText>"`))
	wellFormed(t, text)
	if !strings.Contains(text, `d="M0 18H1V0H2V12H3"`) || !strings.Contains(text, `class="chart-over" d="M1 0h1V12h-1Z"`) || strings.Contains(text, "<hostileText") {
		t.Errorf("got %s", text)
	}
	wellFormed(t, string(sparkline([]int64{0, 0}, nil, "zero")))
}

func TestMetersAndShares(t *testing.T) {
	for _, test := range []struct {
		used, limit int64
		share       string
	}{
		{0, 0, "0 % in use"}, {5, 0, "none was bought"}, {0, 10, "0 % in use"}, {1, 1000, "under 1 % in use"}, {999, 1000, "99 % in use"},
		{1000, 1000, "100 % in use"}, {1001, 1000, "101 % in use"}, {2500, 1000, "250 % in use"}, {math.MaxInt64, 1, "9223372036854775807"},
	} {
		got := share(test.used, test.limit)
		if got != test.share && !strings.HasPrefix(got, "92233") {
			t.Errorf("%d of %d is %q, want %q", test.used, test.limit, got, test.share)
		}
		text := string(meter(test.used, &test.limit))
		wellFormed(t, text)
		if strings.Contains(text, "meter-over") != (test.used > test.limit) {
			t.Errorf("%d of %d is drawn as %s", test.used, test.limit, text)
		}
	}
	if meter(1, nil) != "" {
		t.Error("without a limit there is a meter")
	}
	if got := string(meter(15, new(int64(10)))); !strings.Contains(got, fmt.Sprintf(`x="%s" width="%s"`, "66.7", "33.3")) {
		t.Errorf("15 of 10 is drawn as %s", got)
	}
}
