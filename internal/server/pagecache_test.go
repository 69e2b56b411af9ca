package server

import (
	"bytes"
	"fmt"
	"testing"

	"reeve/internal/license"
)

func page(n int) (pageKey, []byte) {
	return pageKey{cursor: license.Cursor{Revision: int64(n)}, limit: 50, list: "list"}, bytes.Repeat([]byte{byte(n)}, 1000)
}

// ask asks for a page as a request does and reports whether it was kept.
func ask(c *pageCache, n int) bool {
	key, body := page(n)
	if kept := c.page(key); kept != nil {
		return bytes.Equal(kept, body)
	}
	c.offer(key, body)
	return false
}

func TestPagesAreKeptWhenTheyAreAskedForAgain(t *testing.T) {
	c := newPageCache(100_000, nil)
	for range 2 {
		if ask(c, 1) {
			t.Fatal("a page was kept before it had been asked for twice")
		}
	}
	if !ask(c, 1) {
		t.Error("a page that was asked for twice was not kept")
	}
	if ask(c, 2) {
		t.Error("another revision got the same page")
	}
}

// Whoever walks a long list evicts nothing that others ask for again and again.
func TestPagesOfAWalkAreNotKept(t *testing.T) {
	c := newPageCache(100_000, nil)
	for range 2 {
		ask(c, 0)
	}
	for n := 1; n < 100_000; n++ {
		ask(c, n)
	}
	if !ask(c, 0) {
		t.Error("a walk evicted a page")
	}
}

func TestPagesStayWithinTheirMemory(t *testing.T) {
	c := newPageCache(50_000, nil)
	for n := range 1000 {
		for range 2 {
			ask(c, n)
		}
		if c.bytes > c.max {
			t.Fatalf("%d bytes are kept, the limit is %d", c.bytes, c.max)
		}
	}
	for n := 990; n < 1000; n++ {
		if !ask(c, n) {
			t.Errorf("page %d, one of the last ten, was evicted", n)
		}
	}
	if len(c.pages) != len(c.clock) || len(c.pages) > 50 {
		t.Errorf("%d pages and %d in the clock", len(c.pages), len(c.clock))
	}
}

func TestAnEmptyCacheKeepsNothing(t *testing.T) {
	c := newPageCache(0, nil)
	for range 3 {
		if ask(c, 1) {
			t.Error("a page was kept")
		}
	}
}

// Two lists whose parts read alike when they are joined are two lists.
func TestScopesHaveNamesOfTheirOwn(t *testing.T) {
	names := map[string]string{}
	for _, parts := range [][]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"a", "", "b"}, {"=a", "b"}} {
		name := scopeOf(license.Caller{Account: "1", Region: "2"}, parts...).name()
		if other, ok := names[name]; ok {
			t.Errorf("%q has the name of %s", parts, other)
		}
		names[name] = fmt.Sprintf("%q", parts)
	}
}
