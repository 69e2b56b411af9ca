package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/config"
	"reeve/internal/evidence"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// TestADatabaseIsHeldAgainstWhatWasKept: the key is there for everybody, and
// who rewrites a stopped server's database is found by a checkpoint that was
// kept elsewhere.
func TestADatabaseIsHeldAgainstWhatWasKept(t *testing.T) {
	s := openTestServer(t, func(c *config.Config) { c.Database = "" }) // verify --data is for SQLite
	stop, ended := start(t, s)
	var made api.CreateLicenseConfigurationOutput
	name, counting := "one", "vCPU"
	create := api.CreateLicenseConfigurationInput{Name: &name, LicenseCountingType: &counting}
	if err := call(t.Context(), clientOf(t, s, s), api.LicenseManager+".CreateLicenseConfiguration", create, &made); err != nil {
		t.Fatal(err)
	}
	var signed api.CreateCheckpointOutput
	if err := call(t.Context(), clientOf(t, s, s), api.Reeve+".CreateCheckpoint", api.CreateCheckpointInput{}, &signed); err != nil {
		t.Fatal(err)
	}
	key := getKey(t, s.endpoint())
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	kept, keyFile := filepath.Join(dir, "kept"), filepath.Join(dir, "key.txt")
	if err := os.Mkdir(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	writeText(t, filepath.Join(kept, "1.note"), val(signed.Checkpoint.Note))
	writeText(t, keyFile, key)
	check := func() (string, error) {
		var out bytes.Buffer
		o := verifyOptions{data: s.cfg.Data, keys: []string{keyFile}, checkpoints: []string{kept}}
		err := runVerify(context.Background(), &process{stdout: &out, stderr: &out, lookupEnv: noEnv}, o)
		return out.String(), err
	}
	out, err := check()
	if err != nil || !strings.Contains(out, "contains: 1 checkpoint kept elsewhere") {
		t.Fatalf("before: %v\n%s", err, out)
	}
	forget(t, s.cfg.Data)
	if out, err = check(); err == nil || !strings.Contains(err.Error(), "no checkpoint covers it yet") {
		t.Errorf("after the checkpoints were thrown away: %v\n%s", err, out)
	}
}

func getKey(t *testing.T, endpoint string) string {
	t.Helper()
	answer, err := http.Get(endpoint + keyPath)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", keyPath, answer.Status, err)
	}
	if keys, err := evidence.ParseKeys(string(text)); err != nil || len(keys) != 1 {
		t.Fatalf("GET %s answers %q: %v", keyPath, text, err)
	}
	return string(text)
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// forget throws all checkpoints of a database away.
func forget(t *testing.T, data string) {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(data, databaseFile), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(c sqlconn.Conn) error {
		for _, table := range []string{"checkpoint", "checkpoint_ledger", "checkpoint_head"} {
			if _, err := c.Exec("DELETE FROM " + table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
