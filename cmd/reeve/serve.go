package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reeve/internal/agent"
	"reeve/internal/audit"
	"reeve/internal/awsjson"
	"reeve/internal/certificate"
	"reeve/internal/client"
	"reeve/internal/config"
	"reeve/internal/evidence/notary"
	"reeve/internal/gate"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/metrics"
	"reeve/internal/product"
	"reeve/internal/server"
	"reeve/internal/source/schedule"
	"reeve/internal/store"
)

// sweepEvery is the time between two runs of the background jobs.
const sweepEvery = time.Minute

type serveOptions struct {
	file  string
	flags map[string]string // settings that were given as flags
}

func newServe(p *process) *cobra.Command {
	o := serveOptions{flags: make(map[string]string)}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until SIGTERM or SIGINT, which let running requests finish.

The first start makes the data directory with the database, the master key that
seals its secrets, and the root account with an access key (DIR/credentials).
Back up the directory as a whole. With --database the ledger is in PostgreSQL,
and any number of servers with the same master key may share it.

Every setting can be a flag, an environment variable, or a line "name = value" of
the file that --config or REEVE_CONFIG names. Flags win over the environment, the
environment over the file, the file over the defaults:

  --config file, REEVE_CONFIG
      File of settings; lines that begin with # are comments
` + wrap(strings.TrimRight(config.Help(), "\n"), usualWidth),
		Example: `  reeve serve
  reeve serve --data /srv/reeve --listen 0.0.0.0:4750
  reeve serve --config /etc/reeve.conf
  REEVE_MASTER_KEY=… reeve serve --database postgres://reeve@db.example/reeve`,
		Args:        arguments(0, 0, ""),
		Annotations: map[string]string{flagsInText: "yes"},
		RunE:        func(c *cobra.Command, _ []string) error { return runServe(c.Context(), p, o) },
	}
	// The text above describes the flags, with their other names.
	c.SetUsageTemplate("Usage:\n  {{.UseLine}}\n\nExamples:\n{{.Example}}\n")
	f := c.Flags()
	f.StringVar(&o.file, "config", "", "configuration `file` (default REEVE_CONFIG)")
	addSettings(f, o.flags)
	for _, s := range config.Settings() {
		if s.Values != nil {
			completeWith(c, s.Name, s.Values...)
		}
	}
	return c
}

// addSettings makes a flag of each setting. Values are kept as text and checked
// at once, so that a mistake is a usage error.
func addSettings(f *pflag.FlagSet, given map[string]string) {
	for _, s := range config.Settings() {
		if s.NoFlag {
			continue
		}
		flag := f.VarPF(&settingFlag{s, given}, s.Name, "", s.Help)
		if s.IsBool() {
			flag.NoOptDefVal = "true"
		}
	}
}

// settingFlag is one setting as a flag.
type settingFlag struct {
	setting config.Setting
	given   map[string]string
}

func (s *settingFlag) String() string { return s.setting.Default }
func (s *settingFlag) Type() string   { return s.setting.Kind }

func (s *settingFlag) Set(text string) error {
	var scratch config.Config
	if err := s.setting.Set(&scratch, text); err != nil {
		return &flagValueError{err}
	}
	s.given[s.setting.Name] = text
	return nil
}

