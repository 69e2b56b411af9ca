package agent_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/agent"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/licensetest"
)

const account = "222222222222"

var root = iam.Identity{Account: licensetest.Root, Root: true, Principal: iam.PrincipalOf(licensetest.Root)}

// server is a running server with a token.
type server struct {
	*licensetest.Server
	base    string
	token   string
	id      string
	handler http.Handler
}

func (s *server) url() string { return s.base + "/agent/" + s.token }

func start(t testing.TB, opts licensetest.Options) *server {
	t.Helper()
	return startIn(t, opts, 0)
}

// startIn is start with so much memory for reports.
func startIn(t testing.TB, opts licensetest.Options, memory int64) *server {
	t.Helper()
	s := &server{Server: licensetest.Start(t, opts)}
	s.Credentials(account) // makes it
	token, text, err := s.Directory.CreateAgentToken(t.Context(), root, account, licensetest.Region, "test")
	if err != nil {
		t.Fatal(err)
	}
	s.token, s.id = text.Reveal(), token.ID
	if opts.Log == nil {
		opts.Log = slog.DiscardHandler
	}
	s.handler = agent.New(agent.Config{Manager: s.Manager, Directory: s.Directory, Log: slog.New(opts.Log), Memory: memory, Audit: s.Audit})
	running := httptest.NewServer(s.handler)
	t.Cleanup(running.Close)
	s.base = running.URL
	return s
}

// measured has the messages of another handler over the same server counted.
func (s *server) measured(t *testing.T, meter agent.Meter) {
	t.Helper()
	running := httptest.NewServer(agent.New(agent.Config{Manager: s.Manager, Directory: s.Directory, Log: slog.New(slog.DiscardHandler), Meter: meter}))
	t.Cleanup(running.Close)
	s.base = running.URL
}

// send posts a message and returns the answer's status, header and text.
func (s *server) send(t *testing.T, path, contentType string, body []byte, header ...string) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return do(t, r)
}

type answered struct {
	status int
	header http.Header
	text   string
}

