package api

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Time is a moment in microseconds since the Unix epoch. On the wire it is a
// JSON number of seconds: written with at most three decimals (what is finer
// than a millisecond is cut off, towards the past) and without trailing zeros
// or exponent, read with any.
type Time int64

// Times on the wire lie in the years 1 to 9999, which is what RFC 3339 can
// write. A time outside is most often milliseconds given as seconds.
const (
	minSeconds = -62135596800 // 0001-01-01T00:00:00Z
	maxSeconds = 253402300799 // 9999-12-31T23:59:59Z
)

// maxExponent bounds the exponents that are read; no honest time has more.
const maxExponent = 9999

var (
	errNotNumber  = errors.New("a timestamp is a number of seconds since 1970-01-01T00:00:00Z")
	errTimeBounds = errors.New("timestamp outside the years 1 to 9999")
)

// AppendSeconds appends t to dst as it is written on the wire, such as
// 1700000000.123.
func (t Time) AppendSeconds(dst []byte) []byte {
	millis := floorDiv(int64(t), 1000)
	if millis < 0 {
		dst, millis = append(dst, '-'), -millis
	}
	dst = strconv.AppendInt(dst, millis/1000, 10)
	rest := millis % 1000
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// MarshalJSONTo implements [json.MarshalerTo].
func (t Time) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteValue(t.AppendSeconds(enc.AvailableBuffer()))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom]. What is finer than a
// microsecond is cut off, towards the past.
func (t *Time) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if kind := value.Kind(); kind != '0' {
		return &json.SemanticError{JSONKind: kind, Err: errNotNumber}
	}
	micros, err := parseMicros(string(value))
	if err != nil {
		return &json.SemanticError{JSONKind: '0', Err: err}
	}
	*t = Time(micros)
	return nil
}

// parseMicros reads a JSON number of seconds as microseconds, exactly.
func parseMicros(number string) (int64, error) {
	digits, negative := strings.CutPrefix(number, "-")
	digits, exponent, err := cutExponent(digits)
	if err != nil {
		return 0, err
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return 0, nil
	}
	micros, exact, err := scale(digits, exponent-len(fraction)+6)
	if err != nil {
		return 0, err
	}
	if negative {
		micros = -micros
		if !exact {
			micros--
		}
	}
	if micros < minSeconds*1e6 || micros >= (maxSeconds+1)*1e6 {
		return 0, errTimeBounds
	}
	return micros, nil
}

// cutExponent splits a JSON number into its digits and its exponent.
func cutExponent(number string) (digits string, exponent int, err error) {
	at := strings.IndexAny(number, "eE")
	if at < 0 {
		return number, 0, nil
	}
	exponent, err = strconv.Atoi(number[at+1:])
	if err != nil || exponent < -maxExponent || exponent > maxExponent {
		return "", 0, errTimeBounds
	}
	return number[:at], exponent, nil
}

// scale returns digits × 10^shift, cut to a whole number, and whether nothing
// was cut off. The digits do not start with 0.
func scale(digits string, shift int) (n int64, exact bool, err error) {
	const most = 18 // digits that surely fit; year 9999 in microseconds has 18
	switch keep := len(digits) + shift; {
	case keep > most:
		return 0, false, errTimeBounds
	case keep <= 0:
		return 0, false, nil
	case shift >= 0:
		digits, exact = digits+strings.Repeat("0", shift), true
	default:
		exact = strings.Trim(digits[keep:], "0") == ""
		digits = digits[:keep]
	}
	n, err = strconv.ParseInt(digits, 10, 64)
	return n, exact, err
}
