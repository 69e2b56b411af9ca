package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/evidence"
	"reeve/internal/evidence/notary"
	"reeve/internal/license"
	"reeve/internal/store"
)

// verifyPage is how many ledgers are checked by one request: one, because the
// server bounds a request's time and a ledger can be long.
const verifyPage = 1

type verifyOptions struct {
	connection
	data        string
	keys        []string
	witnesses   []string
	checkpoints []string
}

func newVerify(p *process) *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Check that ledgers are unbroken and every count is right",
		Long: `Check every ledger: that its revisions form one unbroken chain, and that every
count is the sum of the usage behind it; and every fact of the inventory. A
running server checks its own: all ledgers for keys of the root account, else
those of the key's account. --data checks the SQLite database of a stopped server
directly.

With FILE, check a file of reeve export --evidence (- for standard input) with
nothing but the key in --key: no server, no database. The first thing that was
altered is named.

--checkpoint gives checkpoints that were kept where the operators of the database
cannot reach, as a file or a directory of them: notes, what witnesses were sent,
or older exports. What they cover must still be there.

The exit code is 4 when there is a fault. A table lists the ledgers with a fault,
the other forms all.`,
		Example: `  reeve verify
  reeve verify --data ./reeve-data
  reeve verify --output json
  reeve verify ledgers.jsonl --key reeve/0123456789abcdef+89abcdef+AQ…
  reeve verify --checkpoint /media/usb/checkpoints --key reeve-key.txt`,
		Args: arguments(0, 1, ""),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return runVerifyFile(c.Context(), p, &o, args[0])
			}
			return runVerify(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.data, "data", "", "data `directory` of a stopped server")
	f.StringArrayVar(&o.keys, "key", nil, "verifier `key` that signed, or a file of keys; may be given again")
	f.StringArrayVar(&o.witnesses, "witness-key", nil, "verifier `key` of a witness that must have signed too; may be given again")
	f.StringArrayVar(&o.checkpoints, "checkpoint", nil, "`file` or directory of checkpoints that were kept elsewhere; may be given again")
	o.connection.flags(f)
	return c
}

var ledgerView = view[api.LedgerReport]{
	[]column{
		{key: "LicenseConfigurationArn", title: "LEDGER"},
		{key: "AccountId", title: "ACCOUNT"},
		{key: "Revisions", title: "REVISIONS", right: true, spare: true},
		{key: "Intervals", title: "INTERVALS", right: true, spare: true},
		{key: "Fault", title: "FAULT"},
		{key: "Kind", title: "KIND", spare: true},
	},
	func(r *api.LedgerReport) []any {
		return []any{val(r.LicenseConfigurationArn), val(r.AccountId), val(r.Revisions), val(r.Intervals), alarming(val(r.Fault)), val(r.Kind)}
	},
}

func runVerify(ctx context.Context, p *process, o verifyOptions) error {
	v := newVerification(p)
	check := v.server
	if o.data != "" {
		check = v.directory
	}
	err := check(ctx, o)
	v.progress.clear()
	if err != nil {
		return err
	}
	return v.conclude()
}

// verification adds up what was checked.
type verification struct {
	p        *process
	progress *progress
	out      *list[api.LedgerReport]
	quiet    bool // something else is printed than what was checked

	ledgers, revisions, intervals, faults int64
	inventories                           int64
	accounts                              int64 // whose checkpoints were checked
}

func newVerification(p *process) *verification {
	return &verification{p: p, progress: newProgress(p), out: newList(p, ledgerView)}
}

// note takes one report. People see only what has a fault, and programs every
// ledger besides.
func (v *verification) note(r api.LedgerReport) error {
	isLedger := false
	switch license.ReportKind(val(r.Kind)) {
	case license.CheckpointsReport:
		v.accounts++
	case license.InventoryReport:
		v.inventories++
	default:
		isLedger = true
		v.ledgers++
	}
	v.revisions += val(r.Revisions)
	v.intervals += val(r.Intervals)
	if r.Fault != nil {
		v.faults++
	}
	v.progress.show(0, 0, counted(v.ledgers, "ledger")+", "+counted(v.revisions, "revision")+" checked")
	if v.quiet || r.Fault == nil && (v.p.forPeople() || !isLedger) {
		return nil
	}
	return v.out.add(&r)
}

