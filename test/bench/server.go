package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"time"

	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/server"
	"reeve/internal/store"
)

// child is the measured process: Reeve's API on one address, the handler that
// sends bytes from memory on another.
type child struct {
	cmd          *exec.Cmd
	input        io.Closer
	reeve, bytes string // HOST:PORT
}

// addresses is what the child prints first.
type addresses struct{ Reeve, Bytes string }

func startServer(ctx context.Context, db database, profile string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "serve", string(db), profile)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("start the measured process: %w", err)
	}
	var a addresses
	if err := json.Unmarshal(line, &a); err != nil {
		return nil, err
	}
	return &child{cmd: cmd, input: input, reeve: a.Reeve, bytes: a.Bytes}, nil
}

// stop ends the child, which lives until its input ends.
func (c *child) stop() {
	c.input.Close()
	_ = c.cmd.Wait()
}

// memory is the child's resident set in MiB, 0 where the system has no /proc.
func (c *child) memory() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.Atoi(fields[0])
	return kib / 1024
}

// serve is the child's main.
func serve(db database, profile string) error {
	ctx := context.Background()
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	s, err := db.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	api, err := newAPI(ctx, s)
	if err != nil {
		return err
	}
	reeve, err := listen(api)
	if err != nil {
		return err
	}
	memory, err := listen(&fromMemory{})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(addresses{reeve, memory}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func newAPI(ctx context.Context, s *store.Store) (http.Handler, error) {
	directory, err := iam.Open(ctx, s, iam.Options{MasterKey: strings.Repeat("5a", 32)})
	if err != nil {
		return nil, err
	}
	root := iam.RootOptions{Account: account, AccessKeyID: keyID, SecretAccessKey: iam.NewSecret(secret)}
	if _, err := directory.Bootstrap(ctx, root); err != nil {
		return nil, err
	}
	key, err := directory.TokenKey(ctx)
	if err != nil {
		return nil, err
	}
	return server.New(server.Config{
		Manager:   license.New(s, license.Settings{}),
		Directory: directory,
		TokenKey:  key,
		Now:       time.Now,
		Log:       slog.New(slog.DiscardHandler),

		PageCacheBytes: 64 << 20, // as serve has it
	}), nil
}

func listen(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		if err := awsjson.NewServer(h).Serve(l); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("serve failed", "error", err)
		}
	}()
	return l.Addr().String(), nil
}

// fromMemory sends bytes that it was given: the floor that any handler stands
// on. "PUT /" stores an answer, "POST /" reads its request and sends it.
type fromMemory struct {
	mu     sync.RWMutex
	answer []byte
}

func (h *fromMemory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if r.Method == http.MethodPut {
		h.mu.Lock()
		h.answer = body
		h.mu.Unlock()
		return
	}
	h.mu.RLock()
	answer := h.answer
	h.mu.RUnlock()
	w.Header().Set("Content-Type", awsjson.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = w.Write(answer)
}
