package browser_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"reeve/internal/client"
)

// The root account, as the environment gives it.
const (
	region      = "us-east-1"
	rootAccount = "111122223333"
	rootKeyID   = "AKIAREEVEBROWSERTEST"
	rootSecret  = "root/secret+of=the/tests"
)

// patience bounds every wait. It is far more than any needs on a busy machine.
const patience = 5 * time.Minute

// workshop has what all tests share: the program, its server and the browser,
// each made when the first test needs it.
var workshop struct {
	dir     string
	server  func() (*server, error)
	browser func() (context.Context, error)
	ends    []func() error // in the order of their making
}

func TestMain(m *testing.M) { os.Exit(open(m)) }

func open(m *testing.M) int {
	dir, err := os.MkdirTemp("", "reeve-browser")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	workshop.dir = dir
	workshop.server = sync.OnceValues(startServer)
	workshop.browser = sync.OnceValues(startBrowser)
	code := m.Run()
	for i := len(workshop.ends) - 1; i >= 0; i-- {
		if err := workshop.ends[i](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// server is a running "reeve serve --sample".
type server struct {
	url  string
	root *client.Client // the API, as the root account
	log  *output
}

// output collects what a process writes.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// startServer builds the program and runs it until the sample is in it. It is
// stopped when all tests are over, and must have logged no error by then.
func startServer() (*server, error) {
	program := filepath.Join(workshop.dir, "reeve")
	if out, err := exec.Command("go", "build", "-o", program, "reeve/cmd/reeve").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build reeve: %w\n%s", err, out)
	}
	data := filepath.Join(workshop.dir, "data")
	s := &server{log: &output{}}
	cmd := exec.Command(program, "serve", "--sample", "--data", data, "--listen", "127.0.0.1:0",
		"--max-configurations", "0", "--max-creates-per-day", "0")
	cmd.Env = []string{"REEVE_ROOT_ACCOUNT=" + rootAccount, "REEVE_ROOT_ACCESS_KEY_ID=" + rootKeyID, "REEVE_ROOT_SECRET_ACCESS_KEY=" + rootSecret}
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	workshop.ends = append(workshop.ends, func() error { return s.stop(cmd) })
	if err := awaited("the sample is loaded", func() bool { return strings.Contains(s.log.String(), "sample loaded") }); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.log)
	}
	address, err := os.ReadFile(filepath.Join(data, "endpoint"))
	if err != nil {
		return nil, err
	}
	s.url = strings.TrimSpace(string(address))
	s.root, err = client.New(s.url, region, client.Credentials{AccessKeyID: rootKeyID, SecretAccessKey: rootSecret})
	return s, err
}

func (s *server) stop(cmd *exec.Cmd) error {
	_ = cmd.Process.Signal(os.Interrupt)
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the server ended with: %w\n%s", err, s.log)
	}
	if strings.Contains(s.log.String(), "level=ERROR") {
		return fmt.Errorf("the server logged errors:\n%s", s.log)
	}
	return nil
}

// awaited waits until something holds.
func awaited(what string, holds func() bool) error {
	late := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			return fmt.Errorf("waited in vain until %s", what)
		}
	}
	return nil
}

// call answers one operation of the API as the root account.
func call[Out, In any](t *testing.T, s *server, target string, in *In) *Out {
	t.Helper()
	answer, err := client.Call[In, Out](t.Context(), s.root, target, in)
	must(t, target, err)
	return answer
}

func must(t *testing.T, doing string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}
