package tidy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// TestTheScriptOfEvidenceWorks runs the script that docs/evidence.md prints:
// it accepts a ledger as it is, and refuses it when one word was altered.
func TestTheScriptOfEvidenceWorks(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("REEVE_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip("python3 is not installed")
	}
	dir := t.TempDir()
	script, database := filepath.Join(dir, "chain.py"), filepath.Join(dir, "reeve.db")
	if err := os.WriteFile(script, []byte(scriptOfEvidence(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	arn := writeLedger(t, database)

	out, err := exec.Command(python, script, database).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), " 3 "+arn+"\n") {
		t.Errorf("the script does not accept a good ledger: %v\n%s", err, out)
	}
	alter(t, database)
	out, err = exec.Command(python, script, database).CombinedOutput()
	if err == nil || !strings.Contains(string(out), arn+": revision 2 does not follow") {
		t.Errorf("the script does not see an altered revision: %v\n%s", err, out)
	}
}

func scriptOfEvidence(t *testing.T) string {
	t.Helper()
	_, text, _ := strings.Cut(readDoc(t, "docs/evidence.md"), "```python\n")
	text, _, found := strings.Cut(text, "```")
	if !found {
		t.Fatal("docs/evidence.md has no script")
	}
	return text
}

// writeLedger makes a database with one ledger of three revisions and returns
// the ledger's ARN.
func writeLedger(t *testing.T, database string) string {
	t.Helper()
	db, err := sqlite.Open(database, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.New(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const machine = "arn:aws:ec2:us-east-1:111122223333:instance/i-0aa1"
	m := license.New(s, license.Settings{})
	who := license.Caller{Account: "111122223333", Region: "us-east-1", Principal: "arn:aws:iam::111122223333:root", Operation: "Test"}
	arn, err := m.CreateConfiguration(t.Context(), who, license.ConfigurationSpec{
		Terms: license.Terms{Name: "Müller's \"EE\"", CountingType: license.VCPU},
	})
	if err != nil {
		t.Fatal(err)
	}
	report := func(vcpus int64) error {
		_, err := m.PutResources(t.Context(), who, license.Put{Reports: []license.Report{{ARN: machine, VCPUs: &vcpus}}})
		return err
	}
	for _, do := range []func() error{
		func() error { return report(8) },
		func() error {
			return m.UpdateSpecifications(t.Context(), who, machine, []license.Specification{{ConfigurationARN: arn}}, nil)
		},
		func() error { return report(16) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	return arn
}

// alter changes one word of the second revision.
func alter(t *testing.T, database string) {
	t.Helper()
	db, err := sqlite.Open(database, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(c sqlconn.Conn) error {
		_, err := c.Exec(`UPDATE revision SET changes = replace(changes, 'running', 'stopped') WHERE number = 2`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
