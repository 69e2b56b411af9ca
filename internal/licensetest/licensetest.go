// Package licensetest runs a whole Reeve inside a test: the API's handler over
// a real store in a database of its own (package testdb), with accounts, a clock that the test
// moves, and clients that sign like everybody's do.
//
// It has no fakes: what a test sees is what a server answers.
package licensetest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/go-json-experiment/json"

	"reeve/internal/api"
	"reeve/internal/audit"
	"reeve/internal/awsjson"
	"reeve/internal/evidence/notary"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/server"
	"reeve/internal/sigv4"
	"reeve/internal/source"
	"reeve/internal/source/directory"
	"reeve/internal/source/schedule"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/testdb"
	"reeve/internal/sts"
)

// Region is the region that clients sign for unless they say otherwise.
const Region = "eu-west-1"

// Root is the deployment's first account.
const Root = "111111111111"

// Epoch is where the clock of every server begins.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Options are a server's choices; the zero value is what most tests need.
type Options struct {
	Settings license.Settings
	Log      slog.Handler // nil discards
	Notary   notary.Options
	Issuers  *sts.Issuers // whose tokens let workloads assume roles; nil trusts none
	Audit    audit.Mode   // "" is off
}

// Server is a running server. Its methods fail the test that started it.
type Server struct {
	URL       string
	Manager   *license.Manager
	Directory *iam.Directory
	Store     *store.Store
	Sources   *schedule.Sources // of kind directory; nobody runs them unless a test does
	Notary    *notary.Notary    // makes checkpoints when a test asks; its witnesses are Options'
	Audit     *audit.Recorder   // nil when it is off
	Clock     *Clock            // of the ledgers; signatures are checked against the real one

	t   testing.TB
	db  sqlconn.DB
	cfg server.Config

	mu   sync.Mutex
	keys map[string]sigv4.Credentials // by account
}

// Clock is a clock that stands still until a test moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Start starts a server that ends with the test.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	s := &Server{t: t, Clock: &Clock{now: Epoch}, keys: map[string]sigv4.Credentials{}}
	s.openStore()
	s.openDirectory()
	s.Manager = license.New(s.Store, opts.Settings)
	s.Sources = schedule.New(s.Store.Sources(), schedule.Kinds{"directory": schedule.KindOf(time.Minute, nil, openDirectory)})
	if opts.Log == nil {
		opts.Log = slog.DiscardHandler
	}
	opts.Notary.Sealer, opts.Notary.Log = s.Directory, slog.New(opts.Log)
	s.Notary = notary.New(s.Store.Checkpoints(), opts.Notary)
	key, err := s.Directory.TokenKey(t.Context())
	s.must("read page token key", err)
	s.openAudit(opts)
	s.cfg = server.Config{
		Audit: s.Audit, Trail: s.Store.Audit(),
		Manager: s.Manager, Directory: s.Directory, Sources: s.Sources, Notary: s.Notary, TokenKey: key,
		Now: time.Now, Log: slog.New(opts.Log),
		PageCacheBytes: 8 << 20, Issuers: opts.Issuers,
	}
	s.URL = s.Another()
	return s
}

func openDirectory(settings directory.Settings, owner source.Options) (source.Puller, error) {
	return directory.Open(settings, owner)
}

// openAudit records what Options want. Its clock is the real one, as that of
// signatures is.
func (s *Server) openAudit(opts Options) {
	if opts.Audit == "" {
		opts.Audit = audit.Off
	}
	s.Audit = audit.New(audit.Config{
		Store: s.Store.Audit(), Mode: opts.Audit, Server: "test", Root: Root, Now: time.Now, Log: slog.New(opts.Log),
	})
	s.t.Cleanup(func() { s.must("close audit trail", s.Audit.Close()) })
}

func (s *Server) openStore() {
	s.t.Helper()
	s.db = testdb.New(s.t).Open(func() int64 { return s.Clock.Now().UnixMicro() })
	var err error
	s.Store, err = store.New(s.t.Context(), s.db, store.Options{})
	s.must("open store", err)
	s.t.Cleanup(func() { s.must("close store", s.Store.Close()) })
}

func (s *Server) openDirectory() {
	s.t.Helper()
	var err error
	s.Directory, err = iam.Open(s.t.Context(), s.Store, iam.Options{Dir: s.t.TempDir()})
	s.must("open directory", err)
	_, err = s.Directory.Bootstrap(s.t.Context(), iam.RootOptions{Account: Root})
	s.must("make root account", err)
}

// Another starts one more handler over the same database, as a restart or a
// second server of the deployment would, and returns its URL.
func (s *Server) Another() string {
	s.t.Helper()
	running := httptest.NewServer(server.New(s.cfg))
	s.t.Cleanup(running.Close)
	return running.URL
}

