package main

import (
	"bytes"
	"context"
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
	tamper(t, s.cfg.Data, arns[1])
	out, err = verifyDirectory(s.cfg.Data)
	if err == nil || !strings.Contains(err.Error(), "1 of 3 ledgers has a fault") {
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

// tamper changes who made a configuration's first revision.
func tamper(t *testing.T, data, arn string) {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(data, databaseFile), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(c sqlconn.Conn) error {
		n, err := c.Exec("UPDATE revision SET caller = 'somebody else' WHERE configuration = (SELECT num FROM configuration WHERE id = $1)", lastPart(arn))
		if n != 1 {
			t.Errorf("%d revisions were changed", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
