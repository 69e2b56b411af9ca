package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/config"
	"reeve/internal/iam"
)

// reeve runs a command line and returns its exit code and what it printed.
func reeve(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	p := &process{stdin: strings.NewReader(""), stdout: &b, stderr: &b, lookupEnv: func(string) (string, bool) { return "", false }}
	code = run(t.Context(), p, args)
	return code, b.String()
}

func wantOutput(t *testing.T, code int, out string, wantCode int, words ...string) {
	t.Helper()
	if code != wantCode {
		t.Errorf("exit code %d, want %d", code, wantCode)
	}
	for _, w := range words {
		if !strings.Contains(out, w) {
			t.Errorf("the output lacks %q:\n%s", w, out)
		}
	}
}

// ledgers starts a server, lists the configurations with the access key that
// its data directory has, and stops it.
func ledgers(t *testing.T, change func(*config.Config)) []string {
	t.Helper()
	s := openTestServer(t, change)
	stop, ended := start(t, s)
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	}()
	var out api.ListLicenseConfigurationsOutput
	if err := call(t.Context(), clientOf(t, s, s), api.LicenseManager+".ListLicenseConfigurations", api.ListLicenseConfigurationsInput{}, &out); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range out.LicenseConfigurations {
		names = append(names, val(c.Name))
	}
	return names
}

// makeLedger makes a configuration through a server that it starts and stops.
func makeLedger(t *testing.T, data, name string) (arn string) {
	t.Helper()
	s := openTestServer(t, func(c *config.Config) { c.Data, c.Database = data, "" })
	stop, ended := start(t, s)
	var made api.CreateLicenseConfigurationOutput
	counting := "vCPU"
	create := api.CreateLicenseConfigurationInput{Name: &name, LicenseCountingType: &counting}
	if err := call(t.Context(), clientOf(t, s, s), api.LicenseManager+".CreateLicenseConfiguration", create, &made); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return val(made.LicenseConfigurationArn)
}

func TestADeploymentMovesToPostgreSQLAndBack(t *testing.T) {
	address := emptySchema(t)
	first, last := t.TempDir(), filepath.Join(t.TempDir(), "last")
	makeLedger(t, first, "Müller \U0001F600")

	code, out := reeve(t, "migrate", "--check", "--database", address)
	wantOutput(t, code, out, 4, "the schema is not up to date (1 first")
	code, out = reeve(t, "copy", "--from", first, "--to", address)
	wantOutput(t, code, out, 0, "everything agrees", "the heads of 1 ledger are the same", "start it with --data "+first)
	code, out = reeve(t, "migrate", "--database", address)
	wantOutput(t, code, out, 0, "nothing to do")
	onPostgres := ledgers(t, func(c *config.Config) { c.Data, c.Database = first, config.Secret(address) })

	code, out = reeve(t, "copy", "--from", address, "--to", last)
	wantOutput(t, code, out, 0, "everything agrees", "put master.key into "+last)
	cfg := config.Default()
	cfg.Data, cfg.Listen = last, "127.0.0.1:0"
	if _, err := openServer(context.Background(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "master.key is missing") {
		t.Errorf("a server without its master key: %v", err)
	}
	if err := copyPrivate(filepath.Join(first, iam.MasterKeyFile), filepath.Join(last, iam.MasterKeyFile)); err != nil {
		t.Fatal(err)
	}
	onSQLite := ledgers(t, func(c *config.Config) { c.Data, c.Database = last, "" })
	if len(onPostgres) != 1 || len(onSQLite) != 1 || onPostgres[0] != onSQLite[0] {
		t.Errorf("the ledgers are %q on PostgreSQL, %q on SQLite", onPostgres, onSQLite)
	}
}

// A copy whose ledgers have a fault is not taken for a deployment unawares.
func TestCopyFindsAFaultOfItsSource(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	arn := makeLedger(t, from, "one")
	tamper(t, from, "UPDATE revision SET caller = 'somebody else' WHERE configuration = (SELECT num FROM configuration WHERE id = $1)", lastPart(arn))
	code, out := reeve(t, "copy", "--from", from, "--to", to)
	wantOutput(t, code, out, 4, "with a fault in 1 of 1 ledger", "--no-verify")
	code, out = reeve(t, "verify", "--data", to)
	wantOutput(t, code, out, 1, "a copy into this database is not finished")
	if _, err := os.Stat(filepath.Join(to, iam.MasterKeyFile)); err == nil {
		t.Error("an unfinished copy has a master key")
	}
	code, out = reeve(t, "copy", "--no-verify", "--from", from, "--to", to)
	wantOutput(t, code, out, 0, "went on with a copy that had stopped", "master.key was copied too")
	code, out = reeve(t, "verify", "--data", to)
	wantOutput(t, code, out, 4, "fault")
}

func TestPlacesShowNoPasswords(t *testing.T) {
	for text, want := range map[string]string{
		"reeve-data":      filepath.Join("reeve-data", databaseFile),
		"sqlite:/srv/r":   filepath.Join("/srv/r", databaseFile),
		"sqlite:weird://": filepath.Join("weird:", databaseFile),
		"postgres://u:hunter2@db.example:5432/reeve?password=hunter2": "postgres://db.example:5432/reeve",
		"postgresql://u:hunter2@%zz/reeve":                            "the PostgreSQL database",
	} {
		var l place
		if err := l.Set(text); err != nil || l.name() != want {
			t.Errorf("%s: %q, %v; want %q", text, l.name(), err, want)
		}
	}
}
