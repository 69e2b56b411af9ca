package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// What inventory filters look for by value, of resources that are not gone:
// table attribute_value numbers the values of each account (value.go), and
// attribute_resource says which resource has which. A change of facts writes
// the differences only, since most changes are of a status alone.

// The attributes, in the spelling of the filters; a tag's is "tag:" and its
// key. Every resource has one platform and one account_id: "" where it is not
// known, which no filter but NOT_EQUALS finds.
const (
	accountID       = "account_id"
	applicationName = "application_name"
	licenseIncluded = "license_included"
	platform        = "platform"
	resourceID      = "resource_id"
	tagPrefix       = "tag:"
)

// attribute is one searchable value of a resource.
type attribute struct{ name, value string }

func (a attribute) compare(b attribute) int {
	return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
}

// attributes are in order and have no duplicates: two versions of one
// application are one.
type attributes []attribute

func orderAttributes(list attributes) attributes {
	if !slices.IsSortedFunc(list, attribute.compare) {
		slices.SortFunc(list, attribute.compare)
	}
	return slices.Compact(list)
}

// factAttributes is what searches may find by what a resource is and by a
// version of its facts; nothing when it is gone.
func factAttributes(r *license.Resource, f *license.Facts) attributes {
	if f.Gone() {
		return nil
	}
	list := make(attributes, 0, 3+len(f.LicenseIncluded)+len(f.Tags))
	list = append(list, attribute{accountID, r.Owner}, attribute{platform, f.Platform}, attribute{resourceID, lastOf(r.ARN)})
	for _, product := range f.LicenseIncluded {
		list = append(list, attribute{licenseIncluded, product})
	}
	for _, tag := range f.Tags {
		list = append(list, attribute{tagPrefix + tag.Key, tag.Value})
	}
	return orderAttributes(list)
}

func applicationAttributes(apps []license.Application) attributes {
	list := make(attributes, len(apps))
	for i, a := range apps {
		list[i] = attribute{applicationName, a.Name}
	}
	return orderAttributes(list)
}

// lastOf is the resource ID in an ARN: what follows the last slash or colon.
func lastOf(arn string) string { return arn[strings.LastIndexAny(arn, "/:")+1:] }

// attributeChange replaces attributes of one resource.
type attributeChange struct {
	account  string
	resource int64
	from, to attributes
}

// reindex brings the attributes of resources from the facts in the database to
// the facts in rs, which are about to replace them.
func (t *tx) reindex(rs []*license.Resource) error {
	if err := t.readKnown(rs); err != nil {
		return err
	}
	changes := make([]attributeChange, len(rs))
	var turned []int // places in changes of resources that went or came back
	for i, r := range rs {
		old := &t.known[r.Num].facts
		if old.Gone() != r.Facts.Gone() {
			turned = append(turned, i)
		}
		changes[i] = attributeChange{
			account: r.Account, resource: r.Num,
			from: factAttributes(r, old),
			to:   factAttributes(r, &r.Facts),
		}
	}
	if err := t.addApplications(changes, turned); err != nil {
		return err
	}
	return t.replaceAttributes(changes)
}

// readKnown reads those of the resources that this transaction has not locked.
func (t *tx) readKnown(rs []*license.Resource) error {
	var missing []int64
	for _, r := range rs {
		if t.known[r.Num] == nil {
			missing = append(missing, r.Num)
		}
	}
	found, err := t.ResourcesByNum(missing)
	if err != nil {
		return err
	}
	if len(found) != len(missing) {
		return fmt.Errorf("save resources: %d of %d are not in the inventory", len(missing)-len(found), len(rs))
	}
	for _, r := range found {
		t.remember(r)
	}
	return nil
}

// addApplications puts the applications of resources that went or came back
// on the side of their change where they are not gone.
func (t *tx) addApplications(changes []attributeChange, turned []int) error {
	nums := make([]int64, len(turned))
	for i, at := range turned {
		nums[i] = changes[at].resource
	}
	if err := t.uncount(eachOf(nums)); err != nil {
		return err
	}
	return t.queryEach("read current software", selectSearchable, eachOf(nums),
		func(i int, r sqlconn.Row) error {
			var apps []license.Application
			if err := decodeApplications(r.Text(2), &apps); err != nil {
				return err
			}
			c := &changes[turned[i]]
			alive := &c.to
			if *alive == nil {
				alive = &c.from
			}
			*alive = orderAttributes(append(*alive, applicationAttributes(apps)...))
			return nil
		})
}

// replaceAttributes writes changes in the order of the table's key, in which
// many of a batch are neighbours.
func (t *tx) replaceAttributes(changes []attributeChange) error {
	var removed, added []valueOf
	for _, c := range changes {
		removed = appendMissing(removed, c, c.from, c.to)
		added = appendMissing(added, c, c.to, c.from)
	}
	if err := t.number(removed, added); err != nil {
		return err
	}
	err := t.execEach("remove attributes",
		`DELETE FROM attribute_resource WHERE value = $1 AND resource = $2`, valueRows(removed))
	if err != nil {
		return err
	}
	return t.execEach("insert attributes",
		`INSERT INTO attribute_resource (value, resource) VALUES ($1, $2)`, valueRows(added))
}

// appendMissing appends what is in list and not in other.
func appendMissing(dst []valueOf, c attributeChange, list, other attributes) []valueOf {
	for _, a := range list {
		for len(other) > 0 && other[0].compare(a) < 0 {
			other = other[1:]
		}
		if len(other) == 0 || other[0] != a {
			dst = append(dst, valueOf{valueKey: valueKey{c.account, a}, resource: c.resource})
		}
	}
	return dst
}

func valueRows(list []valueOf) [][]any {
	slices.SortFunc(list, func(a, b valueOf) int {
		return cmp.Or(cmp.Compare(a.num, b.num), cmp.Compare(a.resource, b.resource))
	})
	rows := make([][]any, len(list))
	for i, v := range list {
		rows[i] = []any{v.num, v.resource}
	}
	return rows
}
