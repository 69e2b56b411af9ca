package license_test

import (
	"testing"

	"reeve/internal/license"
)

// The account of twelve zeros is an account like any other.
func TestTheAccountOfZeros(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.Instance, -1)
	const zeros = "arn:aws:ec2:eu-west-1:000000000000:instance/i-zeros"
	w.put(sized(zeros), sized(instance("a")))
	w.associate(arn, zeros)
	w.associate(arn, instance("a"))
	for account, want := range map[string]int{"000000000000": 1, "": 2} {
		page, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{Account: account}, nil, 10)
		w.must(err)
		if len(page.Usage) != want {
			t.Errorf("%d records of account %q, want %d", len(page.Usage), account, want)
		}
		for _, u := range page.Usage {
			if u.ResourceARN == zeros && license.AccountOf(u.Owner) != "000000000000" {
				t.Errorf("the owner is %s", license.AccountOf(u.Owner))
			}
		}
	}
}
