package store

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"reeve/internal/store/sqlconn"
)

// Table attribute_value: every value that a resource of an account has, or
// had, has a number. Numbers never change or go, so they can be remembered.
//
// A server draws them in blocks at random, and so agrees with others on nothing.
// Within a block they follow each other: what is new at the same time, such as the
// many programs that one machine alone has, stands together in attribute_resource,
// and a report writes fewer pages.

// valueKey is what has a number.
type valueKey struct {
	account string
	attribute
}

func (k valueKey) compare(other valueKey) int {
	return cmp.Or(strings.Compare(k.account, other.account), k.attribute.compare(other.attribute))
}

// valueOf is a value that a resource has.
type valueOf struct {
	valueKey
	num, resource int64
}

// Numbers of values have up to 47 bits: short ones make short rows. With a hundred
// million values, one new block in a million clashes, and another one is drawn.
const (
	valueBlock  = 1 << 12
	valueBlocks = 1 << 35
)

// number fills in the numbers of values, and gives numbers to new ones.
func (t *tx) number(lists ...[]valueOf) error {
	missing := t.unknownValues(lists)
	if err := t.readValues(missing); err != nil {
		return err
	}
	added := slices.DeleteFunc(slices.Clone(missing), func(k valueKey) bool { return t.numbers[k] != 0 })
	if err := t.addValues(added); err != nil {
		return err
	}
	for _, list := range lists {
		for i := range list {
			v := &list[i]
			if v.num == 0 {
				v.num = t.numbers[v.valueKey]
			}
			if v.num == 0 {
				return fmt.Errorf("number values: %s %q of account %s has none", v.name, v.value, v.account)
			}
		}
	}
	return nil
}

// unknownValues fills in the numbers that this server knows and returns the
// other values, in order.
func (t *tx) unknownValues(lists [][]valueOf) []valueKey {
	if t.numbers == nil {
		t.numbers = map[valueKey]int64{}
	}
	missing := map[valueKey]struct{}{}
	for _, list := range lists {
		t.values.fill(list)
		for i := range list {
			if k := list[i].valueKey; list[i].num == 0 && t.numbers[k] == 0 {
				missing[k] = struct{}{}
			}
		}
	}
	keys := make([]valueKey, 0, len(missing))
	for k := range missing {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, valueKey.compare)
	return keys
}

func (t *tx) readValues(keys []valueKey) error {
	args := make([][]any, len(keys))
	for i, k := range keys {
		args[i] = []any{k.account, k.name, k.value}
	}
	return t.queryEach("read values", `SELECT num FROM attribute_value
		WHERE account = $1 AND attribute = $2 AND value = $3`, args, func(i int, r sqlconn.Row) error {
		t.numbers[keys[i]] = r.Int(0)
		return nil
	})
}

// addValues numbers new values, in the order of their keys, in which whoever
// adds the same at the same time waits for them. Whose number stays is read
// where there can be others.
func (t *tx) addValues(keys []valueKey) error {
	rows := make([][]any, len(keys))
	for i, k := range keys {
		num := t.values.draw()
		rows[i] = []any{k.account, k.name, k.value, num}
		t.numbers[k] = num
	}
	err := t.execEach("insert values", `INSERT INTO attribute_value (account, attribute, value, num)
		VALUES ($1, $2, $3, $4) ON CONFLICT (account, attribute, value) DO NOTHING`, rows)
	if err != nil || t.conn.ForUpdate() == "" {
		return err
	}
	return t.readValues(keys)
}

// valueCache remembers numbers of values, and draws new ones. It holds those used
// last, in two halves of which the older one goes when the younger one is full.
type valueCache struct {
	mu         sync.Mutex
	young, old map[valueKey]int64
	next       int64 // of the block; a multiple of its length when another one is due
}

// cachedValues is how many numbers each half of the cache holds: some 20 MB.
const cachedValues = 100_000

func newValueCache() *valueCache { return &valueCache{young: map[valueKey]int64{}} }

// fill fills in the numbers that are remembered.
func (c *valueCache) fill(list []valueOf) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range list {
		v := &list[i]
		if num, ok := c.young[v.valueKey]; ok {
			v.num = num
		} else if num, ok := c.old[v.valueKey]; ok {
			v.num = num
			c.add(v.valueKey, num)
		}
	}
}

// draw returns a number for a new value.
func (c *valueCache) draw() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next%valueBlock == 0 {
		c.next = rand.Int64N(valueBlocks)*valueBlock + 1
	}
	c.next++
	return c.next - 1
}

// leaveBlock has the next number come from another block, since some of this one
// may be in use.
func (c *valueCache) leaveBlock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = 0
}

// keep remembers numbers that are committed. What one resource alone has, its
// ID, nobody is going to ask for.
func (c *valueCache) keep(numbers map[valueKey]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, num := range numbers {
		if num != 0 && k.name != resourceID {
			k.account, k.name, k.value = strings.Clone(k.account), strings.Clone(k.name), strings.Clone(k.value) // parts of whole reports
			c.add(k, num)
		}
	}
}

// forget drops everything: the numbers may be of values that are lost.
func (c *valueCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old = map[valueKey]int64{}, nil
}

func (c *valueCache) add(k valueKey, num int64) {
	if len(c.young) >= cachedValues {
		c.old, c.young = c.young, make(map[valueKey]int64, cachedValues)
	}
	c.young[k] = num
}
