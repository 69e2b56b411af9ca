package awsjson_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/awsjson"
)

var errForbidden = errors.New("forbidden")

// lockedBuffer is a log that a server writes and a test reads.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newHandler serves operations that do what their names say. A request is
// authenticated unless it has an Anonymous header.
func newHandler(log io.Writer) *awsjson.Handler {
	return &awsjson.Handler{
		Authenticate: func(r *http.Request, _ []byte) (any, error) {
			if r.Header.Get("Anonymous") != "" {
				return nil, errForbidden
			}
			return "alice", nil
		},
		Fault: func(err error) *awsjson.Fault {
			if errors.Is(err, errForbidden) {
				return &awsjson.Fault{Code: "MissingAuthenticationTokenException", Message: "Request is missing Authentication Token"}
			}
			return nil
		},
		Log: slog.New(slog.NewTextHandler(log, nil)),
		Operations: map[string]awsjson.Operation{
			"Test.Echo":  {Serve: echo},
			"Test.Big":   {MaxBody: 4 << 20, Serve: measure},
			"Test.Small": {MaxBody: 16, Serve: measure},
			"Test.Empty": {Serve: func(context.Context, awsjson.Call) (awsjson.Response, error) { return nil, nil }},
			"Test.Canned": {Serve: func(context.Context, awsjson.Call) (awsjson.Response, error) {
				return awsjson.Bytes(`{"Canned":1}`), nil
			}},
			"Test.Fail":   {Serve: fail(errors.New("the disk is full of secrets"))},
			"Test.Refuse": {Serve: fail(fmt.Errorf("wrapped: %w", &awsjson.Fault{Code: "ConflictException", Message: "No."}))},
			"Test.Odd":    {Serve: fail(&awsjson.Fault{Code: "OddException", Message: "a\x00\xff\"\\\u2028" + strings.Repeat("é\xff", 2000), Status: 429})},
			"Test.Panic":  {Serve: func(context.Context, awsjson.Call) (awsjson.Response, error) { panic("out of cheese") }},
			"Test.Abort":  {Serve: func(context.Context, awsjson.Call) (awsjson.Response, error) { panic(http.ErrAbortHandler) }},
			"Test.Garble": {Serve: func(context.Context, awsjson.Call) (awsjson.Response, error) {
				return awsjson.Marshal(map[string]any{"Text": "a\xffb"}), nil
			}},
			"Test.Unencodable": {Serve: func(context.Context, awsjson.Call) (awsjson.Response, error) {
				return awsjson.Marshal(map[string]any{"F": func() {}}), nil
			}},
		},
	}
}

func fail(err error) func(context.Context, awsjson.Call) (awsjson.Response, error) {
	return func(context.Context, awsjson.Call) (awsjson.Response, error) { return nil, err }
}

// echo answers with all it was given.
func echo(_ context.Context, c awsjson.Call) (awsjson.Response, error) {
	var in jsontext.Value
	if err := awsjson.Decode(c.Body, &in); err != nil {
		return nil, err
	}
	return awsjson.Marshal(map[string]any{
		"Identity": c.Identity, "Body": string(c.Body), "RequestID": c.RequestID, "Target": c.Target,
	}), nil
}

func measure(_ context.Context, c awsjson.Call) (awsjson.Response, error) {
	return awsjson.Marshal(map[string]int{"Length": len(c.Body)}), nil
}

// start serves the handler on loopback, with the limits that production has.
func start(t testing.TB, log io.Writer) *httptest.Server {
	t.Helper()
	return startLimited(t, awsjson.NewServer(newHandler(log)))
}

func startLimited(t testing.TB, config *http.Server) *httptest.Server {
	t.Helper()
	config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server := httptest.NewUnstartedServer(config.Handler)
	server.Config = config
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// request is a well-formed request of Test.Echo, changed as a test needs.
func request(t testing.TB, server *httptest.Server, body io.Reader, change func(*http.Request)) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", server.URL+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", awsjson.ContentType)
	r.Header.Set("X-Amz-Target", "Test.Echo")
	if change != nil {
		change(r)
	}
	return r
}

// reply is an answer, with what every answer must have checked already.
type reply struct {
	status int
	header http.Header
	body   string
}

