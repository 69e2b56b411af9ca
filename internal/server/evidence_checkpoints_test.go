package server_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/evidence"
	"reeve/internal/evidence/notary"
	"reeve/internal/licensetest"
)

func TestCheckpointsOverTheWire(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 2)
	var first, again api.CreateCheckpointOutput
	s.Call(alice, "Reeve.CreateCheckpoint", &api.CreateCheckpointInput{}, &first)
	s.Call(licensetest.Root, "Reeve.CreateCheckpoint", &api.CreateCheckpointInput{AccountId: new(alice)}, &again)
	if !*first.Created || *again.Created || *again.Checkpoint.Note != *first.Checkpoint.Note {
		t.Errorf("made twice: %+v, %+v", first, again)
	}
	s.Clock.Advance(time.Hour)
	s.Put(alice, licensetest.Machine(alice, "i-0000", 9))
	s.Call(alice, "Reeve.CreateCheckpoint", &api.CreateCheckpointInput{}, nil)

	var newest api.GetCheckpointOutput
	s.Call(alice, "Reeve.GetCheckpoint", &api.GetCheckpointInput{}, &newest)
	if c := newest.Checkpoint; *c.Number != 2 || *c.AccountId != alice || *c.LedgerCount != 1 || *c.Ledgers[0].LicenseConfigurationArn != arn {
		t.Errorf("the newest is %+v", c)
	}
	keys, err := evidence.ParseKeys(*newest.VerifierKeys)
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := evidence.Trust(keys, keys)
	if err != nil {
		t.Fatal(err)
	}
	if c, _, err := trusted.Open(*newest.Checkpoint.Note); err != nil || c.Revisions != *newest.Checkpoint.RevisionCount {
		t.Errorf("the note: %+v, %v", c, err)
	}

	var page, next api.ListCheckpointsOutput
	s.Call(alice, "Reeve.ListCheckpoints", &api.ListCheckpointsInput{MaxResults: new(int64(1))}, &page)
	s.Call(alice, "Reeve.ListCheckpoints", &api.ListCheckpointsInput{MaxResults: new(int64(1)), NextToken: page.NextToken}, &next)
	if len(page.Checkpoints) != 1 || len(next.Checkpoints) != 1 || next.NextToken != nil || *next.Checkpoints[0].Number != 2 {
		t.Errorf("the pages are %+v and %+v", page, next)
	}
	for _, target := range []string{"CreateCheckpoint", "GetCheckpoint", "ListCheckpoints"} {
		if got := s.Send(s.URL, bob, "Reeve."+target, `{"AccountId":"`+alice+`"}`); got.Status != 400 || !strings.Contains(got.Body, "AuthorizationException") {
			t.Errorf("%s of another account answers %d %s", target, got.Status, got.Body)
		}
	}
	if got := s.Send(s.URL, alice, "Reeve.RotateCheckpointKey", `{}`); !strings.Contains(got.Body, "AuthorizationException") {
		t.Errorf("an account rotates the key: %s", got.Body)
	}
	s.Call(licensetest.Root, "Reeve.RotateCheckpointKey", &api.RotateCheckpointKeyInput{}, nil)
}

// TestVerifyLedgersEndsWithCheckpoints follows the pages to their end.
func TestVerifyLedgersEndsWithCheckpoints(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	configure(t, s.Client(alice), nil)
	configure(t, s.Client(alice), nil)
	configure(t, s.Client(bob), nil)
	for _, account := range []string{alice, bob} {
		s.Call(account, "Reeve.CreateCheckpoint", &api.CreateCheckpointInput{}, nil)
	}
	for _, c := range []struct {
		who  string
		size int64
		want int   // ledgers
		kept int64 // accounts with checkpoints
	}{{licensetest.Root, 1, 3, 2}, {licensetest.Root, 2, 3, 2}, {licensetest.Root, 4, 3, 2}, {licensetest.Root, 1000, 3, 2}, {alice, 1, 2, 1}, {bob, 1000, 1, 1}} {
		var token *string
		var kept int64
		names := map[string]bool{}
		for range 20 {
			var out api.VerifyLedgersOutput
			s.Call(c.who, "Reeve.VerifyLedgers", &api.VerifyLedgersInput{MaxResults: &c.size, NextToken: token}, &out)
			if int64(len(out.Ledgers)) > c.size {
				t.Errorf("a page of %d has %d reports", c.size, len(out.Ledgers))
			}
			kept += *out.Checkpoints
			for _, r := range out.Ledgers {
				names[*r.LicenseConfigurationArn] = true
				if r.Fault != nil {
					t.Errorf("%s: %s", *r.LicenseConfigurationArn, *r.Fault)
				}
			}
			if token = out.NextToken; token == nil {
				break
			}
		}
		if len(names) != c.want || kept != c.kept {
			t.Errorf("%s, by %d: %v and the checkpoints of %d accounts", c.who, c.size, names, kept)
		}
	}
}

