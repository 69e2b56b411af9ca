package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"reeve/internal/store/sqlite"
)

// TestKilled kills a process in the middle of its commits and its checkpoints.
// What it had been told is committed must be there, nothing may be torn, and
// its lock must be gone with it.
func TestKilled(t *testing.T) {
	path := tempPath(t)
	openItems(t, path, sqlite.Options{}).Close()
	acknowledged := int64(0)
	for _, commits := range []int64{1, 20, 60} {
		acknowledged += runAndKill(t, path, acknowledged+1, commits)
		db := open(t, path, sqlite.Options{})
		got := ids(t, db)
		// One more may have been committed whose acknowledgement was not read.
		if n := int64(len(got)); n < acknowledged || n > 0 && got[n-1] != n {
			t.Fatalf("%d items are there, the last is %d; %d were acknowledged", n, got[n-1], acknowledged)
		}
		acknowledged = int64(len(got))
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runAndKill has another process add items from first on, and kills it after
// that many acknowledgements.
func runAndKill(t *testing.T, path string, first, commits int64) (acknowledged int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildWrites$")
	cmd.Env = append(os.Environ(), "REEVE_CHILD_DATABASE="+path, fmt.Sprint("REEVE_CHILD_FIRST=", first))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	for acknowledged < commits && lines.Scan() {
		if got := lines.Text(); got != fmt.Sprint("committed ", first+acknowledged) {
			t.Fatalf("the writing process said %q", got)
		}
		acknowledged++
	}
	if acknowledged == 1 {
		refusedBeside(t, path, cmd.Process.Pid)
	}
	return acknowledged
}

func refusedBeside(t *testing.T, path string, pid int) {
	t.Helper()
	_, err := sqlite.Open(path, sqlite.Options{})
	if want := fmt.Sprintf("another Reeve (process %d) is running on it", pid); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}

// TestChildWrites is the other process of TestKilled.
func TestChildWrites(t *testing.T) {
	path := os.Getenv("REEVE_CHILD_DATABASE")
	if path == "" {
		return
	}
	first, err := strconv.ParseInt(os.Getenv("REEVE_CHILD_FIRST"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, path, sqlite.Options{CheckpointEvery: time.Millisecond, WALLimit: 100_000})
	for id := first; ; id++ {
		if err := add(context.Background(), db, id, 10_000); err != nil {
			t.Fatal(err)
		}
		fmt.Println("committed", id)
	}
}
