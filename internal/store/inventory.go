package store

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"reeve/internal/license"
)

// license.ResourceTx: ListResourceInventory. Every condition is a comparison
// by byte: LIKE is not used, since it folds case in SQLite and needs escapes.

// Inventory filters that are a column of table resource.
const (
	accountID = "account_id"
	platform  = "platform"
)

// maxInventoryFilters bounds the statement; the API's own limit is lower.
const maxInventoryFilters = 64

func (t *tx) Inventory(account string, filters []license.InventoryFilter, after int64, limit int) ([]*license.Resource, error) {
	sql, args, err := inventoryQuery(account, filters, after, limit)
	if err != nil {
		return nil, err
	}
	return t.resources("list inventory", sql, args...)
}

func inventoryQuery(account string, filters []license.InventoryFilter, after int64, limit int) (string, []any, error) {
	if len(filters) > maxInventoryFilters {
		return "", nil, fmt.Errorf("list inventory: more than %d filters", maxInventoryFilters)
	}
	q := inventory{args: []any{account, after, int64(limit)}}
	q.sql.WriteString(selectResource + ` WHERE r.account = $1 AND r.num > $2 AND r.gone = 0`)
	for _, f := range filters {
		if err := q.add(f); err != nil {
			return "", nil, err
		}
	}
	q.sql.WriteString(` ORDER BY r.num LIMIT $3`)
	return q.sql.String(), q.args, nil
}

// inventory is a statement being put together. $1 is the account, $2 the
// number to start after, $3 the limit.
type inventory struct {
	sql  strings.Builder
	args []any
}

// bind adds an argument and returns its name in the statement.
func (q *inventory) bind(value string) string {
	q.args = append(q.args, value)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *inventory) add(f license.InventoryFilter) error {
	switch {
	case f.Name == accountID:
		return q.addColumn("r.owner", f)
	case f.Name == platform:
		return q.addColumn("r.platform", f)
	case f.Name == applicationName, f.Name == licenseIncluded, f.Name == resourceID,
		strings.HasPrefix(f.Name, tagPrefix):
		return q.addAttribute(f)
	}
	return fmt.Errorf("list inventory: the filter %q is unknown", f.Name)
}

// addColumn compares a column of the resource. "" in it means that the
// resource lacks the attribute: NOT_EQUALS matches it whatever the value, the
// other conditions never do.
func (q *inventory) addColumn(column string, f license.InventoryFilter) error {
	if f.Condition == license.NotEquals {
		q.sql.WriteString(" AND (" + column + " = '' OR " + column + " <> " + q.bind(f.Value) + ")")
		return nil
	}
	condition, err := q.matches(column, f)
	q.sql.WriteString(" AND " + column + " <> '' AND " + condition)
	return err
}

// addAttribute looks values up in resource_attribute. What matches is read
// from its index once; what must not match is looked up row by row.
func (q *inventory) addAttribute(f license.InventoryFilter) error {
	name := q.bind(f.Name)
	if f.Condition == license.NotEquals {
		q.sql.WriteString(` AND NOT EXISTS (SELECT 1 FROM resource_attribute a
			WHERE a.account = $1 AND a.attribute = ` + name + ` AND a.value = ` + q.bind(f.Value) + `
			AND a.resource = r.num)`)
		return nil
	}
	condition, err := q.matches("a.value", f)
	q.sql.WriteString(` AND r.num IN (SELECT a.resource FROM resource_attribute a
		WHERE a.account = $1 AND a.attribute = ` + name + ` AND ` + condition + ` AND a.resource > $2)`)
	return err
}

// matches is the condition that a column equals, begins with or contains the
// filter's value.
func (q *inventory) matches(column string, f license.InventoryFilter) (string, error) {
	switch f.Condition {
	case license.Equals:
		return column + " = " + q.bind(f.Value), nil
	case license.BeginsWith:
		return q.beginsWith(column, f.Value), nil
	case license.Contains:
		if f.Value == "" {
			return q.beginsWith(column, ""), nil
		}
		return "replace(" + column + ", " + q.bind(f.Value) + ", '') <> " + column, nil
	}
	return "", fmt.Errorf("list inventory: the condition %q is unknown", f.Condition)
}

// beginsWith is a range, so that it can use an index.
func (q *inventory) beginsWith(column, prefix string) string {
	condition := column + " >= " + q.bind(prefix)
	if end, ok := prefixEnd(prefix); ok {
		condition += " AND " + column + " < " + q.bind(end)
	}
	return condition
}

// prefixEnd returns the first text, by byte, behind all that begin with prefix;
// false when there is none. UTF-8 orders by byte as its code points do.
func prefixEnd(prefix string) (string, bool) {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case last == utf8.MaxRune:
			continue
		case last == 0xD7FF: // what follows is reserved for UTF-16
			return prefix + "\uE000", true
		}
		return prefix + string(last+1), true
	}
	return "", false
}
