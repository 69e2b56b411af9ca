package license

// What fuzz tests reach.

// CheckRules is the check of licence rules.
func CheckRules(counting CountingType, rules []string) error {
	_, err := parseRules(counting, rules)
	return err
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
