package pgtest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
)

// TestLocaleIsNotBytewise: otherwise the tests would not notice that a key
// lacks its collation.
func TestLocaleIsNotBytewise(t *testing.T) {
	if os.Getenv("REEVE_TEST_POSTGRES") != "" {
		t.Skip("REEVE_TEST_POSTGRES names a server with a locale of its own")
	}
	err := pgtest.Open(t).View(t.Context(), func(c sqlconn.Conn) error {
		return c.Query(`SELECT CASE WHEN 'a' < 'B' THEN 1 ELSE 0 END`, nil, func(r sqlconn.Row) error {
			if r.Int(0) != 1 {
				t.Error("'a' sorts behind 'B'")
			}
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}

// TestServerEndsWithItsProcess kills a test process that uses a server.
func TestServerEndsWithItsProcess(t *testing.T) {
	pgtest.URL(t) // skips where there is none
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildUsesServer$")
	cmd.Env = append(os.Environ(), "REEVE_CHILD=1", "REEVE_TEST_POSTGRES=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	dir := hostOf(t, line[:max(0, len(line)-1)])
	if _, statErr := os.Stat(dir); err != nil || statErr != nil {
		t.Errorf("no server while the process runs: %v, %v", err, statErr)
	}
	cmd.Process.Kill()
	cmd.Wait()
	limit := time.NewTimer(5 * time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("%s is still there", dir)
		}
	}
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("host") == "" {
		t.Fatalf("the other process said %q", address)
	}
	return u.Query().Get("host")
}

// TestChildUsesServer is the other process.
func TestChildUsesServer(t *testing.T) {
	if os.Getenv("REEVE_CHILD") == "" {
		return
	}
	fmt.Println(pgtest.URL(t))
	select {}
}
