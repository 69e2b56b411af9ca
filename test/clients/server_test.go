package clients_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"reeve/internal/store/testdb"
)

const (
	region = "eu-west-1"
	root   = "111122223333" // the deployment's first account
	member = "444455556666" // owns one machine that root reports
	tenant = "777788889999" // another customer of the same deployment
)

// patience bounds every wait for another process. It is far more than any
// needs on a busy machine.
const patience = 5 * time.Minute

// key is an access key; what clients sign with.
type key struct{ id, secret string }

var rootKey = key{"AKIAREEVECLIENTTESTS", "root/secret+of=the/tests"}

// reeve is the binary under test, built once for all tests.
var reeve struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if reeve.dir != "" {
		_ = os.RemoveAll(reeve.dir)
	}
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	reeve.once.Do(func() {
		if reeve.dir, reeve.err = os.MkdirTemp("", "reeve-clients-*"); reeve.err != nil {
			return
		}
		reeve.path = filepath.Join(reeve.dir, "reeve")
		out, err := exec.Command("go", "build", "-o", reeve.path, "reeve/cmd/reeve").CombinedOutput()
		if err != nil {
			reeve.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if reeve.err != nil {
		t.Fatalf("build reeve: %v", reeve.err)
	}
	return reeve.path
}

// missing skips a test whose client is not on this machine, or fails it where
// everything is required.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REEVE_REQUIRE_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// server is a running "reeve serve".
type server struct{ url string }

// start starts a server with an empty database until the test's end.
func start(t *testing.T) *server {
	t.Helper()
	return startWith(t)
}

// startWith is start with more in the server's environment.
func startWith(t *testing.T, env ...string) *server {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	var log bytes.Buffer
	cmd := exec.Command(binary(t), "serve", "--data", data, "--listen", "127.0.0.1:0", "--log-level", "warn")
	cmd.Env = append(env,
		"REEVE_ROOT_ACCOUNT="+root,
		"REEVE_ROOT_ACCESS_KEY_ID="+rootKey.id,
		"REEVE_ROOT_SECRET_ACCESS_KEY="+rootKey.secret,
		"REEVE_DATABASE="+testdb.New(t).URL,
	)
	cmd.Stderr = &log
	must(t, "start server", cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { stop(t, cmd, ended, &log) })
	return &server{url: awaitServer(t, filepath.Join(data, "endpoint"))}
}

// stop ends a server in order, and shows what it had to say of a failed test.
// A warning in its log is a failure of its own: no client here breaks it.
func stop(t *testing.T, cmd *exec.Cmd, ended chan error, log *bytes.Buffer) {
	_ = cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		<-ended
		t.Error("the server did not stop when it was asked to")
	}
	if log.Len() > 0 {
		t.Errorf("the server's log:\n%s", log)
	}
}

// awaitServer waits until the server that writes the file endpoint answers,
// and returns its URL.
func awaitServer(t *testing.T, endpoint string) string {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		text, err := os.ReadFile(endpoint)
		url := strings.TrimSpace(string(text))
		if err == nil && healthy(url) {
			return url
		}
		<-tick.C
	}
	t.Fatal("the server did not come up")
	return ""
}

func healthy(url string) bool {
	answer, err := http.Get(url + "/healthz")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// environment is all that a client is given of the machine: an empty home,
// one access key, the models that Reeve ships, and no way to an instance role.
func (s *server) environment(t *testing.T, k key) []string {
	t.Helper()
	home := t.TempDir()
	models, err := filepath.Abs("../../models")
	must(t, "find models", err)
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"LC_ALL=C.UTF-8",
		"NODE_NO_WARNINGS=1",
		"AWS_CONFIG_FILE=" + filepath.Join(home, ".aws", "config"),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, ".aws", "credentials"),
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_DATA_PATH=" + models,
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + k.id,
		"AWS_SECRET_ACCESS_KEY=" + k.secret,
		"REEVE_ENDPOINT=" + s.url,
	}
}

// run runs a program to its end in an environment and returns what it prints.
func run(t *testing.T, env []string, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// reeve runs Reeve's command line, which must succeed, and returns what it
// prints.
func (s *server) reeve(t *testing.T, k key, args ...string) string {
	t.Helper()
	out, errs, err := run(t, s.environment(t, k), binary(t), args...)
	if err != nil {
		t.Fatalf("reeve %s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
	}
	return out
}

// tenantKey makes the account tenant and returns its access key.
func (s *server) tenantKey(t *testing.T) key {
	t.Helper()
	s.reeve(t, rootKey, "account", "create", "--name", "Tenant", "--id", tenant)
	var made struct{ AccessKeyId, SecretAccessKey string }
	must(t, "read key", json.Unmarshal([]byte(s.reeve(t, rootKey, "key", "create", "--account", tenant, "--output", "json")), &made))
	return key{made.AccessKeyId, made.SecretAccessKey}
}

// exitCode is a finished program's, -1 when it did not come to that.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func must(t *testing.T, doing string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}