func runServe(ctx context.Context, p *process, o serveOptions) error {
	cfg, err := config.Load(config.Sources{File: o.file, Env: p.lookupEnv, Flags: o.flags})
	if err != nil {
		return &usageError{err}
	}
	limitMemory(cfg.Memory)
	log := newLogger(p.stderr, cfg)
	warnOfUnknown(log, p.environ)
	s, err := openServer(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(ctx, p)
}

// checkSettings says what is wrong with the settings in themselves, before
// anything is made for them: by the exit code a service manager knows that
// starting again will not help.
func checkSettings(cfg *config.Config) error {
	if err := cfg.CheckTLS(); err != nil {
		return err
	}
	if cfg.MasterKey != "" {
		if _, err := iam.ParseMasterKey(string(cfg.MasterKey)); err != nil {
			return fmt.Errorf("REEVE_MASTER_KEY: %w", err)
		}
	}
	if err := rootOptions(cfg).Check(); err != nil {
		return err
	}
	return databaseOptions(cfg).check()
}

// rootOptions are the settings of the deployment's first account.
func rootOptions(cfg *config.Config) iam.RootOptions {
	return iam.RootOptions{
		Account:         cfg.RootAccount,
		AccessKeyID:     cfg.RootAccessKeyID,
		SecretAccessKey: iam.NewSecret(string(cfg.RootSecretAccessKey)),
	}
}

func newLogger(w io.Writer, cfg config.Config) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// serverProcess is an opened server: its parts, in the order of their making.
type serverProcess struct {
	cfg       config.Config
	log       *slog.Logger
	listener  net.Listener
	tls       *certificate.Keeper // nil for HTTP
	bounds    bounds
	store     *store.Store
	manager   *license.Manager
	directory *iam.Directory
	sessions  *iam.Sessions
	root      *iam.Root
	http      *http.Server
	sources   *schedule.Sources
	scheduler *schedule.Scheduler
	notary    *notary.Notary
	audit     *audit.Recorder // nil when nothing is recorded

	metricsListener net.Listener     // nil when nobody asks for metrics
	metrics         *metrics.Metrics // likewise
}

// openServer makes every part, or none.
func openServer(ctx context.Context, cfg config.Config, log *slog.Logger) (*serverProcess, error) {
	s := &serverProcess{cfg: cfg, log: log}
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// open begins with what can be mistaken: a taken port or a wrong file must not
// cost a migration, or leave a master key behind.
func (s *serverProcess) open(ctx context.Context) (err error) {
	if err = checkSettings(&s.cfg); err != nil {
		return &usageError{err}
	}
	if s.listener, err = listen(s.cfg.Listen); err != nil {
		return err
	}
	if err = s.openTLS(); err != nil {
		return err
	}
	s.openBounds()
	if err = s.openMetrics(); err != nil {
		return err
	}
	products, err := readProducts(s.cfg.Products)
	if err != nil {
		return err
	}
	if err = makeDataDirectory(s.cfg.Data); err != nil {
		return err
	}
	database := databaseOptions(&s.cfg)
	database.memory, database.log, database.await = memoryFor(s.cfg.Memory), s.log, true
	if s.store, err = openStore(ctx, database); err != nil {
		return err
	}
	if err = s.openDirectory(ctx); err != nil {
		return err
	}
	settings := license.Settings{
		Sandbox:           s.cfg.Sandbox,
		LostAfter:         s.cfg.LostAfter,
		InactiveAfter:     s.cfg.InactiveAfter,
		Normalise:         products,
		MaxConfigurations: s.cfg.MaxConfigurations,
		MaxCreatesPerDay:  s.cfg.MaxCreatesPerDay,
		MaxPerResource:    s.cfg.MaxPerResource,
	}
	s.manager = license.New(s.store, settings)
	s.openSources(settings)
	s.openAudit()
	if err = s.openNotary(ctx); err != nil {
		return err
	}
	return s.openHandler(ctx)
}

func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s, so choose another address with --listen or stop what uses it: %w", address, err)
	}
	return l, nil
}

func (s *serverProcess) openDirectory(ctx context.Context) (err error) {
	s.directory, err = iam.Open(ctx, s.store, iam.Options{Dir: s.cfg.Data, MasterKey: string(s.cfg.MasterKey)})
	if err != nil {
		return err
	}
	s.root, err = s.directory.Bootstrap(ctx, rootOptions(&s.cfg))
	return err
}

func (s *serverProcess) openHandler(ctx context.Context) error {
	tokens, err := s.directory.TokenKey(ctx)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET "+keyPath, s.showKeys)
	pages := new(server.CacheStats)
	agents := agent.New(agent.Config{Manager: s.manager, Directory: s.directory, Log: s.log, Memory: memoryFor(s.cfg.Memory).agents, Meter: s.measure(pages),
		Audit: s.audit, TrustProxy: s.cfg.TrustProxy})
	for _, path := range []string{"/agent", "/agent/", "/ocsinventory"} { // the last is where agents go that are given a host alone
		mux.Handle(path, s.counted(agents, always("agent")))
	}
	issuers, err := openIssuers(s.cfg)
	if err != nil {
		return err
	}
	api := server.New(server.Config{
		Manager: s.manager, Directory: s.directory, Sources: s.sources, Notary: s.notary, TokenKey: tokens, Now: time.Now, Log: s.log, Issuers: issuers,
		Gate: s.bounds.gate, Keys: s.bounds.keys, Audit: s.audit, Trail: s.store.Audit(),
		TrustProxy: s.cfg.TrustProxy, PageCacheBytes: memoryFor(s.cfg.Memory).pages, PageCacheStats: pages,
	})
	mux.Handle("/", s.counted(browsersToConsole(api), operationOf()))
	if err := s.openConsole(mux, api, tokens); err != nil {
		return err
	}
	s.http = awsjson.NewServer(gate.Handler(mux))
	s.http.ConnContext = gate.Context
	s.http.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	return nil
}

// health answers 200 when the server can read its database and none of what
// was read so far is damaged.
func (s *serverProcess) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	err := s.store.View(ctx, func(tx license.Tx) error {
		_, err := tx.Now()
		return err
	})
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		s.log.Warn("health check failed", "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "the database does not answer\n")
		return
	}
	switch health := s.store.Health(); {
	case health.Damaged:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "the database is damaged: restore a backup\n")
	case health.Unwritable:
		_, _ = io.WriteString(w, "ok for reading; the database cannot be written: its disk is full or read-only\n")
	default:
		_, _ = io.WriteString(w, "ok\n")
	}
}

