package policy

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"time"
)

// compileAll compiles the values of a key.
func compileAll(items []*node, s syntax) ([]pattern, error) {
	patterns := make([]pattern, len(items))
	for i, item := range items {
		var err error
		if patterns[i], err = s.compile(item.text); err != nil {
			return nil, fail(item.where, "%v", err)
		}
	}
	return patterns, nil
}

// equals is StringEquals.
type equals []pattern

func parseEquals(items []*node, variables bool) (test, error) {
	patterns, err := compileAll(items, syntax{variables: variables})
	return equals(patterns), err
}

func (e equals) matches(value string, keys map[string][]string) bool {
	for i := range e {
		if text, ok := e[i].text(keys); ok && text == value {
			return true
		}
	}
	return false
}

// folds is StringEqualsIgnoreCase, and Bool.
type folds []pattern

func parseFold(items []*node, variables bool) (test, error) {
	patterns, err := compileAll(items, syntax{variables: variables})
	return folds(patterns), err
}

// parseBool lets a variable stand for true or false, as the page of the
// operators has it.
func parseBool(items []*node, variables bool) (test, error) {
	for _, item := range items {
		written := strings.EqualFold(item.text, "true") || strings.EqualFold(item.text, "false")
		if !written && !(variables && strings.Contains(item.text, "${")) {
			return nil, fail(item.where, `Bool takes "true" or "false"`)
		}
	}
	return parseFold(items, variables)
}

func (f folds) matches(value string, keys map[string][]string) bool {
	for i := range f {
		if text, ok := f[i].text(keys); ok && strings.EqualFold(text, value) {
			return true
		}
	}
	return false
}

// likes is StringLike.
type likes []pattern

func parseLike(items []*node, variables bool) (test, error) {
	patterns, err := compileAll(items, syntax{wildcards: true, variables: variables})
	return likes(patterns), err
}

func (l likes) matches(value string, keys map[string][]string) bool {
	for i := range l {
		if l[i].match(value, keys) {
			return true
		}
	}
	return false
}

// arns is ArnLike, and ArnEquals, which does the same.
type arns []pattern

func parseARNs(items []*node, variables bool) (test, error) {
	for _, item := range items {
		if _, whole := fifthColon(item.text); !whole && !(variables && strings.Contains(item.text, "${")) {
			return nil, fail(item.where, `%q is no ARN; write all six components, as in "arn:aws:iam::*:role/*"`, clip(item.text))
		}
	}
	patterns, err := compileAll(items, syntax{wildcards: true, variables: variables})
	return arns(patterns), err
}

func (a arns) matches(value string, keys map[string][]string) bool {
	for i := range a {
		if a[i].matchARN(value, keys) {
			return true
		}
	}
	return false
}

// comparison says which outcomes of a comparison match: the request's value
// against the policy's, as of strings.Compare.
type comparison func(order int) bool

func equal(order int) bool   { return order == 0 }
func less(order int) bool    { return order < 0 }
func atMost(order int) bool  { return order <= 0 }
func greater(order int) bool { return order > 0 }
func atLeast(order int) bool { return order >= 0 }

// numbers are the Numeric operators.
type numbers struct {
	wanted comparison
	values []decimal
}

func parseNumeric(wanted comparison) testParser {
	return func(items []*node, _ bool) (test, error) {
		n := numbers{wanted: wanted}
		for _, item := range items {
			d, ok := parseDecimal(item.text)
			if !ok {
				return nil, fail(item.where, `%q is no number; write one such as "3600" or "-0.5", without exponent or variable`, clip(item.text))
			}
			n.values = append(n.values, d)
		}
		return n, nil
	}
}

func (n numbers) matches(value string, _ map[string][]string) bool {
	d, ok := parseDecimal(value)
	if !ok {
		return false
	}
	for _, v := range n.values {
		if n.wanted(d.compare(v)) {
			return true
		}
	}
	return false
}

// dates are the Date operators.
type dates struct {
	wanted comparison
	values []time.Time
}

func parseDates(wanted comparison) testParser {
	return func(items []*node, _ bool) (test, error) {
		d := dates{wanted: wanted}
		for _, item := range items {
			t, ok := parseDate(item.text)
			if !ok {
				return nil, fail(item.where, `%q is no date; write one such as "2026-12-31" or "2026-12-31T23:59:59Z", or seconds since 1970`, clip(item.text))
			}
			d.values = append(d.values, t)
		}
		return d, nil
	}
}

func (d dates) matches(value string, _ map[string][]string) bool {
	t, ok := parseDate(value)
	if !ok {
		return false
	}
	for _, v := range d.values {
		if d.wanted(t.Compare(v)) {
			return true
		}
	}
	return false
}

// binaries is BinaryEquals: base64 in the policy, the bytes themselves in the
// request.
type binaries []string

func parseBinary(items []*node, _ bool) (test, error) {
	var b binaries
	for _, item := range items {
		decoded, err := base64.StdEncoding.DecodeString(item.text)
		if err != nil {
			return nil, fail(item.where, "%q is no base64; write the bytes in base64, with its padding", clip(item.text))
		}
		b = append(b, string(decoded))
	}
	return b, nil
}

func (b binaries) matches(value string, _ map[string][]string) bool {
	for _, v := range b {
		if v == value {
			return true
		}
	}
	return false
}

// addresses is IpAddress.
type addresses []netip.Prefix

func parseAddresses(items []*node, _ bool) (test, error) {
	var list addresses
	for _, item := range items {
		prefix, ok := parsePrefix(item.text)
		if !ok {
			return nil, fail(item.where, `%q is no address; write one such as "203.0.113.7", "203.0.113.0/24" or "2001:db8::/32"`, clip(item.text))
		}
		list = append(list, prefix)
	}
	return list, nil
}

// parsePrefix reads a range, or an address as the range of itself.
func parsePrefix(text string) (netip.Prefix, bool) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, false
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

func (a addresses) matches(value string, _ map[string][]string) bool {
	address, err := netip.ParseAddr(value)
	if err != nil {
		return false
	}
	address = address.Unmap().WithZone("")
	for _, p := range a {
		if p.Contains(address) {
			return true
		}
	}
	return false
}
