package console

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
		return withQuery(path, q) + "#list"
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

// Bounds of a list that is paged by tokens.
const (
	tokenStack   = 16 // pages that one can go back
	tokenDivider = "~"
)

// paging is a list that the API hands out page by page. The address holds the
// tokens of the pages before the one that is shown, and its own, so that one can
// go back.
type paging struct {
	path  string
	keep  url.Values // the other parameters of the address
	field string     // of the address, that holds the tokens
	part  string     // of the page, that the list is in; "" for all of it
	shown []string   // the tokens
}

// paged is the list of a page that has one.
func (v *visit) paged(path string, keep url.Values) paging {
	return v.pagedPart(path, keep, "page", "")
}

// pagedPart is one of the lists of a page; each has a field of its own.
func (v *visit) pagedPart(path string, keep url.Values, field, part string) paging {
	p := paging{path: path, keep: keep, field: field, part: part}
	if text := v.URL.Query().Get(field); text != "" {
		p.shown = strings.Split(text, tokenDivider)
	}
	return p
}

// token is where the page that is shown begins; nil for the first one.
func (p paging) token() *string {
	if len(p.shown) == 0 {
		return nil
	}
	return &p.shown[len(p.shown)-1]
}

// pages leads to the pages before and after; next is nil on the last one.
func (p paging) pages(next *string) (around pages) {
	if len(p.shown) > 0 {
		around.Previous = p.href(p.shown[:len(p.shown)-1])
	}
	if next != nil {
		around.Next = p.href(append(slices.Clone(p.shown), *next))
	}
	return around
}

func (p paging) href(tokens []string) string {
	q := cloned(p.keep)
	if len(tokens) > 0 {
		q.Set(p.field, strings.Join(tokens[max(0, len(tokens)-tokenStack):], tokenDivider))
	}
	href := withQuery(p.path, q)
	if p.part != "" {
		href += "#" + p.part
	}
	return href
}

// withQuery is an address with its parameters.
func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
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
