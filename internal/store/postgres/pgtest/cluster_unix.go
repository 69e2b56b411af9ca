//go:build unix

package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Names of the servers of a Cluster.
const (
	Leader   = "primary"
	Follower = "replica"
)

var ports = map[string]int{Leader: 5432, Follower: 5433}

// Cluster is a server, perhaps with a replica, that tests stop and start. Both
// sync to disk, and listen on sockets in a directory of their own only. They
// end with the test process, whatever becomes of it.
type Cluster struct {
	dir   string
	guard *exec.Cmd
	stdin io.WriteCloser

	mu      sync.Mutex
	answers *bufio.Reader
}

// keeper runs lines of shell from its standard input and answers the exit code
// of each. When the input ends it ends all servers and removes the directory.
const keeper = `
bin=$1 dir=$2
cd "$dir" || exit
end() {
	for pid in */postmaster.pid; do
		[ -f "$pid" ] && "$bin/pg_ctl" -D "${pid%/*}" -m immediate -w -t 300 stop
	done
	cd / && rm -rf "$dir"
}
trap end EXIT
while read -r line; do
	eval "$line" </dev/null >>log 2>&1
	echo $?
done
`

// NewCluster starts a primary.
func NewCluster() (*Cluster, error) {
	c, err := newKeeper()
	if err != nil {
		return nil, err
	}
	const settings = `printf '%s\n' "listen_addresses=''" "unix_socket_directories='$dir'" max_connections=200 shared_buffers=32MB fsync=on >>primary/postgresql.conf`
	err = c.run(
		`init() { "$bin/initdb" -D primary -U reeve -A trust -E UTF8 --locale=C --no-instructions "$@"; }`,
		`init --locale-provider=icu --icu-locale=en-US || { rm -rf primary && init; }`,
		settings,
	)
	if err == nil {
		err = c.Start(Leader)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func newKeeper() (*Cluster, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := makeDir(as)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", keeper, "keeper", bin, dir)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Cluster{dir: dir, guard: cmd, stdin: stdin, answers: bufio.NewReader(stdout)}, nil
}

// run runs lines of shell until one fails.
func (c *Cluster) run(lines ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range lines {
		if _, err := io.WriteString(c.stdin, line+"\n"); err != nil {
			return err
		}
		code, err := c.answers.ReadString('\n')
		if err != nil {
			return err
		}
		if code != "0\n" {
			log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("%s: exit code %s%s", line, code, log[max(0, len(log)-4<<10):])
		}
	}
	return nil
}

// Start starts a server that was stopped.
func (c *Cluster) Start(name string) error {
	return c.run(fmt.Sprintf(`"$bin/pg_ctl" -D %s -o "-p %d" -l %[1]s.log -w -t 300 start`, name, ports[name]))
}

// Kill ends a server as a crash would: nothing is written any more.
func (c *Cluster) Kill(name string) error {
	return c.run(fmt.Sprintf(`"$bin/pg_ctl" -D %s -m immediate -w -t 300 stop`, name))
}

// Follow starts a replica that every commit of the primary waits for.
func (c *Cluster) Follow(ctx context.Context) error {
	err := c.Attach()
	if err == nil {
		err = c.run(`echo "synchronous_standby_names='*'" >>primary/postgresql.conf`, `"$bin/pg_ctl" -D primary reload`)
	}
	if err != nil {
		return err
	}
	return c.await(ctx, `SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'`)
}

// await waits until a query of the primary returns a row.
func (c *Cluster) await(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL(Leader))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for {
		var one int
		if err := conn.QueryRow(ctx, sql).Scan(&one); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Promote makes the replica a primary.
func (c *Cluster) Promote() error {
	return c.run(`"$bin/pg_ctl" -D replica -w -t 300 promote`)
}

// Socket is where a server listens.
func (c *Cluster) Socket(name string) (network, address string) {
	return "unix", filepath.Join(c.dir, ".s.PGSQL."+strconv.Itoa(ports[name]))
}

// URL is a server's address.
func (c *Cluster) URL(name string) string {
	return fmt.Sprintf("postgres://reeve@/postgres?host=%s&port=%d", c.dir, ports[name])
}

// Close ends the servers and removes what they leave.
func (c *Cluster) Close() error {
	return errors.Join(c.stdin.Close(), c.guard.Wait())
}
