package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"reeve/internal/license"
)

// hostile are values that a comparison gets wrong when it folds case, takes
// patterns, quotes badly, orders by a language, or counts bytes as characters.
var hostile = []string{
	"", "%", "_", "'", "\\", "\"", "a", "A", "ab", "AB", "a%b", "a_b", "axb", "aé", "ae", "é", "É", "e\u0301",
	"a\uD7FFb", "a\uE000b", "a\U0010FFFFb", "a\U0010FFFF", "ß", "ss", "b", "&", "B", " a", "a ", "--", "$1", "windows", "Windows Server",
	"日本", "日本語",
}

// hostileResources have the hostile values in every attribute.
func hostileResources() ([]*license.Resource, [][]license.Application) {
	var rs []*license.Resource
	var apps [][]license.Application
	for i, v := range hostile {
		r := resource(int64(i + 1))
		next := hostile[(i+1)%len(hostile)]
		r.ARN = "arn:aws:ec2:eu:" + alice + ":instance/" + v + fmt.Sprint(i%2)
		r.Owner = v
		r.Facts.Platform = v
		r.Facts.LicenseIncluded = []string{v, next, v}
		r.Facts.Tags = []license.Tag{{Key: "env", Value: v}, {Key: "Env", Value: next}}
		rs = append(rs, r)
		apps = append(apps, []license.Application{{Name: v, Version: "1"}, {Name: next}, {Name: v, Version: "2"}})
	}
	bare := resource(int64(len(rs) + 1))
	return append(rs, bare), append(apps, nil)
}

// values are what the resource has of an attribute; none when it lacks it.
func values(name string, r *license.Resource, apps []license.Application) []string {
	var found []string
	switch name {
	case "account_id":
		found = []string{r.Owner}
	case "platform":
		found = []string{r.Facts.Platform}
	case "resource_id":
		return []string{r.ARN[strings.LastIndex(r.ARN, "/")+1:]}
	case "license_included":
		return r.Facts.LicenseIncluded
	case "application_name":
		for _, a := range apps {
			found = append(found, a.Name)
		}
		return found
	}
	for _, tag := range r.Facts.Tags {
		if name == "tag:"+tag.Key {
			found = append(found, tag.Value)
		}
	}
	if len(found) == 1 && found[0] == "" && !strings.HasPrefix(name, "tag:") {
		return nil // an unknown platform or owner is none
	}
	return found
}

// matches is what a filter means.
func matches(f license.InventoryFilter, r *license.Resource, apps []license.Application) bool {
	has := values(f.Name, r, apps)
	switch f.Condition {
	case license.Equals:
		return slices.Contains(has, f.Value)
	case license.NotEquals:
		return !slices.Contains(has, f.Value)
	case license.BeginsWith:
		return slices.ContainsFunc(has, func(v string) bool { return strings.HasPrefix(v, f.Value) })
	}
	return slices.ContainsFunc(has, func(v string) bool { return strings.Contains(v, f.Value) })
}

