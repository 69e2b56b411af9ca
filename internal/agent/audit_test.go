package agent_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/audit"
	"reeve/internal/licensetest"
)

// trail closes the trail and returns its events, and all of it as text.
func (s *server) trail(t *testing.T) (events []map[string]any, text string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Audit.Close())
	kept := s.Store.Audit()
	chains, err := kept.Chains(t.Context(), 0, 10)
	must(err)
	for _, c := range chains {
		segments, err := kept.Segments(t.Context(), c.Num, 0, 1000)
		must(err)
		for _, segment := range segments {
			lines, err := segment.Lines()
			must(err)
			for _, line := range lines {
				var e map[string]any
				must(json.Unmarshal(line, &e))
				events, text = append(events, e), text+string(line)+"\n"
			}
		}
	}
	return events, text
}

// TestEveryReportLeavesAnEvent in CloudTrail's shape, and so does every token
// that is refused; that an agent asks whether it may report leaves none.
func TestEveryReportLeavesAnEvent(t *testing.T) {
	s := start(t, licensetest.Options{Audit: audit.All})
	s.send(t, s.path(), "application/xml", []byte(prolog), "User-Agent", "agent/1")
	s.send(t, s.path(), "application/xml", xmlReport("db1", uuid, linux), "User-Agent", "agent/1")
	s.send(t, s.path(), "application/xml", []byte("hello"), "User-Agent", "agent/1")
	unknown := "/agent/reeve-agent-" + strings.Repeat("a", 52)
	s.send(t, unknown, "application/xml", xmlReport("db1", uuid, linux), "User-Agent", "agent/1")
	if err := s.Directory.RevokeAgentToken(t.Context(), root, account, s.id); err != nil {
		t.Fatal(err)
	}
	s.send(t, s.path(), "application/xml", xmlReport("db1", uuid, linux), "User-Agent", "agent/1")
	machines := s.machines(t)

	got, text := s.trail(t)
	type told struct{ Code, Who, Account string }
	var outcomes []told
	for i, e := range got {
		identity, _ := e["userIdentity"].(map[string]any)
		code, _ := e["errorCode"].(string)
		who, _ := identity["type"].(string)
		of, _ := e["recipientAccountId"].(string)
		outcomes = append(outcomes, told{code, who, of})
		for member, want := range map[string]any{
			"eventVersion": "1.08", "eventName": "AgentReport", "eventSource": audit.SourceReeve, "eventType": "AwsApiCall", "eventCategory": "Management",
			"managementEvent": true, "readOnly": false, "sourceIPAddress": "127.0.0.1", "userAgent": "agent/1",
		} {
			if e[member] != want {
				t.Errorf("event %d: %s is %v, want %v", i, member, e[member], want)
			}
		}
		for _, member := range []string{"eventTime", "eventID", "requestID", "awsRegion"} {
			if text, _ := e[member].(string); text == "" {
				t.Errorf("event %d has no %s", i, member)
			}
		}
	}
	const bad, refused = "ValidationException", "UnrecognizedClientException"
	want := []told{{"", "AgentToken", account}, {bad, "AgentToken", account}, {refused, "Unknown", licensetest.Root}, {refused, "Unknown", licensetest.Root}}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Fatalf("events (-want +got):\n%s\n%s", diff, text)
	}
	if len(machines) != 1 || !strings.Contains(text, `"requestParameters":{"resourceArn":"`+machines[0].ARN+`"}`) {
		t.Errorf("the trail does not name the machine:\n%s", text)
	}
	if strings.Contains(text, s.token) || strings.Contains(text, unknown) {
		t.Errorf("the trail has a token:\n%s", text)
	}
}
