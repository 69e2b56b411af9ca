package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
)

// TestInventorySearches compares searches with a filter that looks at every
// resource, for every way in which a search can be carried out: the bounds that
// choose between them are drawn, too.
func TestInventorySearches(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { searchInventory(t, openSQLite(t)) })
	t.Run("Postgres", func(t *testing.T) {
		pgtest.URL(t)
		searchInventory(t, openPostgres(t))
	})
}

func searchInventory(t *testing.T, db sqlconn.DB) {
	s := open(t, db, store.Options{})
	w := &wares{random: rand.New(rand.NewPCG(7, 11)), software: map[int64][]license.Application{}, versions: map[int64]int64{}}
	w.build(t, s)
	rapid.Check(t, func(rt *rapid.T) {
		bound := func(name string, most int) int { return rapid.IntRange(0, most).Draw(rt, name) }
		store.LimitSearches(s, 1+bound("narrow", 8), bound("wide", 60), 1+bound("scanned", 400), bound("page", 3000), bound("probe", 300))
		var filters []license.InventoryFilter
		for range rapid.IntRange(1, 3).Draw(rt, "filters") {
			filters = append(filters, drawFilter(rt))
		}
		limit := rapid.IntRange(1, 40).Draw(rt, "limit")
		if diff := cmp.Diff(w.matching(filters), walkInventory(rt, s, filters, limit)); diff != "" {
			rt.Errorf("%+v in pages of %d (-every resource looked at +search):\n%s", filters, limit, diff)
		}
	})
}

