//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
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

const startTimeout = time.Minute

// guard runs the server and ends it, and removes its directory, once its
// standard input is closed: that is when the test process is gone, be it by a
// panic or a kill.
const guard = `
dir=$1; shift
"$@" </dev/null &
read -r nothing
kill -QUIT $!
wait
rm -rf "$dir"
`

// lifeline is the write end of the guard's standard input. Nothing is ever
// written to it; it is kept here so that it is not closed before the end.
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
	if err := initCluster(bin, dir, as); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	if err := launch(bin, dir, as); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	address := "postgres://reeve@/postgres?host=" + url.QueryEscape(dir)
	return address, await(address, dir)
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

// initCluster falls back to a plain locale where PostgreSQL was built without ICU.
func initCluster(bin, dir string, as *syscall.Credential) error {
	common := []string{"-D", filepath.Join(dir, "data"), "-U", "reeve", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"}
	var errs []error
	for _, locale := range [][]string{{"--locale-provider=icu", "--icu-locale=en-US", "--locale=C"}, {"--locale=C"}} {
		cmd := exec.Command(filepath.Join(bin, "initdb"), append(locale, common...)...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("initdb: %w: %s", err, out))
	}
	return errors.Join(errs...)
}

func launch(bin, dir string, as *syscall.Credential) error {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	cmd := exec.Command("/bin/sh", "-c", guard, "guard", dir, filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"),
		"-k", dir, "-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c", "fsync="+fsync())
	cmd.Dir = dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = read, log, log
	// In a group of its own, or the interrupt key would end the guard first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, write.Close())
	}
	lifeline = write
	go cmd.Wait()
	return nil
}

func fsync() string {
	if os.Getenv("REEVE_TEST_POSTGRES_FSYNC") == "1" {
		return "on"
	}
	return "off"
}

// await returns when the server answers.
func await(address, dir string) error {
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
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return fmt.Errorf("the server did not answer: %w: %s", err, log)
		}
	}
}