func (v *verification) conclude() error {
	v.progress.clear()
	if !v.quiet {
		if err := v.out.end(); err != nil {
			return err
		}
	}
	if v.faults > 0 {
		return negative("there is a fault in %d of %s (%s and %s were checked): restore the database from a backup, and keep this one for comparison",
			v.faults, v.checked(), counted(v.revisions, "revision"), counted(v.intervals, "interval"))
	}
	if !v.p.forPeople() {
		return nil
	}
	_, err := fmt.Fprintf(v.p.stdout, "checked %s, %s, %s: everything agrees\n",
		v.checked(), counted(v.revisions, "revision"), counted(v.intervals, "interval"))
	return err
}

// checked is what may have a fault.
func (v *verification) checked() string {
	parts := []string{counted(v.ledgers, "ledger")}
	if v.inventories > 0 {
		parts = append(parts, "the facts of "+counted(v.inventories, "account"))
	}
	if v.accounts > 0 {
		parts = append(parts, "the checkpoints of "+counted(v.accounts, "account"))
	}
	last := len(parts) - 1
	return strings.TrimPrefix(strings.Join(parts[:last], ", ")+" and "+parts[last], " and ")
}

// server asks a running server, page by page.
func (v *verification) server(ctx context.Context, o verifyOptions) error {
	c, err := o.dial(v.p)
	if err != nil {
		return err
	}
	if err := v.pages(ctx, c); err != nil {
		return err
	}
	return o.against(ctx, v.p, func(account string) evidence.Source { return &serverSource{c, &account} })
}

func (v *verification) pages(ctx context.Context, c *client.Client) error {
	size := int64(verifyPage)
	return eachPage(func(token *string) (*string, error) {
		var out api.VerifyLedgersOutput
		in := api.VerifyLedgersInput{MaxResults: &size, NextToken: token}
		if err := call(ctx, c, api.Reeve+".VerifyLedgers", in, &out); err != nil {
			return nil, err
		}
		v.inventories += val(out.Inventories)
		v.accounts += val(out.Checkpoints)
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
	s, err := openStopped(ctx, o.data)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Check(ctx); err != nil {
		return err
	}
	if err := v.ledgersOf(ctx, s); err != nil {
		return err
	}
	return o.against(ctx, v.p, func(account string) evidence.Source { return newStoreSource(s, account) })
}

// ledgersOf checks every ledger of an open store, and every checkpoint.
func (v *verification) ledgersOf(ctx context.Context, s *store.Store) error {
	manager := license.New(s, license.Settings{})
	who := license.Caller{Root: true, Principal: "reeve verify", Operation: "VerifyLedgers"}
	for after, more := int64(0), true; more; {
		reports, next, err := manager.Verify(ctx, who, after, verifyPage)
		if err != nil {
			return err
		}
		if err := v.noteAll(reports); err != nil {
			return err
		}
		after, more = next, next != 0
	}
	if err := v.accountsOf(ctx, who, manager.VerifyInventory); err != nil {
		return err
	}
	return v.accountsOf(ctx, who, notary.New(s.Checkpoints(), notary.Options{}).Check)
}

// accountsOf runs a check that goes from account to account.
func (v *verification) accountsOf(ctx context.Context, who license.Caller,
	check func(ctx context.Context, who license.Caller, after string, limit int) ([]license.VerifyReport, string, error)) error {
	for after, more := "", true; more; {
		reports, next, err := check(ctx, who, after, verifyPage)
		if err != nil {
			return err
		}
		if err := v.noteAll(reports); err != nil {
			return err
		}
		after, more = next, next != ""
	}
	return nil
}

func (v *verification) noteAll(reports []license.VerifyReport) error {
	for _, r := range reports {
		err := v.note(api.LedgerReport{
			Kind:                    new(string(r.Kind)),
			LicenseConfigurationArn: &r.ConfigurationARN, AccountId: &r.Account,
			Revisions: &r.Revisions, Intervals: &r.Intervals, Fault: optional(r.Fault),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
