package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"reeve/internal/api"
)

// Bounds of the rule builder; the API has the same.
const (
	builderRules      = 50
	builderConditions = 50
	builderValues     = 100
)

// conditionKind is one sort of condition of a discovery rule: what it may
// compare, and how a form asks for it.
type conditionKind struct {
	Name        string // the API's; of a tag, "Tag:" without its key
	Text        string // for people
	Hint        string
	Comparators []string
	Choices     []string // nil: any text
	Keyed       bool     // it has the key of a tag
	Optional    bool     // it needs no value
	words       string   // "are named", before the values
}

const (
	equals    = "EQUALS"
	notEquals = "NOT_EQUALS"
)

// machineConditions and databaseConditions are the conditions of rules for
// machines (SSM_MANAGED) and for databases (RDS).
var machineConditions = []conditionKind{
	{Name: "Application Name", Text: "Application", Hint: "The name of an installed program, or of a product that Reeve knows, such as Microsoft SQL Server 2022.", Comparators: []string{equals}, words: "have the application"},
	{Name: "Application Publisher", Text: "Publisher of the application", Comparators: []string{equals}, words: "of the publisher"},
	{Name: "Application Version", Text: "Version of the application", Comparators: []string{equals}, words: "in the version"},
	{Name: "Platform Name", Text: "Operating system", Hint: "Such as Microsoft Windows Server 2022 Datacenter.", Comparators: []string{equals}, words: "run the operating system"},
	{Name: "Platform Type", Text: "Kind of operating system", Comparators: []string{equals}, Choices: []string{"Linux", "Windows", "macOS"}, words: "run"},
	{Name: "License Included", Text: "Licence in the price", Hint: "What the machine's price already pays for.", Comparators: []string{equals, notEquals},
		Choices: []string{"sql-server-enterprise", "sql-server-standard", "sql-server-web", "windows-server-datacenter"}, words: "pay in their price for"},
	{Name: "Tag:", Text: "Not with the tag", Hint: "Machines with this tag are left out. Without values, whatever its value.", Comparators: []string{notEquals}, Keyed: true, Optional: true, words: "have the tag"},
	{Name: "AccountId", Text: "Not of the account", Hint: "12 digits each.", Comparators: []string{notEquals}, words: "belong to the account"},
}

var databaseConditions = []conditionKind{
	{Name: "Engine Edition", Text: "Engine and edition", Comparators: []string{equals}, Choices: []string{"oracle-ee", "oracle-se", "oracle-se1", "oracle-se2", "db2-se", "db2-ae"}, words: "run"},
	{Name: "License Pack", Text: "Option pack", Comparators: []string{equals}, Choices: []string{"data guard", "diagnostic pack sqlt", "tuning pack sqlt", "ols", "olap"}, words: "use the option pack"},
}

const (
	forMachines  = "SSM_MANAGED"
	forDatabases = "RDS"
)

func conditionsOf(resourceType string) []conditionKind {
	if resourceType == forDatabases {
		return databaseConditions
	}
	return machineConditions
}

// kindOf finds the kind of a condition by its name, of a tag with its key.
func kindOf(resourceType, name string) (conditionKind, bool) {
	for _, k := range conditionsOf(resourceType) {
		if k.Name == name || k.Keyed && strings.HasPrefix(name, k.Name) {
			return k, true
		}
	}
	return conditionKind{}, false
}

// ruleBuilder is the discovery rules in a form. A form has every rule and
// condition as fields; its buttons add one, or take one away, and show the form
// again.
type ruleBuilder struct {
	Rules []builderRule
	Error string
}

type builderRule struct {
	Prefix     string // of the names of its fields: rule.0
	Index      int    // from 0
	Number     int    // from 1
	Type       string
	Title      string
	Conditions []builderCondition
	Kinds      []conditionKind // that can be added
	Error      string
}

type builderCondition struct {
	Kind       conditionKind
	Prefix     string // rule.0.condition.1
	Key        string // of a tag
	Comparator string
	Text       string   // one value a line, where any text will do
	Choices    []choice // else
	Error      string
}

// builderOf shows rules that there are.
func builderOf(rules []api.DiscoveryRule) (b ruleBuilder) {
	for _, r := range rules {
		rule := builderRule{Type: told(r.ResourceType)}
		for _, f := range r.ProductInformationFilterList {
			name := told(f.ProductInformationFilterName)
			kind, ok := kindOf(rule.Type, name)
			if !ok {
				continue // the API has no other
			}
			c := builderCondition{Kind: kind, Comparator: told(f.ProductInformationFilterComparator)}
			if kind.Keyed {
				c.Key = strings.TrimPrefix(name, kind.Name)
			}
			c.setValues(f.ProductInformationFilterValue)
			rule.Conditions = append(rule.Conditions, c)
		}
		b.Rules = append(b.Rules, rule)
	}
	b.number()
	return b
}

