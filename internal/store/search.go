package store

import (
	"container/heap"
	"fmt"
	"slices"

	"reeve/internal/license"
	"reeve/internal/store/sqlconn"
)

// search is one look for a page of resources.
type search struct {
	tx      *tx
	account string
	in, out []*union                   // a resource is in all of in, and in none of out
	ask     []*license.InventoryFilter // of which each resource is asked
	at      int64                      // everything below was looked at
	cost    int                        // so far, in rows of an index
}

const (
	seekCost  = 8  // of finding a place in an index
	askCost   = 16 // of reading what a resource has
	leastRows = 8  // what is read of a list at once
	mostRows  = 512
	leastAsk  = 32 // resources to ask at once
)

// page appends to found up to limit numbers in all, and returns where it has
// come to. It goes on until it has looked at something, however dear that is.
func (s *search) page(found []int64, limit, budget int) ([]int64, int64, error) {
	budget += s.cost
	from := s.at
	for len(found) < limit && s.at != noMore && (s.cost < budget || s.at == from) {
		some, err := s.candidates(max(limit-len(found), leastAsk), budget)
		if err != nil {
			return nil, 0, err
		}
		if len(s.ask) > 0 {
			if some, err = s.asked(some); err != nil {
				return nil, 0, err
			}
		}
		found = append(found, some...)
	}
	if len(found) >= limit {
		found = found[:limit]
		s.at = found[limit-1] + 1
	}
	return found, s.at, nil
}

// candidates returns the next numbers, up to most, where the lists meet.
func (s *search) candidates(most, budget int) (nums []int64, err error) {
	from := s.at
	for len(nums) < most && s.at != noMore && (s.cost < budget || s.at == from) {
		num, met, err := s.leap()
		switch {
		case err != nil:
			return nil, err
		case met:
			nums = append(nums, num)
			s.at = num + 1
		default:
			s.at = num
		}
	}
	return nums, nil
}

// leap takes every list to the number that the first one stands at, and stops
// at the first that leaps farther: nothing below can be in all of them.
func (s *search) leap() (num int64, met bool, err error) {
	num = s.at
	for i, u := range s.in {
		first, err := u.seek(num)
		if err != nil || first == noMore || i > 0 && first != num {
			return first, false, err
		}
		num = first
	}
	for _, u := range s.out {
		first, err := u.seek(num)
		if err != nil || first == num {
			return num + 1, false, err
		}
	}
	return num, true, nil
}

// union is the resources that are in any of some lists, in their order. Its
// lists are a heap by the number that each stands at.
type union struct {
	search *search
	sql    string
	lists  []*list
	empty  []*list // those of which more has to be read
}

// list is a sorted list of numbers of which a part is in memory.
type list struct {
	key   any     // what its statement reads it by
	rows  []int64 // read and not passed
	size  int     // of the part that was read last
	taken int     // of it, one by one
	ended bool    // there is no other part
}

// union is the resources with any of some values.
func (s *search) union(values []int64) *union {
	u := &union{search: s, sql: `SELECT resource FROM attribute_resource
		WHERE value = $1 AND resource >= $2 ORDER BY resource LIMIT $3`}
	for _, v := range values {
		u.empty = append(u.empty, &list{key: v})
	}
	return u
}

// everything is all resources of the account.
func (s *search) everything() *union {
	return &union{search: s, empty: []*list{{key: s.account}}, sql: `SELECT num FROM resource
		WHERE account = $1 AND num >= $2 AND gone = 0 ORDER BY num LIMIT $3`}
}

// seek returns the first number that is at least num, noMore when there is none.
func (u *union) seek(num int64) (int64, error) {
	for len(u.lists) > 0 && u.lists[0].rows[0] < num {
		l := u.lists[0]
		if l.pass(num); len(l.rows) > 0 {
			heap.Fix(u, 0)
			continue
		}
		heap.Pop(u)
		if !l.ended {
			u.empty = append(u.empty, l)
		}
	}
	if err := u.read(num); err != nil {
		return 0, err
	}
	if len(u.lists) == 0 {
		return noMore, nil
	}
	return u.lists[0].rows[0], nil
}

// read reads the next part of all lists that are used up.
func (u *union) read(num int64) error {
	if len(u.empty) == 0 {
		return nil
	}
	args := make([][]any, len(u.empty))
	for i, l := range u.empty {
		args[i] = []any{l.key, num, int64(l.grow(len(u.empty) + len(u.lists)))}
	}
	err := u.search.tx.queryEach("read list of resources", u.sql, args, func(i int, r sqlconn.Row) error {
		u.empty[i].rows = append(u.empty[i].rows, r.Int(0))
		return nil
	})
	if err != nil {
		return fmt.Errorf("list inventory: %w", err)
	}
	for _, l := range u.empty {
		l.ended = len(l.rows) < l.size
		u.search.cost += seekCost + len(l.rows)
		if len(l.rows) > 0 {
			heap.Push(u, l)
		}
	}
	u.empty = u.empty[:0]
	return nil
}

// grow sets how much to read next: more when what was read before has been
// taken row by row, little when most of it was leapt over. What a list of very
// many gives is hardly ever taken.
func (l *list) grow(among int) int {
	l.size = max(2*l.taken, leastRows, l.size/2)
	if among > defaultSearchLimits.narrow {
		l.size = max(1, 2*l.taken)
	}
	l.size, l.taken = min(l.size, mostRows), 0
	return l.size
}

// pass drops the numbers below num.
func (l *list) pass(num int64) {
	n := 1
	if len(l.rows) > 1 && l.rows[1] < num {
		n, _ = slices.BinarySearch(l.rows, num)
	}
	l.taken++
	l.rows = l.rows[n:]
	if len(l.rows) == 0 {
		l.rows = nil
	}
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (u *union) Len() int           { return len(u.lists) }
func (u *union) Less(i, j int) bool { return u.lists[i].rows[0] < u.lists[j].rows[0] }
func (u *union) Swap(i, j int)      { u.lists[i], u.lists[j] = u.lists[j], u.lists[i] }
func (u *union) Push(l any)         { u.lists = append(u.lists, l.(*list)) }
func (u *union) Pop() any {
	last := u.lists[len(u.lists)-1]
	u.lists = u.lists[:len(u.lists)-1]
	return last
}
