package license

// What fuzz tests reach.

// CheckRules is the check of licence rules.
func CheckRules(counting CountingType, rules []string) error {
	_, err := parseRules(counting, rules)
	return err
}

// MatchRules checks discovery rules and matches a resource with them; matched
// is the number of the rule, 0 for none.
func MatchRules(products []ProductInformation, r *Resource, software []Application) (matched int, err error) {
	if err := checkProducts(products); err != nil {
		return 0, err
	}
	s := &subject{Resource: r, software: software, normalise: func(a Application) (Product, bool) {
		return Product{Name: a.Name, Publisher: a.Publisher}, a.Version == ""
	}}
	if m := compileRules(products).match(s); m != nil {
		return m.Rule, nil
	}
	return 0, nil
}

// ReadChanges reads the text of a revision's changes and writes it again.
func ReadChanges(text []byte) (again []byte, err error) {
	var changes []Change
	err = parseChanges(text, func(ch Change) error {
		changes = append(changes, ch)
		return nil
	})
	return appendChanges(nil, changes), err
}
