package agent

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-json-experiment/json"

	"reeve/internal/audit"
	"reeve/internal/iam"
)

// said is what was found out of a message, for the audit trail.
type said struct {
	token   *iam.AgentToken // nil of one that is not known
	machine string          // the ARN of an inventory's machine
}

// trail records what agents report: an event for each inventory, and for each
// message that is refused. That an agent asks whether it may report is none.
type trail struct {
	recorder   *audit.Recorder
	log        *slog.Logger
	trustProxy bool
}

// errTrailFull turns a message away before it does anything. It has no event:
// there is no room for one.
var errTrailFull = &refusal{status: http.StatusServiceUnavailable, text: "The server cannot record more reports at the moment, because its database does not take them. Send it again in a minute."}

// errorCodes are the events' codes for the statuses of refusals.
var errorCodes = map[int]string{
	http.StatusUnauthorized:        "UnrecognizedClientException",
	http.StatusServiceUnavailable:  "ServiceUnavailableException",
	http.StatusInternalServerError: "ServerInternalException",
}

// record writes the event of a message. What was reported is in the ledgers by
// now, so an event that is late changes no answer.
func (t *trail) record(r *http.Request, s *said, a *answer, refused error) {
	if r.Method != http.MethodPost || errors.Is(refused, errTrailFull) || refused == nil && s.machine == "" {
		return
	}
	e := audit.Event{
		Source: audit.SourceReeve, Name: operation, UserAgent: r.UserAgent(), SourceIP: iam.OriginOf(r, t.trustProxy).SourceIP, RequestID: newID(),
	}
	if s.token != nil {
		e.Account, e.Region = s.token.Account, s.token.Region
		e.Identity = audit.Identity{Type: "AgentToken", PrincipalID: s.token.ID, ARN: s.token.Principal(), Account: s.token.Account, UserName: s.token.Name}
	}
	if s.machine != "" {
		e.Request, _ = json.Marshal(map[string]string{"ResourceArn": s.machine}) // an ARN: cannot fail
	}
	if refused != nil {
		e.ErrorCode, e.ErrorMessage = "ValidationException", reason(refused)
		if code, ok := errorCodes[a.status]; ok {
			e.ErrorCode = code
		}
	}
	if err := t.recorder.Record(r.Context(), e); err != nil && r.Context().Err() == nil {
		t.log.Error("a report is answered before its event is written; the event stays in the queue", "error", err)
	}
}

// reason is what an agent was told; of the server's own trouble it was told
// nothing.
func reason(refused error) string {
	var why *refusal
	if errors.As(refused, &why) {
		return why.text
	}
	return ""
}

func newID() string {
	var b [16]byte
	rand.Read(b[:])
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
