package clients_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What people do with automated discovery, from an agent's report to the
// release: the agents unmodified, AWS's client for Python, and our own command
// line for what AWS does not have.

// finding is a licence configuration that discovers one program.
type finding struct {
	t       *testing.T
	server  *server
	boto3   boto3Teller
	program string
	arn     string
}

// findBy creates it with boto3. Machines that no longer have the program are
// released.
func (s *server) findBy(t *testing.T, filter, value string) *finding {
	t.Helper()
	needBoto3(t)
	f := &finding{t: t, server: s, boto3: openBoto3(t, s, rootKey).(boto3Teller), program: value}
	var made struct{ LicenseConfigurationArn string }
	f.call("CreateLicenseConfiguration", map[string]any{
		"Name": value, "LicenseCountingType": "Instance", "DisassociateWhenNotFound": true,
		"ProductInformationList": []any{map[string]any{"ResourceType": "SSM_MANAGED", "ProductInformationFilterList": []any{
			map[string]any{"ProductInformationFilterName": filter, "ProductInformationFilterComparator": "EQUALS", "ProductInformationFilterValue": []string{value}},
		}}},
	}, &made)
	f.arn = made.LicenseConfigurationArn
	return f
}

// call asks with boto3, which must succeed.
func (f *finding) call(operation string, in, out any) {
	f.t.Helper()
	text, err := json.Marshal(in)
	must(f.t, "encode request", err)
	answer, no := f.boto3.call(f.t, operation, text)
	if no != nil {
		f.t.Fatalf("%s is refused with %s: %s", operation, no.Code, no.Message)
	}
	must(f.t, "decode answer", json.Unmarshal(answer, out))
}

// users are the IDs of the machines that use a licence, now or at a moment.
func (f *finding) users(at ...time.Time) string {
	f.t.Helper()
	in := map[string]any{"LicenseConfigurationArn": f.arn}
	for _, moment := range at {
		in["Filters"] = []any{map[string]any{"Name": "asOf", "Values": []string{moment.UTC().Format(time.RFC3339Nano)}}}
	}
	var page struct {
		LicenseConfigurationUsageList []struct{ ResourceArn string }
	}
	f.call("ListUsageForLicenseConfiguration", in, &page)
	var ids []string
	for _, u := range page.LicenseConfigurationUsageList {
		ids = append(ids, u.ResourceArn[strings.LastIndexByte(u.ResourceArn, '/')+1:])
	}
	return strings.Join(ids, " ")
}

func (f *finding) wantUsers(when, want string, at ...time.Time) {
	f.t.Helper()
	if got := f.users(at...); got != want {
		f.t.Errorf("%s the licence is used by %q, want %q", when, got, want)
	}
}

// explain checks that the explanation of a machine says all of this.
func (f *finding) explain(id string, texts ...string) {
	f.t.Helper()
	explained := f.server.reeve(f.t, rootKey, "explain", f.program, id)
	for _, text := range texts {
		if !strings.Contains(explained, text) {
			f.t.Errorf("reeve explain %s %s does not say %q:\n%s", f.program, id, text, explained)
		}
	}
}

// TestFromAgentToRelease is the whole way of one machine: reported, found,
// explained, excluded, included, uninstalled.
func TestFromAgentToRelease(t *testing.T) {
	t.Parallel()
	const program = "fusioninventory-agent"
	s := start(t)
	token, local := s.agentToken(t, rootKey), t.TempDir()
	out, err := runAgent(t, program, "--server", token.Url, "--local", local, "--force", "--no-category=process")
	if err != nil || strings.Contains(out, "[error]") {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	f := s.findBy(t, "Application Name", program)
	s.reeve(t, rootKey, "discover", program)
	id := *s.reported(t, rootKey).ResourceId
	f.wantUsers("after the report", id)
	f.explain(id, "ProductInformationList", "Application Name", program)

	before := time.Now()
	until := before.AddDate(0, 1, 0).Format(time.DateOnly)
	s.reeve(t, rootKey, "exclude", program, id, "--reason", "only tests run here", "--owner", "ann@example.com", "--until", until)
	f.wantUsers("while it is excluded", "")
	f.wantUsers("before it was excluded", id, before)
	f.explain(id, "only tests run here", "ann@example.com", until)
	s.reeve(t, rootKey, "include", program, id)
	f.wantUsers("when it is included again", id)

	report := inventoryIn(t, local)
	post(t, token.Url, report)
	f.wantUsers("after the agent's own file", id)
	post(t, token.Url, without(t, report, program))
	f.wantUsers("when the program is gone", "")
}

// TestFoundByOCSInventory: the rule is there first, and the report alone makes
// the usage.
func TestFoundByOCSInventory(t *testing.T) {
	t.Parallel()
	const program = "ocsinventory-agent"
	s := start(t)
	token, f := s.agentToken(t, rootKey), s.findBy(t, "Application Name", program)
	f.wantUsers("before any report", "")
	if out, err := runAgent(t, program, "--server", token.Url, "--nolocal", "--basevardir", t.TempDir()); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	id := *s.reported(t, rootKey).ResourceId
	f.wantUsers("after the report", id)
	f.explain(id, "ProductInformationList", "Application Name", program)
}

// inventoryIn is the only inventory that an agent has left in a directory.
func inventoryIn(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the agent left %v, error %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	must(t, "read inventory", err)
	return text
}

// without is an inventory as the agent would write it after a program was
// removed.
func without(t *testing.T, report []byte, program string) []byte {
	t.Helper()
	section := regexp.MustCompile(`(?s)<SOFTWARES>.*?</SOFTWARES>\s*`)
	name := []byte("<NAME>" + program + "</NAME>")
	left := section.ReplaceAllFunc(report, func(one []byte) []byte {
		if bytes.Contains(one, name) {
			return nil
		}
		return one
	})
	if len(left) == len(report) || !section.Match(left) {
		t.Fatalf("%s is not in the inventory, or nothing else", program)
	}
	return left
}

// post sends an inventory as an agent does.
func post(t *testing.T, url string, report []byte) {
	t.Helper()
	answer, err := http.Post(url, "application/xml", bytes.NewReader(report))
	must(t, "send inventory", err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the inventory is answered with %s", answer.Status)
	}
}