func inventoryFiltersCompareByByte(s *suite) {
	rs, apps := hostileResources()
	s.declare(rs...)
	foreign := resource(1000)
	foreign.Account, foreign.Owner, foreign.Facts.Platform = bob, "a", "a"
	foreign.Facts.Tags = []license.Tag{{Key: "env", Value: "a"}}
	s.declare(foreign)
	s.update(func(tx license.Tx) error {
		for i, r := range rs {
			if err := tx.SaveSoftware([]license.Software{{Resource: r.Num, Version: 1, Applications: apps[i]}}, 5); err != nil {
				return err
			}
		}
		return tx.SaveSoftware([]license.Software{{Resource: foreign.Num, Version: 1, Applications: []license.Application{{Name: "a"}}}}, 5)
	})
	names := []string{"account_id", "platform", "resource_id", "license_included", "application_name", "tag:env", "tag:Env", "tag:%"}
	conditions := []license.InventoryCondition{license.Equals, license.NotEquals, license.BeginsWith, license.Contains}
	s.view(func(tx license.Tx) error {
		for _, name := range names {
			for _, condition := range conditions {
				for _, value := range hostile {
					f := license.InventoryFilter{Name: name, Condition: condition, Value: value}
					checkInventory(s, tx, []license.InventoryFilter{f}, rs, apps)
				}
			}
		}
		checkInventory(s, tx, nil, rs, apps)
		checkInventory(s, tx, []license.InventoryFilter{
			{Name: "tag:env", Condition: license.BeginsWith, Value: "a"},
			{Name: "platform", Condition: license.NotEquals, Value: "a"},
			{Name: "application_name", Condition: license.Contains, Value: "b"},
			{Name: "tag:Env", Condition: license.NotEquals, Value: "AB"},
		}, rs, apps)
		return nil
	})
}

func checkInventory(s *suite, tx license.Tx, filters []license.InventoryFilter, rs []*license.Resource, apps [][]license.Application) {
	s.Helper()
	var want []int64
	for i, r := range rs {
		all := true
		for _, f := range filters {
			all = all && matches(f, r, apps[i])
		}
		if all {
			want = append(want, r.Num)
		}
	}
	found, _, err := tx.Inventory(alice, filters, 0, 1000)
	if err != nil {
		s.Fatalf("inventory %+v: %v", filters, err)
	}
	s.same(fmt.Sprintf("inventory %+v", filters), want, numsOf(found))
}

// inventory is one page of alice's resources.
func inventory(s *suite, filters []license.InventoryFilter, after int64, limit int) []*license.Resource {
	s.Helper()
	return read(s, func(tx license.Tx) ([]*license.Resource, error) {
		page, _, err := tx.Inventory(alice, filters, after, limit)
		return page, err
	})
}

func inventoryPagesConcatenate(s *suite) {
	var rs []*license.Resource
	for num := int64(1); num <= 30; num++ {
		r := resource(num)
		r.Facts.Tags = []license.Tag{{Key: "third", Value: fmt.Sprint(num % 3)}}
		if num%5 == 0 {
			r.Facts.Status = "terminated"
		}
		rs = append(rs, r)
	}
	s.declare(rs...)
	filters := []license.InventoryFilter{{Name: "tag:third", Condition: license.Equals, Value: "1"}}
	var found []int64
	for after := int64(0); ; {
		page := inventory(s, filters, after, 3)
		if len(page) == 0 {
			break
		}
		found = append(found, numsOf(page)...)
		after = page[len(page)-1].Num
	}
	s.same("pages", []int64{1, 4, 7, 13, 16, 19, 22, 28}, found)
}

