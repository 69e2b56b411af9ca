package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startRow is what reeve serve itself, the built program, needs over a fleet.
type startRow struct {
	Database string
	Records  int
	Settings string  // beside the defaults
	Seconds  spread  // from the start of the process to the first answered list
	Idle     float64 // MiB resident after that first answer
	Served   float64 // MiB resident after every case of the lists
	Peak     float64 // MiB, the most it ever had
}

const aLongTime = "36500d"

// starts is how often the program is started for one row.
const starts = 5

// buildBinary builds the program as make build does, and returns its size.
func (b *bench) buildBinary() (size int64, err error) {
	if b.binary == "" {
		b.binary = filepath.Join(b.scratch, "reeve")
		say("building reeve")
		build := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.binary, "reeve/cmd/reeve")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil { // it must be run inside the repository
			return 0, fmt.Errorf("build reeve: %w: %s", err, text)
		}
	}
	info, err := os.Stat(b.binary)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// measureStart starts the program some times over a fleet, and lets the last
// one serve every case of the lists.
func (b *bench) measureStart(kind string, f *fleet) (row startRow, err error) {
	row = startRow{Database: kind, Records: f.Shape.Alive, Settings: b.settings}
	var seconds []float64
	for n := range starts {
		say("%s, %d records: start %d of %d", kind, f.Shape.Alive, n+1, starts)
		p, took, err := b.startProgram(kind, f)
		if err != nil {
			return row, err
		}
		seconds = append(seconds, took.Seconds())
		row.Idle, _ = p.memory()
		if n == starts-1 {
			err = b.exercise(p, f)
			row.Served, row.Peak = p.memory()
		}
		p.stop()
		if err != nil {
			return row, err
		}
	}
	row.Seconds = spreadOf(seconds)
	return row, nil
}

// exercise asks all that the tables of lists ask, for as long as they do.
func (b *bench) exercise(p *program, f *fleet) error {
	cases, err := plainCases(addresses{Reeve: p.address, Cold: p.address}, f)
	if err != nil {
		return err
	}
	for i, c := range cases {
		say("%d records: memory, case %d of %d", f.Shape.Alive, i+1, len(cases))
		if _, err := c.rate(b.clients, 2*b.slice); err != nil {
			return err
		}
	}
	return nil
}

// program is a running reeve serve.
type program struct {
	cmd     *exec.Cmd
	address string
	log     *strings.Builder
}

// startProgram starts reeve serve and returns once it has answered a list.
func (b *bench) startProgram(kind string, f *fleet) (*program, time.Duration, error) {
	db, dir, err := b.place(kind, f.Shape)
	if err != nil {
		return nil, 0, err
	}
	return b.startProgramOn(db, dir, f)
}

// startProgramOn is startProgram for a fleet anywhere.
func (b *bench) startProgramOn(db database, dir string, f *fleet) (*program, time.Duration, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, 0, err
	}
	args := []string{"serve", "--data", dir, "--listen", address, "--log-level", "warn",
		"--lost-after", aLongTime, "--inactive-after", aLongTime} // machines of a kept fleet have long been unseen
	if db.isPostgres() {
		args = append(args, "--database", db.url())
	}
	p := &program{address: address, log: &strings.Builder{}}
	p.cmd = exec.CommandContext(b.ctx, b.binary, append(args, strings.Fields(b.settings)...)...)
	p.cmd.Stderr = p.log
	p.cmd.Env = append(os.Environ(), "REEVE_MASTER_KEY="+masterKey, "REEVE_ROOT_ACCOUNT="+account,
		"REEVE_ROOT_ACCESS_KEY_ID="+keyID, "REEVE_ROOT_SECRET_ACCESS_KEY="+secret)
	q, err := ask(address, request{LicenseConfigurationArn: f.ARN, MaxResults: 50}, []string{""})
	if err != nil {
		return nil, 0, err
	}
	start := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, 0, err
	}
	if err := p.await(b.ctx, q.requests[0]); err != nil {
		p.stop()
		return nil, 0, fmt.Errorf("%w: %s", err, p.log)
	}
	return p, time.Since(start), nil
}

// await asks until the program answers.
func (p *program) await(ctx context.Context, request []byte) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		_, err := once(p.address, request)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("reeve serve gives no answer: %w", err)
		}
	}
}

func (p *program) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	_ = p.cmd.Wait()
}

// memory is the resident set in MiB, and the most that it was; 0 where the
// system has no /proc.
func (p *program) memory() (now, peak float64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	return kibibytes(string(text), "VmRSS:") / 1024, kibibytes(string(text), "VmHWM:") / 1024
}

// kibibytes reads a line such as "VmRSS:  1234 kB".
func kibibytes(text, name string) float64 {
	_, rest, _ := strings.Cut(text, name)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseFloat(fields[0], 64)
	return n
}

// freeAddress is a port that nobody has at this moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// url is what --database takes.
func (d database) url() string {
	address, schema, _ := strings.Cut(string(d), " ")
	u, err := url.Parse(address)
	if err != nil {
		return address // which the program then refuses
	}
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return u.String()
}