// do sends a request and decompresses the answer, as agents do by its type.
func do(t *testing.T, r *http.Request) answered {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var in io.Reader = answer.Body
	switch answer.Header.Get("Content-Type") {
	case "application/x-compress-zlib":
		in, err = zlib.NewReader(in)
	case "application/x-compress-gzip":
		in, err = gzip.NewReader(in)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return answered{answer.StatusCode, answer.Header, string(text)}
}

func squeeze(body []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write(body)
	_ = w.Close()
	return z.Bytes()
}

func (s *server) path() string { return "/agent/" + s.token }

// machines are the inventory of the token's account.
func (s *server) machines(t *testing.T) []*license.Resource {
	t.Helper()
	list, _, err := s.Manager.ListInventory(t.Context(), s.Caller(account), nil, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

const uuid = "4C4C4544-0042-4810-8051-B3C04F564231"

// xmlReport is an inventory of one machine with these sections besides its
// hardware.
func xmlReport(name, uuid string, sections ...string) []byte {
	return []byte("<REQUEST><CONTENT><HARDWARE><NAME>" + name + "</NAME><UUID>" + uuid + "</UUID><VMSYSTEM>KVM</VMSYSTEM></HARDWARE>" +
		strings.Join(sections, "") + "</CONTENT><QUERY>INVENTORY</QUERY></REQUEST>")
}

const (
	prolog  = `<?xml version="1.0" encoding="UTF-8"?><REQUEST><DEVICEID>a-1</DEVICEID><QUERY>PROLOG</QUERY></REQUEST>`
	contact = `{"action":"contact","deviceid":"a-1","name":"GLPI-Agent","version":"1.11","installed-tasks":["inventory"],"enabled-tasks":["inventory"]}`
	glpi    = `{"action":"inventory","deviceid":"a-1","itemtype":"Computer","content":{"hardware":{"name":"db1","uuid":"` + uuid + `","vmsystem":"KVM"},
		"cpus":[{"core":2,"thread":4}],"operatingsystem":{"full_name":"Debian GNU/Linux 12","kernel_name":"linux","version":"12"},
		"softwares":[{"name":"oracle-ee","publisher":"Oracle","version":"19"}]}}`
	oracle = "<SOFTWARES><NAME>oracle-ee</NAME><PUBLISHER>Oracle</PUBLISHER><VERSION>19</VERSION></SOFTWARES>"
	linux  = "<CPUS><CORE>2</CORE><THREAD>4</THREAD></CPUS><OPERATINGSYSTEM><FULL_NAME>Debian GNU/Linux 12</FULL_NAME><KERNEL_NAME>linux</KERNEL_NAME><VERSION>12</VERSION></OPERATINGSYSTEM>"
)

// TestExchanges: what each agent sends, in the order in which it does, and
// what it must be answered to go on.
func TestExchanges(t *testing.T) {
	const send = "<REPLY><PROLOG_FREQ>24</PROLOG_FREQ><RESPONSE>SEND</RESPONSE></REPLY>"
	const done = "<REPLY><RESPONSE>NO_ACCOUNT_UPDATE</RESPONSE></REPLY>"
	report := xmlReport("db1", uuid, linux, oracle)
	id := []string{"GLPI-Agent-ID", "7c7ad4e6-0fc4-4d4f-b75b-3c2b1f0b7b0a"}
	for name, steps := range map[string][]struct {
		contentType string
		body        []byte
		header      []string
		want        string
	}{
		"FusionInventory":              {{"application/x-compress-zlib", deflate([]byte(prolog)), nil, send}, {"application/x-compress-zlib", deflate(report), nil, done}},
		"FusionInventory without zlib": {{"application/x-compress-gzip", squeeze([]byte(prolog)), nil, send}, {"application/x-compress-gzip", squeeze(report), nil, done}},
		"no compression":               {{"application/xml; charset=utf-8", []byte(prolog), nil, send}, {"application/xml", report, nil, done}},
		"OCS Inventory":                {{"application/x-compress", deflate([]byte(prolog)), nil, send}, {"application/x-compress", deflate(report), nil, done}},
		"GLPI Agent": {
			{"application/x-compress-zlib", deflate([]byte(prolog)), id, `{"status":"pending"}`},
			{"application/x-compress-zlib", deflate([]byte(contact)), id, `"status":"ok"`},
			{"application/x-compress-zlib", deflate([]byte(glpi)), id, `"status":"ok"`},
		},
		"GLPI Agent, plain": {{"application/json", []byte(contact), id, `"tasks":{"inventory"`}, {"application/json", []byte(glpi), id, `"expiration":"24h"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, licensetest.Options{})
			for _, step := range steps {
				got := s.send(t, s.path(), step.contentType, step.body, step.header...)
				if got.status != http.StatusOK || !strings.Contains(got.text, step.want) {
					t.Fatalf("%.60q is answered %d %s, want %s", step.body, got.status, got.text, step.want)
				}
			}
			same(t, s.machines(t))
		})
	}
}

// same: every agent tells of the same machine.
func same(t *testing.T, list []*license.Resource) {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("the inventory has %d machines", len(list))
	}
	got, virtual := list[0].Facts, true
	want := license.Facts{Status: "Online", Name: "db1", Platform: "Debian GNU/Linux 12", PlatformType: "Linux", PlatformVersion: "12",
		VCPUs: 4, Cores: 2, ThreadsPerCore: 2, Sockets: 1, Virtual: &virtual, Software: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the machine (-want +got)\n%s", diff)
	}
	if !strings.HasPrefix(list[0].ARN, "arn:aws:ssm:"+licensetest.Region+":"+account+":managed-instance/mi-") {
		t.Errorf("the machine is %s", list[0].ARN)
	}
}

func TestTokens(t *testing.T) {
	s := start(t, licensetest.Options{})
	report := xmlReport("db1", uuid, linux)
	basic := func(user, password string) []string {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.SetBasicAuth(user, password)
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	for name, c := range map[string]struct {
		path   string
		header []string
		status int
	}{
		"in the path":               {s.path(), nil, 200},
		"in the path, with more":    {s.path() + "/front/inventory.php", nil, 200},
		"as password":               {"/agent", basic("anybody", s.token), 200},
		"as password of its ID":     {"/ocsinventory", basic(s.id, s.token), 200},
		"none":                      {"/agent/", nil, 401},
		"empty password":            {"/agent/", basic("x", ""), 401},
		"its ID":                    {"/agent/" + s.id, nil, 401},
		"unknown":                   {"/agent/reeve-agent-" + strings.Repeat("a", 40), nil, 401},
		"password wrong, path good": {s.path(), basic("x", "wrong"), 401},
		"endless":                   {"/agent/" + strings.Repeat("a", 4000), nil, 401},
	} {
		got := s.send(t, c.path, "application/xml", report, c.header...)
		if got.status != c.status {
			t.Errorf("%s: answered %d %s, want %d", name, got.status, got.text, c.status)
		}
		if got.status == 401 && got.header.Get("WWW-Authenticate") != `Basic realm="Reeve"` {
			t.Errorf("%s: agents that have a password are asked with %q", name, got.header.Get("WWW-Authenticate"))
		}
	}
}

// TestRevokedToken: it ends at once where it was revoked; other servers ask
// again within seconds, which package iam's tests show.
func TestRevokedToken(t *testing.T) {
	s := start(t, licensetest.Options{})
	if got := s.send(t, s.path(), "application/xml", []byte(prolog)); got.status != 200 {
		t.Fatalf("answered %d %s", got.status, got.text)
	}
	if err := s.Directory.RevokeAgentToken(t.Context(), root, account, s.id); err != nil {
		t.Fatal(err)
	}
	if got := s.send(t, s.path(), "application/xml", []byte(prolog)); got.status != 401 || !strings.Contains(got.text, "revoked") {
		t.Errorf("answered %d %s", got.status, got.text)
	}
}

// TestTheLogHasNoToken also where the token is in the path and everything goes
// wrong.
func TestTheLogHasNoToken(t *testing.T) {
	var log bytes.Buffer
	s := start(t, licensetest.Options{Log: slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})})
	s.send(t, s.path(), "application/xml", []byte("<REQUEST>"))
	s.send(t, s.path(), "image/png", []byte("x"))
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.send(t, s.path(), "application/xml", xmlReport("db1", uuid)); got.status != 500 && got.status != 503 {
		t.Errorf("a server without a database answers %d %s", got.status, got.text)
	}
	if text := log.String(); strings.Contains(text, s.token) || text == "" {
		t.Errorf("the log says %q", text)
	}
}

func TestRefusals(t *testing.T) {
	s := start(t, licensetest.Options{})
	bomb := deflate(bytes.Repeat([]byte(" "), agent.MaxInflated+1))
	good := deflate(xmlReport("db1", uuid, linux))
	damaged := bytes.Clone(good)
	damaged[len(damaged)/2] ^= 0x55
	for name, c := range map[string]struct {
		contentType string
		body        []byte
		status      int
		want        string
	}{
		"empty":              {"application/xml", nil, 400, "empty"},
		"no XML":             {"application/xml", []byte("hello"), 400, "there is no inventory in it"},
		"cut off":            {"application/xml", xmlReport("db1", uuid)[:80], 400, "cut off"},
		"cut off, zlib":      {"application/x-compress-zlib", good[:len(good)-8], 400, "cut off"},
		"cut off, gzip":      {"application/x-compress-gzip", squeeze([]byte(prolog))[:30], 400, "cut off"},
		"damaged":            {"application/x-compress-zlib", damaged, 400, "damaged"},
		"damaged beginning":  {"application/x-compress-gzip", []byte{0x1f, 0x8b, 7, 7, 7}, 400, "beginning is damaged"},
		"zip bomb":           {"application/x-compress-zlib", bomb, 413, "32 MiB when it is decompressed"},
		"DOCTYPE":            {"application/xml", []byte("<!DOCTYPE x [<!ENTITY a 'b'>]>" + prolog), 400, "DOCTYPE"},
		"entity":             {"application/xml", []byte("<REQUEST><QUERY>&a;</QUERY></REQUEST>"), 400, "invalid character entity"},
		"deep":               {"application/xml", bytes.Repeat([]byte("<REQUEST>"), 100), 400, "nested"},
		"type":               {"image/png", good, 415, "application/json"},
		"another message":    {"application/xml", []byte("<REQUEST><QUERY>SNMPQUERY</QUERY></REQUEST>"), 400, `"SNMPQUERY"`},
		"nameless":           {"application/xml", xmlReport("", ""), 400, "does not tell which machine"},
		"JSON":               {"application/json", []byte(`{"content":`), 400, `{"status":"error","message":"The message cannot be read`},
		"JSON, of a printer": {"application/json", []byte(`{"itemtype":"Printer","content":{}}`), 400, "only computers"},
		"JSON, another":      {"application/json", []byte(`{"action":"get_params"}`), 400, `"status":"error"`},
	} {
		got := s.send(t, s.path(), c.contentType, c.body)
		if got.status != c.status || !strings.Contains(got.text, c.want) {
			t.Errorf("%s: answered %d %s, want %d %s", name, got.status, got.text, c.status, c.want)
		}
	}
	if got := s.send(t, s.path(), "application/xml", good, "Content-Encoding", "gzip"); got.status != 415 {
		t.Errorf("with an encoding: answered %d", got.status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := do(t, r); got.status != 405 || got.header.Get("Allow") != "POST" {
		t.Errorf("GET: answered %d", got.status)
	}
	if n := len(s.machines(t)); n != 0 {
		t.Errorf("%d machines came in by messages that were refused", n)
	}
}

func TestABodyWithoutEndIsRefused(t *testing.T) {
	s := start(t, licensetest.Options{})
	r := httptest.NewRequest(http.MethodPost, s.path(), zeros{})
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, r)
	if answer.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %d %s", answer.Code, answer.Body)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestTheSameReportAgain: reports are idempotent.
func TestTheSameReportAgain(t *testing.T) {
	s := start(t, licensetest.Options{})
	for range 3 {
		if got := s.send(t, s.path(), "application/xml", xmlReport("db1", uuid, linux, oracle)); got.status != 200 {
			t.Fatalf("answered %d %s", got.status, got.text)
		}
	}
	list := s.machines(t)
	if len(list) != 1 || list[0].Version != 1 || list[0].Facts.Software != 1 {
		t.Errorf("the inventory has %d machines; the first is at version %d with software %d", len(list), list[0].Version, list[0].Facts.Software)
	}
}

// TestSuspiciousReport: no software at all is not believed.
func TestSuspiciousReport(t *testing.T) {
	s := start(t, licensetest.Options{})
	for _, report := range [][]byte{xmlReport("db1", uuid, linux, oracle), xmlReport("renamed", uuid, linux)} {
		if got := s.send(t, s.path(), "application/xml", report); got.status != 200 {
			t.Fatalf("answered %d %s", got.status, got.text)
		}
	}
	list := s.machines(t)
	if len(list) != 1 || list[0].Facts.Name != "renamed" || list[0].Facts.Software != 1 {
		t.Errorf("a report without software left %+v", list[0].Facts)
	}
}

// TestGuests: a hypervisor's report says where machines run that are known,
// and makes none.
func TestGuests(t *testing.T) {
	s := start(t, licensetest.Options{})
	guest := func(uuid string) string {
		return "<VIRTUALMACHINES><UUID>" + uuid + "</UUID><STATUS>running</STATUS><VMTYPE>kvm</VMTYPE></VIRTUALMACHINES>"
	}
	for _, report := range [][]byte{
		xmlReport("guest", uuid, linux),
		xmlReport("host", "00000000-1111-2222-3333-444444444444", linux, guest(uuid), guest("99999999-1111-2222-3333-444444444444")),
	} {
		if got := s.send(t, s.path(), "application/xml", report); got.status != 200 {
			t.Fatalf("answered %d %s", got.status, got.text)
		}
	}
	list := s.machines(t)
	if len(list) != 2 {
		t.Fatalf("the inventory has %d machines", len(list))
	}
	if guest, host := list[0], list[1]; guest.Facts.Host != host.ARN || host.Facts.Host != "" {
		t.Errorf("the guest runs on %q, the host %s on %q", guest.Facts.Host, host.ARN, host.Facts.Host)
	}
}

// TestManyAtOnce: reports that share a transaction are all there, also where
// two are of one machine.
func TestManyAtOnce(t *testing.T) {
	s := start(t, licensetest.Options{})
	var all sync.WaitGroup
	statuses := make([]int, 60)
	for i := range statuses {
		all.Go(func() {
			id := fmt.Sprintf("4C4C4544-0042-4810-8051-%012d", 1+i/2) // two reports of each machine
			statuses[i] = s.send(t, s.path(), "application/x-compress-zlib", deflate(xmlReport("h", id, linux))).status
		})
	}
	all.Wait()
	for i, status := range statuses {
		if status != http.StatusOK {
			t.Errorf("report %d was answered %d", i, status)
		}
	}
	if n := len(s.machines(t)); n != len(statuses)/2 {
		t.Errorf("%d machines came in, want %d", n, len(statuses)/2)
	}
}

// TestACrowd: in a server with room for a few, whoever is told that its report
// was taken finds it there, and whoever is not is told to come again.
func TestACrowd(t *testing.T) {
	const crowd = 300
	s := startIn(t, licensetest.Options{}, 2<<20)
	var all sync.WaitGroup
	var taken [crowd]bool
	for i := range taken {
		all.Go(func() {
			got := s.send(t, s.path(), "application/x-compress-zlib", deflate(xmlReport("h", fmt.Sprintf("4C4C4544-0042-4810-8051-%012d", i+1), linux, oracle)))
			taken[i] = got.status == http.StatusOK
			if !taken[i] && (got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "") {
				t.Errorf("answered %d %s", got.status, got.text)
			}
		})
	}
	all.Wait()
	there := 0
	for after := int64(0); ; {
		list, next, err := s.Manager.ListInventory(t.Context(), s.Caller(account), nil, after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if there += len(list); next == 0 {
			break
		}
		after = next
	}
	want := 0
	for _, one := range taken {
		if one {
			want++
		}
	}
	if there != want || want == 0 {
		t.Errorf("%d reports were taken, and %d machines are there", want, there)
	}
}
