package server

import (
	"fmt"

	"reeve/internal/license"
)

// largestPage is the default and the largest size of every page. It is large
// because many scripts in the field count the rows of the first page alone.
const largestPage = 1000

// pageLimit returns the page size that a request asks for. More than the
// largest page is no error: the answer is the largest page.
func pageLimit(maxResults *int64) (int, error) {
	switch {
	case maxResults == nil || *maxResults > largestPage:
		return largestPage, nil
	case *maxResults < 1:
		return 0, invalid("MaxResults must be at least 1, and is %d. Leave it out to get pages of %d.", *maxResults, largestPage)
	}
	return int(*maxResults), nil
}

// A pager reads the page that a request asks for and writes the token of the
// next one. The pairs of methods below are the kinds of places that lists
// have.
type pager struct {
	key   *tokenKey
	scope pageScope
	token *string // of the request
	limit int
}

// pager checks MaxResults and binds the list's tokens to its scope.
func (s *server) pager(who license.Caller, maxResults *int64, token *string, parts ...string) (pager, error) {
	limit, err := pageLimit(maxResults)
	return pager{key: s.tokens, scope: scopeOf(who, parts...), token: token, limit: limit}, err
}

// revision is the place of lists that are pinned to a revision.
func (p pager) revision() (*license.Cursor, error) {
	var n [6]int64
	if ok, err := p.key.open(p.scope, p.token, n[:]); !ok {
		return nil, err
	}
	return &license.Cursor{Configuration: n[0], Revision: n[1], Mark: n[2], After: license.Key{Owner: n[3], Resource: n[4]}, Only: n[5]}, nil
}

func (p pager) afterRevision(next *license.Cursor) *string {
	if next == nil {
		return nil
	}
	return p.key.seal(p.scope, next.Configuration, next.Revision, next.Mark, next.After.Owner, next.After.Resource, next.Only)
}

// place is the place of lists of resources that are not pinned.
func (p pager) place() (*license.Key, error) {
	var n [2]int64
	if ok, err := p.key.open(p.scope, p.token, n[:]); !ok {
		return nil, err
	}
	return &license.Key{Owner: n[0], Resource: n[1]}, nil
}

func (p pager) afterPlace(next *license.Key) *string {
	if next == nil {
		return nil
	}
	return p.key.seal(p.scope, next.Owner, next.Resource)
}

// created is the place of lists of configurations.
func (p pager) created() (*license.ConfigurationCursor, error) {
	var n [2]int64
	if ok, err := p.key.open(p.scope, p.token, n[:]); !ok {
		return nil, err
	}
	return &license.ConfigurationCursor{Created: license.Time(n[0]), Num: n[1]}, nil
}

func (p pager) afterCreated(next *license.ConfigurationCursor) *string {
	if next == nil {
		return nil
	}
	return p.key.seal(p.scope, int64(next.Created), next.Num)
}

// pair is the place of lists in the order of two numbers; nil is the start.
func (p pager) pair() (*[2]int64, error) {
	var n [2]int64
	if ok, err := p.key.open(p.scope, p.token, n[:]); !ok {
		return nil, err
	}
	return &n, nil
}

func (p pager) afterPair(first, second int64) *string { return p.key.seal(p.scope, first, second) }

// number is the place of lists in the order of a number; 0 is the start.
func (p pager) number() (int64, error) {
	var n [1]int64
	_, err := p.key.open(p.scope, p.token, n[:])
	return n[0], err
}

func (p pager) afterNumber(next int64) *string {
	if next == 0 {
		return nil
	}
	return p.key.seal(p.scope, next)
}

// inventory is the place of lists of several accounts' resources.
func (p pager) inventory() (*license.InventoryPlace, error) {
	at, err := p.pair()
	if at == nil || err != nil {
		return nil, err
	}
	return &license.InventoryPlace{Account: fmt.Sprintf("%012d", at[0]), Resource: at[1]}, nil
}

func (p pager) afterInventory(next *license.InventoryPlace) *string {
	if next == nil {
		return nil
	}
	number, _ := accountNumber(next.Account) // twelve digits
	return p.afterPair(number, next.Resource)
}

// owned is the place of lists of several accounts' configurations.
func (p pager) owned() (*license.OrganizationPlace, error) {
	var n [3]int64
	if ok, err := p.key.open(p.scope, p.token, n[:]); !ok {
		return nil, err
	}
	at := &license.OrganizationPlace{Account: fmt.Sprintf("%012d", n[0])}
	at.Created, at.Num = license.Time(n[1]), n[2]
	return at, nil
}

func (p pager) afterOwned(next *license.OrganizationPlace) *string {
	if next == nil {
		return nil
	}
	number, _ := accountNumber(next.Account) // twelve digits
	return p.key.seal(p.scope, number, int64(next.Created), next.Num)
}
