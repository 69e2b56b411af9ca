package directory_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/source"
	"reeve/internal/source/directory"
)

const header = "resource_arn,vcpus\n"

// drop is a directory with its source and what pulls remember.
type drop struct {
	*testing.T
	dir    string
	source *directory.Source
	memory []byte
}

func newDrop(t *testing.T) *drop {
	t.Helper()
	d := &drop{T: t, dir: t.TempDir()}
	var err error
	d.source, err = directory.Open(directory.Settings{Path: d.dir}, source.Options{Region: "eu-central-1", Account: "111122223333"})
	if err != nil {
		t.Fatal(err)
	}
	d.source.SetSettled(time.Millisecond)
	return d
}

func (d *drop) write(name, text string) {
	d.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
		d.Fatal(err)
	}
}

// pull returns the machines that a pull hands over, by their last word.
func (d *drop) pull() []string {
	d.Helper()
	var got []string
	next, err := d.source.Pull(d.Context(), d.memory, func(batch []license.Report) error {
		seen := map[string]bool{}
		for _, r := range batch {
			if seen[r.ARN] {
				d.Errorf("a batch has %s twice", r.ARN)
			}
			seen[r.ARN] = true
			cpus := int64(0)
			if r.VCPUs != nil {
				cpus = *r.VCPUs
			}
			got = append(got, fmt.Sprintf("%s=%d", r.ARN[strings.LastIndexByte(r.ARN, '/')+1:], cpus))
		}
		return nil
	})
	if err != nil {
		d.Fatal(err)
	}
	d.memory = next
	return got
}

func (d *drop) pulls(want ...string) {
	d.Helper()
	if diff := cmp.Diff(want, d.pull()); diff != "" {
		d.Errorf("pull (-want +got):\n%s", diff)
	}
}

func (d *drop) fails(want ...string) {
	d.Helper()
	shown, all := d.source.Failures()
	if all != len(want) {
		d.Errorf("%d failures, want %d: %v", all, len(want), shown)
	}
	for i, f := range shown {
		if text := f.Place + ": " + f.Reason; i < len(want) && !strings.Contains(text, want[i]) {
			d.Errorf("failure %d is %q, want %q", i, text, want[i])
		}
	}
}

func row(id string, cpus int) string {
	return fmt.Sprintf("arn:aws:ec2:eu-central-1:111122223333:instance/i-%s,%d\n", id, cpus)
}

