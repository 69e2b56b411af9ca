package policy

import (
	"slices"
	"strings"
)

// condition is one key of one operator: the key's values in the request
// against the values in the policy.
type condition struct {
	key      string // in lower case
	test     test   // nil for Null
	negate   bool   // StringNotEquals and the like
	set      set
	ifExists bool
	null     presence
}

// set says which of the request's values have to match.
type set uint8

const (
	oneOf set = iota // no set operator: any value, and for negated operators none
	forAll
	forAny
)

// presence is what Null asks for.
type presence struct{ absent, present bool }

// test compares one value of the request with the values of the policy, of
// which one has to match.
type test interface {
	matches(value string, keys map[string][]string) bool
}

// holds evaluates the condition. Of a key that the request does not have, a
// negated operator is true and any other is not; IfExists and ForAllValues are
// true, and ForAnyValue is not.
func (c *condition) holds(keys map[string][]string) bool {
	values := keys[c.key]
	switch {
	case c.test == nil:
		return empty(values) && c.null.absent || !empty(values) && c.null.present
	case len(values) == 0 && c.ifExists:
		return true
	case c.set == forAll:
		return empty(values) || c.all(values, keys)
	case c.set == forAny:
		return !empty(values) && c.any(values, keys)
	}
	return c.matchesOne(values, keys) != c.negate
}

// empty says whether values are a null data set: none, or only empty ones.
func empty(values []string) bool {
	for _, v := range values {
		if v != "" {
			return false
		}
	}
	return true
}

func (c *condition) matchesOne(values []string, keys map[string][]string) bool {
	for _, v := range values {
		if c.test.matches(v, keys) {
			return true
		}
	}
	return false
}

func (c *condition) all(values []string, keys map[string][]string) bool {
	for _, v := range values {
		if c.test.matches(v, keys) == c.negate {
			return false
		}
	}
	return true
}

func (c *condition) any(values []string, keys map[string][]string) bool {
	for _, v := range values {
		if c.test.matches(v, keys) != c.negate {
			return true
		}
	}
	return false
}

// conditions reads a Condition: operators, of each its keys, of each its
// values.
func (p *parser) conditions(n *node) ([]condition, error) {
	if n == nil {
		return nil, nil
	}
	if n.kind != '{' {
		return nil, fail(n.where, `a condition is an object; write {"StringEquals": {"aws:username": "ann"}}`)
	}
	var list []condition
	for i, name := range n.names {
		c, parse, err := parseOperator(n.items[i].where, name)
		if err != nil {
			return nil, err
		}
		keys, err := p.keys(n.items[i], c, parse)
		if err != nil {
			return nil, err
		}
		list = append(list, keys...)
	}
	return list, nil
}

// keys reads the keys of one operator.
func (p *parser) keys(n *node, operator condition, parse testParser) ([]condition, error) {
	if n.kind != '{' || len(n.names) == 0 {
		return nil, fail(n.where, `an operator needs an object of keys; write {"aws:username": "ann"}`)
	}
	var list []condition
	for i, name := range n.names {
		c := operator
		c.key = strings.ToLower(name)
		if err := checkKey(name); err != nil {
			return nil, fail(n.items[i].where, "%v", err)
		}
		if slices.ContainsFunc(list, func(other condition) bool { return other.key == c.key }) {
			return nil, fail(n.items[i].where, "the key %q is there twice, as case does not matter; keep one, with a list of values", clip(name))
		}
		items, err := n.items[i].scalars()
		if err != nil {
			return nil, err
		}
		if err := p.values(&c, parse, items); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func (p *parser) values(c *condition, parse testParser, items []*node) (err error) {
	if parse == nil {
		c.null, err = parsePresence(items)
		return err
	}
	c.test, err = parse(items, p.variables)
	return err
}

// parseOperator reads an operator's name with its set operator and IfExists.
// The parser is nil for Null.
func parseOperator(where, name string) (c condition, parse testParser, err error) {
	base := name
	if rest, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		c.set, base = forAll, rest
	} else if rest, ok := strings.CutPrefix(base, "ForAnyValue:"); ok {
		c.set, base = forAny, rest
	}
	base, c.ifExists = strings.CutSuffix(base, "IfExists")
	if base == "Null" {
		if base != name {
			return c, nil, fail(where, "Null asks for the key itself and takes no set operator and no IfExists; write Null")
		}
		return c, nil, nil
	}
	operator, ok := operators[base]
	if !ok {
		return c, nil, fail(where, "there is no operator %q; %s", clip(name), suggest(base, operatorNames()))
	}
	c.negate = operator.negate
	return c, operator.parse, nil
}

func parsePresence(items []*node) (presence, error) {
	var p presence
	for _, item := range items {
		switch {
		case strings.EqualFold(item.text, "true"):
			p.absent = true
		case strings.EqualFold(item.text, "false"):
			p.present = true
		default:
			return p, fail(item.where, `Null takes "true" (the key is absent) or "false" (it is there)`)
		}
	}
	return p, nil
}

// testParser reads the values of a key.
type testParser func(items []*node, variables bool) (test, error)

type operator struct {
	parse  testParser
	negate bool
}

// operators are those of "IAM JSON policy elements: Condition operators",
// besides Null.
var operators = map[string]operator{
	"StringEquals":              {parse: parseEquals},
	"StringNotEquals":           {parse: parseEquals, negate: true},
	"StringEqualsIgnoreCase":    {parse: parseFold},
	"StringNotEqualsIgnoreCase": {parse: parseFold, negate: true},
	"StringLike":                {parse: parseLike},
	"StringNotLike":             {parse: parseLike, negate: true},

	"NumericEquals":            {parse: parseNumeric(equal)},
	"NumericNotEquals":         {parse: parseNumeric(equal), negate: true},
	"NumericLessThan":          {parse: parseNumeric(less)},
	"NumericLessThanEquals":    {parse: parseNumeric(atMost)},
	"NumericGreaterThan":       {parse: parseNumeric(greater)},
	"NumericGreaterThanEquals": {parse: parseNumeric(atLeast)},

	"DateEquals":            {parse: parseDates(equal)},
	"DateNotEquals":         {parse: parseDates(equal), negate: true},
	"DateLessThan":          {parse: parseDates(less)},
	"DateLessThanEquals":    {parse: parseDates(atMost)},
	"DateGreaterThan":       {parse: parseDates(greater)},
	"DateGreaterThanEquals": {parse: parseDates(atLeast)},

	"Bool":         {parse: parseBool},
	"BinaryEquals": {parse: parseBinary},
	"IpAddress":    {parse: parseAddresses},
	"NotIpAddress": {parse: parseAddresses, negate: true},

	"ArnEquals":    {parse: parseARNs},
	"ArnLike":      {parse: parseARNs},
	"ArnNotEquals": {parse: parseARNs, negate: true},
	"ArnNotLike":   {parse: parseARNs, negate: true},
}

func operatorNames() []string {
	names := []string{"Null"}
	for name := range operators {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