var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func send(t testing.TB, r *http.Request) reply {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if id := response.Header.Get("x-amzn-RequestId"); !uuid4.MatchString(id) {
		t.Errorf("x-amzn-RequestId is %q", id)
	}
	if got := response.Header.Get("Content-Length"); got != strconv.Itoa(len(body)) {
		t.Errorf("Content-Length is %q, the body has %d bytes", got, len(body))
	}
	if at, err := http.ParseTime(response.Header.Get("Date")); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("Date is %q: clients correct their clocks by it", response.Header.Get("Date"))
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// expect wants a fault that is written the way every SDK can read it.
func (r reply) expect(t testing.TB, status int, code, message string) {
	t.Helper()
	var fault struct {
		Type    string `json:"__type"`
		Message string
	}
	if err := json.Unmarshal([]byte(r.body), &fault, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("answer %q: %v", r.body, err)
	}
	if r.status != status || fault.Type != code || !strings.Contains(fault.Message, message) {
		t.Errorf("answer is %d %+v; want %d %s %q", r.status, fault, status, code, message)
	}
	if got := r.header.Get("X-Amzn-ErrorType"); got != code {
		t.Errorf("X-Amzn-ErrorType is %q, the body says %q", got, code)
	}
	if got := r.header.Get("Content-Type"); got != awsjson.ContentType {
		t.Errorf("Content-Type is %q", got)
	}
}

func TestHandlerGivesTheCallToItsOperation(t *testing.T) {
	server := start(t, io.Discard)
	for _, body := range []string{`{"a":1}`, ``, ` `, `{}`} {
		for name, reader := range map[string]io.Reader{"sized": strings.NewReader(body), "chunked": io.MultiReader(strings.NewReader(body))} {
			got := send(t, request(t, server, reader, nil))
			var call map[string]string
			if err := json.Unmarshal([]byte(got.body), &call); err != nil || got.status != 200 {
				t.Fatalf("%s %q: %d %s", name, body, got.status, got.body)
			}
			want := map[string]string{"Identity": "alice", "Body": body, "Target": "Test.Echo", "RequestID": got.header.Get("x-amzn-RequestId")}
			if diff := cmp.Diff(want, call); diff != "" {
				t.Errorf("%s %q: wrong call (-want +got):\n%s", name, body, diff)
			}
		}
	}
}

func TestHandlerAnswers(t *testing.T) {
	server := start(t, io.Discard)
	for target, want := range map[string]string{
		"Test.Empty": "{}", "Test.Canned": `{"Canned":1}`, "Test.Garble": `{"Text":"a` + "\ufffd" + `b"}`,
	} {
		got := send(t, request(t, server, strings.NewReader("{}"), setTarget(target)))
		if got.status != 200 || got.body != want || got.header.Get("Content-Type") != awsjson.ContentType {
			t.Errorf("%s: %+v; want %s", target, got, want)
		}
	}
}

func setTarget(target string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-Amz-Target", target) }
}

func TestHandlerClaimsOnlyItsProtocol(t *testing.T) {
	server := start(t, io.Discard)
	for name, change := range map[string]func(*http.Request){
		"GET":              func(r *http.Request) { r.Method = "GET" },
		"PUT":              func(r *http.Request) { r.Method = "PUT" },
		"OPTIONS":          func(r *http.Request) { r.Method = "OPTIONS" },
		"other path":       func(r *http.Request) { r.URL.Path = "/x" },
		"two slashes":      func(r *http.Request) { r.URL.Path = "//" },
		"no content type":  func(r *http.Request) { r.Header.Del("Content-Type") },
		"plain JSON":       func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
		"AWS JSON 1.0":     func(r *http.Request) { r.Header.Set("Content-Type", "application/x-amz-json-1.0") },
		"longer than 1.1":  func(r *http.Request) { r.Header.Set("Content-Type", "application/x-amz-json-1.10") },
		"form":             func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"rpc v2":           func(r *http.Request) { r.Header.Set("Content-Type", "application/cbor") },
		"no type but text": func(r *http.Request) { r.Header.Set("Content-Type", "; application/x-amz-json-1.1") },
	} {
		got := send(t, request(t, server, strings.NewReader("{}"), change))
		if got.status != 404 || got.body != "<UnknownOperationException/>\n" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, media := range []string{
		"application/x-amz-json-1.1; charset=utf-8", "application/x-amz-json-1.1;", "Application/X-Amz-JSON-1.1 ; a=b",
	} {
		got := send(t, request(t, server, strings.NewReader("{}"), func(r *http.Request) { r.Header.Set("Content-Type", media) }))
		if got.status != 200 {
			t.Errorf("Content-Type %s: %+v", media, got)
		}
	}
}

func TestHandlerRefuses(t *testing.T) {
	server := start(t, io.Discard)
	anonymous := func(r *http.Request) { r.Header.Set("Anonymous", "1") }
	both := func(changes ...func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			for _, change := range changes {
				change(r)
			}
		}
	}
	const notJSON = "The request's body is not valid JSON"
	for _, tc := range []struct {
		name    string
		body    string
		change  func(*http.Request)
		code    string
		message string
	}{
		{"not JSON", `{`, nil, "SerializationException", notJSON},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", nil, "SerializationException", "invalid UTF-8"},
		{"name twice", `{"a":1,"a":1}`, nil, "SerializationException", "duplicate"},
		{"gzip", `{}`, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, "SerializationException", `Content-Encoding "gzip" is not supported`},
		{"no target", `{}`, func(r *http.Request) { r.Header.Del("X-Amz-Target") }, "UnknownOperationException", "no X-Amz-Target header"},
		{"empty target", `{}`, setTarget(""), "UnknownOperationException", "no X-Amz-Target header"},
		{"unknown target", `{}`, setTarget("Test.Nothing"), "UnknownOperationException", `"Test.Nothing" is not an operation of this server`},
		{"two targets", `{}`, func(r *http.Request) { r.Header.Add("X-Amz-Target", "Test.Echo") }, "UnknownOperationException", "Test.Echo,Test.Echo"},
		{"absurd target", `{}`, setTarget(strings.Repeat("x", 8<<10)), "UnknownOperationException", strings.Repeat("x", 128) + `" is not`},
		{"odd target", `{}`, setTarget("é\x80<script>"), "UnknownOperationException", "is not an operation"},
		{"anonymous", `{}`, anonymous, "MissingAuthenticationTokenException", "Request is missing Authentication Token"},
		{"wrapped fault", `{}`, setTarget("Test.Refuse"), "ConflictException", "No."},
		{"over the operation's limit", `{"a":"0123456789"}`, setTarget("Test.Small"), "RequestEntityTooLargeException", "16 bytes"},
		// The order of checks: what is wrong with the body is said first, who
		// asks comes last.
		{"large before target", strings.Repeat(" ", 1<<20+1), setTarget("Test.Nothing"), "RequestEntityTooLargeException", "1048576 bytes"},
		{"syntax before target", `{`, setTarget("Test.Nothing"), "SerializationException", notJSON},
		{"target before caller", `{}`, both(anonymous, setTarget("Test.Nothing")), "UnknownOperationException", ""},
		{"caller before operation", `{}`, both(anonymous, setTarget("Test.Panic")), "MissingAuthenticationTokenException", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			send(t, request(t, server, strings.NewReader(tc.body), tc.change)).expect(t, 400, tc.code, tc.message)
		})
	}
}

