package server_test

import (
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/licensetest"
)

func TestExplainNamesWhatWasCounted(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 2)
	machine := licensetest.MachineARN(alice, "i-0001")
	var out api.ExplainUsageOutput
	s.Call(alice, "Reeve.ExplainUsage", &api.ExplainUsageInput{LicenseConfigurationArn: &arn, ResourceArn: &machine}, &out)
	if !*out.Associated || *out.ConsumedLicenses != 2 || *out.Revision < 1 || out.AssociationTime == nil || *out.CountedOnResourceArn != machine {
		t.Errorf("got %+v", out)
	}
	var steps []string
	for _, step := range out.Steps {
		steps = append(steps, *step.Kind+" "+*step.Name+" "+*step.Value)
	}
	if text := strings.Join(steps, "; "); !strings.Contains(text, "fact VCpus 2") || !strings.Contains(text, "term LicenseCountingType vCPU") {
		t.Errorf("the steps are %s", text)
	}

	var before api.ExplainUsageOutput
	s.Call(alice, "Reeve.ExplainUsage", &api.ExplainUsageInput{LicenseConfigurationArn: &arn, ResourceArn: &machine, AsOf: new("2025-06-01T00:00:00Z")}, &before)
	if *before.Associated || *before.ConsumedLicenses != 0 || before.RevisionTime != nil || *before.AsOf != "2025-06-01T00:00:00.000000Z" {
		t.Errorf("before it existed: got %+v", before)
	}
}

func TestHistoryShowsPeaks(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 2)
	s.Clock.Advance(time.Hour)
	s.Put(alice, licensetest.Machine(alice, "i-0000", 9))
	s.Put(alice, licensetest.Machine(alice, "i-0000", 1))
	s.Clock.Advance(time.Hour)
	var out api.GetUsageHistoryOutput
	s.Call(alice, "Reeve.GetUsageHistory", &api.GetUsageHistoryInput{
		LicenseConfigurationArn: &arn, From: new("2026-01-01T00:00:00Z"), To: new("2026-01-01T01:59:59Z"), StepSeconds: new(int64(3600)),
	}, &out)
	if len(out.Points) != 2 || *out.StepSeconds != 3600 {
		t.Fatalf("got %+v, want two points", out)
	}
	if p := out.Points[1]; *p.ConsumedLicenses != 3 || *p.PeakLicenses != 11 || p.LicenseCount != nil {
		t.Errorf("the second hour ends at %d with a peak of %d, want 3 and 11", *p.ConsumedLicenses, *p.PeakLicenses)
	}
	for _, wrong := range []string{`"StepSeconds":0`, `"StepSeconds":9223372036854775807`, `"From":"tomorrow"`, `"To":"2030-01-01T00:00:00Z"`} {
		got := s.Send(s.URL, alice, "Reeve.GetUsageHistory", `{"LicenseConfigurationArn":"`+arn+`",`+wrong+`}`)
		if got.Status != 400 {
			t.Errorf("%s answers %d %s, want a refusal", wrong, got.Status, got.Body)
		}
	}
}

func TestCompareTellsWhatChanged(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 3)
	from := s.Clock.Now().Format(time.RFC3339Nano)
	s.Clock.Advance(time.Hour)
	s.Put(alice, licensetest.Machine(alice, "i-0000", 5), licensetest.Machine(alice, "i-new", 7))
	associate(t, s.Client(alice), arn, licensetest.MachineARN(alice, "i-new"))
	s.Call(alice, "Reeve.DeleteResources", &api.DeleteResourcesInput{ResourceArns: []string{licensetest.MachineARN(alice, "i-0002")}}, nil)
	s.Clock.Advance(time.Hour)
	in := &api.CompareUsageInput{LicenseConfigurationArn: &arn, From: &from, To: new(s.Clock.Now().Format(time.RFC3339Nano)), MaxResults: new(int64(1))}
	changes := map[string]string{}
	for range 20 { // pages may be empty, but they end
		var out api.CompareUsageOutput
		s.Call(alice, "Reeve.CompareUsage", in, &out)
		if *out.FromConsumedLicenses != 6 || *out.ToConsumedLicenses != 14 {
			t.Fatalf("from %d to %d, want 6 to 14", *out.FromConsumedLicenses, *out.ToConsumedLicenses)
		}
		for _, d := range out.Differences {
			id := (*d.ResourceArn)[strings.LastIndexByte(*d.ResourceArn, '/')+1:]
			changes[id] = *d.Change
			if (d.FromStatus == nil) != (*d.Change == "added") || (d.ToStatus == nil) != (*d.Change == "removed") {
				t.Errorf("%s has the states %v and %v", *d.Change, d.FromStatus, d.ToStatus)
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if in.NextToken != nil || len(changes) != 3 || changes["i-0000"] != "changed" || changes["i-new"] != "added" || changes["i-0002"] != "removed" {
		t.Errorf("got %v", changes)
	}
}

func TestVerifyFindsEveryLedgerSound(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	fleet(t, s, alice, 2)
	fleet(t, s, bob, 1)
	verify := func(account string) (ledgers, inventories int) {
		t.Helper()
		var out api.VerifyLedgersOutput
		s.Call(account, "Reeve.VerifyLedgers", &api.VerifyLedgersInput{}, &out)
		for _, l := range out.Ledgers {
			if l.Fault != nil || *l.Revisions < 2 {
				t.Errorf("ledger of %s: %d revisions, fault %v", *l.AccountId, *l.Revisions, l.Fault)
			}
		}
		return len(out.Ledgers), int(*out.Inventories)
	}
	for account, want := range map[string]int{alice: 1, licensetest.Root: 2} {
		if ledgers, inventories := verify(account); ledgers != want || inventories != want {
			t.Errorf("%s verifies %d ledgers and %d inventories, want %d", account, ledgers, inventories, want)
		}
	}
}
