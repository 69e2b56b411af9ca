package license_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"reeve/internal/license"
)

func TestWhatCannotChange(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.Core, 8, "#minimumCores=2")
	plain := w.create(license.VCPU, -1)
	refused := func(arn string, change license.ConfigurationChange, words string) {
		t.Helper()
		w.unchanged(func() {
			w.refused(w.m.UpdateConfiguration(w.ctx, w.who, arn, change), license.InvalidParameter, words)
		})
	}
	refused(arn, license.ConfigurationChange{Rules: []string{}}, "cannot be changed or removed")
	refused(arn, license.ConfigurationChange{Rules: []string{"#minimumCores=3"}}, "cannot be changed or removed")
	refused(arn, license.ConfigurationChange{Rules: []string{"#minimumCores=2", "#maximumCores=4"}}, "cannot be added")
	refused(arn, license.ConfigurationChange{Rules: []string{"#minimumCores=2", "#licenseAffinityToHost=0"}}, "from 1 to 180")
	refused(arn, license.ConfigurationChange{Rules: []string{"#minimumCores=2", "affinity"}}, "Expected format")
	refused(plain, license.ConfigurationChange{Rules: []string{"#licenseAffinityToHost=2"}}, "not allowed for the counting type")
	refused(plain, license.ConfigurationChange{HardLimit: new(true)}, "needs a LicenseCount")
	refused(arn, license.ConfigurationChange{Count: new(int64(-1))}, "Invalid LicenseCount")
	refused(arn, license.ConfigurationChange{Count: new(int64(1<<53 + 1))}, "Invalid LicenseCount")
	refused(arn, license.ConfigurationChange{Status: new("DELETED")}, "LicenseConfigurationStatus")
	refused(arn, license.ConfigurationChange{Name: new("")}, "Invalid Name")
	refused(arn, license.ConfigurationChange{Name: new(strings.Repeat("x", 256))}, "Invalid Name")
	refused(arn, license.ConfigurationChange{Description: new("a\x00b")}, "NUL")
	refused(arn, license.ConfigurationChange{Expiry: new(int64(-1))}, "LicenseExpiry")

	w.change(arn, license.ConfigurationChange{Rules: []string{"#minimumCores=2", "#licenseAffinityToHost=2"}})
	refused(arn, license.ConfigurationChange{Rules: []string{"#minimumCores=2"}}, "cannot be changed or removed")
	refused(arn, license.ConfigurationChange{Rules: []string{"#minimumCores=2", "#licenseAffinityToHost=2", "#licenseAffinityToHost=3"}}, "more than once")
}

// Every change of terms is one revision, a change that changes nothing none.
func TestChangesOfTermsAreRevisions(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, 8)
	was := w.configuration(arn)
	for name, change := range map[string]license.ConfigurationChange{
		"nothing":        {},
		"the same":       {Name: new("terms"), Count: new(int64(8)), HardLimit: new(true), Status: new(license.Available), Rules: []string{}},
		"no description": {Description: new("")},
	} {
		w.change(arn, change)
		if diff := gocmp.Diff(was, w.configuration(arn)); diff != "" {
			t.Errorf("%s changed the configuration (-before +after):\n%s", name, diff)
		}
	}
	w.advance(time.Minute)
	product := license.ProductInformation{ResourceType: "SSM_MANAGED", Filters: []license.ProductFilter{{Name: "Application Name", Values: []string{"db"}, Comparator: "EQUALS"}}}
	w.change(arn, license.ConfigurationChange{Name: new("n"), Description: new("d"), Count: new(int64(0)), HardLimit: new(false), Disassociate: new(true), Expiry: new(int64(7)), Products: []license.ProductInformation{product}})
	want := was.Terms
	want.Name, want.Description, want.Count, want.HardLimit, want.Disassociate, want.Expiry = "n", "d", new(int64(0)), false, true, new(int64(7))
	want.Products = []license.ProductInformation{product}
	c := w.configuration(arn)
	if diff := gocmp.Diff(want, c.Terms); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
	if c.Head != 2 || c.HeadAt != w.now() || c.Created != was.Created {
		t.Errorf("the configuration is at revision %d of %s", c.Head, c.HeadAt)
	}
	w.change(arn, license.ConfigurationChange{Description: new("")})
	if got := w.configuration(arn).Terms; got.Description != "" || *got.Count != 0 {
		t.Errorf("the terms are %+v", got)
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t, license.Settings{})
	terms := limited(license.VCPU, -1)
	terms.Tags = []license.Tag{{Key: "b", Value: "1"}, {Key: "a"}}
	arn := w.createTerms(terms)
	tag := func(tags ...license.Tag) error { return w.m.Tag(w.ctx, w.who, arn, tags) }
	w.must(tag(license.Tag{Key: "b", Value: "2"}, license.Tag{Key: "c", Value: "3"}))
	w.must(w.m.Untag(w.ctx, w.who, arn, []string{"a", "never"}))
	tags, err := w.m.Tags(w.ctx, w.who, arn)
	w.must(err)
	if diff := gocmp.Diff([]license.Tag{{Key: "b", Value: "2"}, {Key: "c", Value: "3"}}, tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	many := make([]license.Tag, 49)
	for i := range many {
		many[i].Key = fmt.Sprint(i)
	}
	w.unchanged(func() {
		w.must(tag(license.Tag{Key: "b", Value: "2"})) // as it is
		w.refused(tag(license.Tag{Key: "AWS:x"}), license.InvalidParameter, "reserved")
		w.refused(tag(license.Tag{Key: ""}), license.InvalidParameter)
		w.refused(tag(license.Tag{Key: strings.Repeat("é", 129)}), license.InvalidParameter, "128")
		w.refused(tag(license.Tag{Key: "k", Value: strings.Repeat("é", 257)}), license.InvalidParameter, "256")
		w.refused(tag(license.Tag{Key: "k"}, license.Tag{Key: "k"}), license.InvalidParameter, "more than once")
		w.refused(tag(many...), license.InvalidParameter, "51 tags are too many")
	})
	w.must(tag(many[1:]...)) // 50 in all
}