// inventoryFollowsChanges: a search sees what the newest facts and software
// say, also after a resource went and came back.
func inventoryFollowsChanges(s *suite) {
	r := resource(1)
	r.Facts.Tags = []license.Tag{{Key: "env", Value: "old"}, {Key: "stays", Value: "s"}}
	r.Facts.LicenseIncluded = []string{"sql-server-web"}
	s.declare(r)
	is := func(name, value string) bool {
		f := []license.InventoryFilter{{Name: name, Condition: license.Equals, Value: value}}
		return len(inventory(s, f, 0, 9)) == 1
	}
	check := func(step string, want bool, name, value string) {
		s.Helper()
		if is(name, value) != want {
			s.Errorf("%s: found by %s %q: %v, want %v", step, name, value, !want, want)
		}
	}
	save := func(status string) {
		r.Version++
		r.Facts.Status = status
		s.update(func(tx license.Tx) error { return tx.SaveResources([]*license.Resource{r}, 1) })
	}
	software := func(version int64, apps ...license.Application) {
		s.update(func(tx license.Tx) error {
			return tx.SaveSoftware([]license.Software{{Resource: 1, Version: version, Applications: apps}}, 1)
		})
	}
	software(1, license.Application{Name: "db"}, license.Application{Name: "web"})
	check("reported", true, "application_name", "db")

	r.Facts.Tags = []license.Tag{{Key: "env", Value: "new"}, {Key: "stays", Value: "s"}}
	save("running")
	check("tag changed", false, "tag:env", "old")
	check("tag changed", true, "tag:env", "new")
	check("tag changed", true, "tag:stays", "s")
	check("tag changed", true, "application_name", "db")

	software(2, license.Application{Name: "web"}, license.Application{Name: "mail"})
	check("software changed", false, "application_name", "db")
	check("software changed", true, "application_name", "web")
	check("software changed", true, "application_name", "mail")
	check("software changed", true, "tag:stays", "s")

	save("terminated")
	check("gone", false, "tag:stays", "s")
	check("gone", false, "application_name", "web")
	software(3, license.Application{Name: "late"})
	check("reported while gone", false, "application_name", "late")

	save("running")
	check("back", true, "tag:stays", "s")
	check("back", true, "license_included", "sql-server-web")
	check("back", true, "application_name", "late")
	check("back", false, "application_name", "web")
	check("back", true, "resource_id", fmt.Sprintf("i-%017x", 1))
}

func inventoryRefusesUnknownFilters(s *suite) {
	for _, f := range []license.InventoryFilter{
		{Name: "colour", Condition: license.Equals}, {Name: "", Condition: license.Equals},
		{Name: "platform", Condition: "LIKE"}, {Name: "tag:a", Condition: ""},
	} {
		err := s.store.View(s.ctx, func(tx license.Tx) error {
			_, _, err := tx.Inventory(alice, []license.InventoryFilter{f}, 0, 1)
			return err
		})
		if err == nil {
			s.Errorf("the filter %+v was taken", f)
		}
	}
}

// sameValuesAtOnceAreFound: resources that get the same new values in several
// transactions at once are all found by them.
func sameValuesAtOnceAreFound(s *suite) {
	const writers, values = 8, 20
	var rs []*license.Resource
	for num := int64(1); num <= writers; num++ {
		rs = append(rs, resource(num))
	}
	s.declare(rs...)
	var all sync.WaitGroup
	for i, r := range rs {
		all.Go(func() {
			var apps []license.Application
			for n := range values {
				apps = append(apps, license.Application{Name: fmt.Sprint("app ", (n*7+i*3)%values)})
			}
			err := s.store.Update(s.ctx, func(tx license.Tx) error {
				return tx.SaveSoftware([]license.Software{{Resource: r.Num, Version: 1, Applications: apps}}, 1)
			})
			if err != nil {
				s.Error(err)
			}
		})
	}
	all.Wait()
	for n := range values {
		f := []license.InventoryFilter{{Name: "application_name", Condition: license.Equals, Value: fmt.Sprint("app ", n)}}
		s.same(f[0].Value, numsOf(rs), numsOf(inventory(s, f, 0, 100)))
	}
}

// undoneValuesAreFoundLater: a value that was new in a transaction of which
// nothing remained is found when another one writes it.
func undoneValuesAreFoundLater(s *suite) {
	s.declare(resource(1), resource(2))
	software := func(num int64) []license.Software {
		return []license.Software{{Resource: num, Version: 1, Applications: []license.Application{{Name: "db"}}}}
	}
	undone := errors.New("undone")
	err := s.store.Update(s.ctx, func(tx license.Tx) error {
		if err := tx.SaveSoftware(software(1), 1); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) {
		s.Fatal(err)
	}
	s.update(func(tx license.Tx) error { return tx.SaveSoftware(software(2), 1) })
	f := []license.InventoryFilter{{Name: "application_name", Condition: license.Equals, Value: "db"}}
	s.same("found", []int64{2}, numsOf(inventory(s, f, 0, 10)))
}
