package console

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
)

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
