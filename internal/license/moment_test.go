package license_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"reeve/internal/license"
)

func TestParseMomentReadsEveryForm(t *testing.T) {
	const day = license.Time(1769903999_000000) // 2026-01-31T23:59:59Z
	for text, want := range map[string]license.Time{
		"2026-01-31T23:59:59Z":               day,
		"2026-01-31T23:59:59.5Z":             day + 500_000,
		"2026-01-31T23:59:59.000001Z":        day + 1,
		"2026-01-31T23:59:59.0000019Z":       day + 1,
		"2026-02-01T00:59:59+01:00":          day,
		"2026-01-31T18:29:59.25-05:30":       day + 250_000,
		"1769903999":                         day,
		"1769903999.0":                       day,
		"1769903999.5":                       day + 500_000,
		"1769903999.123456":                  day + 123_456,
		"1769903999.1234569":                 day + 123_456,
		"0":                                  0,
		"1970-01-01T00:00:00Z":               0,
		"9999-12-31T23:59:59.999999Z":        253402300799_999999,
		"253402300799.999999999":             253402300799_999999,
		"0000001769903999":                   day,
		"1969":                               1969_000000,
		"20260132":                           20260132_000000,
		"20260131.0":                         20260131_000000,
		"2024-02-29T00:00:00Z":               1709164800_000000,
		"2026-01-31T23:59:59.00000000000Z":   day,
		"2026-01-31T23:59:59.999999999999Z":  day + 999_999,
		"1769903999.99999999999999999999999": day + 999_999,
	} {
		if got, err := license.ParseMoment(text); err != nil || got != want {
			t.Errorf("ParseMoment(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParseMomentRefusesTheRestWithTheForms(t *testing.T) {
	for _, text := range []string{
		"", " ", "now", "NaN", "Inf", "-1", "+1", "1.", ".5", "1e9", "1_000", "0x10", "1.2.3", "1,5",
		"2026-01-31", "2026-01-31T23:59:59", "2026-01-31 23:59:59Z", "2026-1-31T23:59:59Z", "2026-01-31T3:59:59Z",
		"2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T23:59:60Z", "2026-01-31T23:59:59,5Z",
		"2026-01-31T23:59:59+24:00", "2026-01-31T23:59:59+1:00", "2026-01-31T23:59:59.Z", "2025-02-29T00:00:00Z",
		"1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "253402300800", "1769903999000", "99999999999999999999",
		"2026", "1970", "20260131", "19700101", "9999-12-31T23:59:59-01:00", " 1769903999", "1769903999 ", "１７６９", strings.Repeat("1", 1<<16),
	} {
		_, err := license.ParseMoment(text)
		if license.KindOf(err) != license.InvalidParameter {
			t.Errorf("ParseMoment(%.80q) = %v, want an InvalidParameter", text, err)
			continue
		}
		if !strings.Contains(err.Error(), "RFC 3339") || len(err.Error()) > 500 {
			t.Errorf("ParseMoment(%.80q) says %q, which does not show the forms in short", text, err)
		}
	}
}

func TestParseMomentReadsBackEveryTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := license.Time(rapid.Int64Range(0, 253402300799_999999).Draw(t, "moment"))
		zone := time.FixedZone("", 60*rapid.IntRange(-23*60, 23*60).Draw(t, "offset"))
		seconds := strconv.FormatInt(int64(want/1e6), 10) + "." + strconv.FormatInt(int64(want%1e6)+1e6, 10)[1:]
		for _, text := range []string{want.String(), want.Std().Format(time.RFC3339Nano), seconds} {
			if got, err := license.ParseMoment(text); err != nil || got != want {
				t.Fatalf("ParseMoment(%q) = %v, %v; want %v", text, got, err, want)
			}
		}
		local := want.Std().In(zone)
		if local.Year() < 0 || local.Year() > 9999 {
			return // RFC 3339 cannot write it
		}
		if got, err := license.ParseMoment(local.Format(time.RFC3339Nano)); err != nil || got != want {
			t.Fatalf("ParseMoment(%q) = %v, %v; want %v", local.Format(time.RFC3339Nano), got, err, want)
		}
	})
}

func FuzzParseMoment(f *testing.F) {
	for _, seed := range []string{"2026-01-31T23:59:59.5+01:00", "1769903999.5", "-1", "NaN", "2026-01-31T23:59:59,5Z", "1.", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := license.ParseMoment(text)
		if err != nil {
			if license.KindOf(err) != license.InvalidParameter {
				t.Fatalf("ParseMoment(%q) fails with %v, which no client is told", text, err)
			}
			return
		}
		if again, err := license.ParseMoment(got.String()); err != nil || again != got {
			t.Fatalf("ParseMoment(%q) = %v, which reads back as %v, %v", text, got, again, err)
		}
	})
}
