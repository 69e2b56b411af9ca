package browser_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"reeve/internal/api"
)

// tile is what a tile says, label and all.
func (p *person) tile(label string) string {
	p.t.Helper()
	return strings.Join(strings.Fields(p.text(".tile | "+label)), " ")
}

// Where do we stand?
func TestTheOverviewSaysWhereEveryConfigurationStands(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	if rows := p.texts(".positions tbody th a"); len(rows) < 13 || rows[0] != oracle {
		t.Errorf("the overview lists %q, and not what is over-used first", rows)
	}
	inUse := consumed(f.usage(t, p.server, oracle))
	if row := p.text(".positions tbody tr"); !strings.Contains(row, inUse) || !strings.Contains(row, "56 over since") {
		t.Errorf("%s in use are shown as\n%s", inUse, row)
	}
	p.follow(".positions a | SAP HANA")
	p.heading("SAP HANA")
	if said := p.tile("In use"); !strings.Contains(said, consumed(f.usage(t, p.server, "SAP HANA"))) {
		t.Errorf("its page says %s", said)
	}
}

// Who uses what?
func TestUsageIsFilteredSortedPagedAndExported(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	const name = "Red Hat Enterprise Linux"
	all := f.usage(t, p.server, name)
	owner := *all[0].ResourceOwnerId
	some := f.usage(t, p.server, name, api.Filter{Name: new("resourceAccount"), Values: []string{owner}})
	if some := len(some); some == 0 || some == len(all) {
		t.Fatalf("%d of %d are of account %s, which shows nothing", some, len(all), owner)
	}
	p.open(f.path(name))
	p.fill("#list input[name=owner]", owner)
	p.follow("#list form.filters button")
	p.sees(grouped(len(some)) + " resources, " + consumed(some) + " licences")
	first := p.texts("#list tbody th a")
	p.follow("#list a[rel=next]")
	second := p.texts("#list tbody th a")
	if len(first) == 0 || len(second) == 0 || slices.Contains(second, first[0]) {
		t.Errorf("the second page goes on with %q after %q", second, first)
	}
	p.follow("#list a[rel=prev]")
	if back := p.texts("#list tbody th a"); !slices.Equal(back, first) {
		t.Errorf("back on the first page there are %q, not %q", back, first)
	}
	if file := p.download("#list a[href*='usage.csv']"); strings.Count(file, "\n") != len(some)+3 || !strings.HasSuffix(strings.TrimSpace(file), strconv.Itoa(len(some))+" rows") {
		t.Errorf("the file has %d lines for %d rows and begins\n%.300s", strings.Count(file, "\n"), len(some), file)
	}
}

func TestUsageIsSortedByLicences(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	p.open(f.path(oracle))
	p.follow("#list thead a | Licences")
	order := ask[string](p, `document.querySelector("#list [aria-sort]").ariaSort`)
	numbers := ask[[]int](p, `[...document.querySelectorAll("#list tbody td.num")].map(e => Number(e.innerText))`)
	p.follow("#list thead a | Licences")
	other := ask[[]int](p, `[...document.querySelectorAll("#list tbody td.num")].map(e => Number(e.innerText))`)
	if order == "descending" {
		numbers, other = other, numbers
	}
	if !slices.IsSorted(numbers) || slices.IsSorted(other) || !slices.IsSortedFunc(other, func(a, b int) int { return b - a }) {
		t.Errorf("sorted one way it is %v, and the other way %v", numbers, other)
	}
}

// What was it on an earlier date?
func TestAMomentIsChosenForTheWholePage(t *testing.T) {
	t.Parallel()
	p := signedIn(t)
	f := furnish(t, p.server)
	then := f.usage(t, p.server, oracle, api.Filter{Name: new("asOf"), Values: []string{spring.asOf()}})
	p.put("form.moment input[name=at]", spring.field())
	p.follow("form.moment button")
	p.sees(spring.shown())
	if row := p.text(".positions tbody tr | " + oracle); !strings.Contains(row, consumed(then)) {
		t.Errorf("the overview as of then has\n%s\nwant %s", row, consumed(then))
	}
	p.follow(".positions a | " + oracle)
	p.heading(oracle)
	p.sees("Everything here is as it was at "+spring.shown(), grouped(len(then))+" resources, "+consumed(then)+" licences")
	if in, bought := p.tile("In use"), p.tile("Bought"); !strings.Contains(in, consumed(then)) || !strings.Contains(bought, "1,072") {
		t.Errorf("its page as of then says %s, %s", in, bought)
	}
	p.follow("#list tbody a | why")
	p.sees(spring.shown())
	p.open(f.path(oracle) + "?at=" + spring.field())
	p.follow("form.moment a | Now")
	if p.query("at") != "" || strings.Contains(p.text("main"), "as it was at") {
		t.Error("Now does not lead back to the present")
	}
}
