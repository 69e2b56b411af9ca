package license

import (
	"fmt"
	"strconv"
)

// discoveringAt returns the rules that terms had.
func discoveringAt(tx Tx, c *Configuration, terms *Terms) (*discovering, error) {
	settings, err := tx.Settings(c.Account, c.Region)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return &discovering{Discovering: Discovering{c.Num, c.Region, c.TermsRev, settings.SourceRegions}, rules: compileRules(terms.Products)}, nil
}

const ruleList = "ProductInformationList"

// addMatch says which discovery rule a resource matches by its facts, and by
// which of them.
func (e *Explanation) addMatch(p *past, r *Resource) error {
	s := &subject{Resource: r, normalise: p.normalise}
	if r.Facts.Software > 0 && p.discovering.rules.needsSoftware() {
		var err error
		if s.software, err = p.tx.Software(r.Num, r.Facts.Software); err != nil {
			return fmt.Errorf("read software: %w", err)
		}
	}
	ex := &explainer{}
	m := p.discovering.rules.match(s)
	switch {
	case m != nil:
		ex.add("rule", ruleList, strconv.Itoa(m.Rule), "the resource matches this rule of automated discovery")
		for _, f := range m.Facts {
			note := ""
			if f.KnownAs != "" {
				note = "known as " + f.KnownAs
			}
			ex.add("fact", f.Filter, f.Value, note)
		}
	case e.Associated && !p.counter.terms.Disassociate:
		ex.add("rule", ruleList, "", "automated discovery found the resource; by these facts no rule matches it, and it stays because DisassociateWhenNotFound is not set")
	case e.Associated:
		ex.add("rule", ruleList, "", "automated discovery found the resource; by these facts no rule matches it")
	}
	e.Steps = append(e.Steps, ex.steps...)
	return nil
}

// explainedExclusions bounds how many exclusions of one resource are read.
const explainedExclusions = 1000

// addExclusions names the exclusion that held at a moment.
func (e *Explanation) addExclusions(p *past, r *Resource, at Time) error {
	found, err := p.tx.Exclusions(p.configuration, r.Num-1, 1<<62, true, explainedExclusions)
	if err != nil {
		return fmt.Errorf("read exclusions: %w", err)
	}
	for _, x := range found {
		if x.Resource != r.Num {
			return nil
		}
		if !x.holds(at) {
			continue
		}
		until := "until somebody includes it again"
		if x.Until != 0 {
			until = "until " + x.Until.String()
		}
		e.Steps = append(e.Steps, Step{Kind: "exclusion", Name: "Owner", Value: x.Owner,
			Note: "excluded from automated discovery by " + x.CreatedBy + " at " + x.Created.String() + ", " + until + ": " + x.Reason})
	}
	return nil
}
