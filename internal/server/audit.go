package server

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"reeve/internal/api"
	"reeve/internal/audit"
	"reeve/internal/awsjson"
	"reeve/internal/iam"
)

// errTrailFull refuses a call before it does anything: what it does could not
// be recorded.
var errTrailFull = &awsjson.Fault{
	Code:    codeUnavailable,
	Message: "The server cannot record more calls at the moment, because its database does not take them. Nothing was done. Try again.",
	Status:  http.StatusServiceUnavailable,
}

// trail makes an event of every call.
type trail struct {
	recorder   *audit.Recorder
	log        *slog.Logger
	trustProxy bool
}

// observer returns what the calls are recorded by; nil where nothing is.
func observer(cfg *Config) awsjson.Observer {
	if cfg.Audit == nil {
		return nil
	}
	return &trail{cfg.Audit, cfg.Log, cfg.TrustProxy}
}

// Admit implements awsjson.Observer.
func (t *trail) Admit(ctx context.Context, target string) error {
	if err := t.recorder.Admit(ctx); err != nil {
		t.log.Warn("call turned away, since it could not be recorded", "target", clipTarget(target))
		return errTrailFull
	}
	return nil
}

// Answered implements awsjson.Observer. A change is in the database by now, and
// its answer is right whatever becomes of its event: an error would make the
// caller do it again. So the answer is given, and an event that is late stays
// in the queue until it is written.
func (t *trail) Answered(ctx context.Context, o *awsjson.Observation) {
	if o.Fault == errTrailFull {
		return // there is no room for its event either; it was counted and logged
	}
	if o.Fault != nil && o.Fault.Code == awsjson.CodeThrottling {
		return // nothing was done; metrics count them, and a flood of them must not fill the trail
	}
	e := t.event(o)
	if !t.recorder.Keeps(&e) {
		return
	}
	if o.Fault != nil && o.Fault.Status == http.StatusServiceUnavailable {
		// Nothing was changed, mostly since the database takes no writes: nobody
		// waits for it once more.
		done, cancel := context.WithCancel(ctx)
		cancel()
		ctx = done
	}
	if err := t.recorder.Record(ctx, e); err != nil && ctx.Err() == nil {
		t.log.Error("a change is answered before its event is written; the event stays in the queue", "error", err,
			"request_id", o.Call.RequestID, "target", clipTarget(o.Call.Target))
	}
}

// event is a call as the trail tells it.
func (t *trail) event(o *awsjson.Observation) audit.Event {
	service, name := splitTarget(o.Call.Target)
	e := audit.Event{
		Source: service, Name: name, ReadOnly: readsOnly(name),
		RequestID: o.Call.RequestID, Request: o.Call.Body,
	}
	if o.Request != nil {
		e.UserAgent = o.Request.UserAgent()
		e.SourceIP = iam.OriginOf(o.Request, t.trustProxy).SourceIP
	}
	if who, err := signerOf(o.Call); err == nil {
		e.Account, e.Region, e.Identity = who.Account, who.Region, audit.IdentityOf(who.Identity, who.AccessKeyID)
		if o.Request == nil {
			e.SourceIP, e.UserAgent = who.Origin.SourceIP, who.Origin.UserAgent
		}
	} else if o.Request != nil {
		e.Identity.AccessKeyID, e.Region = audit.Claimed(o.Request.Header.Get("Authorization"))
	}
	switch {
	case o.Fault != nil:
		e.ErrorCode, e.ErrorMessage, e.Malformed = o.Fault.Code, o.Fault.Message, true
	case !e.ReadOnly:
		e.Response = o.Response
	}
	return e
}

// splitTarget returns the source and the name of an event. A target that no
// service has is kept as it is.
func splitTarget(target string) (source, name string) {
	service, name, found := strings.Cut(target, ".")
	switch {
	case !found:
		return audit.SourceReeve, clipTarget(target)
	case service == api.LicenseManager:
		return audit.SourceLicenseManager, name
	case service == api.Reeve:
		return audit.SourceReeve, name
	}
	return audit.SourceReeve, clipTarget(target)
}

// clipTarget bounds what is logged of a header.
func clipTarget(target string) string {
	const most = 128
	return strings.ToValidUTF8(target[:min(len(target), most)], "")
}

// readers begin the names of operations that change nothing.
var readers = []string{"Get", "List", "Find", "Explain", "Compare", "Verify", "Lookup", "Simulate", "Describe", "Search", "Export", "Preview"}

// readsOnly reports whether an operation changes nothing. Of an unknown one it
// is not known.
func readsOnly(name string) bool {
	return slices.ContainsFunc(readers, func(verb string) bool { return strings.HasPrefix(name, verb) })
}
