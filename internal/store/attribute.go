package store

import (
	"fmt"
	"strings"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// Table resource_attribute holds what inventory filters look for by value, of
// resources that are not gone. A change of facts writes the differences only,
// since most changes are of a status alone.

// The attributes, in the spelling of the filters; a tag's is "tag:" and its key.
const (
	applicationName = "application_name"
	licenseIncluded = "license_included"
	resourceID      = "resource_id"
	tagPrefix       = "tag:"
)

// attribute is one searchable value of a resource.
type attribute struct{ name, value string }

// attributeSet has no duplicates: two versions of one application are one row.
type attributeSet map[attribute]struct{}

func (s attributeSet) add(name, value string) { s[attribute{name, value}] = struct{}{} }

// factAttributes is what searches may find by a resource's ARN and facts;
// nothing when it is gone.
func factAttributes(arn string, f *license.Facts) attributeSet {
	if f.Gone() {
		return nil
	}
	s := attributeSet{}
	s.add(resourceID, lastOf(arn))
	for _, product := range f.LicenseIncluded {
		s.add(licenseIncluded, product)
	}
	for _, tag := range f.Tags {
		s.add(tagPrefix+tag.Key, tag.Value)
	}
	return s
}

func applicationAttributes(apps []license.Application) attributeSet {
	s := attributeSet{}
	for _, a := range apps {
		s.add(applicationName, a.Name)
	}
	return s
}

// lastOf is the resource ID in an ARN: what follows the last slash or colon.
func lastOf(arn string) string { return arn[strings.LastIndexAny(arn, "/:")+1:] }

// attributeChange replaces attributes of one resource.
type attributeChange struct {
	account  string
	resource int64
	from, to attributeSet
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
			from: factAttributes(r.ARN, old), to: factAttributes(r.ARN, &r.Facts),
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
			alive := c.to
			if alive == nil {
				alive = c.from
			}
			for _, a := range apps {
				alive.add(applicationName, a.Name)
			}
			return nil
		})
}

func (t *tx) replaceAttributes(changes []attributeChange) error {
	var removed, added [][]any
	for _, c := range changes {
		removed = appendAttributes(removed, c.account, c.resource, without(c.from, c.to))
		added = appendAttributes(added, c.account, c.resource, without(c.to, c.from))
	}
	err := t.execEach("remove attributes", `DELETE FROM resource_attribute
		WHERE account = $1 AND attribute = $2 AND value = $3 AND resource = $4`, removed)
	if err != nil {
		return err
	}
	return t.insertAttributes(added)
}

func (t *tx) insertAttributes(rows [][]any) error {
	return t.execEach("insert attributes", `INSERT INTO resource_attribute
		(account, attribute, value, resource) VALUES ($1, $2, $3, $4)`, rows)
}

func appendAttributes(rows [][]any, account string, resource int64, s attributeSet) [][]any {
	for a := range s {
		rows = append(rows, []any{account, a.name, a.value, resource})
	}
	return rows
}

// without returns what of s is not in other.
func without(s, other attributeSet) attributeSet {
	rest := attributeSet{}
	for a := range s {
		if _, both := other[a]; !both {
			rest[a] = struct{}{}
		}
	}
	return rest
}
