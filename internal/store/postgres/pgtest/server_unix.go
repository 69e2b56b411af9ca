//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const startTimeout = 5 * time.Minute

// guard makes a cluster, runs its server, ends it and removes its directory
// once the guard's standard input is closed: that is when the test process is
// gone, be it by a panic or a kill. TERM is for a server that has only just
// started and ignores QUIT, as the shell has told it to; QUIT is for one that
// would wait for its sessions. Without ICU the locale is a plain one.
const guard = `
bin=$1 dir=$2; shift 2
trap 'rm -rf "$dir"' EXIT
init() { "$bin/initdb" -D "$dir/data" -U reeve -A trust -E UTF8 --locale=C --no-sync --no-instructions "$@" </dev/null; }
init --locale-provider=icu --icu-locale=en-US || init || exit
"$bin/postgres" -D "$dir/data" -k "$dir" "$@" </dev/null &
read -r nothing
kill -TERM $!; kill -QUIT $!
wait
`

// lifeline is the write end of the guard's standard input. Nothing is ever
// written to it; it is kept here so that it is not closed before the end.
//
//lint:ignore U1000 keeping it is its use
var lifeline *os.File

// startServer starts a throw-away server and returns its URL.
func startServer() (string, error) {
	bin, err := findBinaries()
	if err != nil {
		return "", err
	}
	as, err := unprivileged()
	if err != nil {
		return "", err
	}
	dir, err := makeDir(as)
	if err != nil {
		return "", err
	}
	log, err := makeLog(dir)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	defer log.Close()
	ended, err := launch(bin, dir, log, as)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	address := "postgres://reeve@/postgres?host=" + url.QueryEscape(dir)
	return address, await(address, log, ended)
}

// findBinaries returns the directory of the newest PostgreSQL there is.
func findBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("initdb is neither on the PATH nor in /usr/lib/postgresql/*/bin")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged is whom the server runs as: nil for the user of the test, or,
// since PostgreSQL refuses to run as root, a user without rights.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("find a user to run PostgreSQL as: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func makeDir(as *syscall.Credential) (string, error) {
	parent := os.TempDir()
	if len(parent) > 60 {
		parent = "/tmp" // the path of a socket must be short
	}
	dir, err := os.MkdirTemp(parent, "reeve-postgres-")
	if err != nil || as == nil {
		return dir, err
	}
	return dir, os.Chown(dir, int(as.Uid), int(as.Gid))
}

// makeLog makes a file for what the server says. It has no name, so it ends
// with those that hold it, later than the directory that the guard removes.
func makeLog(dir string) (*os.File, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	return log, os.Remove(log.Name())
}

// launch starts the guard; ended is closed when it has ended.
func launch(bin, dir string, log *os.File, as *syscall.Credential) (ended <-chan struct{}, err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	cmd := exec.Command("/bin/sh", "-c", guard, "guard", bin, dir,
		"-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c", "fsync="+fsync())
	cmd.Dir = dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = read, log, log
	// In a group of its own, or the interrupt key would end the guard first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	lifeline = write
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // what went wrong is in the log
	}()
	return done, nil
}

func fsync() string {
	if os.Getenv("REEVE_TEST_POSTGRES_FSYNC") == "1" {
		return "on"
	}
	return "off"
}

// await returns when the server answers, or will not.
func await(address string, log *os.File, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, address)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
			continue
		case <-ended:
		case <-ctx.Done():
		}
		text, _ := io.ReadAll(io.NewSectionReader(log, 0, 1<<16))
		return fmt.Errorf("the server does not answer: %w; its log:\n%s", err, text)
	}
}