func TestQuotas(t *testing.T) {
	make := func(w *world) error {
		_, err := w.m.CreateConfiguration(w.ctx, w.who, license.ConfigurationSpec{Terms: limited(license.VCPU, -1)})
		return err
	}
	t.Run("none by default", func(t *testing.T) {
		w := newWorld(t, license.Settings{})
		w.put(sized(instance("a")))
		for range 30 {
			w.associate(w.create(license.VCPU, -1), instance("a"))
		}
	})
	t.Run("configurations", func(t *testing.T) {
		w := newWorld(t, license.Settings{MaxConfigurations: 2})
		first := w.create(license.VCPU, -1)
		w.create(license.VCPU, -1)
		w.refused(make(w), license.LimitExceeded, "maximum allowed number of license configurations")
		elsewhere := w.who
		elsewhere.Region = "eu-west-2"
		_, err := w.m.CreateConfiguration(w.ctx, elsewhere, license.ConfigurationSpec{Terms: limited(license.VCPU, -1)})
		w.must(err)
		w.must(w.m.DeleteConfiguration(w.ctx, w.who, first))
		w.must(make(w))
	})
	t.Run("a day", func(t *testing.T) {
		w := newWorld(t, license.Settings{MaxCreatesPerDay: 2})
		w.must(w.m.DeleteConfiguration(w.ctx, w.who, w.create(license.VCPU, -1))) // gives nothing back
		w.must(make(w))
		w.refused(make(w), license.LimitExceeded, "You have reached the maximum allowed number of license configurations created in one day")
		w.advance(day + time.Microsecond)
		w.must(make(w))
	})
	t.Run("per resource", func(t *testing.T) {
		w := newWorld(t, license.Settings{MaxPerResource: 2})
		one, two, three := w.create(license.VCPU, -1), w.create(license.VCPU, -1), w.create(license.VCPU, -1)
		w.put(sized(instance("a")))
		w.refused(w.specify(instance("a"), []string{one, two, three}, nil), license.InvalidParameter, "quota")
		w.associate(one, instance("a"))
		w.associate(two, instance("a"))
		w.associate(two, instance("a")) // it has it already
		w.refused(w.specify(instance("a"), []string{three}, nil), license.InvalidParameter, "quota")
		w.must(w.specify(instance("a"), []string{three}, []string{one}))
	})
}