// walkInventory reads all pages. Each must come farther than the one before.
func walkInventory(t *rapid.T, s *store.Store, filters []license.InventoryFilter, limit int) []int64 {
	nums := []int64{}
	for after := int64(0); ; {
		var page []*license.Resource
		var next int64
		err := s.View(context.Background(), func(tx license.Tx) (err error) {
			page, next, err = tx.Inventory("1", filters, after, limit)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > limit || next != 0 && next <= after || len(page) > 0 && next != 0 && next < page[len(page)-1].Num {
			t.Fatalf("after %d the page has %d resources and says to go on after %d", after, len(page), next)
		}
		for _, r := range page {
			nums = append(nums, r.Num)
		}
		if next == 0 {
			return nums
		}
		after = next
	}
}

// words are few, so that filters meet what there is; names are made of two and
// a number, so that prefixes have many.
var words = []string{"db", "dB", "web", "we", `a"b`, `c\d`, "é", "%", "x_y"}

func drawFilter(t *rapid.T) license.InventoryFilter {
	conditions := []license.InventoryCondition{license.Equals, license.NotEquals, license.BeginsWith, license.Contains}
	f := license.InventoryFilter{
		Name:      rapid.SampledFrom([]string{"application_name", "application_name", "platform", "account_id", "resource_id", "license_included", "tag:env", "tag:none"}).Draw(t, "name"),
		Condition: rapid.SampledFrom(conditions).Draw(t, "condition"),
		Value:     rapid.SampledFrom(append(words, "", "d", `"`, `\`, "db web", "n", "web 1", "i-0")).Draw(t, "value"),
	}
	switch {
	case f.Name == "application_name" && rapid.Bool().Draw(t, "whole"):
		f.Value = wareName(rapid.IntRange(0, 399).Draw(t, "ware"))
	case f.Name == "resource_id":
		f.Value += fmt.Sprint(rapid.IntRange(0, 400).Draw(t, "id"))
	}
	return f
}

func wareName(n int) string {
	return fmt.Sprintf("%s %s %d", words[n%len(words)], words[n/7%len(words)], n)
}

// wares is an inventory as it should be.
type wares struct {
	random   *rand.Rand
	all      []*license.Resource
	software map[int64][]license.Application
	versions map[int64]int64
}

// build adds resources and changes them, some in the transaction that adds them.
func (w *wares) build(t *testing.T, s *store.Store) {
	t.Helper()
	for round := range 12 {
		err := s.Update(context.Background(), func(tx license.Tx) error {
			var added []*license.Resource
			for range 30 {
				r := w.resource(int64(len(w.all) + 1))
				added, w.all = append(added, r), append(w.all, r)
			}
			if err := tx.InsertResources(added); err != nil {
				return err
			}
			if err := w.report(tx, added); err != nil {
				return err
			}
			return w.change(tx, round)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (w *wares) resource(num int64) *license.Resource {
	r := &license.Resource{Num: num, Account: "1", ARN: fmt.Sprintf("arn:aws:ec2:eu:1:instance/i-0%d", num), Type: license.EC2Instance, Version: 1}
	if w.random.IntN(20) == 0 {
		r.Account = "2"
	}
	r.Owner = w.pick(5)
	w.describe(r)
	return r
}

// pick is a word, the first ones more often, or nothing.
func (w *wares) pick(of int) string {
	if n := w.random.IntN(of + 1); n < of {
		return words[n*w.random.IntN(10)/10]
	}
	return ""
}

// describe gives a resource new facts, of which few are gone.
func (w *wares) describe(r *license.Resource) {
	r.Facts = license.Facts{Status: "running", Platform: w.pick(len(words))}
	if w.random.IntN(8) == 0 {
		r.Facts.Status = "terminated"
	}
	for range w.random.IntN(3) {
		r.Facts.LicenseIncluded = append(r.Facts.LicenseIncluded, w.pick(len(words)))
		r.Facts.Tags = append(r.Facts.Tags, license.Tag{Key: []string{"env", "other"}[w.random.IntN(2)], Value: w.pick(len(words))})
	}
}

// report gives resources other applications, some of them none.
func (w *wares) report(tx license.Tx, rs []*license.Resource) error {
	var vs []license.Software
	for _, r := range rs {
		var apps []license.Application
		for range w.random.IntN(12) {
			apps = append(apps, license.Application{Name: wareName(w.random.IntN(20 + w.random.IntN(380))), Version: fmt.Sprint(w.random.IntN(3))})
		}
		w.versions[r.Num]++
		w.software[r.Num] = apps
		vs = append(vs, license.Software{Resource: r.Num, Version: w.versions[r.Num], Applications: apps})
	}
	return tx.SaveSoftware(vs, 1)
}

func (w *wares) change(tx license.Tx, round int) error {
	var described, reported []*license.Resource
	for _, r := range w.all {
		if w.random.IntN(10) == 0 {
			w.describe(r)
			r.Version++
			described = append(described, r)
		}
		if w.random.IntN(10) == 0 {
			reported = append(reported, r)
		}
	}
	if round%2 == 0 {
		if err := w.report(tx, reported); err != nil {
			return err
		}
		return tx.SaveResources(described, 1)
	}
	if err := tx.SaveResources(described, 1); err != nil {
		return err
	}
	return w.report(tx, reported)
}

// matching is what a search has to find.
func (w *wares) matching(filters []license.InventoryFilter) []int64 {
	nums := []int64{}
	for _, r := range w.all {
		if r.Account == "1" && !r.Facts.Gone() && !slices.ContainsFunc(filters, func(f license.InventoryFilter) bool { return !w.matches(f, r) }) {
			nums = append(nums, r.Num)
		}
	}
	return nums
}

func (w *wares) matches(f license.InventoryFilter, r *license.Resource) bool {
	accepts := map[license.InventoryCondition]func(string) bool{
		license.Equals:     func(v string) bool { return v == f.Value },
		license.NotEquals:  func(v string) bool { return v == f.Value },
		license.BeginsWith: func(v string) bool { return strings.HasPrefix(v, f.Value) },
		license.Contains:   func(v string) bool { return strings.Contains(v, f.Value) },
	}[f.Condition]
	return slices.ContainsFunc(w.values(f.Name, r), accepts) != (f.Condition == license.NotEquals)
}

func (w *wares) values(name string, r *license.Resource) (found []string) {
	switch name {
	case "application_name":
		for _, a := range w.software[r.Num] {
			found = append(found, a.Name)
		}
	case "platform", "account_id":
		if v := map[string]string{"platform": r.Facts.Platform, "account_id": r.Owner}[name]; v != "" {
			found = append(found, v)
		}
	case "resource_id":
		found = append(found, r.ARN[strings.LastIndexByte(r.ARN, '/')+1:])
	case "license_included":
		found = r.Facts.LicenseIncluded
	default:
		for _, tag := range r.Facts.Tags {
			if "tag:"+tag.Key == name {
				found = append(found, tag.Value)
			}
		}
	}
	return found
}
