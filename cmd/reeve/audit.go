package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reeve/internal/api"
)

// auditOptions select events.
type auditOptions struct {
	connection
	from, to string
	user     string
	event    string
	source   string
	key      string
	resource string
	code     string
	errors   bool
	changes  bool
	all      bool
	limit    int
	output   outputFlag
}

func newAudit(p *process) *cobra.Command {
	var o auditOptions
	c := &cobra.Command{
		Use:   "audit",
		Short: "List who called what, from where, and with what outcome",
		Long: `List events of the audit trail, the newest first: each call of the account's,
answered or refused. A call is listed within a second after it has ended.

` + momentHelp,
		Example: `  reeve audit --limit 20
  reeve audit --from 2026-02-01 --user alice --errors
  reeve audit --changes --resource "$ARN" --output json
  reeve audit export --from 2026-01-01 --to 2026-02-01 > january.jsonl`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runAudit(c.Context(), p, o) },
	}
	o.flags(c.Flags())
	c.Flags().IntVar(&o.limit, "limit", 1000, "events at most; 0 for all")
	o.output.flags(c.Flags())
	c.AddCommand(newAuditExport(p), newAuditVerify(p))
	return c
}

func (o *auditOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.from, "from", "", "`TIME` at or after which calls ended")
	f.StringVar(&o.to, "to", "", "`TIME` before which they ended")
	f.StringVar(&o.user, "user", "", "`NAME` of a user or session, root, or an ARN")
	f.StringVar(&o.event, "event", "", "`OPERATION`, such as UpdateLicenseConfiguration")
	f.StringVar(&o.source, "source", "", "`SERVICE`: license-manager.amazonaws.com, reeve or sts.amazonaws.com")
	f.StringVar(&o.key, "access-key", "", "`ID` of the access key that signed")
	f.StringVar(&o.resource, "resource", "", "`ARN` that the call named")
	f.StringVar(&o.code, "error-code", "", "`CODE` that the call was refused with")
	f.BoolVar(&o.errors, "errors", false, "only calls that were refused or failed")
	f.BoolVar(&o.changes, "changes", false, "only calls that can change something")
	f.BoolVar(&o.all, "all-accounts", false, "events of all accounts (root user of the root account)")
	o.connection.flags(f)
}

// input is what the flags select.
func (o *auditOptions) input() (in api.LookupEventsInput, err error) {
	in = api.LookupEventsInput{
		Username: optional(o.user), EventName: optional(o.event), EventSource: optional(o.source), AccessKeyId: optional(o.key),
		ResourceArn: optional(o.resource), ErrorCode: optional(o.code), ErrorsOnly: optional(o.errors), AllAccounts: optional(o.all),
	}
	if o.changes {
		in.ReadOnly = new(false)
	}
	if in.StartTime, err = parseOptionalMoment("--from", o.from); err != nil {
		return in, err
	}
	in.EndTime, err = parseOptionalMoment("--to", o.to)
	return in, err
}

// each calls fn with every event that the flags select, up to limit if that is
// not 0.
func (o *auditOptions) each(ctx context.Context, p *process, limit int, fn func(*api.Event) error) error {
	in, err := o.input()
	if err != nil {
		return err
	}
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	seen := 0
	return eachPage(func(token *string) (*string, error) {
		in.NextToken = token
		if limit > 0 {
			in.MaxResults = new(int64(limit - seen))
		}
		var out api.LookupEventsOutput
		if err := call(ctx, c, api.Reeve+".LookupEvents", in, &out); err != nil {
			return nil, err
		}
		for i := range out.Events {
			if err := fn(&out.Events[i]); err != nil {
				return nil, err
			}
		}
		if seen += len(out.Events); limit > 0 && seen >= limit {
			return nil, nil
		}
		return out.NextToken, nil
	})
}

var auditColumns = []column{
	{key: "EventTime", title: "TIME"},
	{key: "AccountId", title: "ACCOUNT"},
	{key: "Username", title: "USER"},
	{key: "SourceIPAddress", title: "FROM"},
	{key: "EventName", title: "EVENT"},
	{key: "ErrorCode", title: "REFUSED"},
	{key: "Resources", title: "RESOURCE"},
	{key: "EventId", title: "ID"},
}

