package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"reeve/internal/api"
	"reeve/internal/config"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

func TestVerifyNamesTheLedgerThatWasTamperedWith(t *testing.T) {
	s := openTestServer(t, func(c *config.Config) { c.Database = "" }) // verify --data is for SQLite
	stop, ended := start(t, s)
	arns := make([]string, 3)
	for i, name := range []string{"one", "two", "three"} {
		var made api.CreateLicenseConfigurationOutput
		counting := "vCPU"
		create := api.CreateLicenseConfigurationInput{Name: &name, LicenseCountingType: &counting}
		if err := call(t.Context(), clientOf(t, s, s), api.LicenseManager+".CreateLicenseConfiguration", create, &made); err != nil {
			t.Fatal(err)
		}
		arns[i] = val(made.LicenseConfigurationArn)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	out, err := verifyDirectory(s.cfg.Data)
	if err != nil || !strings.Contains(out, "checked 3 ledgers") {
		t.Fatalf("before: %q, %v", out, err)
	}
	tamper(t, s.cfg.Data, "UPDATE revision SET caller = 'somebody else' WHERE configuration = (SELECT num FROM configuration WHERE id = $1)", lastPart(arns[1]))
	out, err = verifyDirectory(s.cfg.Data)
	if err == nil || !strings.Contains(err.Error(), "a fault in 1 of 3 ledgers") {
		t.Errorf("after: %v", err)
	}
	if !strings.Contains(out, arns[1]) || strings.Contains(out, arns[0]) || strings.Contains(out, "everything agrees") {
		t.Errorf("people see:\n%s", out)
	}
}

func verifyDirectory(data string) (string, error) {
	var out bytes.Buffer
	err := runVerify(context.Background(), &process{stdout: &out, stderr: &out, lookupEnv: noEnv}, verifyOptions{data: data})
	return out.String(), err
}

// What has a fault is told by its kind, not by its name, over the API and
// directly.
func TestVerifyTellsInventoriesAndCheckpointsFromLedgers(t *testing.T) {
	s := openTestServer(t, func(c *config.Config) { c.Database = "" }) // verify --data is for SQLite
	stop, ended := start(t, s)
	const account = "111122223333" // whose resource it is does not matter
	c := clientOf(t, s, s)
	for operation, in := range map[string]any{
		api.LicenseManager + ".CreateLicenseConfiguration": api.CreateLicenseConfigurationInput{Name: new("one"), LicenseCountingType: new("vCPU")},
		api.Reeve + ".PutResources": api.PutResourcesInput{Resources: []api.Resource{
			{ResourceArn: new("arn:aws:ec2:us-east-1:" + account + ":instance/i-1"), VCpus: new(int64(2))},
		}},
	} {
		if err := call(t.Context(), c, operation, in, &struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := call(t.Context(), c, api.Reeve+".CreateCheckpoint", api.CreateCheckpointInput{}, &struct{}{}); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	tamper(t, s.cfg.Data, "UPDATE resource_facts SET at = at + 1")
	tamper(t, s.cfg.Data, "UPDATE checkpoint SET note = replace(note, 'ledgers 1', 'ledgers 2')")

	again := openTestServer(t, func(c *config.Config) { *c = s.cfg })
	stop, ended = start(t, again)
	v := newVerification(&process{stdout: io.Discard, stderr: io.Discard, lookupEnv: noEnv})
	v.quiet = true
	if err := v.pages(t.Context(), clientOf(t, again, again)); err != nil {
		t.Fatal(err)
	}
	stop()
	<-ended
	direct := newVerification(v.p)
	direct.quiet = true
	db, err := openStopped(t.Context(), s.cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := direct.ledgersOf(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*verification{v, direct} {
		if v.ledgers != 1 || v.inventories != 1 || v.accounts != 1 || v.faults != 2 {
			t.Errorf("%d ledgers, %d inventories, checkpoints of %d accounts, %d faults, want 1, 1, 1 and 2", v.ledgers, v.inventories, v.accounts, v.faults)
		}
	}
}

// tamper changes one row behind the server's back.
func tamper(t *testing.T, data, sql string, args ...any) {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(data, databaseFile), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(c sqlconn.Conn) error {
		n, err := c.Exec(sql, args...)
		if n != 1 {
			t.Errorf("%d rows were changed", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