// Handler returns one more handler over the same database, with a cache of
// pages or without one.
func (s *Server) Handler(pages bool) http.Handler {
	cfg := s.cfg
	if !pages {
		cfg.PageCacheBytes = 0
	}
	return server.New(cfg)
}

// API is one more of the server's, for calls within the process.
func (s *Server) API() *server.API { return server.New(s.cfg) }

// Uncached starts one more handler over the same database that keeps nothing
// in memory, neither nodes nor pages, and returns its URL.
func (s *Server) Uncached() string {
	s.t.Helper()
	plain, err := store.New(s.t.Context(), s.db, store.Options{CacheBytes: -1})
	s.must("open store without a cache", err)
	cfg := s.cfg
	cfg.Manager, cfg.PageCacheBytes = license.New(plain, license.Settings{}), 0
	running := httptest.NewServer(server.New(cfg))
	s.t.Cleanup(running.Close)
	return running.URL
}

// Credentials returns an access key of an account, which is made on first use.
func (s *Server) Credentials(account string) sigv4.Credentials {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, ok := s.keys[account]; ok {
		return key
	}
	root := iam.Identity{Account: Root, Root: true, Principal: "arn:aws:iam::" + Root + ":root"}
	if account != Root {
		_, err := s.Directory.CreateAccount(context.Background(), root, "test", account)
		s.must("create account", err)
	}
	id, secret, err := s.Directory.CreateAccessKey(context.Background(), root, account, "")
	s.must("create access key", err)
	s.keys[account] = sigv4.Credentials{AccessKeyID: id, SecretAccessKey: secret.Reveal()}
	return s.keys[account]
}

// Client returns AWS's own client for an account.
func (s *Server) Client(account string) *licensemanager.Client {
	s.t.Helper()
	return s.ClientIn(account, Region)
}

// ClientIn is Client for a region. It makes one attempt a call, so that a
// fault is seen and not tried away.
func (s *Server) ClientIn(account, region string) *licensemanager.Client {
	s.t.Helper()
	key := s.Credentials(account)
	return licensemanager.New(licensemanager.Options{
		Region:           region,
		BaseEndpoint:     aws.String(s.URL),
		RetryMaxAttempts: 1,
		HTTPClient:       Wire{http.DefaultClient},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, nil
		}),
	})
}

// Caller returns the caller that a request of an account's key becomes, for
// tests that talk to the Manager itself.
func (s *Server) Caller(account string) license.Caller {
	return license.Caller{
		Account: account, Region: Region, Principal: "arn:aws:iam::" + account + ":root",
		Root: account == Root, Operation: "Test",
	}
}

// Answer is what came back on the wire.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Send signs and sends one body, as it is, to a target such as
// Reeve.PutResources of the server at url.
func (s *Server) Send(url, account, target, body string) Answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/", bytes.NewReader([]byte(body)))
	s.must("make request", err)
	r.Header.Set("Content-Type", awsjson.ContentType)
	r.Header.Set("X-Amz-Target", target)
	s.must("sign request", sigv4.Sign(r, []byte(body), s.Credentials(account), Region, "license-manager", time.Now()))
	response, err := http.DefaultClient.Do(r)
	s.must("send request", err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	s.must("read answer", err)
	return Answer{response.StatusCode, response.Header, string(answer)}
}

// Call calls one operation of either service and fails the test unless it
// succeeds. out may be nil.
func (s *Server) Call(account, target string, in, out any) {
	s.t.Helper()
	body, err := json.Marshal(in)
	s.must("encode "+target, err)
	answer := s.Send(s.URL, account, target, string(body))
	if answer.Status != http.StatusOK {
		s.t.Fatalf("%s answers %d: %s", target, answer.Status, answer.Body)
	}
	if out != nil {
		s.must("decode "+target, json.Unmarshal([]byte(answer.Body), out))
	}
}

// Put reports resources of an account as facts.
func (s *Server) Put(account string, resources ...api.Resource) *api.PutResourcesOutput {
	s.t.Helper()
	var out api.PutResourcesOutput
	s.Call(account, api.Reeve+".PutResources", &api.PutResourcesInput{Resources: resources}, &out)
	return &out
}

// Machine is a running EC2 instance of an account, with a number of vCPUs.
func Machine(account, id string, vcpus int64) api.Resource {
	return api.Resource{ResourceArn: new(MachineARN(account, id)), VCpus: &vcpus, Status: new("running")}
}

// MachineARN is the ARN of a Machine.
func MachineARN(account, id string) string {
	return "arn:aws:ec2:" + Region + ":" + account + ":instance/" + id
}

func (s *Server) must(doing string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", doing, err)
	}
}