func runAudit(ctx context.Context, p *process, o auditOptions) error {
	if o.limit < 0 {
		return misuse("--limit is %d: give a number of events, or 0 for all", o.limit)
	}
	columns := auditColumns
	if o.output.forPeople() {
		columns = columns[:len(columns)-1]
	}
	rows := newRecords(p.stdout, o.output, columns)
	err := o.each(ctx, p, o.limit, func(e *api.Event) error {
		cells := []any{val(e.EventTime), val(e.AccountId), val(e.Username), val(e.SourceIPAddress), val(e.EventName), val(e.ErrorCode),
			strings.Join(e.Resources, " "), val(e.EventId)}
		if o.output.forPeople() {
			cells = auditCells(cells, len(e.Resources))
		}
		return rows.row(cells...)
	})
	if err != nil {
		return err
	}
	return rows.end()
}

// auditCells are the cells as a table shows them: seconds, and the first
// resource.
func auditCells(cells []any, resources int) []any {
	if at, _, found := strings.Cut(fmt.Sprint(cells[0]), "."); found {
		cells[0] = at + "Z"
	}
	if resources > 1 {
		first, _, _ := strings.Cut(fmt.Sprint(cells[6]), " ")
		cells[6] = fmt.Sprintf("%s and %d more", first, resources-1)
	}
	return cells[:7]
}

func newAuditExport(p *process) *cobra.Command {
	var o auditOptions
	c := &cobra.Command{
		Use:   "export",
		Short: "Print whole events as JSON, one a line, in the shape of AWS CloudTrail's",
		Long: `Print events of the audit trail as JSON, one a line, the newest first, in the
shape of AWS CloudTrail's.

` + momentHelp,
		Example: `  reeve audit export --from 2026-01-01 --to 2026-02-01 > january.jsonl
  reeve audit export --all-accounts --errors | jq -r .sourceIPAddress | sort | uniq -c`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.each(c.Context(), p, 0, func(e *api.Event) error {
				_, err := io.WriteString(p.stdout, val(e.CloudTrailEvent)+"\n")
				return err
			})
		},
	}
	o.flags(c.Flags())
	return c
}

func newAuditVerify(p *process) *cobra.Command {
	var o connection
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that nothing of the audit trail is missing or was changed",
		Long: `Check that the segments of the audit trail are unbroken chains, and print the end
of the newest one. Whoever keeps that line elsewhere can prove later that nothing
before it was changed. Only the root user of the deployment's root account may.

The exit code is 1 when there is a fault.`,
		Example: `  reeve audit verify`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runAuditVerify(c.Context(), p, o) },
	}
	o.flags(c.Flags())
	return c
}

func runAuditVerify(ctx context.Context, p *process, o connection) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	var chains, segments, events, faults int64
	var out api.VerifyEventsOutput
	var since string
	err = eachPage(func(token *string) (*string, error) {
		out = api.VerifyEventsOutput{}
		if err := call(ctx, c, api.Reeve+".VerifyEvents", api.VerifyEventsInput{NextToken: token}, &out); err != nil {
			return nil, err
		}
		chains, segments, events = chains+val(out.Chains), segments+val(out.Segments), events+val(out.Events)
		faults += int64(len(out.Faults))
		if since == "" {
			since = val(out.Since)
		}
		for _, f := range out.Faults {
			fmt.Fprintln(p.stdout, printable(f))
		}
		return out.NextToken, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s since %s in %s of %s\n", counted(events, "event"), orNothing(since), counted(segments, "segment"), counted(chains, "chain"))
	if out.HeadHash != nil {
		fmt.Fprintf(p.stdout, "head: chain %d, segment %d, %s\n", val(out.HeadChain), val(out.HeadSegment), *out.HeadHash)
	}
	if faults > 0 {
		return fmt.Errorf("the audit trail has %s: keep this database for comparison, and look for a backup from before", counted(faults, "fault"))
	}
	return nil
}

func orNothing(text string) string {
	if text == "" {
		return "never"
	}
	return text
}