func TestHandlerLimitsBodies(t *testing.T) {
	server := start(t, io.Discard)
	for _, tc := range []struct {
		target string
		length int
		status int
	}{
		{"Test.Echo", 1 << 20, 200}, {"Test.Echo", 1<<20 + 1, 400},
		{"Test.Big", 4 << 20, 200}, {"Test.Big", 4<<20 + 1, 400},
		{"Test.Small", 16, 200}, {"Test.Small", 17, 400},
	} {
		body := bytes.Repeat([]byte(" "), tc.length)
		for name, reader := range map[string]io.Reader{"sized": bytes.NewReader(body), "chunked": io.MultiReader(bytes.NewReader(body))} {
			got := send(t, request(t, server, reader, setTarget(tc.target)))
			if got.status != tc.status {
				t.Errorf("%s of %d bytes, %s: %d %.200s", tc.target, tc.length, name, got.status, got.body)
			}
		}
	}
}

// A fault of the server tells its caller nothing but that, and the log all.
func TestHandlerKeepsFaultsToTheLog(t *testing.T) {
	for target, logged := range map[string]string{
		"Test.Fail": "the disk is full of secrets", "Test.Panic": "out of cheese", "Test.Unencodable": "func()",
	} {
		log := new(lockedBuffer)
		server := start(t, log)
		got := send(t, request(t, server, strings.NewReader("{}"), setTarget(target)))
		got.expect(t, 500, "ServerInternalException", "Try again")
		if strings.Contains(got.body, logged) {
			t.Errorf("%s: the caller is told %s", target, got.body)
		}
		for _, want := range []string{logged, "request_id=" + got.header.Get("x-amzn-RequestId"), "target=" + target} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: the log has no %q:\n%s", target, want, log)
			}
		}
	}
}

