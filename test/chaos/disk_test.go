package chaos_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/client"
)

// smallDisk mounts a file system in memory that goes away with the test. Who
// may not mount skips the test, or fails it where nothing may be missing.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "reeve-disk")
	must(t, "make directory", err)
	t.Cleanup(func() { must(t, "remove directory", os.Remove(dir)) })
	must(t, "open directory to PostgreSQL", os.Chmod(dir, 0o755))
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "reeve-test", dir).CombinedOutput()
	switch {
	case err != nil && os.Getenv("REEVE_REQUIRE_ALL") == "1":
		t.Fatalf("mount a small disk (run as root): %v\n%s", err, out)
	case err != nil:
		t.Skipf("THE FULL DISK IS NOT TESTED: a small one cannot be mounted, for which one must be root: %v", err)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("unmount: %v\n%s", err, out)
		}
	})
	return dir
}

// fill leaves no byte on the disk of a directory.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	f, err := os.CreateTemp(dir, "ballast")
	must(t, "make ballast", err)
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2 // what did not fit whole has filled some of the rest
		}
	}
	must(t, "close ballast", f.Close())
	return func() {
		t.Helper()
		must(t, "remove ballast", os.Remove(f.Name()))
	}
}

// page is what a page of the server says to whoever asks.
func page(t *testing.T, url string) (status int, text string) {
	t.Helper()
	response, err := http.Get(url)
	must(t, "get "+url, err)
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	must(t, "read "+url, err)
	return response.StatusCode, string(all)
}

// fillUntilRefused reports machines of growing size until the server refuses
// one, and returns what the last accepted sizes were.
func (f *fleet) fillUntilRefused(t *testing.T, sizes map[string]int64) (refusal error) {
	t.Helper()
	for n := range 3000 {
		arn := f.machine(fmt.Sprint(n % fleetSize))
		size := 1 + int64(n%90)
		if refusal = f.put(t.Context(), "observe", running(arn, size)); refusal != nil {
			return refusal
		}
		sizes[arn] = size
	}
	t.Fatal("a full disk takes everything")
	return nil
}

// askForThePresent asks for moments that nobody has asked for before. The disk
// of PostgreSQL may have room for what makes such an answer final, or not; with
// SQLite nothing is needed.
func (f *fleet) askForThePresent(t *testing.T, postgres bool) *answers {
	t.Helper()
	known := &answers{list: map[string]string{}}
	for range 5 {
		now := moment(time.Now())
		answer, err := f.asOf(t.Context(), now, chance(t))
		switch {
		case err == nil:
			must(t, "ask again", known.note(now, answer))
		case !postgres || !strings.Contains(err.Error(), "ServiceUnavailableException"):
			t.Errorf("on a full disk the present is not answered: %v", err)
		}
	}
	return known
}

func (f *fleet) sizes(t *testing.T) map[string]int64 {
	t.Helper()
	rows, err := f.usage(t.Context(), f.arn, "", 100)
	must(t, "list usage", err)
	sizes := map[string]int64{}
	for _, row := range rows {
		sizes[*row.ResourceArn] = *row.ConsumedLicenses
	}
	return sizes
}

// waitUntilSaid asks a page until it says something. What is said is of the last
// write, and a full disk may have room for a small one.
func (f *fleet) waitUntilSaid(t *testing.T, url, words string) {
	t.Helper()
	for n := range 20 {
		status, text := page(t, url)
		if status != 200 {
			t.Errorf("%s says %d %s", url, status, text)
		}
		if strings.Contains(text, words) {
			return
		}
		_ = f.put(t.Context(), "observe", running(f.machine(fmt.Sprint("spare", n)), 1)) // uses no licence, and makes the server write
	}
	t.Errorf("%s does not say %q", url, words)
}

// TestAFullDiskRefusesChangesAndNothingElse is about SQLite's.
func TestAFullDiskRefusesChangesAndNothingElse(t *testing.T) {
	disk := smallDisk(t, "32m")
	data := filepath.Join(disk, "data")
	fillTwice(t, disk, data).stop()
	verifyCommand(t, "--data", data)
}

// fillTwice fills the disk under a server: changes are refused, everything else
// goes on, and so do changes once there is space.
func fillTwice(t *testing.T, disk, data string, environment ...string) *process {
	t.Helper()
	s := start(t, data, append(append(rootEnvironment(), "REEVE_METRICS=127.0.0.1:0"), environment...)...)
	metrics := s.metricsAddress(t)
	s.mayLog = []string{"its disk is full or read-only", "answered before its event is written"}
	f := newFleet(t, s.root())
	before := moment(time.Now())
	first, err := f.asOf(t.Context(), before, chance(t))
	must(t, "list usage", err)
	for range 2 {
		sizes := f.sizes(t)
		empty := fill(t, disk)
		refusal := f.fillUntilRefused(t, sizes)
		var own *client.Error
		if !errors.As(refusal, &own) || own.Code != "ServiceUnavailableException" || own.Status != http.StatusServiceUnavailable || !strings.Contains(own.Message, "disk is full") {
			t.Errorf("a change on a full disk was refused with %v", refusal)
		}
		if diff := cmp.Diff(sizes, f.sizes(t)); diff != "" {
			t.Errorf("on a full disk the usage is not what was acknowledged:\n%s", diff)
		}
		again, err := f.asOf(t.Context(), before, chance(t))
		if err != nil || again != first {
			t.Errorf("on a full disk the past is another one: %v\n%s\n%s", err, first, again)
		}
		if _, err := highest(t.Context(), f.account, f.arn); err != nil {
			t.Errorf("on a full disk there is no history: %v", err)
		}
		asked := f.askForThePresent(t, len(environment) > 0)
		f.waitUntilSaid(t, s.endpoint+"/healthz", "cannot be written")
		f.waitUntilSaid(t, "http://"+metrics+"/metrics", "reeve_database_writable 0")
		empty()
		must(t, "report when there is space again", f.put(t.Context(), "observe", running(f.machine("0"), 5)))
		sizes[f.machine("0")] = 5
		if diff := cmp.Diff(sizes, f.sizes(t)); diff != "" {
			t.Errorf("with space again the usage is not what was acknowledged:\n%s", diff)
		}
		f.askAgain(t, asked, chance(t))
		if status, text := page(t, s.endpoint+"/healthz"); status != 200 || text != "ok\n" {
			t.Errorf("the health page says %d %s", status, text)
		}
		s.checkLedgers()
	}
	for _, line := range []string{"database cannot be written", "database can be written again"} {
		if n := strings.Count(s.log.String(), `msg="`+line); n < 2 { // a full disk may have room for a small change
			t.Errorf("the log says %d times %q:\n%s", n, line, s.log)
		}
	}
	return s
}

// A server on a read-only disk says so and ends, and starts when it is none.
func TestAReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, "32m")
	data := filepath.Join(disk, "data")
	s := start(t, data, rootEnvironment()...)
	f := newFleet(t, s.root())
	s.stop()
	remount := func(how string) {
		t.Helper()
		out, err := exec.Command("mount", "-o", "remount,"+how, disk).CombinedOutput()
		if err != nil {
			t.Fatalf("remount: %v\n%s", err, out)
		}
	}
	remount("ro")
	code, out := run(t, rootEnvironment(), "serve", "--data", data, "--listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(out, "read-only") {
		t.Errorf("a server on a read-only disk ends with %d:\n%s", code, out)
	}
	remount("rw")
	s = start(t, data, rootEnvironment()...)
	f.account = s.root()
	must(t, "report", f.put(t.Context(), "observe", running(f.machine("0"), 5)))
}
