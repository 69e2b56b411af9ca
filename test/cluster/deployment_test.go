//go:build unix

package cluster_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jackc/pgx/v5"

	"reeve/internal/store/postgres/pgtest"
)

// The root account of every deployment here.
const (
	region      = "eu-west-1"
	rootAccount = "111111111111"
	rootKeyID   = "AKIAROOTROOTROOTROOT"
	rootSecret  = "root-secret-of-a-test"
)

// patience bounds every wait for something that must happen, so that a test that
// hangs ends. It is far more than any needs on a busy machine.
const patience = 5 * time.Minute

// deployment is three servers over one database behind a balancer.
type deployment struct {
	t        *testing.T
	cluster  *pgtest.Cluster
	networks map[string]*pgtest.Proxy // to the servers of the cluster, by name
	servers  [3]atomic.Pointer[server]
	database string // URL, as the servers are given it
	master   string
	balancer *httptest.Server
	turn     atomic.Int64
	cuts     atomic.Pointer[func() pgtest.Cut]
}

// choose says what the networks do to commits from now on; nil is nothing.
func (d *deployment) choose(cut func() pgtest.Cut) {
	if cut == nil {
		cut = func() pgtest.Cut { return pgtest.CutNone }
	}
	d.cuts.Store(&cut)
}

// deploy starts a deployment over a new database of a cluster. names are the
// servers of the cluster that may hold it, now or after a failover.
func deploy(t *testing.T, c *pgtest.Cluster, names ...string) *deployment {
	t.Helper()
	d := &deployment{t: t, cluster: c, networks: map[string]*pgtest.Proxy{}, master: fmt.Sprintf("%064x", 7)}
	d.choose(nil)
	name := "test_" + strings.ToLower(rand.Text())
	conn, err := pgx.Connect(t.Context(), c.URL(pgtest.Leader))
	must(t, "connect", err)
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+name)
	must(t, "create database", err)
	must(t, "disconnect", conn.Close(t.Context()))
	var hosts []string
	for _, n := range names {
		p := &pgtest.Proxy{Choose: func() pgtest.Cut { return (*d.cuts.Load())() }}
		p.Network, p.Address = c.Socket(n)
		must(t, "start proxy", p.Start())
		t.Cleanup(p.Close)
		d.networks[n] = p
		hosts = append(hosts, p.HostPort())
	}
	d.database = "postgres://reeve@" + strings.Join(hosts, ",") + "/" + name + "?target_session_attrs=read-write"
	for i := range d.servers {
		d.launch(i)
	}
	for i := range d.servers {
		d.servers[i].Load().waitReady(t)
	}
	d.balance()
	return d
}

// balance starts the load balancer: the next request goes to the next server.
func (d *deployment) balance() {
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			s := d.servers[d.turn.Add(1)%int64(len(d.servers))].Load()
			r.SetURL(&url.URL{Scheme: "http", Host: s.address()})
			r.Out.Host = r.In.Host // it is signed
			r.Out.Body = whole(r.In.Body)
		},
		ErrorLog: log.New(io.Discard, "", 0), // the client is told
	}
	d.balancer = httptest.NewServer(proxy)
	d.t.Cleanup(func() {
		d.balancer.CloseClientConnections()
		d.balancer.Close()
		transport.CloseIdleConnections()
	})
}

// whole is a body that stays readable: the proxy's server closes its own as soon
// as an answer begins, and its transport cuts a connection whose request it
// could not read to the end, in the middle of that answer.
func whole(body io.Reader) io.ReadCloser {
	all, err := io.ReadAll(body)
	if err != nil {
		return io.NopCloser(io.MultiReader(bytes.NewReader(all), iotest.ErrReader(err)))
	}
	return io.NopCloser(bytes.NewReader(all))
}

// server is one run of the program.
type server struct {
	data  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	log   *text
	ended chan struct{}
	port  atomic.Pointer[string]
}

// guard kills the server when its standard input ends: when it is to be
// killed, or when the test process is gone, be it by a panic.
const guard = `"$@" </dev/null & read -r nothing; kill -KILL $!; wait`

// launch starts a server of the deployment, in the place of a dead one.
func (d *deployment) launch(i int) {
	d.t.Helper()
	s := &server{data: d.t.TempDir(), log: &text{}, ended: make(chan struct{})}
	s.cmd = exec.Command("/bin/sh", "-c", guard, "guard", binary, "serve", "--data", s.data, "--listen", "127.0.0.1:0")
	s.cmd.Env = append(plainEnvironment(), "REEVE_DATABASE="+d.database, "REEVE_MASTER_KEY="+d.master,
		"REEVE_ROOT_ACCOUNT="+rootAccount, "REEVE_ROOT_ACCESS_KEY_ID="+rootKeyID, "REEVE_ROOT_SECRET_ACCESS_KEY="+rootSecret)
	s.cmd.Stdout, s.cmd.Stderr = io.Discard, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	s.stdin, err = s.cmd.StdinPipe()
	must(d.t, "make pipe", err)
	must(d.t, "start the server", s.cmd.Start())
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	d.servers[i].Store(s)
	d.t.Cleanup(func() {
		s.kill()
		for _, bad := range []string{"request failed", "panic"} {
			if strings.Contains(s.log.String(), bad) {
				d.t.Errorf("a server has had trouble of its own:\n%s", s.log)
			}
		}
	})
}

// kill ends the server as kill -9 does.
func (s *server) kill() {
	_ = s.stdin.Close() // it may be closed already
	<-s.ended
}

// waitReady waits until the server has left the file that says where it is.
func (s *server) waitReady(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		left, err := os.ReadFile(filepath.Join(s.data, "endpoint"))
		if at := strings.TrimSpace(string(left)); err == nil && at != "" {
			s.port.Store(&at)
			if _, err := http.Get(at + "/healthz"); err == nil {
				return
			}
		}
	}
	t.Fatalf("the server does not serve:\n%s", s.log)
}

// address is the host and port, of nobody while the server starts.
func (s *server) address() string {
	if at := s.port.Load(); at != nil {
		return strings.TrimPrefix(*at, "http://")
	}
	return "127.0.0.1:1"
}

// plainEnvironment is what the program inherits of ours: nothing that somebody
// may have set for it.
func plainEnvironment() []string {
	var kept []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "REEVE_") && !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "PG") {
			kept = append(kept, v)
		}
	}
	return kept
}

// text collects what a process writes.
type text struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (o *text) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *text) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}