func TestHandlerLogsWhereAnOperationPanicked(t *testing.T) {
	log := new(lockedBuffer)
	server := start(t, log)
	send(t, request(t, server, strings.NewReader("{}"), setTarget("Test.Panic")))
	if !strings.Contains(log.String(), "handler_test.go") {
		t.Errorf("the log does not say where:\n%s", log)
	}
}

func TestHandlerLetsAbortsThrough(t *testing.T) {
	server := start(t, io.Discard)
	response, err := http.DefaultClient.Do(request(t, server, strings.NewReader("{}"), setTarget("Test.Abort")))
	if err == nil {
		response.Body.Close()
		t.Errorf("an aborted request was answered: %s", response.Status)
	}
}

// A client that hangs up is no fault of the server, and no alarm in its log.
func TestHandlerKnowsAbandonedRequests(t *testing.T) {
	handler, log := newHandler(io.Discard), new(lockedBuffer)
	handler.Log = slog.New(slog.NewTextHandler(log, nil))
	arrived, done := make(chan struct{}), make(chan struct{})
	handler.Operations["Test.Wait"] = awsjson.Operation{Serve: func(ctx context.Context, _ awsjson.Call) (awsjson.Response, error) {
		close(arrived)
		<-ctx.Done()
		return nil, fmt.Errorf("read the store: %w", ctx.Err())
	}}
	server := startLimited(t, awsjson.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		handler.ServeHTTP(w, r)
	})))
	ctx, hangUp := context.WithCancel(t.Context())
	go func() {
		<-arrived
		hangUp()
	}()
	if _, err := http.DefaultClient.Do(request(t, server, strings.NewReader("{}"), setTarget("Test.Wait")).WithContext(ctx)); err == nil {
		t.Fatal("the request was answered")
	}
	<-done
	if !strings.Contains(log.String(), "level=INFO") || strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the log says\n%s", log)
	}
}

// Whatever a fault says, its answer is valid JSON of bounded size.
func TestHandlerBoundsMessages(t *testing.T) {
	server := start(t, io.Discard)
	got := send(t, request(t, server, strings.NewReader("{}"), setTarget("Test.Odd")))
	got.expect(t, 429, "OddException", "a\x00\ufffd\"\\\u2028é")
	if !utf8.ValidString(got.body) || len(got.body) > 2<<10+100 {
		t.Errorf("%d bytes, valid UTF-8 %v", len(got.body), utf8.ValidString(got.body))
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	server := start(t, io.Discard)
	seen := map[string]bool{}
	for range 100 {
		seen[send(t, request(t, server, strings.NewReader("{}"), nil)).header.Get("x-amzn-RequestId")] = true
	}
	if len(seen) != 100 {
		t.Errorf("100 requests have %d ids", len(seen))
	}
}

// Bodies live in reused memory: no call may see another's.
func TestConcurrentCallsKeepTheirBodies(t *testing.T) {
	server := start(t, io.Discard)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 20 {
				body := fmt.Sprintf(`{"Caller":%d,"Call":%d,"Fill":%q}`, i, j, strings.Repeat("x", 400*j))
				got := send(t, request(t, server, strings.NewReader(body), nil))
				var call struct{ Body string }
				if err := json.Unmarshal([]byte(got.body), &call); err != nil || call.Body != body {
					t.Errorf("sent %.60s, the operation saw %.60s (%v)", body, call.Body, err)
				}
			}
		})
	}
	group.Wait()
}