// setValues shows values: as choices where there are some. One that is not among
// them, which older rules may have, is a choice too.
func (c *builderCondition) setValues(values []string) {
	c.Text = strings.Join(values, "\n")
	for _, v := range c.Kind.Choices {
		c.Choices = append(c.Choices, choice{Value: v, Text: v, Chosen: slices.Contains(values, v)})
	}
	for _, v := range values {
		if c.Kind.Choices != nil && !slices.Contains(c.Kind.Choices, v) {
			c.Choices = append(c.Choices, choice{Value: v, Text: v, Chosen: true})
		}
	}
}

// Lines is how high the field of the values is.
func (c *builderCondition) Lines() int { return min(8, 2+strings.Count(c.Text, "\n")) }

// values are what a condition compares with, in their order, none twice.
func (c *builderCondition) values() (values []string) {
	if c.Kind.Choices != nil {
		for _, v := range c.Choices {
			if v.Chosen {
				values = append(values, v.Value)
			}
		}
		return values
	}
	for line := range strings.Lines(c.Text) {
		if v := strings.TrimSpace(line); v != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// number gives every field its name.
func (b *ruleBuilder) number() {
	for i := range b.Rules {
		r := &b.Rules[i]
		r.Prefix, r.Index, r.Number, r.Kinds = "rule."+strconv.Itoa(i), i, i+1, conditionsOf(r.Type)
		r.Title = "Machines"
		if r.Type == forDatabases {
			r.Title = "Databases"
		}
		for j := range r.Conditions {
			r.Conditions[j].Prefix = r.Prefix + ".condition." + strconv.Itoa(j)
		}
	}
}

// readBuilder reads the rules of a form that was sent.
func readBuilder(form url.Values) (b ruleBuilder) {
	for i := range builderRules {
		prefix := "rule." + strconv.Itoa(i)
		kind := form.Get(prefix + ".type")
		if kind == "" {
			break
		}
		if kind != forDatabases {
			kind = forMachines
		}
		rule := builderRule{Type: kind}
		for j := range builderConditions {
			c, ok := readCondition(form, kind, prefix+".condition."+strconv.Itoa(j))
			if !ok {
				break
			}
			rule.Conditions = append(rule.Conditions, c)
		}
		b.Rules = append(b.Rules, rule)
	}
	b.number()
	return b
}

func readCondition(form url.Values, resourceType, prefix string) (builderCondition, bool) {
	name := form.Get(prefix + ".name")
	kind, ok := kindOf(resourceType, name)
	if name == "" || !ok {
		return builderCondition{}, false
	}
	c := builderCondition{Kind: kind, Key: strings.TrimSpace(form.Get(prefix + ".key")), Comparator: form.Get(prefix + ".comparator")}
	if !slices.Contains(kind.Comparators, c.Comparator) {
		c.Comparator = kind.Comparators[0]
	}
	values := form[prefix+".value"]
	c.setValues(values)
	if kind.Choices == nil {
		c.Text = strings.Join(values, "\n")
	}
	return c, true
}

// do does what a button says: add-machines, add-databases, remove.0, add.0 or
// remove.0.1. It reports whether the button was one of the builder's.
func (b *ruleBuilder) do(button string, form url.Values) bool {
	defer b.number()
	switch button {
	case "add-machines":
		b.add(forMachines, "Application Name")
		return true
	case "add-databases":
		b.add(forDatabases, "Engine Edition")
		return true
	}
	verb, place, found := strings.Cut(button, ".")
	rule, condition, inner := strings.Cut(place, ".")
	i, err := strconv.Atoi(rule)
	if !found || err != nil || i < 0 || i >= len(b.Rules) {
		return false
	}
	r := &b.Rules[i]
	switch {
	case verb == "add":
		return r.addCondition(form.Get(r.Prefix + ".add"))
	case verb == "remove" && !inner:
		b.Rules = slices.Delete(b.Rules, i, i+1)
		return true
	}
	j, err := strconv.Atoi(condition)
	if verb != "remove" || err != nil || j < 0 || j >= len(r.Conditions) {
		return false
	}
	r.Conditions = slices.Delete(r.Conditions, j, j+1)
	return true
}

// add adds a rule with a first condition.
func (b *ruleBuilder) add(resourceType, condition string) {
	if len(b.Rules) == builderRules {
		b.Error = "There can be " + grouped(builderRules) + " rules at most."
		return
	}
	r := builderRule{Type: resourceType}
	r.addCondition(condition)
	b.Rules = append(b.Rules, r)
}

func (r *builderRule) addCondition(name string) bool {
	kind, ok := kindOf(r.Type, name)
	if !ok {
		return false
	}
	if len(r.Conditions) == builderConditions {
		r.Error = "A rule can have " + grouped(builderConditions) + " conditions at most."
		return true
	}
	c := builderCondition{Kind: kind, Comparator: kind.Comparators[0]}
	c.setValues(nil)
	r.Conditions = append(r.Conditions, c)
	return true
}

// check says beside each rule and condition what is wrong with it, and reports
// whether nothing is.
func (b *ruleBuilder) check() bool {
	for i := range b.Rules {
		r := &b.Rules[i]
		if len(r.Conditions) == 0 {
			r.Error = "Add a condition, or remove the rule: without one it would match nothing."
		}
		for j := range r.Conditions {
			r.Conditions[j].Error = r.Conditions[j].fault()
		}
	}
	return len(b.flaws()) == 0
}

// flaws are what is wrong with the rules, each with the rule that it is about.
func (b *ruleBuilder) flaws() (texts []string) {
	add := func(about, text string) {
		if text != "" {
			texts = append(texts, about+text)
		}
	}
	add("", b.Error)
	for _, r := range b.Rules {
		about := "Discovery rule " + strconv.Itoa(r.Number) + ": "
		add(about, r.Error)
		for _, c := range r.Conditions {
			add(about, c.Error)
		}
	}
	return texts
}

func (c *builderCondition) fault() string {
	values := c.values()
	switch {
	case c.Kind.Keyed && c.Key == "":
		return "Enter the key of the tag."
	case len(values) == 0 && c.Kind.Choices != nil:
		return "Choose one at least."
	case len(values) == 0 && !c.Kind.Optional:
		return "Enter one at least, each on a line of its own."
	case len(values) > builderValues:
		return "There are " + grouped(len(values)) + " values; " + grouped(builderValues) + " are allowed."
	}
	for _, v := range values {
		if len([]rune(v)) > 1024 {
			return "A value may have 1,024 characters at most."
		}
		if c.Kind.Name == "AccountId" && !isAccount(v) {
			return clipped(v) + " is no account: it has 12 digits."
		}
	}
	return ""
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// rules are the builder's rules as the API takes them.
func (b *ruleBuilder) rules() []api.DiscoveryRule {
	rules := make([]api.DiscoveryRule, 0, len(b.Rules))
	for _, r := range b.Rules {
		rule := api.DiscoveryRule{ResourceType: new(r.Type)}
		for _, c := range r.Conditions {
			name := c.Kind.Name
			if c.Kind.Keyed {
				name += c.Key
			}
			rule.ProductInformationFilterList = append(rule.ProductInformationFilterList, api.DiscoveryFilter{
				ProductInformationFilterName: &name, ProductInformationFilterComparator: new(c.Comparator), ProductInformationFilterValue: c.values()})
		}
		rules = append(rules, rule)
	}
	return rules
}

// products are the rules in the shape that AWS's operations have.
func products(rules []api.DiscoveryRule) []api.ProductInformation {
	list := make([]api.ProductInformation, 0, len(rules))
	for _, r := range rules {
		p := api.ProductInformation{ResourceType: r.ResourceType}
		for _, f := range r.ProductInformationFilterList {
			p.ProductInformationFilterList = append(p.ProductInformationFilterList, api.ProductInformationFilter(f))
		}
		list = append(list, p)
	}
	return list
}

// discoveryWords tells a discovery rule in words.
func discoveryWords(r *api.DiscoveryRule) string {
	text, who := "", "Machines that "
	if told(r.ResourceType) == forDatabases {
		who = "Databases that "
	}
	for i, f := range r.ProductInformationFilterList {
		if i > 0 {
			text += " and "
		}
		text += filterWords(told(r.ResourceType), &f)
	}
	return who + text
}

func filterWords(resourceType string, f *api.DiscoveryFilter) string {
	name := told(f.ProductInformationFilterName)
	kind, ok := kindOf(resourceType, name)
	if !ok {
		kind.words = name
	}
	values := make([]string, 0, len(f.ProductInformationFilterValue))
	for _, v := range f.ProductInformationFilterValue {
		values = append(values, "“"+v+"”")
	}
	text := kind.words
	if kind.Keyed {
		text += " “" + strings.TrimPrefix(name, kind.Name) + "”"
		if len(values) > 0 {
			text += " with the value"
		}
	}
	if told(f.ProductInformationFilterComparator) == notEquals {
		text = "do not " + text
	}
	return strings.TrimSpace(text + " " + strings.Join(values, " or "))
}
