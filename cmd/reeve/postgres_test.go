package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/config"
	"reeve/internal/store/postgres/pgtest"
)

// emptySchema returns the URL of a schema of PostgreSQL for this test alone.
func emptySchema(t *testing.T) string {
	t.Helper()
	return pgtest.EmptySchema(t)
}

func TestServersShareAPostgreSQLDatabase(t *testing.T) {
	address := emptySchema(t)
	shared := func(c *config.Config) {
		c.Database = config.Secret(address)
		c.MasterKey = "0101010101010101010101010101010101010101010101010101010101010101"
	}
	a, b := openTestServer(t, shared), openTestServer(t, shared)
	stopA, endedA := start(t, a)
	stopB, endedB := start(t, b)
	if a.root.AccessKeyID != b.root.AccessKeyID || a.root.Account != b.root.Account {
		t.Errorf("the servers have different roots: %+v and %+v", a.root, b.root)
	}
	var made api.CreateLicenseConfigurationOutput
	name, counting := "Shared", "vCPU"
	create := api.CreateLicenseConfigurationInput{Name: &name, LicenseCountingType: &counting}
	if err := call(t.Context(), clientOf(t, a, b), api.LicenseManager+".CreateLicenseConfiguration", create, &made); err != nil {
		t.Fatal(err)
	}
	found, err := resolveConfiguration(t.Context(), clientOf(t, b, a), name)
	if err != nil || found != val(made.LicenseConfigurationArn) {
		t.Errorf("the other server finds %q, %v; made %q", found, err, val(made.LicenseConfigurationArn))
	}
	stopA()
	stopB()
	if errA, errB := <-endedA, <-endedB; errA != nil || errB != nil {
		t.Errorf("the servers ended with %v and %v", errA, errB)
	}

	cfg := config.Default()
	cfg.Data, cfg.Listen, cfg.Database = t.TempDir(), "127.0.0.1:0", config.Secret(address)
	_, err = openServer(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "master.key is missing") {
		t.Errorf("a server without the deployment's master key: %v", err)
	}
}

// clientOf calls one server with the credentials that another one left.
func clientOf(t *testing.T, to, keyOf *serverProcess) *client.Client {
	t.Helper()
	c, err := client.FromEnvironment(client.Choice{Endpoint: to.endpoint(), Data: keyOf.cfg.Data},
		func(name string) string { return map[string]string{"HOME": "/nonexistent"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A replica that is down does not keep a server from starting; one of nothing does.
func TestAServerStartsWithoutItsReplica(t *testing.T) {
	nowhere := config.Secret("postgres://reeve@/postgres?host=" + t.TempDir())
	s := openTestServer(t, func(c *config.Config) { c.Database, c.ReadDatabase = config.Secret(emptySchema(t)), nowhere })
	s.close()
	cfg := config.Default()
	cfg.Data, cfg.Listen, cfg.ReadDatabase = t.TempDir(), "127.0.0.1:0", nowhere
	_, err := openServer(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "--read-database is a replica of --database") {
		t.Errorf("a replica of SQLite: %v", err)
	}
}

// lines is a log that a test reads line by line, as it is written.
type lines func(string)

func (l lines) Write(b []byte) (int, error) {
	l(string(b))
	return len(b), nil
}

// away is a PostgreSQL that nobody reaches: the URL of an empty schema, by way of
// a proxy that is not started.
func away(t *testing.T) (url string, proxy *pgtest.Proxy) {
	t.Helper()
	direct, err := pgx.ParseConfig(emptySchema(t))
	if err != nil {
		t.Fatal(err)
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	proxy = &pgtest.Proxy{Listen: port.Addr().String(), Choose: func() pgtest.Cut { return pgtest.CutNone }}
	proxy.Network, proxy.Address = pgconn.NetworkAddress(direct.Host, direct.Port)
	return fmt.Sprintf("postgres://%s:%s@%s/%s?search_path=%s", direct.User, direct.Password, proxy.Listen, direct.Database, direct.RuntimeParams["search_path"]), proxy
}

// A server may start before its database does: it says that it waits, and then
// serves.
func TestAServerThatStartsWaitsForItsDatabase(t *testing.T) {
	address, proxy := away(t)
	var said []string
	log := slog.New(slog.NewTextHandler(lines(func(line string) {
		said = append(said, line)
		if strings.Contains(line, "the database is away: waiting for it") {
			if err := proxy.Start(); err != nil {
				t.Error(err)
			}
			t.Cleanup(proxy.Close)
		}
	}), nil))
	cfg := config.Default()
	cfg.Data, cfg.Listen, cfg.Database = t.TempDir(), "127.0.0.1:0", config.Secret(address)
	s, err := openServer(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if len(said) < 2 || !strings.Contains(said[0], "patience=15s") || !strings.Contains(said[0], "refused") || !strings.Contains(said[1], "the database is there") {
		t.Errorf("the log is %q", said)
	}
}

// A server that has waited says what can be done; where waiting cannot help, it
// has not waited.
func TestAServerDoesNotWaitForEverForItsDatabase(t *testing.T) {
	nowhere, _ := away(t)
	for name, c := range map[string]struct {
		url      string
		patience time.Duration
		waits    bool
		want     string
	}{
		"away":                  {nowhere, time.Millisecond, true, "PostgreSQL does not answer: start it, correct --database, or wait longer with --database-patience"},
		"away, and no patience": {nowhere, 0, false, "PostgreSQL does not answer"},
		"no such database":      {strings.Replace(emptySchema(t), "?", "?dbname=reeve_none&", 1), 10 * time.Minute, false, "reeve_none"},
		"a server that refuses": {emptySchema(t) + "&work_mem=x", 10 * time.Minute, false, "work_mem"},
	} {
		var said strings.Builder
		cfg := config.Default()
		cfg.Data, cfg.Listen, cfg.Database, cfg.DatabasePatience = t.TempDir(), "127.0.0.1:0", config.Secret(c.url), c.patience
		_, err := openServer(t.Context(), cfg, slog.New(slog.NewTextHandler(&said, nil)))
		if err == nil || !strings.Contains(err.Error(), c.want) || exitCode(err) != exitFailed {
			t.Errorf("%s: the server ends with %v", name, err)
		}
		if waited := strings.Contains(said.String(), "waiting"); waited != c.waits {
			t.Errorf("%s: that it waited is %t; the log is %s", name, waited, said.String())
		}
	}
}

// Nobody waits for a database that a newer Reeve has changed.
func TestADatabaseOfANewerReeveIsRefusedAtOnce(t *testing.T) {
	address := emptySchema(t)
	openTestServer(t, func(c *config.Config) { c.Database = config.Secret(address) }).close()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), `INSERT INTO schema_migration (number, name, applied) VALUES (9999, 'newer', 0)`); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Data, cfg.Listen, cfg.Database, cfg.DatabasePatience = t.TempDir(), "127.0.0.1:0", config.Secret(address), 10*time.Minute
	_, err = openServer(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("the server ends with %v", err)
	}
}
