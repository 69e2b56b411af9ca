package browser_test

import (
	"bytes"
	"context"
	"errors"
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
	program func() (string, error)
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
	workshop.program = sync.OnceValues(buildProgram)
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

// startServer runs the program until the sample is in it. It is stopped when all
// tests are over, and must have logged no error by then.
func startServer() (*server, error) {
	s, stop, err := launch(filepath.Join(workshop.dir, "data"), nil, "--sample", "--max-configurations", "0", "--max-creates-per-day", "0")
	if err != nil {
		return nil, err
	}
	workshop.ends = append(workshop.ends, stop)
	if err := awaited("the sample is loaded", func() bool { return strings.Contains(s.log.String(), "sample loaded") }); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.log)
	}
	return s, nil
}

func buildProgram() (string, error) {
	program := filepath.Join(workshop.dir, "reeve")
	if out, err := exec.Command("go", "build", "-o", program, "reeve/cmd/reeve").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build reeve: %w\n%s", err, out)
	}
	return program, nil
}

// launch runs the program with a directory of its own, until stop ends it.
func launch(data string, env []string, flags ...string) (s *server, stop func() error, err error) {
	program, err := workshop.program()
	if err != nil {
		return nil, nil, err
	}
	s = &server{log: &output{}}
	cmd := exec.Command(program, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, flags...)...)
	cmd.Env = append(env, "REEVE_ROOT_ACCOUNT="+rootAccount, "REEVE_ROOT_ACCESS_KEY_ID="+rootKeyID, "REEVE_ROOT_SECRET_ACCESS_KEY="+rootSecret)
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start the server: %w", err)
	}
	stop = func() error { return s.stop(cmd) }
	if err := s.reach(data); err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return s, stop, nil
}

// reach waits for the server's address.
func (s *server) reach(data string) error {
	err := awaited("the server listens", func() bool {
		address, err := os.ReadFile(filepath.Join(data, "endpoint"))
		s.url = strings.TrimSpace(string(address))
		return err == nil && s.url != ""
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, s.log)
	}
	s.root, err = client.New(s.url, region, client.Credentials{AccessKeyID: rootKeyID, SecretAccessKey: rootSecret})
	return err
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
