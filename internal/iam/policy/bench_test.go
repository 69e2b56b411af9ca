package policy_test

import (
	"testing"

	"reeve/internal/iam/policy"
)

var benched = &policy.Request{
	Principal: "arn:aws:iam::111122223333:user/ann",
	Action:    "license-manager:ListUsageForLicenseConfiguration",
	Resource:  "arn:aws:license-manager:eu-west-1:111122223333:license-configuration:lic-0123456789abcdef0123456789abcdef",
	Keys: map[string][]string{
		"aws:username": {"ann"}, "aws:sourceip": {"203.0.113.7"}, "aws:currenttime": {"2026-11-23T10:00:00Z"},
		"aws:resourcetag/env": {"prod"}, "aws:multifactorauthage": {"100"}, "aws:tagkeys": {"env", "team"},
	},
}

var benches = []struct{ name, text string }{
	{"Simple", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "license-manager:List*", "Resource": "*"}}`},
	{"Resource", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "license-manager:*", "Resource": "arn:aws:license-manager:*:111122223333:license-configuration:lic-*"}}`},
	{"Conditions", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {
		"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "203.0.113.0/24"]}, "StringEquals": {"aws:ResourceTag/env": ["dev", "prod"]},
		"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
		"ForAllValues:StringLike": {"aws:TagKeys": ["env", "te*"]}}}}`},
}

func BenchmarkEvaluate(b *testing.B) {
	for _, c := range benches {
		b.Run(c.name, func(b *testing.B) {
			policies := []policy.Policy{{Name: "p", Document: mustParse(b, c.text)}}
			b.ReportAllocs()
			for b.Loop() {
				if !policy.Evaluate(policies, benched).Allowed {
					b.Fatal("not allowed")
				}
			}
		})
	}
	b.Run("ReadOnly", func(b *testing.B) {
		policies := []policy.Policy{{Name: "p", Document: mustParse(b, string(managedText(b, "ReadOnly")))}}
		b.ReportAllocs()
		for b.Loop() {
			policy.Evaluate(policies, benched)
		}
	})
	b.Run("Variable", func(b *testing.B) {
		policies := []policy.Policy{{Name: "p", Document: mustParse(b, `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:username": "${aws:username}"}}}}`)}}
		b.ReportAllocs()
		for b.Loop() {
			policy.Evaluate(policies, benched)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := managedText(b, "Operator")
	for b.Loop() {
		if _, err := policy.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

// TestEvaluateDoesNotAllocate: it runs at every call.
func TestEvaluateDoesNotAllocate(t *testing.T) {
	for _, c := range benches {
		policies := []policy.Policy{{Name: "p", Document: mustParse(t, c.text)}}
		if n := testing.AllocsPerRun(100, func() { policy.Evaluate(policies, benched) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
