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
	"sync"
	"sync/atomic"
	"time"

	"reeve/internal/audit"
	"reeve/internal/awsjson"
	"reeve/internal/gate"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/server"
	"reeve/internal/store"
)

// child is the measured process.
type child struct {
	cmd   *exec.Cmd
	input io.Closer
	addresses
}

// addresses are where the child listens (HOST:PORT), and what it prints first:
// the API as reeve serve has it, with its bounds and the trail of calls; the same
// without the cache of encoded pages; and the handler that sends bytes from
// memory.
type addresses struct{ Reeve, Cold, Bytes string }

// startServer starts the measured process over a fleet.
func (b *bench) startServer(kind string, s shape) (*child, error) {
	db, _, err := b.place(kind, s)
	if err != nil {
		return nil, err
	}
	return b.startChild(db, b.profileFor(kind+"-"+s.Name))
}

func (b *bench) startChild(db database, profile string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(b.ctx, self, "serve", string(db), profile, strconv.FormatBool(b.trail))
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
	c := &child{cmd: cmd, input: input}
	return c, json.Unmarshal(line, &c.addresses)
}

// stop ends the child, which lives until its input ends.
func (c *child) stop() {
	c.input.Close()
	_ = c.cmd.Wait()
}

// serve is the child's main.
func serve(db database, profile string, isRecorded bool) error {
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
	mode := audit.Off
	if isRecorded {
		mode = audit.All
	}
	trail := audit.New(audit.Config{Store: s.Audit(), Mode: mode, Server: "bench", Root: account, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	defer trail.Close()
	var a addresses
	if a.Reeve, err = listenAPI(ctx, s, trail, servedPages); err != nil {
		return err
	}
	if a.Cold, err = listenAPI(ctx, s, trail, 0); err != nil {
		return err
	}
	if a.Bytes, err = listen(awsjson.NewServer(&fromMemory{}), nil); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// What reeve serve keeps with its default --memory, in bytes: decoded nodes of
// ledgers, and encoded pages.
const (
	servedNodes = 512 << 20 * 7 / 16
	servedPages = 512 << 20 / 16
)

// What reeve serve takes on at once with its default settings: connections,
// requests, and bytes of their bodies.
const (
	servedConnections = 8192
	servedRequests    = 256
	servedBodies      = 512 << 20 / 8
)

// masterKey seals the secrets of every database of a run.
const masterKey = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"

func listenAPI(ctx context.Context, s *store.Store, trail *audit.Recorder, pageBytes int64) (string, error) {
	directory, err := iam.Open(ctx, s, iam.Options{MasterKey: masterKey})
	if err != nil {
		return "", err
	}
	root := iam.RootOptions{Account: account, AccessKeyID: keyID, SecretAccessKey: iam.NewSecret(secret)}
	if _, err := directory.Bootstrap(ctx, root); err != nil {
		return "", err
	}
	key, err := directory.TokenKey(ctx)
	if err != nil {
		return "", err
	}
	api := server.New(server.Config{
		Manager:   license.New(s, license.Settings{}),
		Directory: directory,
		TokenKey:  key,
		Now:       time.Now,
		Log:       slog.New(slog.DiscardHandler),

		PageCacheBytes: pageBytes,
		Audit:          trail,
		Trail:          s.Audit(),
		Gate:           gate.New(gate.Options{Requests: servedRequests, Wait: time.Second, Bodies: servedBodies}),
	})
	bounded := awsjson.NewServer(gate.Handler(api))
	bounded.ConnContext = gate.Context
	return listen(bounded, gate.NewConnections(servedConnections))
}

// listen serves on a port of its own, on which bounds, if there are any, count
// the connections.
func listen(served *http.Server, bounds *gate.Connections) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	if bounds != nil {
		l = bounds.Listener(l)
	}
	go func() {
		if err := served.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("serve failed", "error", err)
		}
	}()
	return l.Addr().String(), nil
}

// fromMemory sends answers that it was given, in turn: the floor that any
// handler stands on. "PUT /" adds an answer, "DELETE /" forgets them all, and
// "POST /" reads its request and sends the next.
type fromMemory struct {
	mu      sync.RWMutex
	answers [][]byte
	next    atomic.Int64
}

func (h *fromMemory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if r.Method != http.MethodPost {
		h.keep(r.Method, body)
		return
	}
	h.mu.RLock()
	answer := h.answers[int(h.next.Add(1))%len(h.answers)]
	h.mu.RUnlock()
	w.Header().Set("Content-Type", awsjson.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = w.Write(answer)
}

func (h *fromMemory) keep(method string, answer []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if method == http.MethodDelete {
		h.answers = nil
		return
	}
	h.answers = append(h.answers, answer)
}
