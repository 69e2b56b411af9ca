package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/license"
	"reeve/internal/store"
)

// verifyPage is how many ledgers are checked by one request: one, because the
// server bounds a request's time and a ledger can be long.
const verifyPage = 1

type verifyOptions struct {
	connection
	data   string
	output outputFlag
}

func newVerify(p *process) *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that the ledgers are unbroken and every count is the sum behind it",
		Long: `Check every ledger: that its revisions form one unbroken chain, and that every
count is the sum of the usage behind it. A running server checks its own: all
ledgers for keys of the root account, else those of the key's account. --data
checks the SQLite database of a stopped server directly.

The exit code is 1 when there is a fault. A table lists the ledgers with a fault,
the other forms all.`,
		Example: `  reeve verify
  reeve verify --data ./reeve-data
  reeve verify --output json`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runVerify(c.Context(), p, o) },
	}
	f := c.Flags()
	f.StringVar(&o.data, "data", "", "data `directory` of a stopped server")
	o.output.flags(f)
	o.connection.flags(f)
	return c
}

var verifyColumns = []column{
	{key: "LicenseConfigurationArn", title: "LEDGER"},
	{key: "AccountId", title: "ACCOUNT"},
	{key: "Revisions", title: "REVISIONS", right: true},
	{key: "Intervals", title: "INTERVALS", right: true},
	{key: "Fault", title: "FAULT"},
}

func runVerify(ctx context.Context, p *process, o verifyOptions) error {
	v := &verification{p: p, people: o.output.forPeople(), out: newRecords(p.stdout, o.output, verifyColumns)}
	check := v.server
	if o.data != "" {
		check = v.directory
	}
	err := check(ctx, o)
	v.clearProgress()
	if err != nil {
		return err
	}
	return v.conclude()
}

// verification adds up what was checked.
type verification struct {
	p      *process
	people bool
	out    records

	ledgers, revisions, intervals, faults int64
}

// note takes one ledger's report. People see only ledgers with a fault.
func (v *verification) note(r api.LedgerReport) error {
	v.ledgers++
	v.revisions += val(r.Revisions)
	v.intervals += val(r.Intervals)
	if r.Fault != nil {
		v.faults++
	}
	v.progress()
	if v.people && r.Fault == nil {
		return nil
	}
	return v.out.row(val(r.LicenseConfigurationArn), val(r.AccountId), val(r.Revisions), val(r.Intervals), val(r.Fault))
}

func (v *verification) progress() {
	if v.p.watched() {
		fmt.Fprintf(v.p.stderr, "\r%s, %s checked ", counted(v.ledgers, "ledger"), counted(v.revisions, "revision"))
	}
}

func (v *verification) clearProgress() {
	if v.p.watched() {
		fmt.Fprintf(v.p.stderr, "\r%60s\r", "")
	}
}

func (v *verification) conclude() error {
	if err := v.out.end(); err != nil {
		return err
	}
	if v.faults > 0 {
		verb := "have"
		if v.faults == 1 {
			verb = "has"
		}
		return fmt.Errorf("%d of %s %s a fault (%s and %s were checked): restore the database from a backup, and keep this one for comparison",
			v.faults, counted(v.ledgers, "ledger"), verb, counted(v.revisions, "revision"), counted(v.intervals, "interval"))
	}
	if !v.people {
		return nil
	}
	_, err := fmt.Fprintf(v.p.stdout, "checked %s, %s, %s: everything agrees\n",
		counted(v.ledgers, "ledger"), counted(v.revisions, "revision"), counted(v.intervals, "interval"))
	return err
}

// server asks a running server, page by page.
func (v *verification) server(ctx context.Context, o verifyOptions) error {
	c, err := o.dial(v.p)
	if err != nil {
		return err
	}
	size := int64(verifyPage)
	return eachPage(func(token *string) (*string, error) {
		var out api.VerifyLedgersOutput
		in := api.VerifyLedgersInput{MaxResults: &size, NextToken: token}
		if err := call(ctx, c, api.Reeve+".VerifyLedgers", in, &out); err != nil {
			return nil, err
		}
		for _, r := range out.Ledgers {
			if err := v.note(r); err != nil {
				return nil, err
			}
		}
		return out.NextToken, nil
	})
}

// directory opens a stopped server's database itself.
func (v *verification) directory(ctx context.Context, o verifyOptions) error {
	if _, err := os.Stat(filepath.Join(o.data, databaseFile)); err != nil {
		return fmt.Errorf("there is no SQLite database in %s: name the data directory of a server that was started without --database", o.data)
	}
	s, err := openStore(ctx, storeOptions{data: o.data, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer s.Close()
	return v.ledgersOf(ctx, s)
}

// ledgersOf checks every ledger of an open store.
func (v *verification) ledgersOf(ctx context.Context, s *store.Store) error {
	manager := license.New(s, license.Settings{})
	who := license.Caller{Root: true, Principal: "reeve verify", Operation: "VerifyLedgers"}
	for after := int64(0); ; {
		reports, next, err := manager.Verify(ctx, who, after, verifyPage)
		if err != nil {
			return err
		}
		for _, r := range reports {
			err := v.note(api.LedgerReport{
				LicenseConfigurationArn: &r.ConfigurationARN, AccountId: &r.Account,
				Revisions: &r.Revisions, Intervals: &r.Intervals, Fault: optional(r.Fault),
			})
			if err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		after = next
	}
}
