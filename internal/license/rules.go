package license

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The tenancies of allowedTenancy.
const (
	TenancyDefault   = "EC2-Default"
	TenancyHost      = "EC2-DedicatedHost"
	TenancyInstance  = "EC2-DedicatedInstance"
	maxRuleSize      = 10000 // largest value of the size rules
	maxAffinityDays  = 180
	ruleSyntax       = "Expected format is #RuleType=RuleValue" // AWS's own words
	ruleAffinity     = "licenseAffinityToHost"
	ruleTenancy      = "allowedTenancy"
	ruleHonorOptions = "honorVcpuOptimization"
	ruleStopped      = "includedStoppedInstances"
)

// rules are a configuration's licence rules, taken apart.
type rules struct {
	tenancies    []string // empty: every tenancy
	sizes        []sizeRule
	affinityDays int64
	honorOptions bool // count the custom cores × threads of an instance
	stoppedToo   bool // stopped machines go on counting
}

// sizeRule bounds the size of a resource that may use the licence.
type sizeRule struct {
	name  string // as written: minimumVcpus …
	unit  CountingType
	least bool // a minimum, else a maximum
	value int64
}

// sizeRules maps each size rule to what it bounds.
var sizeRules = map[string]sizeRule{
	"minimumVcpus":   {unit: VCPU, least: true},
	"maximumVcpus":   {unit: VCPU},
	"minimumCores":   {unit: Core, least: true},
	"maximumCores":   {unit: Core},
	"minimumSockets": {unit: Socket, least: true},
	"maximumSockets": {unit: Socket},
}

// allowedRules lists the rule names of each counting type. Instance keeps the
// core and socket rules that AWS's older documentation allowed.
var allowedRules = map[CountingType][]string{
	VCPU:     {ruleTenancy, "minimumVcpus", "maximumVcpus", ruleHonorOptions, ruleStopped},
	Instance: {ruleTenancy, "minimumVcpus", "maximumVcpus", "minimumCores", "maximumCores", "minimumSockets", "maximumSockets", ruleStopped},
	Core:     {ruleTenancy, "minimumCores", "maximumCores", ruleAffinity, ruleStopped},
	Socket:   {ruleTenancy, "minimumSockets", "maximumSockets", ruleAffinity, ruleStopped},
}

// parseRules checks licence rules for a counting type and takes them apart.
func parseRules(counting CountingType, texts []string) (rules, error) {
	var rs rules
	seen := map[string]bool{}
	for _, text := range texts {
		name, value, err := splitRule(text)
		if err != nil {
			return rules{}, err
		}
		if !slices.Contains(allowedRules[counting], name) {
			return rules{}, refuse(InvalidParameter, "License rule %q is not allowed for the counting type %s. Allowed are %s.", clip(name), counting, strings.Join(allowedRules[counting], ", "))
		}
		if seen[name] {
			return rules{}, refuse(InvalidParameter, "License rule %q is given more than once.", name)
		}
		seen[name] = true
		if err := rs.set(name, value); err != nil {
			return rules{}, err
		}
	}
	return rs, rs.checkSizes()
}

func splitRule(text string) (name, value string, err error) {
	body, ok := strings.CutPrefix(text, "#")
	name, value, found := strings.Cut(body, "=")
	if !ok || !found || name == "" || value == "" {
		return "", "", refuse(InvalidParameter, "Invalid license rule %q. %s.", clip(text), ruleSyntax)
	}
	return name, value, nil
}

func (rs *rules) set(name, value string) (err error) {
	switch name {
	case ruleTenancy:
		rs.tenancies, err = parseTenancies(value)
	case ruleAffinity:
		rs.affinityDays, err = ruleNumber(name, value, 1, maxAffinityDays)
	case ruleHonorOptions:
		rs.honorOptions, err = ruleBool(name, value)
	case ruleStopped:
		rs.stoppedToo, err = ruleBool(name, value)
	default:
		size := sizeRules[name]
		size.name = name
		size.value, err = ruleNumber(name, value, 1, maxRuleSize)
		rs.sizes = append(rs.sizes, size)
	}
	return err
}

func parseTenancies(value string) ([]string, error) {
	known := []string{TenancyDefault, TenancyHost, TenancyInstance}
	list := strings.Split(value, ",")
	for i, t := range list {
		if !slices.Contains(known, t) || slices.Contains(list[:i], t) {
			return nil, refuse(InvalidParameter, "Invalid value %q of the license rule %s. Expected a comma-separated list of %s.", clip(value), ruleTenancy, strings.Join(known, ", "))
		}
	}
	return list, nil
}

func ruleNumber(name, value string, least, most int64) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most || !onlyBytes(value, isDigit, "") {
		return 0, refuse(InvalidParameter, "Invalid value %q of the license rule %s. Expected a whole number from %d to %d.", clip(value), name, least, most)
	}
	return n, nil
}

func ruleBool(name, value string) (bool, error) {
	switch {
	case strings.EqualFold(value, "true"):
		return true, nil
	case strings.EqualFold(value, "false"):
		return false, nil
	}
	return false, refuse(InvalidParameter, "Invalid value %q of the license rule %s. Expected True or False.", clip(value), name)
}

// checkSizes refuses a minimum above its maximum: nothing could ever use the
// licence.
func (rs *rules) checkSizes() error {
	for _, low := range rs.sizes {
		for _, high := range rs.sizes {
			if low.least && !high.least && low.unit == high.unit && low.value > high.value {
				return refuse(InvalidParameter, "License rule %s=%d is above %s=%d: no resource could match both.", low.name, low.value, high.name, high.value)
			}
		}
	}
	return nil
}

// forbids returns why the rules do not let a resource of this size use the
// licence, or "". A size of 0 is not known.
func (s sizeRule) forbids(size int64) string {
	switch {
	case size == 0:
		return fmt.Sprintf("its number of %s is not known, and the license rule %s=%d needs it", unitName(s.unit), s.name, s.value)
	case s.least && size < s.value, !s.least && size > s.value:
		return fmt.Sprintf("it has %d %s, and the license rule is %s=%d", size, unitName(s.unit), s.name, s.value)
	}
	return ""
}

func unitName(u CountingType) string {
	return map[CountingType]string{VCPU: "vCPUs", Core: "cores", Socket: "sockets", Instance: "instances"}[u]
}