func TestEachFileIsReadOnce(t *testing.T) {
	d := newDrop(t)
	d.write("a.csv", header+row("a", 2))
	d.write("b.json", `{"ResourceArn": "arn:aws:ec2:eu-central-1:111122223333:instance/i-b", "VCpus": 4}`)
	d.write("notes.txt", header+row("no", 2))
	d.write(".hidden.csv", header+row("no", 2))
	d.pulls("i-a=2", "i-b=4")
	d.pulls()
	d.write("a.csv", header+row("a", 16))
	d.pulls("i-a=16")
	// Touched, and not changed.
	if err := os.Chtimes(filepath.Join(d.dir, "a.csv"), time.Time{}, time.Unix(1_700_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	d.pulls()
	os.Remove(filepath.Join(d.dir, "a.csv"))
	d.pulls()
	d.write("a.csv", header+row("a", 16)) // it is a new one
	d.pulls("i-a=16")
	d.fails()
}

func TestTheYoungerFileHasTheLastWord(t *testing.T) {
	d := newDrop(t)
	for name, at := range map[string]int64{"a.csv": 300, "b.csv": 100, "c.csv": 200} {
		d.write(name, header+row("x", int(at)))
		if err := os.Chtimes(filepath.Join(d.dir, name), time.Time{}, time.Unix(1_700_000_000+at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	d.pulls("i-x=100", "i-x=200", "i-x=300")
}

func TestBadRecordsAndFilesAreFailures(t *testing.T) {
	d := newDrop(t)
	d.write("a.csv", header+row("a", 2)+"nonsense,2\n"+row("b", 2)+row("a", 4))
	d.write("b.json", `{"ResourceArn": `)
	d.write("c.csv", header+row("c", 2))
	got := strings.Join(d.pull(), " ")
	if got != "i-a=2 i-b=2 i-c=2" {
		t.Errorf("pulled %s", got)
	}
	d.fails("a.csv:3: Invalid resource ARN", "a.csv:5: ", "b.json: ")
	d.pulls()
	d.fails() // what was said once is not said every minute
}

// writtenMeanwhile is the context of a pull during whose wait something happens,
// however long the machine takes for either.
type writtenMeanwhile struct {
	context.Context
	write func()
}

// Done is what a pull asks for when it begins to wait.
func (c writtenMeanwhile) Done() <-chan struct{} {
	c.write()
	return c.Context.Done()
}

func TestAFileThatIsStillWrittenWaits(t *testing.T) {
	d := newDrop(t)
	text := header + row("a", 2)
	d.write("a.csv", text)
	ctx := writtenMeanwhile{t.Context(), func() {
		text += "#"
		d.write("a.csv", text)
	}}
	_, err := d.source.Pull(ctx, nil, func(batch []license.Report) error {
		t.Errorf("a file was read while it was written: %v", batch)
		return nil
	})
	if err != nil || !strings.HasSuffix(text, "#") {
		t.Fatalf("the pull did not wait: %v", err)
	}
	d.fails()
	d.write("a.csv", header+row("a", 2))
	d.pulls("i-a=2")
}

func TestLinksAndPipesAreNotFollowed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights there")
	}
	d := newDrop(t)
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte(header+row("secret", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	d.write("real.csv", header+row("real", 2))
	for from, to := range map[string]string{"out.csv": secret, "up.csv": "../" + filepath.Base(filepath.Dir(secret)) + "/secret.csv", "in.csv": "real.csv", "dir.csv": t.TempDir()} {
		if err := os.Symlink(to, filepath.Join(d.dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "below.csv", "deep.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	makePipe(t, filepath.Join(d.dir, "pipe.csv"))
	d.pulls("i-real=2")
	d.fails()
}

func TestAFileThatIsReplacedByALinkIsNotFollowed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights there")
	}
	d := newDrop(t)
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte(header+row("secret", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	d.write("inner.csv", header+row("inner", 2))
	for _, target := range []string{secret, "inner.csv"} {
		name := filepath.Join(d.dir, "a.csv")
		d.write("a.csv", header+row("a", 2))
		err := d.source.OpenAfter("a.csv", func() {
			os.Remove(name)
			os.Symlink(target, name)
		})
		if err == nil {
			t.Errorf("a link to %s was opened", target)
		}
		os.Remove(name)
	}
}

func TestWhoTakesTheReportsEndsThePull(t *testing.T) {
	d := newDrop(t)
	d.write("a.csv", header+row("a", 2))
	stop := errors.New("the lease is gone")
	next, err := d.source.Pull(t.Context(), nil, func([]license.Report) error { return stop })
	if !errors.Is(err, stop) || next != nil {
		t.Errorf("got %q, %v", next, err)
	}
}

func TestADirectoryThatIsNotThereIsAnError(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	s, err := directory.Open(directory.Settings{Path: gone}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pull(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), "must be there") {
		t.Errorf("got %v", err)
	}
	if _, err := directory.Open(directory.Settings{Path: "relative"}, source.Options{}); err == nil {
		t.Error("a relative path was taken")
	}
}

// TestAnAgentsFile: who made a report shows in it, also that it has no
// software, and which EC2 instance it is of. Two of one are in two batches.
func TestAnAgentsFile(t *testing.T) {
	const tag = "<BIOS><SMANUFACTURER>Amazon EC2</SMANUFACTURER></BIOS><ACCOUNTINFO><KEYNAME>TAG</KEYNAME><KEYVALUE>i-0123456789abcdef0</KEYVALUE></ACCOUNTINFO>"
	d := newDrop(t)
	for _, name := range []string{"a", "b"} {
		d.write(name+".ocs", "<REQUEST><CONTENT><HARDWARE><NAME>"+name+"</NAME></HARDWARE>"+tag+"</CONTENT></REQUEST>")
	}
	d.write("c.csv", header+row("c", 2))
	batches := 0
	_, err := d.source.Pull(t.Context(), nil, func(batch []license.Report) error {
		batches++
		for _, r := range batch {
			byAgent := strings.Contains(r.ARN, "mi-")
			if r.FromAgent != byAgent || (r.Instance == "i-0123456789abcdef0") != byAgent || (r.Applications != nil) != byAgent {
				t.Errorf("%s: from an agent %t, of the instance %q, software %v", r.ARN, r.FromAgent, r.Instance, r.Applications)
			}
		}
		return nil
	})
	if err != nil || batches != 2 {
		t.Errorf("%d batches, error %v", batches, err)
	}
}