func TestDeletedConfigurations(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.associate(arn, instance("a"))
	used := w.now() + license.Time(time.Minute.Microseconds())
	w.advance(time.Hour)
	err := w.m.DeleteConfiguration(w.ctx, w.who, arn)
	w.refused(err, license.InvalidParameter, "in use: 1 resources")
	if strings.Contains(err.Error(), "Invalid license configuration ARN") {
		t.Errorf("the refusal %q reads as if the configuration were gone", err)
	}
	w.dissociate(arn, instance("a"))
	w.advance(time.Hour)
	w.must(w.m.DeleteConfiguration(w.ctx, w.who, arn))
	deleted := w.now()
	w.advance(time.Hour)

	for name, call := range map[string]func() error{
		"get":        func() error { _, err := w.m.Configuration(w.ctx, w.who, arn); return err },
		"delete":     func() error { return w.m.DeleteConfiguration(w.ctx, w.who, arn) },
		"update":     func() error { return w.m.UpdateConfiguration(w.ctx, w.who, arn, license.ConfigurationChange{}) },
		"tag":        func() error { return w.m.Tag(w.ctx, w.who, arn, []license.Tag{{Key: "k"}}) },
		"associate":  func() error { return w.specify(instance("a"), []string{arn}, nil) },
		"dissociate": func() error { return w.specify(instance("a"), nil, []string{arn}) },
		"usage": func() error {
			_, err := w.m.ListUsage(w.ctx, w.who, arn, license.UsageFilter{}, nil, 1)
			return err
		},
		"associations": func() error { _, _, err := w.m.ListAssociations(w.ctx, w.who, arn, nil, 1); return err },
		"failures": func() error {
			_, _, err := w.m.ListFailures(w.ctx, w.who, arn, license.Key{}, 1)
			return err
		},
		"explain": func() error { _, err := w.m.Explain(w.ctx, w.who, arn, instance("a"), nil); return err },
	} {
		if err := call(); license.KindOf(err) != license.NotFound || !strings.Contains(err.Error(), "Invalid license configuration ARN") {
			t.Errorf("%s of a deleted configuration answers %v", name, err)
		}
	}
	if list, _, err := w.m.ListConfigurations(w.ctx, w.who, license.ConfigurationFilter{}, nil, 10); err != nil || len(list) != 0 {
		t.Errorf("the list has %v, %v", list, err)
	}
	for at, want := range map[license.Time]map[string]int64{used: {"i-a": 4}, deleted - 1: {}, deleted: {}, w.now(): {}} {
		if diff := gocmp.Diff(want, w.usageAt(arn, at)); diff != "" {
			t.Errorf("usage as of %s (-want +got):\n%s", at, diff)
		}
	}
	if e := w.explain(arn, instance("a"), &used); e.Consumed != 4 {
		t.Errorf("the past of a deleted configuration is explained as %+v", e)
	}
}

// Nobody sees or changes another account's configurations, or those of another
// region.
func TestAccountsAndRegionsAreApart(t *testing.T) {
	w := newWorld(t, license.Settings{})
	arn := w.create(license.VCPU, -1)
	w.put(sized(instance("a")))
	w.associate(arn, instance("a"))
	at := w.now() + 1
	w.advance(time.Hour)
	for _, who := range []license.Caller{{Account: "210987654321", Region: modelRegion, Root: true}, {Account: modelAccount, Region: "eu-west-2"}} {
		for _, named := range []string{arn, strings.NewReplacer(modelAccount, who.Account, modelRegion, who.Region).Replace(arn)} {
			for name, err := range map[string]error{
				"get":     errorOf2(w.m.Configuration(w.ctx, who, named)),
				"usage":   errorOf2(w.m.ListUsage(w.ctx, who, named, license.UsageFilter{}, nil, 1)),
				"as of":   errorOf2(w.m.ListUsage(w.ctx, who, named, license.UsageFilter{AsOf: &at}, nil, 1)),
				"update":  w.m.UpdateConfiguration(w.ctx, who, named, license.ConfigurationChange{Name: new("x")}),
				"delete":  w.m.DeleteConfiguration(w.ctx, who, named),
				"tag":     w.m.Tag(w.ctx, who, named, []license.Tag{{Key: "k"}}),
				"history": errorOf2(w.m.GetHistory(w.ctx, who, named, nil, nil, 0)),
				"compare": errorOf2(w.m.Compare(w.ctx, who, named, at, at, nil, 1)),
				"explain": errorOf2(w.m.Explain(w.ctx, who, named, instance("a"), nil)),
			} {
				if license.KindOf(err) != license.NotFound || err == nil {
					t.Errorf("%s of %s by %s in %s answers %v", name, named, who.Account, who.Region, err)
				}
			}
		}
	}
	other := license.Caller{Account: "210987654321", Region: modelRegion}
	if list, _, err := w.m.ListInventory(w.ctx, other, nil, 0, 10); err != nil || len(list) != 0 {
		t.Errorf("another account sees %v, %v", list, err)
	}
	n, err := w.m.DeleteResources(w.ctx, other, []string{instance("a")})
	w.must(err)
	reports, _, err := w.m.Verify(w.ctx, other, 0, 10)
	w.must(err)
	if n != 0 || len(reports) != 0 {
		t.Errorf("another account deleted %d resources and verified %v", n, reports)
	}
	w.consumes(arn, map[string]int64{"i-a": 4})
}

func errorOf2[T any](_ T, err error) error { return err }
