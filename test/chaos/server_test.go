package chaos_test

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The root account of every deployment here, as the environment gives it.
const (
	rootAccount = "111111111111"
	rootKeyID   = "AKIAROOTROOTROOTROOT"
	rootSecret  = "root-secret-of-a-test"
)

// patience bounds every wait for something that must happen, so that a test that
// hangs ends. It is far more than any needs on a busy machine.
const patience = 3 * time.Minute

// process is one run of the server. Its methods fail the test that
// started it, so they are for the test's own goroutine.
type process struct {
	endpoint string // such as http://127.0.0.1:40123
	data     string

	t        testing.TB
	cmd      *exec.Cmd
	greeting *text // standard output
	log      *text // standard error
	ended    chan struct{}

	mayLog []string // errors that are what the test is about
}

// text collects what a process writes, and tells of its first line.
type text struct {
	mu   sync.Mutex
	all  bytes.Buffer
	line chan struct{} // closed at the end of the first line
	once sync.Once
}

func newText() *text { return &text{line: make(chan struct{})} }

func (o *text) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if bytes.IndexByte(p, '\n') >= 0 {
		o.once.Do(func() { close(o.line) })
	}
	return o.all.Write(p)
}

func (o *text) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// rootEnvironment names the root account and its key, and gives a server that is
// stopped the time of a slow machine for what it has begun.
func rootEnvironment() []string {
	return []string{
		"REEVE_SHUTDOWN_TIMEOUT=" + patience.String(),
		"REEVE_ROOT_ACCOUNT=" + rootAccount,
		"REEVE_ROOT_ACCESS_KEY_ID=" + rootKeyID,
		"REEVE_ROOT_SECRET_ACCESS_KEY=" + rootSecret,
	}
}

// plainEnvironment is what the program inherits of ours: nothing that somebody
// may have set for it.
func plainEnvironment() []string {
	var kept []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "REEVE_") && !strings.HasPrefix(v, "AWS_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// command is a command line of the program with only the given environment.
func command(environment []string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(plainEnvironment(), environment...)
	return cmd
}

// run runs a command line of the program that ends by itself, and returns all
// that it wrote.
func run(t testing.TB, environment []string, args ...string) (code int, out string) {
	t.Helper()
	cmd, written := command(environment, args...), newText()
	cmd.Stdout, cmd.Stderr = written, written
	if err := cmd.Start(); err != nil {
		t.Fatalf("run reeve %s: %v", args[0], err)
	}
	late := time.AfterFunc(10*patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait() // ProcessState says how it ended
	return cmd.ProcessState.ExitCode(), written.String()
}

// start runs a server on a data directory until it serves.
func start(t testing.TB, data string, environment ...string) *process {
	t.Helper()
	s := launch(t, data, environment...)
	s.waitReady()
	return s
}

// launch starts a server's process and does not wait for it to serve. It is
// killed at the end of the test if it still runs, and must have logged no
// error by then.
func launch(t testing.TB, data string, environment ...string) *process {
	t.Helper()
	return launchAs(t, data, command(environment, "serve", "--data", data, "--listen", "127.0.0.1:0"))
}

// launchAs is launch for a command line that ends in the server's process.
func launchAs(t testing.TB, data string, cmd *exec.Cmd) *process {
	t.Helper()
	s := &process{t: t, data: data, cmd: cmd, greeting: newText(), log: newText(), ended: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = s.greeting, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start the server: %v", err)
	}
	go func() {
		_ = s.cmd.Wait() // ProcessState says how it ended
		close(s.ended)
	}()
	t.Cleanup(func() {
		s.kill()
		s.checkLog()
	})
	return s
}

// checkLog wants no fault in what the server logged: no error, no panic, and,
// where it was built to find them (GOFLAGS=-race), no data race.
func (s *process) checkLog() {
	s.t.Helper()
	for line := range strings.Lines(s.log.String()) {
		expected := slices.ContainsFunc(s.mayLog, func(words string) bool { return strings.Contains(line, words) })
		for _, fault := range []string{"level=ERROR", "panic", "DATA RACE"} {
			if !expected && strings.Contains(line, fault) {
				s.t.Errorf("the server logged a fault:\n%s", s.log)
				return
			}
		}
	}
}

// waitReady waits until the server greets, which it does when it serves, and
// reads the endpoint that it left.
func (s *process) waitReady() {
	s.t.Helper()
	select {
	case <-s.greeting.line:
	case <-s.ended:
		s.t.Fatalf("the server ended (%v) before it served:\n%s", s.cmd.ProcessState, s.log)
	case <-time.After(patience):
		s.t.Fatalf("the server does not serve:\n%s", s.log)
	}
	left, err := os.ReadFile(filepath.Join(s.data, "endpoint"))
	if err != nil {
		s.t.Fatalf("read the endpoint: %v", err)
	}
	s.endpoint = strings.TrimSpace(string(left))
}

// address is the server's host and port.
func (s *process) address() string {
	_, address, _ := strings.Cut(s.endpoint, "://")
	return address
}

// kill ends the process at once, as a power cut would end it.
func (s *process) kill() {
	_ = s.cmd.Process.Kill() // it may have ended already
	<-s.ended
}

// terminate asks the server to stop; exited tells how it went.
func (s *process) terminate() {
	s.t.Helper()
	if runtime.GOOS == "windows" {
		s.t.Skip("there is no SIGTERM on Windows")
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatalf("signal the server: %v", err)
	}
}

// exited waits for the process to end by itself and returns its exit code.
func (s *process) exited() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("the server does not end:\n%s", s.log)
	}
	return s.cmd.ProcessState.ExitCode()
}

// stop ends the server in good order.
func (s *process) stop() {
	s.t.Helper()
	s.terminate()
	if code := s.exited(); code != 0 {
		s.t.Errorf("the server ended with the exit code %d:\n%s", code, s.log)
	}
}

// waitRefused waits until the server accepts no connections any more.
func (s *process) waitRefused() {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		conn, err := net.DialTimeout("tcp", s.address(), patience)
		if err != nil {
			return
		}
		conn.Close()
	}
	s.t.Fatal("the server still accepts connections")
}

// checkHealthy asks the health page, which reads the database.
func (s *process) checkHealthy() {
	s.t.Helper()
	client := http.Client{Timeout: patience}
	response, err := client.Get(s.endpoint + "/healthz")
	if err != nil {
		s.t.Fatalf("the server is not healthy: %v\n%s", err, s.log)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		s.t.Fatalf("the server is not healthy: status %d\n%s", response.StatusCode, s.log)
	}
}
