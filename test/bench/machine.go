package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// machine describes what a report was measured on, and how.
type machine struct {
	CPU       string
	Cores     int
	MemoryGiB float64
	Kernel    string
	Go        string
	Databases []string
	Date      string
	Command   string
}

// describe fills in the machine, starting PostgreSQL where it will be needed.
func (b *bench) describe() error {
	memory, _ := os.ReadFile("/proc/meminfo")
	b.report.Machine = machine{
		CPU: cpuName(), Cores: runtime.NumCPU(), MemoryGiB: kibibytes(string(memory), "MemTotal:") / (1 << 20),
		Kernel: runtime.GOOS + "/" + runtime.GOARCH + " " + kernel(), Go: runtime.Version(),
		Date: time.Now().Format(time.DateOnly), Command: command(),
	}
	b.report.Rounds, b.report.Slice, b.report.Clients = b.rounds, b.slice.String(), b.clients
	for _, kind := range b.databases {
		dir, err := os.MkdirTemp(b.scratch, "version-")
		if err != nil {
			return err
		}
		db, err := databaseFor(kind, dir, b.postgres, "version")
		if err != nil {
			return err
		}
		version, err := db.version(b.ctx)
		if err != nil {
			return err
		}
		b.report.Machine.Databases = append(b.report.Machine.Databases, version)
	}
	return nil
}

// cpuName is the processor's name where the system tells it.
func cpuName() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(text))
}

// command is how to run the same again.
func command() string {
	return strings.Join(append([]string{"go run ./test/bench"}, quoted(os.Args[1:])...), " ")
}

func quoted(args []string) []string {
	list := make([]string, len(args))
	for i, a := range args {
		if list[i] = a; strings.ContainsAny(a, " '\"$*") {
			list[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return list
}

// profileFor is the file for a CPU profile of a measured process, "" for none.
func (b *bench) profileFor(name string) string {
	if b.profile == "" {
		return ""
	}
	file := filepath.Join(b.profile, notWord.ReplaceAllString(name, "_")+".prof")
	b.report.profiles = append(b.report.profiles, file)
	return file
}

// whereTimeGoes is the summary of a profile: the functions of Reeve and of
// what it stands on by the time spent in and below them, without the handler
// that only sends bytes from memory.
func whereTimeGoes(file string) string {
	text, err := exec.Command("go", "tool", "pprof", "-top", "-cum", "-nodecount=45", "-focus=internal/server", "-hide=^net/http|^runtime\\.goexit", file).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("go tool pprof: %v: %s", err, text)
	}
	return string(text)
}
