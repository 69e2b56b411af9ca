package api_test

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"reeve/internal/api"
)

// The first and the last microsecond that a Time on the wire can be.
const (
	minMicros = -62135596800_000000
	maxMicros = 253402300799_999999
)

func TestTimeOnTheWire(t *testing.T) {
	tests := []struct {
		micros api.Time
		want   string
	}{
		{0, "0"},
		{1700000000_000000, "1700000000"},
		{1700000000_123000, "1700000000.123"},
		{1700000000_123999, "1700000000.123"},
		{1700000000_120000, "1700000000.12"},
		{1700000000_100000, "1700000000.1"},
		{1700000000_010000, "1700000000.01"},
		{1700000000_000999, "1700000000"},
		{-1, "-0.001"},
		{-1_500000, "-1.5"},
		{minMicros, "-62135596800"},
		{maxMicros, "253402300799.999"},
	}
	for _, tt := range tests {
		got, err := json.Marshal(tt.micros)
		if err != nil || string(got) != tt.want {
			t.Errorf("%d µs is written %s, %v; want %s", tt.micros, got, err, tt.want)
		}
	}
}

func TestTimeDecodes(t *testing.T) {
	tests := []struct {
		number string
		want   api.Time
	}{
		{"0", 0},
		{"-0", 0},
		{"-0.0e5", 0},
		{"1700000000.123", 1700000000_123000},
		{"1.5463008E9", 1546300800_000000},
		{"15463008e+2", 1546300800_000000},
		{"1700000000.1234567", 1700000000_123456},
		{"1700000000.123000000000000000000000", 1700000000_123000},
		{"-1.5", -1_500000},
		{"-0.0000001", -1},
		{"1e-9999", 0},
		{"0.000001", 1},
		{"253402300799.9999999", maxMicros},
		{"-62135596800", minMicros},
	}
	for _, tt := range tests {
		var got api.Time
		if err := json.Unmarshal([]byte(tt.number), &got); err != nil || got != tt.want {
			t.Errorf("%s is read as %d µs, %v; want %d", tt.number, got, err, tt.want)
		}
	}
}

func TestTimeRefuses(t *testing.T) {
	for _, text := range []string{
		`"1700000000"`, `"2026-01-31T23:59:59Z"`, `true`, `{}`, `[]`,
		"253402300800", "-62135596800.0000001", "1700000000000", "1e300", "1e9223372036854775807", "-1e99999999999999999999", "1" + strings.Repeat("0", 100),
	} {
		var got api.Time
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is read as %d µs", text, got)
		}
	}
}

var wireForm = regexp.MustCompile(`^(0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]{0,2}[1-9])$`)

func TestTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(minMicros, maxMicros).Draw(t, "micros")
		text, err := json.Marshal(api.Time(micros))
		if err != nil || !wireForm.Match(text) {
			t.Fatalf("%d µs is written %s, %v", micros, text, err)
		}
		var got api.Time
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if lost := micros - int64(got); lost < 0 || lost > 999 || got%1000 != 0 {
			t.Fatalf("%d µs comes back from %s as %d", micros, text, got)
		}
	})
}

// Any JSON number is read as exactly what it says, cut to microseconds.
func TestTimeDecodesExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		exact, ok := new(big.Rat).SetString(number)
		if !ok {
			t.Fatalf("oracle cannot read %s", number)
		}
		exact.Mul(exact, big.NewRat(1_000_000, 1))
		want := new(big.Int).Div(exact.Num(), exact.Denom()) // rounds down: the denominator is positive
		inBounds := want.Cmp(big.NewInt(minMicros)) >= 0 && want.Cmp(big.NewInt(maxMicros)) <= 0

		var got api.Time
		err := json.Unmarshal([]byte(number), &got)
		if inBounds != (err == nil) || err == nil && fmt.Sprint(int64(got)) != want.String() {
			t.Fatalf("%s is read as %d µs, %v; want %v", number, got, err, want)
		}
	})
}
