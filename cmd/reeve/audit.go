package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reeve/internal/api"
	"reeve/internal/client"
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
	completeWith(c, "source", "license-manager.amazonaws.com", "reeve", "sts.amazonaws.com")
	c.Flags().IntVar(&o.limit, "limit", 1000, "the most `events` to list; 0 for all")
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
	f.BoolVar(&o.all, "all-accounts", false, "events of all accounts (callers of the root account)")
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

var eventView = view[api.Event]{
	[]column{
		{key: "EventTime", title: "TIME"},
		{key: "AccountId", title: "ACCOUNT", spare: true},
		{key: "Username", title: "USER"},
		{key: "SourceIPAddress", title: "FROM"},
		{key: "EventName", title: "EVENT"},
		{key: "ErrorCode", title: "REFUSED"},
		{key: "Resources", title: "RESOURCE", spare: true},
		{key: "EventId"},
	},
	func(e *api.Event) []any {
		return []any{instant(val(e.EventTime)), val(e.AccountId), val(e.Username), val(e.SourceIPAddress), val(e.EventName),
			alarming(val(e.ErrorCode)), e.Resources, val(e.EventId)}
	},
}

func runAudit(ctx context.Context, p *process, o auditOptions) error {
	if o.limit < 0 {
		return misuse("--limit is %d: give a number of events, or 0 for all", o.limit)
	}
	out := newList(p, eventView)
	if err := o.each(ctx, p, o.limit, out.add); err != nil {
		return err
	}
	return out.end()
}

func newAuditExport(p *process) *cobra.Command {
	var o auditOptions
	c := &cobra.Command{
		Use:   "export",
		Short: "Print whole events as JSON in the shape of AWS CloudTrail's",
		Long: `Print events of the audit trail as JSON, one a line, the newest first, in the
shape of AWS CloudTrail's. With --output json they are one array; with csv they are
what reeve audit lists.

` + momentHelp,
		Example: `  reeve audit export --from 2026-01-01 --to 2026-02-01 > january.jsonl
  reeve audit export --all-accounts --errors | jq -r .sourceIPAddress | sort | uniq -c`,
		Args: arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return runAuditExport(c.Context(), p, o) },
	}
	o.flags(c.Flags())
	completeWith(c, "source", "license-manager.amazonaws.com", "reeve", "sts.amazonaws.com")
	return c
}

func runAuditExport(ctx context.Context, p *process, o auditOptions) error {
	if p.output == "csv" {
		return runAudit(ctx, p, o)
	}
	g := newProgress(p)
	defer g.clear()
	var seen int64
	array := &jsonRecords{w: p.stdout}
	err := o.each(ctx, p, 0, func(e *api.Event) error {
		seen++
		g.show(0, 0, counted(seen, "event"))
		if !p.forPeople() {
			return array.row(jsontext.Value(val(e.CloudTrailEvent)), nil)
		}
		_, err := io.WriteString(p.stdout, val(e.CloudTrailEvent)+"\n")
		return err
	})
	if err != nil || p.forPeople() {
		return err
	}
	return array.end()
}

func newAuditVerify(p *process) *cobra.Command {
	var o connection
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that nothing of the audit trail is missing or was changed",
		Long: `Check that the segments of the audit trail are unbroken chains, and print the end
of the newest one. Whoever keeps that line elsewhere can prove later that nothing
before it was changed. Only callers of the deployment's root account may.

The exit code is 4 when there is a fault.`,
		Example: `  reeve audit verify`,
		Args:    arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return runAuditVerify(c.Context(), p, o) },
	}
	o.flags(c.Flags())
	return c
}

var trailView = view[api.VerifyEventsOutput]{
	[]column{{key: "Events"}, {key: "Since"}, {key: "Segments"}, {key: "Chains"}, {key: "HeadChain"}, {key: "HeadSegment"}, {key: "HeadHash"}, {key: "Faults"}},
	func(t *api.VerifyEventsOutput) []any {
		return []any{val(t.Events), instant(val(t.Since)), val(t.Segments), val(t.Chains), number(t.HeadChain), number(t.HeadSegment), val(t.HeadHash), int64(len(t.Faults))}
	},
}

func runAuditVerify(ctx context.Context, p *process, o connection) error {
	c, err := o.dial(p)
	if err != nil {
		return err
	}
	trail, err := verifyTrail(ctx, p, c)
	if err != nil {
		return err
	}
	if err := printSaid(p, trailView, trail, trailText(trail)); err != nil {
		return err
	}
	if n := len(trail.Faults); n > 0 {
		return negative("the audit trail has %s: keep this database for comparison, and look for a backup from before", counted(int64(n), "fault"))
	}
	return nil
}

func trailText(t *api.VerifyEventsOutput) string {
	var b strings.Builder
	for _, f := range t.Faults {
		b.WriteString(printable(f) + "\n")
	}
	fmt.Fprintf(&b, "%s since %s in %s of %s\n", counted(val(t.Events), "event"), orNothing(val(t.Since)),
		counted(val(t.Segments), "segment"), counted(val(t.Chains), "chain"))
	if t.HeadHash != nil {
		fmt.Fprintf(&b, "head: chain %d, segment %d, %s\n", val(t.HeadChain), val(t.HeadSegment), *t.HeadHash)
	}
	return b.String()
}

// verifyTrail follows all pages and adds them up; the head is that of the last
// one.
func verifyTrail(ctx context.Context, p *process, c *client.Client) (*api.VerifyEventsOutput, error) {
	g := newProgress(p)
	defer g.clear()
	sum := api.VerifyEventsOutput{Events: new(int64(0)), Segments: new(int64(0)), Chains: new(int64(0))}
	err := eachPage(func(token *string) (*string, error) {
		var out api.VerifyEventsOutput
		if err := call(ctx, c, api.Reeve+".VerifyEvents", api.VerifyEventsInput{NextToken: token}, &out); err != nil {
			return nil, err
		}
		*sum.Events += val(out.Events)
		*sum.Segments += val(out.Segments)
		*sum.Chains += val(out.Chains)
		sum.Faults = append(sum.Faults, out.Faults...)
		sum.HeadChain, sum.HeadSegment, sum.HeadHash = out.HeadChain, out.HeadSegment, out.HeadHash
		if sum.Since == nil {
			sum.Since = out.Since
		}
		g.show(0, 0, counted(*sum.Events, "event")+" checked")
		return out.NextToken, nil
	})
	return &sum, err
}

func orNothing(text string) string {
	if text == "" {
		return "never"
	}
	return text
}
