//go:build unix

package cluster_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"reeve/internal/store/postgres/pgtest"
)

// TestThroughPgBouncer runs servers over a pooler, in each of the ways that
// docs/operating.md describes.
func TestThroughPgBouncer(t *testing.T) {
	program := findPgBouncer(t)
	t.Logf("PgBouncer %d.%d", program.major, program.minor)
	for _, way := range []struct {
		name, pool, mode string
		size             int // of the pool; three servers open 12 connections or more
		statements       int // max_prepared_statements; 0 leaves it out
	}{
		{"Session", "session", "cache_statement", 60, 0},
		{"Transaction", "transaction", "cache_statement", 6, 200},
		{"TransactionDescribe", "transaction", "cache_describe", 6, 0},
	} {
		t.Run(way.name, func(t *testing.T) {
			if way.statements > 0 && program.before(1, 21) {
				t.Skipf("PgBouncer %d.%d does not know max_prepared_statements: 1.21 and newer do", program.major, program.minor)
			}
			c := sharedCluster(t)
			at := program.start(t, c, way.pool, way.size, way.statements)
			d := &deployment{t: t, cluster: c, master: fmt.Sprintf("%064x", 7)}
			d.database = fmt.Sprintf("postgres://reeve@%s/%s?default_query_exec_mode=%s", at, newDatabase(t, c), way.mode)
			for i := range d.servers {
				d.launch(i)
			}
			for i := range d.servers {
				d.servers[i].Load().waitReady(t)
			}
			d.balance()
			race(t, d, "pooled")
			w := startTraffic(t, d)
			w.advance(100)
			w.finish()
		})
	}
}

// pgBouncer is a program of some version.
type pgBouncer struct {
	path         string
	major, minor int
}

func (p *pgBouncer) before(major, minor int) bool {
	return p.major < major || p.major == major && p.minor < minor
}

// findPgBouncer is the program that REEVE_TEST_PGBOUNCER names, or the one on
// the PATH or where Debian has it.
func findPgBouncer(t *testing.T) *pgBouncer {
	t.Helper()
	path := os.Getenv("REEVE_TEST_PGBOUNCER")
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if found, err := exec.LookPath(name); path == "" && err == nil {
			path = found
		}
	}
	switch {
	case path != "":
	case os.Getenv("REEVE_REQUIRE_ALL") == "1":
		t.Fatal("pgbouncer is neither on the PATH nor in /usr/sbin")
	default:
		t.Skip("pgbouncer is neither on the PATH nor in /usr/sbin")
	}
	out, err := exec.Command(path, "--version").Output()
	must(t, "ask pgbouncer for its version", err)
	p := &pgBouncer{path: path}
	_, err = fmt.Sscanf(string(out), "PgBouncer %d.%d", &p.major, &p.minor)
	must(t, fmt.Sprintf("read %q", out), err)
	return p
}

// poolerSettings is the configuration of docs/operating.md, with what a test
// needs to be alone.
const poolerSettings = `[databases]
* = host=%s port=%s user=reeve
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = %s
default_pool_size = %d
ignore_startup_parameters = tcp_keepalives_idle, tcp_keepalives_interval, tcp_keepalives_count
`

// start runs a pooler before the primary of a cluster until the test's end, as
// the user of that, and returns its host and port.
func (p *pgBouncer) start(t *testing.T, c *pgtest.Cluster, pool string, size, statements int) string {
	t.Helper()
	for range 5 {
		if at := p.try(t, c, pool, size, statements); at != "" {
			return at
		}
	}
	t.Fatal("pgbouncer cannot listen anywhere")
	return ""
}

// try is start with a port that was free; it returns "" when it is no more.
func (p *pgBouncer) try(t *testing.T, c *pgtest.Cluster, pool string, size, statements int) string {
	t.Helper()
	_, socket := c.Socket(pgtest.Leader)
	dir := filepath.Dir(socket)
	_, number, _ := strings.Cut(filepath.Base(socket), ".PGSQL.")
	port := freePort(t)
	settings := fmt.Sprintf(poolerSettings, dir, number, port, pool, size)
	if statements > 0 {
		settings += "max_prepared_statements = " + strconv.Itoa(statements) + "\n"
	}
	owner, err := os.Stat(dir)
	must(t, "look at the cluster's directory", err)
	file := filepath.Join(dir, "pgbouncer-"+strings.ToLower(rand.Text())+".ini")
	must(t, "write settings", os.WriteFile(file, []byte(settings), 0o644))

	said := &text{}
	cmd := exec.Command("/bin/sh", "-c", guard, "guard", p.path, file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if who := owner.Sys().(*syscall.Stat_t); os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: who.Uid, Gid: who.Gid}
	}
	stdin, err := cmd.StdinPipe()
	must(t, "make pipe", err)
	must(t, "start pgbouncer", cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // it is killed
	})
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if !awaitListener(t, at, said) {
		return ""
	}
	return at
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "find a port", err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// awaitListener waits until the pooler listens; false means that it cannot.
func awaitListener(t *testing.T, at string, said *text) bool {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if strings.Contains(said.String(), "cannot listen") || strings.Contains(said.String(), "FATAL") {
			t.Logf("pgbouncer says\n%s", said)
			return false
		}
		if strings.Contains(said.String(), "listening on "+at) {
			return true
		}
	}
	t.Fatalf("pgbouncer does not listen:\n%s", said)
	return false
}

// newDatabase makes an empty database and returns its name.
func newDatabase(t *testing.T, c *pgtest.Cluster) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	conn, err := pgx.Connect(t.Context(), c.URL(pgtest.Leader))
	must(t, "connect", err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+name)
	must(t, "create database", err)
	return name
}