func TestALedgerIsExportedWhole(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	arn := fleet(t, s, alice, 3)
	var all, page api.ExportLedgerOutput
	s.Call(alice, "Reeve.ExportLedger", &api.ExportLedgerInput{LicenseConfigurationArn: &arn}, &all)
	s.Call(alice, "Reeve.ExportLedger", &api.ExportLedgerInput{LicenseConfigurationArn: &arn, MaxResults: new(int64(1))}, &page)
	if len(all.Revisions) < 2 || len(page.Revisions) != 1 || page.NextToken == nil || *page.Revisions[0].Hash != *all.Revisions[0].Hash {
		t.Errorf("%d revisions, and a page of one with %d", len(all.Revisions), len(page.Revisions))
	}
}

// TestAnotherReeveIsAWitness has one deployment sign for the other, over HTTP.
func TestAnotherReeveIsAWitness(t *testing.T) {
	s := licensetest.Start(t, licensetest.Options{})
	fleet(t, s, alice, 2)
	keys, err := s.Notary.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	there := licensetest.Start(t, licensetest.Options{Notary: notary.Options{WitnessFor: keys}})
	c, err := client.New(there.URL, licensetest.Region, there.Credentials(bob))
	if err != nil {
		t.Fatal(err)
	}
	sending := notary.New(s.Store.Checkpoints(), notary.Options{Sealer: s.Directory, Witnesses: []notary.Witness{
		notary.Reeve(c, func(context.Context) (string, error) { return evidence.FormatKeys(keys), nil }),
	}})
	s.Call(alice, "Reeve.CreateCheckpoint", &api.CreateCheckpointInput{}, nil)
	if err := sending.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got api.ListCheckpointsOutput
	s.Call(alice, "Reeve.ListCheckpoints", &api.ListCheckpointsInput{}, &got)
	if len(got.Witnesses) != 1 || *got.Witnesses[0].Sent != 1 || strings.Count(*got.Checkpoints[0].Note, "\n— reeve/") != 2 {
		t.Fatalf("after sending: %+v", got)
	}
	origin, _, _ := strings.Cut(*got.Checkpoints[0].Note, "\n")
	for who, want := range map[string]int{bob: 1, licensetest.Root: 1, alice: 0} {
		var kept api.ListCheckpointsOutput
		there.Call(who, "Reeve.ListCheckpoints", &api.ListCheckpointsInput{Origin: &origin}, &kept)
		if len(kept.Checkpoints) != want || want == 1 && *kept.Checkpoints[0].Note != *got.Checkpoints[0].Note {
			t.Errorf("at the witness %s sees %+v", who, kept.Checkpoints)
		}
	}
	d := evidence.Document{Note: *got.Checkpoints[0].Note}
	for _, l := range got.Checkpoints[0].Ledgers {
		hash, _ := evidence.ParseHash(*l.Hash)
		d.Heads = append(d.Heads, evidence.Head{ARN: *l.LicenseConfigurationArn, Number: *l.Revision, Hash: hash})
	}
	trusted, err := evidence.Trust(keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	sequence := evidence.NewSequence(trusted, origin, "")
	if _, _, _, err := sequence.Add(&d); err != nil {
		t.Errorf("the co-signed checkpoint: %v", err)
	}
	if got := there.Send(there.URL, bob, "Reeve.PutWitnessCheckpoint", `{"Note":"x","Ledgers":[{"Hash":"zz"}]}`); got.Status != 400 || !strings.Contains(got.Body, "is no hash") {
		t.Errorf("a hash that is none: %d %s", got.Status, got.Body)
	}
	if got := s.Send(s.URL, bob, "Reeve.PutWitnessCheckpoint", `{"Note":"x"}`); got.Status != 400 || !strings.Contains(got.Body, "is no witness") {
		t.Errorf("a server that is no witness: %d %s", got.Status, got.Body)
	}
}
