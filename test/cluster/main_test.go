//go:build unix

package cluster_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"reeve/internal/store/postgres/pgtest"
)

// binary is the program under test, built once.
var binary string

// shared is the database of all tests but one, started by the first.
var shared struct {
	once    sync.Once
	cluster *pgtest.Cluster
	err     error
}

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "reeve-cluster")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "reeve")
	build := exec.Command("go", "build", "-o", binary, "reeve/cmd/reeve")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	defer func() {
		if shared.cluster != nil {
			_ = shared.cluster.Close()
		}
	}()
	return m.Run()
}

// sharedCluster is a PostgreSQL server. Without its programs the test is
// skipped, or fails where REEVE_REQUIRE_ALL=1 says that nothing may be missing.
func sharedCluster(t *testing.T) *pgtest.Cluster {
	t.Helper()
	shared.once.Do(func() { shared.cluster, shared.err = pgtest.NewCluster() })
	needed(t, shared.err)
	return shared.cluster
}

func needed(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("REEVE_REQUIRE_ALL") == "1":
		t.Fatalf("start PostgreSQL: %v", err)
	default:
		t.Skipf("no PostgreSQL: %v", err)
	}
}

// rounds is a number for the usual form, and one for the long form.
func rounds(usual, long int) int {
	if os.Getenv("REEVE_CHAOS_LONG") == "1" {
		return long
	}
	return usual
}

func must(t testing.TB, doing string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}
