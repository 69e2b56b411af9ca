package server

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"reeve/internal/api"
	"reeve/internal/audit"
	"reeve/internal/license"
)

// largestEventPage is the largest page of events: each is some KiB at most.
const largestEventPage = 200

func (s *server) lookupEvents(ctx context.Context, who license.Caller, in *api.LookupEventsInput) (*api.LookupEventsOutput, error) {
	q, err := eventQuery(who, in)
	if err != nil {
		return nil, err
	}
	p, err := s.pager(who, in.MaxResults, in.NextToken, eventScope(q)...)
	if err != nil {
		return nil, err
	}
	q.Limit = min(p.limit, largestEventPage)
	after, err := p.pair()
	if err != nil {
		return nil, err
	}
	if after != nil {
		q.Next = audit.Place{Time: after[0], Chain: after[1]}
	}
	found, next, err := audit.Lookup(ctx, s.trail, q)
	if err != nil {
		return nil, err
	}
	out := &api.LookupEventsOutput{Events: convert(found, wireEvent)}
	if next != nil {
		out.NextToken = p.afterPair(next.Time, next.Chain)
	}
	return out, nil
}

// eventQuery is what a request selects. Everybody sees the events of their own
// account.
func eventQuery(who license.Caller, in *api.LookupEventsInput) (q audit.Query, err error) {
	q = audit.Query{
		Account: who.Account, User: value(in.Username), Name: value(in.EventName), Source: value(in.EventSource),
		AccessKeyID: value(in.AccessKeyId), Resource: value(in.ResourceArn), ErrorCode: value(in.ErrorCode),
		Errors: value(in.ErrorsOnly), ReadOnly: in.ReadOnly,
	}
	if value(in.AllAccounts) {
		if err := rootAccountOnly(who, "Events of all accounts"); err != nil {
			return q, err
		}
		q.Account = ""
	}
	if q.From, err = microsGiven("StartTime", in.StartTime); err != nil {
		return q, err
	}
	q.To, err = microsGiven("EndTime", in.EndTime)
	return q, err
}

// rootAccountOnly refuses everybody but callers of the root account: its root
// user, and whom its policies allow the operation, such as an auditor.
func rootAccountOnly(who license.Caller, what string) error {
	if who.Root {
		return nil
	}
	return &license.Error{Kind: license.Denied, Message: what + " are for callers of the deployment's root account alone."}
}

// microsGiven is a moment in microseconds since 1970, 0 for none.
func microsGiven(name string, text *string) (int64, error) {
	at, err := moment(name, text)
	if at == nil {
		return 0, err
	}
	return max(1, int64(*at)), err
}

// eventScope is what a list of events is bound to.
func eventScope(q audit.Query) []string {
	readOnly := ""
	if q.ReadOnly != nil {
		readOnly = strconv.FormatBool(*q.ReadOnly)
	}
	return []string{q.Account, fmt.Sprint(q.From), fmt.Sprint(q.To), q.User, q.Name, q.Source, q.AccessKeyID, q.Resource, q.ErrorCode,
		strconv.FormatBool(q.Errors), readOnly}
}

func wireEvent(f *audit.Found) api.Event {
	resources := make([]string, len(f.Resources))
	for i, r := range f.Resources {
		resources[i] = r.ARN
	}
	return api.Event{
		EventId: &f.EventID, EventTime: new(f.Time().Format(time.RFC3339Nano)), EventSource: &f.EventSource, EventName: &f.EventName,
		AccountId: &f.RecipientID, Username: present(f.Username()), AccessKeyId: present(f.UserIdentity.AccessKeyID),
		SourceIPAddress: &f.SourceIPAddress, ReadOnly: &f.ReadOnly,
		ErrorCode: present(f.ErrorCode), ErrorMessage: present(f.ErrorMessage),
		Resources: resources, CloudTrailEvent: new(string(f.Text)),
	}
}

func (s *server) verifyEvents(ctx context.Context, who license.Caller, in *api.VerifyEventsInput) (*api.VerifyEventsOutput, error) {
	if err := rootAccountOnly(who, "Checks of the audit trail"); err != nil {
		return nil, err
	}
	p, err := s.pager(who, nil, in.NextToken)
	if err != nil {
		return nil, err
	}
	from, err := p.pair()
	if err != nil {
		return nil, err
	}
	place := audit.Place{}
	if from != nil {
		place = audit.Place{Time: from[0], Chain: from[1]}
	}
	r, err := audit.Verify(ctx, s.trail, place)
	if err != nil {
		return nil, err
	}
	out := &api.VerifyEventsOutput{Chains: &r.Chains, Segments: &r.Segments, Events: &r.Events, Faults: r.Faults}
	if r.Since > 0 {
		out.Since = new(time.UnixMicro(r.Since).UTC().Format(time.RFC3339Nano))
	}
	if r.Head != nil {
		out.HeadChain, out.HeadSegment, out.HeadHash = &r.Head.Chain, &r.Head.Segment, new(hex.EncodeToString(r.Head.Hash))
	}
	if r.Next != nil {
		out.NextToken = p.afterPair(r.Next.Time, r.Next.Chain)
	}
	return out, nil
}
