package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"reeve/internal/license"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
	keyID   = "AKIABENCHBENCHBENCH1"
	secret  = "bench/secret/bench/secret/bench/secret01"
	perPut  = license.MaxReports
)

// fleet is what was loaded: one vCPU configuration with one usage record for
// each machine, all of which changed once after Old.
type fleet struct {
	Records int
	ARN     string
	Sample  string // ARN of one machine in the middle
	Old     license.Time
}

var owners = []string{account, "222222222222", "333333333333", "444444444444"}

// openFleet loads a fleet, unless dir has the note of one.
func openFleet(ctx context.Context, db database, dir string, records int) (*fleet, error) {
	var f fleet
	note := filepath.Join(dir, "fleet.json")
	if text, err := os.ReadFile(note); err == nil {
		return &f, json.Unmarshal(text, &f)
	}
	f.Records = records
	if err := f.load(ctx, db); err != nil {
		return nil, fmt.Errorf("load fleet: %w", err)
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return &f, os.WriteFile(note, text, 0o600)
}

// load goes through the same Manager as every import: two passes over all
// machines, the second of which changes the size of each.
func (f *fleet) load(ctx context.Context, db database) error {
	s, err := db.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	m := license.New(s, license.Settings{})
	history := m.NewHistory(license.Caller{Account: account, Region: region, Principal: "bench", Root: true})
	at := license.TimeOf(time.Now().Add(-30 * 24 * time.Hour))
	spec := license.ConfigurationSpec{Terms: license.Terms{Name: "bench", CountingType: license.VCPU}}
	if f.ARN, err = history.Create(ctx, at, spec); err != nil {
		return err
	}
	start := time.Now()
	for _, vcpus := range []int64{2, 4} {
		if at, err = f.pass(ctx, history, at, vcpus); err != nil {
			return err
		}
		if vcpus == 2 {
			f.Old = at
		}
	}
	fmt.Fprintf(os.Stderr, "\rloaded %d records, each changed once, in %s: %.0f changes a second\n",
		f.Records, time.Since(start).Round(time.Second), float64(2*f.Records)/time.Since(start).Seconds())
	return history.Seal(ctx)
}

func (f *fleet) pass(ctx context.Context, h *license.Loader, at license.Time, vcpus int64) (license.Time, error) {
	for from := 0; from < f.Records; from += perPut {
		reports := f.reports(from, vcpus)
		at += license.Time(time.Second / time.Microsecond)
		if err := h.Put(ctx, at, reports); err != nil {
			return at, err
		}
		if vcpus == 2 {
			arns := make([]string, len(reports))
			for i, r := range reports {
				arns[i] = r.ARN
			}
			if err := h.Associate(ctx, at, f.ARN, arns); err != nil {
				return at, err
			}
		}
		fmt.Fprintf(os.Stderr, "\rloading %d records: pass %d of 2, %d %%  ", f.Records, vcpus/2, 100*(from+perPut)/f.Records)
	}
	return at, nil
}

func (f *fleet) reports(from int, vcpus int64) []license.Report {
	reports := make([]license.Report, 0, perPut)
	for i := from; i < min(from+perPut, f.Records); i++ {
		arn := machineARN(i)
		if i == f.Records/2 {
			f.Sample = arn
		}
		reports = append(reports, license.Report{ARN: arn, VCPUs: &vcpus})
	}
	return reports
}

// machineARN spreads machines over owners and types: nine of ten are
// instances, the tenth is a database or a managed instance.
func machineARN(i int) string {
	owner := owners[i%len(owners)]
	switch i % 20 {
	case 7:
		return fmt.Sprintf("arn:aws:rds:%s:%s:db:database-%d", region, owner, i)
	case 13:
		return fmt.Sprintf("arn:aws:ssm:%s:%s:managed-instance/mi-%017x", region, owner, i)
	}
	return fmt.Sprintf("arn:aws:ec2:%s:%s:instance/i-%017x", region, owner, i)
}
