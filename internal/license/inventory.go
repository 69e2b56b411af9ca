package license

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// maxInventoryFilters bounds the filters of one search.
const maxInventoryFilters = 10

// inventoryFilters lists the conditions that each filter takes, from the
// documentation of ListResourceInventory and, for platform, of the console.
// "tag:" stands for every tag key.
var inventoryFilters = map[string][]InventoryCondition{
	"account_id":       {Equals, NotEquals},
	"application_name": {Equals, BeginsWith},
	"license_included": {Equals, NotEquals},
	"platform":         {Equals, NotEquals, BeginsWith, Contains},
	"resource_id":      {Equals, NotEquals},
	"tag:":             {Equals, NotEquals},
}

// InInventory tells which of the named resources are in the caller's inventory
// and not gone.
func (m *Manager) InInventory(ctx context.Context, who Caller, arns []string) (map[string]bool, error) {
	there := map[string]bool{}
	err := m.store.View(ctx, func(tx Tx) error {
		found, err := tx.ResourcesByARN(who.Account, arns)
		if err != nil {
			return fmt.Errorf("read resources: %w", err)
		}
		for arn, r := range found {
			there[arn] = !r.Facts.Gone()
		}
		return nil
	})
	return there, err
}

// ListInventory returns up to limit resources of the caller's inventory that
// match every filter, after a resource's number and in the order of numbers,
// and where to go on; 0 after the last one. A page may end early, even empty,
// when finding more would take long.
func (m *Manager) ListInventory(ctx context.Context, who Caller, filters []InventoryFilter, after int64, limit int) (list []*Resource, next int64, err error) {
	if len(filters) > maxInventoryFilters {
		return nil, 0, refuse(FilterLimit, "%d filters are too many: at most %d are allowed.", len(filters), maxInventoryFilters)
	}
	for _, f := range filters {
		if err := f.check(); err != nil {
			return nil, 0, err
		}
	}
	err = m.store.View(ctx, func(tx Tx) error {
		if list, next, err = tx.Inventory(who.Account, filters, after, limit+1); err != nil {
			return fmt.Errorf("list inventory: %w", err)
		}
		return nil
	})
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].Num
	}
	return list, next, err
}

func (f *InventoryFilter) check() error {
	name := f.Name
	if key, ok := strings.CutPrefix(name, "tag:"); ok && key != "" {
		name = "tag:"
	}
	conditions, ok := inventoryFilters[name]
	if !ok || f.Name == "tag:" {
		return refuse(InvalidParameter, "Invalid filter name %q. Expected account_id, application_name, license_included, platform, resource_id or tag:<key>.", clip(f.Name))
	}
	if !slices.Contains(conditions, f.Condition) {
		return refuse(InvalidParameter, "Invalid condition %q for the filter %q. Expected one of %v.", clip(string(f.Condition)), clip(f.Name), conditions)
	}
	if f.Value == "" && name != "tag:" {
		return refuse(InvalidParameter, "The filter %q needs a value.", clip(f.Name))
	}
	return checkText("filter value", f.Value, 0, maxFactText)
}

// InventoryPlace is a place in a list of several accounts' inventories.
type InventoryPlace struct {
	Account  string
	Resource int64
}

// maxInventories bounds how many accounts one page looks through.
const maxInventories = 100

// ListInventories is ListInventory of the caller's account and, where it
// administers an organization that discovers across accounts, of every account
// of that: account by account, in the order of their numbers. nil ends it.
func (m *Manager) ListInventories(ctx context.Context, who Caller, filters []InventoryFilter, after *InventoryPlace, limit int) (list []*Resource, next *InventoryPlace, err error) {
	var all []string
	err = m.store.View(ctx, func(tx Tx) error {
		all, err = inventories(tx, who)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	at := InventoryPlace{Account: all[0]}
	if after != nil {
		at = *after
	}
	all = slices.DeleteFunc(all, func(account string) bool { return account < at.Account })
	for i, account := range all {
		from := int64(0)
		if account == at.Account {
			from = at.Resource
		}
		whose := who
		whose.Account = account
		page, more, err := m.ListInventory(ctx, whose, filters, from, limit-len(list))
		if err != nil {
			return nil, nil, err
		}
		list = append(list, page...)
		switch {
		case more != 0:
			return list, &InventoryPlace{account, more}, nil
		case i+1 < len(all) && (len(list) == limit || i+1 == maxInventories):
			return list, &InventoryPlace{all[i+1], 0}, nil
		}
	}
	return list, nil, nil
}

// inventories lists the accounts whose machines a caller may list, in order.
func inventories(tx Tx, who Caller) ([]string, error) {
	own := []string{who.Account}
	o, err := tx.Organization(who.Account)
	if err != nil || !o.administers(who.Account) {
		return own, err
	}
	s, err := switches(tx, o, who.Region)
	if err != nil || !s.discoversAcross() {
		return own, err
	}
	return accounts(tx, o)
}
