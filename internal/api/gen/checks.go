package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// checks writes Validate for every input, check for every structure inside
// one that has constraints, and the rules that these use.
func (e *emitter) checks() error {
	var inputs []string
	for _, name := range e.operationNames() {
		inputs = append(inputs, e.Operations[name].Input.Shape)
	}
	for _, shape := range inputs {
		e.validate(shape)
	}
	for _, shape := range e.reachable(inputs) {
		if !e.constrained(shape, nil) || !e.done.first("check", e.goName(shape)) {
			continue
		}
		if err := e.check(shape); err != nil {
			return err
		}
	}
	return e.rules(inputs)
}

func (e *emitter) validate(shape string) {
	name := e.goName(shape)
	e.line("// Validate implements [Input].")
	if !e.constrained(shape, nil) {
		e.line("func (in *%s) Validate() Violations { return nil }\n", name)
		return
	}
	e.line("func (in *%s) Validate() Violations {\nvar c checker\nin.check(&c, nil)\nreturn c.found\n}\n", name)
}

// constrained reports whether anything in a shape can be wrong.
func (e *emitter) constrained(shape string, inside []string) bool {
	s := e.Shapes[shape]
	if hasRule(s) || len(s.Required) > 0 {
		return true
	}
	if slices.Contains(inside, shape) {
		return false
	}
	return slices.ContainsFunc(s.refers(), func(next string) bool {
		return e.constrained(next, append(slices.Clone(inside), shape))
	})
}

// hasRule reports whether a shape itself, not its members, has constraints.
func hasRule(s *shape) bool {
	return s.Min != nil || s.Max != nil || s.Pattern != "" || len(s.Enum) > 0
}

func (e *emitter) check(shape string) error {
	s := e.Shapes[shape]
	e.line("func (in *%s) check(c *checker, at *place) {", e.goName(shape))
	for _, m := range s.Members {
		if slices.Contains(s.Required, m.Name) {
			e.line("c.required(in.%s == nil, at.member(%q))", exported(m.Name), unexported(m.Name))
		}
		if !e.constrained(m.Shape, nil) {
			continue
		}
		if err := e.checkMember(m); err != nil {
			return fmt.Errorf("%s.%s: %w", shape, m.Name, err)
		}
	}
	e.line("}\n")
	return nil
}

// checkMember writes the check of a member's value.
func (e *emitter) checkMember(m member) error {
	field, path, rule := exported(m.Name), unexported(m.Name), ruleName(m.Shape)
	switch s := e.Shapes[m.Shape]; s.Type {
	case "string":
		e.line("c.text(in.%s, %s, at.member(%q))", field, rule, path)
	case "integer", "long":
		e.line("c.number(in.%s, %s, at.member(%q))", field, rule, path)
	case "structure":
		e.line("if in.%s != nil {\nin.%s.check(c, at.member(%q))\n}", field, field, path)
	case "list":
		if hasRule(s) {
			e.line("checkSize(c, in.%s, %s, at.member(%q))", field, rule, path)
		}
		return e.checkElements(field, path, s.Member.Shape)
	default:
		return fmt.Errorf("gen cannot check constraints of a %s", s.Type)
	}
	return nil
}

func (e *emitter) checkElements(field, path, element string) error {
	if !e.constrained(element, nil) {
		return nil
	}
	switch kind := e.Shapes[element].Type; kind {
	case "string":
		e.line("c.texts(in.%s, %s, at, %q)", field, ruleName(element), path)
	case "structure":
		e.line("for i := range in.%s {\nin.%s[i].check(c, at.element(%q, i))\n}", field, field, path)
	default:
		return fmt.Errorf("gen cannot check constraints of a list of %s", kind)
	}
	return nil
}

func ruleName(shape string) string { return "rule" + exported(shape) }

// rules writes a variable for every constrained shape of an input.
func (e *emitter) rules(inputs []string) error {
	for _, shape := range e.ruleShapes(inputs) {
		if !e.done.first("rule", shape) {
			continue
		}
		text, err := rule(e.Shapes[shape])
		if err != nil {
			return fmt.Errorf("shape %s: %w", shape, err)
		}
		e.line("var %s = %s\n", ruleName(shape), text)
	}
	return nil
}

// ruleShapes lists the shapes with rules that the members of inputs have,
// sorted.
func (e *emitter) ruleShapes(inputs []string) []string {
	var names []string
	add := func(name string) {
		if hasRule(e.Shapes[name]) {
			names = append(names, name)
		}
	}
	for _, structure := range e.reachable(inputs) {
		for _, name := range e.Shapes[structure].refers() {
			add(name)
			for _, element := range e.Shapes[name].refers() {
				add(element)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rule is the Go value of a shape's constraints.
func rule(s *shape) (string, error) {
	switch s.Type {
	case "string":
		return textRule(s)
	case "integer", "long":
		return fmt.Sprintf("&numberRule{min: %d, max: %d}", or(s.Min, math.MinInt64), or(s.Max, math.MaxInt64)), nil
	case "list":
		return "&sizeRule{" + strings.Join(bounds(s), ", ") + "}", nil
	}
	return "", fmt.Errorf("gen does not know constraints of a %s", s.Type)
}

func or(bound *int64, absent int64) int64 {
	if bound == nil {
		return absent
	}
	return *bound
}

// bounds lists the least and the greatest length, where there are any.
func bounds(s *shape) []string {
	var parts []string
	if s.Min != nil && *s.Min > 0 {
		parts = append(parts, fmt.Sprintf("min: %d", *s.Min))
	}
	if s.Max != nil {
		parts = append(parts, fmt.Sprintf("max: %d", *s.Max))
	}
	return parts
}

func textRule(s *shape) (string, error) {
	parts := bounds(s)
	if s.Pattern != "" {
		compiled := splitRepeats(s.Pattern)
		if _, err := regexp.Compile(`\A(?:` + compiled + `)\z`); err != nil {
			return "", err
		}
		parts = append(parts, "pattern: pattern("+literal(compiled)+")", "source: "+literal(s.Pattern))
	}
	if len(s.Enum) > 0 {
		parts = append(parts, fmt.Sprintf("enum: %#v", s.Enum))
	}
	return "&textRule{" + strings.Join(parts, ", ") + "}", nil
}

// literal is s as a Go string, raw where that is possible.
func literal(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// Go's regexp repeats at most 1000 times, also by one repeat in another.
const maxRepeat = 1000

// block is how many repeats splitRepeats puts together.
const block = 32

var classRepeat = regexp.MustCompile(`(\[[^\]]*\])\{0,(\d+)\}`)

// splitRepeats writes X{0,1023}, which Go's regexp refuses, as
// (?:X{32}){0,31}X{0,31}, which means the same. Blocks match a hundred times
// faster than X{0,1000}X{0,23}, where every X could be in either part. What
// is too long even so stays as it is, and does not compile.
func splitRepeats(pattern string) string {
	return classRepeat.ReplaceAllStringFunc(pattern, func(found string) string {
		parts := classRepeat.FindStringSubmatch(found)
		class := parts[1]
		most, err := strconv.Atoi(parts[2])
		if err != nil || most <= maxRepeat {
			return found
		}
		// What is left after the blocks fills the gap between two of them.
		blocks := (most - block + 1) / block
		return fmt.Sprintf("(?:%s{%d}){0,%d}%s{0,%d}", class, block, blocks, class, most-blocks*block)
	})
}
