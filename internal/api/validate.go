package api

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what one answer says about an input, so that no input makes a
// long message.
const (
	maxViolations  = 10
	maxValueLength = 128 // bytes of a value that a message repeats
)

// Violation is one broken constraint.
type Violation struct {
	Path       string // such as filters.1.member.name; list elements count from 1
	Value      string // as messages print it: null, or shortened and in single quotes
	Constraint string // such as "Member must not be null"
}

// Violations are the broken constraints of one input. None is nil.
type Violations []Violation

// Error is the text that AWS's front end gives the same violations.
func (v Violations) Error() string {
	var b strings.Builder
	if len(v) == 1 {
		b.WriteString("1 validation error detected: ")
	} else {
		fmt.Fprintf(&b, "%d validation errors detected: ", len(v))
	}
	for i, one := range v {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "Value %s at '%s' failed to satisfy constraint: %s", one.Value, one.Path, one.Constraint)
	}
	return b.String()
}

// A place is where a value lies in an input. It is written from the leaf
// upwards, so that an input without violations costs no allocation.
type place struct {
	in       *place
	name     string
	position int // in the list of that name, from 1; 0: not in a list
}

// member is the place of a member of the structure at p.
func (p *place) member(name string) *place { return &place{in: p, name: name} }

// element is the place of the element with the given index in the list that
// is a member of the structure at p.
func (p *place) element(name string, index int) *place {
	return &place{in: p, name: name, position: index + 1}
}

// appendTo writes p as AWS does: members in lower camel case, joined by dots,
// and "2.member" for the second element of a list. It copies the names, so
// that places stay on the stack.
func (p *place) appendTo(dst []byte) []byte {
	if p.in != nil {
		dst = append(p.in.appendTo(dst), '.')
	}
	dst = append(dst, p.name...)
	if p.position > 0 {
		dst = append(strconv.AppendInt(append(dst, '.'), int64(p.position), 10), ".member"...)
	}
	return dst
}

// A checker collects violations.
type checker struct{ found Violations }

func (c *checker) add(at *place, value, constraint string) {
	if len(c.found) < maxViolations {
		c.found = append(c.found, Violation{Path: string(at.appendTo(nil)), Value: value, Constraint: constraint})
	}
}

func (c *checker) full() bool { return len(c.found) >= maxViolations }

// required says that the member at the place is missing when it is.
func (c *checker) required(missing bool, at *place) {
	if missing {
		c.add(at, "null", "Member must not be null")
	}
}

// A textRule is what the model demands of a string shape. Lengths count
// characters; max 0 is no bound.
type textRule struct {
	min, max int
	pattern  *regexp.Regexp // must match the whole value
	source   string         // the pattern as the model writes it
	enum     []string
}

// pattern compiles a pattern of the model so that it matches whole values.
func pattern(source string) *regexp.Regexp {
	return regexp.MustCompile(`\A(?:` + source + `)\z`)
}

func (c *checker) text(value *string, rule *textRule, at *place) {
	if value == nil || c.full() {
		return
	}
	if len(rule.enum) > 0 && !slices.Contains(rule.enum, *value) {
		c.add(at, quote(*value), "Member must satisfy enum value set: ["+strings.Join(rule.enum, ", ")+"]")
	}
	tooLong := rule.max > 0 && longer(*value, rule.max)
	if tooLong {
		c.add(at, quote(*value), lengthAtMost(rule.max))
	}
	if rule.min > 0 && !longer(*value, rule.min-1) {
		c.add(at, quote(*value), lengthAtLeast(rule.min))
	}
	// A value that is too long is not matched: the pattern could take long.
	if rule.pattern != nil && !tooLong && !rule.pattern.MatchString(*value) {
		c.add(at, quote(*value), "Member must satisfy regular expression pattern: "+rule.source)
	}
}

// longer reports whether s has more than n characters.
func longer(s string, n int) bool {
	return len(s) > n && utf8.RuneCountInString(s) > n
}

// texts checks every element of a list of strings.
func (c *checker) texts(list []string, rule *textRule, in *place, name string) {
	for i := range list {
		c.text(&list[i], rule, in.element(name, i))
	}
}

// A numberRule is what the model demands of a number.
type numberRule struct{ min, max int64 }

func (c *checker) number(value *int64, rule *numberRule, at *place) {
	switch {
	case value == nil:
	case *value < rule.min:
		c.add(at, quote(strconv.FormatInt(*value, 10)), "Member must have value greater than or equal to "+strconv.FormatInt(rule.min, 10))
	case *value > rule.max:
		c.add(at, quote(strconv.FormatInt(*value, 10)), "Member must have value less than or equal to "+strconv.FormatInt(rule.max, 10))
	}
}

// A sizeRule is how many elements a list must have; max 0 is no bound.
type sizeRule struct{ min, max int }

// checkSize checks the number of elements of a list; a nil list is absent.
func checkSize[T any](c *checker, list []T, rule *sizeRule, at *place) {
	switch {
	case list == nil:
	case len(list) < rule.min:
		c.add(at, quoteList(list), lengthAtLeast(rule.min))
	case rule.max > 0 && len(list) > rule.max:
		c.add(at, quoteList(list), lengthAtMost(rule.max))
	}
}

func lengthAtLeast(n int) string {
	return "Member must have length greater than or equal to " + strconv.Itoa(n)
}

func lengthAtMost(n int) string {
	return "Member must have length less than or equal to " + strconv.Itoa(n)
}

// quote prints a value for a message, shortened to maxValueLength.
func quote(value string) string {
	if len(value) > maxValueLength {
		end := maxValueLength
		for end > 0 && !utf8.RuneStart(value[end]) {
			end--
		}
		value = value[:end] + "..."
	}
	return "'" + value + "'"
}

// quoteList prints a list for a message: strings as [a, b], anything else by
// its number.
func quoteList[T any](list []T) string {
	texts, ok := any(list).([]string)
	if !ok {
		if len(list) == 0 {
			return "'[]'"
		}
		return fmt.Sprintf("'[%d members]'", len(list))
	}
	var b strings.Builder
	for i, text := range texts {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(text)
		if b.Len() > maxValueLength {
			break
		}
	}
	return quote("[" + b.String() + "]")
}
