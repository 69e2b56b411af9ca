package browser_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// maxLinks bounds how many addresses are asked for; of lists of machines, a few
// are as good as all.
const maxLinks = 250

// TestNoLinkLeadsNowhere follows every kind of link from page to page.
func TestNoLinkLeadsNowhere(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	ask := p.asker()
	queue := []string{"/console/", f.path(proxies), f.path(oracle), "/console/settings/accounts", "/console/sources/factory"}
	kinds := make(map[string]int)
	for n := 0; n < len(queue) && n < maxLinks; n++ {
		status, text := ask(queue[n])
		if status != http.StatusOK {
			t.Errorf("%s is answered with %d", queue[n], status)
		}
		for _, link := range links(text) {
			if kind := kindOf(link); kinds[kind] < 3 && !slices.Contains(queue, link) {
				kinds[kind]++
				queue = append(queue, link)
			}
		}
	}
	if len(queue) < 40 {
		t.Errorf("only %d links were found: %q", len(queue), queue)
	}
}

// asker asks for pages as the person's browser would.
func (p *person) asker() func(path string) (int, string) {
	p.t.Helper()
	kept, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{p.url + "/console/"}})
	must(p.t, "get cookies", err)
	return func(path string) (int, string) {
		request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, nil)
		must(p.t, "ask", err)
		for _, c := range kept.Cookies {
			request.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
		answer, err := http.DefaultTransport.RoundTrip(request)
		must(p.t, "ask for "+path, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		must(p.t, "read "+path, err)
		return answer.StatusCode, string(text)
	}
}

// links are the addresses of the console in a page, without what is behind #.
func links(text string) []string {
	var found []string
	for _, part := range strings.Split(text, `href="`)[1:] {
		link, _, _ := strings.Cut(part, `"`)
		link, _, _ = strings.Cut(strings.ReplaceAll(link, "&amp;", "&"), "#")
		if strings.HasPrefix(link, "/console/") {
			found = append(found, link)
		}
	}
	return found
}

// kindOf is what links to the like have in common: the path without IDs, and the
// names of the parameters.
func kindOf(link string) string {
	path, query, _ := strings.Cut(link, "?")
	var parts []string
	for _, part := range strings.Split(path, "/") {
		if head, id, is := strings.Cut(part, "-"); is && len(id) > 10 {
			part = head
		}
		parts = append(parts, part)
	}
	for _, pair := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		parts = append(parts, name)
	}
	return strings.Join(parts, "/")
}
