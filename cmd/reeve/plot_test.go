package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/api"
)

func testPoints(limit *int64, values ...int64) []api.UsageHistoryPoint {
	var points []api.UsageHistoryPoint
	for _, v := range values {
		points = append(points, api.UsageHistoryPoint{PeakLicenses: &v, LicenseCount: limit})
	}
	return points
}

// TestPlot: the area, the line of what was bought, and what is beyond it, in
// both sets of characters.
func TestPlot(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for unicode, want := range map[bool]string{
		true: "Oracle\nabout\n" +
			"       10 ┤            ▓▓\n" +
			"        8 ┤─────────▂▂▂██\n" +
			"        6 ┤         █████\n" +
			"        4 ┤      ████████\n" +
			"        2 ┤      ████████\n" +
			"          │   ▅▅▅████████\n" +
			"        0 ┼┬─────────────\n" +
			"           2026-01-01\n" +
			"█ most in use   ─ bought: 8   ▓ beyond it\n",
		false: "Oracle\nabout\n" +
			"       10 +            !!\n" +
			"        8 +---------___##\n" +
			"        6 +         #####\n" +
			"        4 +      ########\n" +
			"        2 +      ########\n" +
			"          |   ###########\n" +
			"        0 ++-------------\n" +
			"           2026-01-01\n" +
			"# most in use   - bought: 8   ! beyond it\n",
	} {
		d := &plot{screen: screen{unicode: unicode}, name: "Oracle", about: "about", from: from, to: from.Add(50 * 24 * time.Hour),
			points: testPoints(new(int64(8)), 0, 1, 5, 7, 10), columns: 14, rows: 6}
		var b strings.Builder
		if err := d.write(&b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("unicode %v (-want +got):\n%s\n%s", unicode, diff, &b)
		}
	}
}

// TestAPlotFitsWhateverItShows: no line is wider than the terminal, no value is
// outside the axis, and what is not 0 is seen.
func TestAPlotFitsWhateverItShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var limit *int64
		if rapid.Bool().Draw(t, "limited") {
			limit = new(rapid.Int64Range(0, 2_000_000).Draw(t, "limit"))
		}
		values := rapid.SliceOfN(rapid.Int64Range(0, 2_000_000), 0, 30).Draw(t, "values")
		s := screen{width: rapid.IntRange(30, 200).Draw(t, "width"), height: rapid.IntRange(1, 60).Draw(t, "height"), unicode: true}
		from := time.Unix(0, 0)
		d := &plot{screen: s, from: from, to: from.Add(time.Duration(rapid.Int64Range(1, 1e9).Draw(t, "seconds")) * time.Second), points: testPoints(limit, values...)}
		var b strings.Builder
		if err := d.print(&b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(b.String(), "\n")
		for _, line := range lines[:len(lines)-2] { // the legend may be wider
			if n := utf8.RuneCountInString(line); n > s.width {
				t.Fatalf("a line has %d of %d characters: %q", n, s.width, line)
			}
		}
		if most := largest(d.points); most > d.top {
			t.Fatalf("%d is beyond the axis, which ends at %d", most, d.top)
		}
		for i := range d.points {
			v := val(d.points[i].PeakLicenses)
			if text, _ := d.cell(&d.points[i], 0); v > 0 && (text == " " || text == "─") {
				t.Fatalf("%d is not seen: %q", v, text)
			}
		}
	})
}