// run serves until ctx ends, then drains.
func (s *serverProcess) run(ctx context.Context, p *process) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var jobs sync.WaitGroup
	defer jobs.Wait()
	defer stop()
	jobs.Go(s.watchTLS(background)) // before anybody can know of the server: SIGHUP would end it
	if err := s.leaveEndpoint(); err != nil {
		return err
	}

	failed := make(chan error, 1)
	go func() { failed <- s.serve() }()
	s.log.Info("server started", "endpoint", s.endpoint(), "account", s.root.Account, "database", s.databaseKind(), "version", buildVersion())
	s.notify(p, "READY=1")
	s.greet(ctx, p)
	jobs.Go(func() {
		if s.cfg.Sample { // before the clock's own jobs: a sweep would change what is being loaded
			s.loadSample(background, p)
		}
		s.sweep(background)
	})
	jobs.Go(func() { s.scheduler.Run(background) })
	jobs.Go(func() { s.notary.Run(background) })
	jobs.Go(func() { s.serveMetrics(background) })
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		s.notify(p, "STOPPING=1")
		return s.drain()
	}
}

// drain lets running requests finish, for as long as is allowed.
func (s *serverProcess) drain() error {
	s.log.Info("server stopping", "timeout", s.cfg.ShutdownTimeout)
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests were cut off", "timeout", s.cfg.ShutdownTimeout)
		err = s.http.Close()
	}
	s.log.Info("server stopped")
	return err
}

// close releases what openServer made; a part that was not made is passed over.
func (s *serverProcess) close() {
	if s.listener != nil {
		_ = s.listener.Close() // closed already after a drain
	}
	if s.metricsListener != nil {
		_ = s.metricsListener.Close() // likewise
	}
	if s.store == nil {
		return
	}
	if err := s.audit.Close(); err != nil {
		s.log.Error("events of the audit trail are lost", "error", err)
	}
	if err := s.store.Close(); err != nil {
		s.log.Error("close database", "error", err)
	}
}

// sweep runs the jobs that time alone makes due, and at once the passes of
// discovery that a change of its rules makes due.
func (s *serverProcess) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.manager.DiscoveryDue():
		case <-tick.C:
			s.job(ctx, "background jobs", s.manager.Sweep)
			s.job(ctx, "sessions", s.sessions.Sweep)
			s.job(ctx, "answers of a full disk", s.store.KeepPromise)
		}
		s.job(ctx, "discovery", s.manager.Discover) // also passes that another server left
	}
}

// job runs one job of the background and logs what came of it.
func (s *serverProcess) job(ctx context.Context, name string, run func(context.Context) (int, error)) {
	n, err := run(ctx)
	if err != nil && ctx.Err() == nil {
		s.log.Error("job failed", "job", name, "error", err)
	}
	if n > 0 {
		s.log.Info("job done", "job", name, "resources", n)
	}
}

// readProducts returns what tells the rules which product an application is.
func readProducts(file string) (func(license.Application) (license.Product, bool), error) {
	table := product.BuiltIn()
	if file != "" {
		var err error
		if table, err = product.Load(file); err != nil {
			return nil, err
		}
	}
	return func(a license.Application) (license.Product, bool) {
		p, ok := table.Find(a.Name, a.Publisher)
		return license.Product(p), ok
	}, nil
}

func (s *serverProcess) databaseKind() string {
	if s.cfg.Database != "" {
		return "postgresql"
	}
	return "sqlite"
}

// endpoint is a URL that reaches the server from this machine.
func (s *serverProcess) endpoint() string {
	address, _ := s.listener.Addr().(*net.TCPAddr)
	ip := address.IP
	if ip.IsUnspecified() {
		ip = net.IPv4(127, 0, 0, 1)
	}
	scheme, host := "http://", ip.String()
	if s.tls != nil {
		scheme, host = "https://", s.tls.Host(ip)
	}
	return scheme + net.JoinHostPort(host, fmt.Sprint(address.Port))
}

// leaveEndpoint tells reeve env by what the server is believed, and then where it
// is: whoever finds the one finds the other.
func (s *serverProcess) leaveEndpoint() error {
	if err := s.leaveAuthority(); err != nil {
		return fmt.Errorf("leave authority: %w", err)
	}
	err := fillFile(filepath.Join(s.cfg.Data, client.EndpointFile), func(w io.Writer) error {
		_, err := io.WriteString(w, s.endpoint()+"\n")
		return err
	})
	if err != nil {
		return fmt.Errorf("leave endpoint: %w", err)
	}
	return nil
}
