package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"

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
