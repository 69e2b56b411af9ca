package main

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"reeve/internal/api"
	"reeve/internal/config"
	"reeve/internal/store/testdb"
)

// lockedBuffer is written to by a server and read by its test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestNoSecretLeavesTheServer gives a server every secret that it can have, lets
// it make more, and looks for them in its log, its output, its metrics, its
// answers and errors, and in clear in the files of its data directory.
func TestNoSecretLeavesTheServer(t *testing.T) {
	secrets := map[string]string{
		"the master key":                strings.Repeat("5ec2e7", 10) + "abcd",
		"the root account's secret":     "wJalrXUtnFEMIroot",
		"the secret of the OIDC client": "oidc-hunter2-secret",
		"the webhook's address":         "https://127.0.0.1:1/hook-hunter3-secret",
		"a wrong secret":                "guess-hunter4-secret",
	}
	cfg := config.Default()
	cfg.Data, cfg.Listen, cfg.Metrics = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	cfg.Database = config.Secret(testdb.New(t).URL)
	cfg.MasterKey, cfg.RootAccessKeyID = config.Secret(secrets["the master key"]), "AKIAROOTROOTROOT0000"
	cfg.RootSecretAccessKey = config.Secret(secrets["the root account's secret"])
	cfg.OIDCIssuer, cfg.OIDCClientID, cfg.OIDCClientSecret = "https://127.0.0.1:1", "reeve", config.Secret(secrets["the secret of the OIDC client"])
	cfg.OIDCGroups = []config.GroupRole{{Group: "g", Account: "111122223333", Role: "Auditor"}}
	cfg.WitnessWebhook = config.Secret(secrets["the webhook's address"])
	var told lockedBuffer
	s, err := openServer(t.Context(), cfg, slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, quiet(&told)); s.close() }()
	makeSecrets(t, s, secrets)
	askEverything(t, s, secrets, &told)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	look(t, "the log, the output, the metrics or an answer", []byte(told.String()), secrets)
	lookIntoFiles(t, cfg.Data, secrets)
}

// makeSecrets has the server make an access key and an agent's token.
func makeSecrets(t *testing.T, s *serverProcess, secrets map[string]string) {
	t.Helper()
	c := clientOf(t, s, s)
	var key api.CreateAccessKeyOutput
	var token api.CreateAgentTokenOutput
	if err := call(t.Context(), c, api.Reeve+".CreateAccessKey", api.CreateAccessKeyInput{}, &key); err != nil {
		t.Fatal(err)
	}
	if err := call(t.Context(), c, api.Reeve+".CreateAgentToken", api.CreateAgentTokenInput{Name: new("a")}, &token); err != nil {
		t.Fatal(err)
	}
	secrets["an access key's secret"], secrets["an agent's token"] = val(key.SecretAccessKey), val(token.Token)
	if err := call(t.Context(), c, api.Reeve+".CreateCheckpoint", api.CreateCheckpointInput{}, &struct{}{}); err != nil {
		t.Fatal(err)
	}
}

// askEverything asks in ways that fail and that succeed, and notes the answers.
func askEverything(t *testing.T, s *serverProcess, secrets map[string]string, told *lockedBuffer) {
	t.Helper()
	ask := func(method, address, body, kind string) {
		t.Helper()
		r, err := http.NewRequest(method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		_, text := get(t, r)
		told.Write([]byte(text))
	}
	const form = "application/x-www-form-urlencoded"
	for _, secret := range []string{"a wrong secret", "the root account's secret"} {
		fields := url.Values{"access_key_id": {"AKIAROOTROOTROOT0000"}, "secret_access_key": {secrets[secret]}, "region": {"us-east-1"}}
		ask("POST", s.endpoint()+"/console/sign-in", fields.Encode(), form)
	}
	ask("GET", s.endpoint()+"/console/sign-in/sso", "", form)
	ask("POST", s.endpoint()+"/agent/"+secrets["an agent's token"], "<REQUEST>", "application/xml")
	ask("GET", s.endpoint()+"/healthz", "", form)
	ask("GET", "http://"+s.metricsListener.Addr().String()+"/metrics", "", form)
	var events api.LookupEventsOutput
	if err := call(t.Context(), clientOf(t, s, s), api.Reeve+".LookupEvents", api.LookupEventsInput{}, &events); err != nil {
		t.Fatal(err)
	}
	if len(events.Events) < 5 {
		t.Errorf("the trail has %d events", len(events.Events))
	}
	for _, e := range events.Events {
		told.Write([]byte(val(e.CloudTrailEvent)))
	}
}

func look(t *testing.T, where string, text []byte, secrets map[string]string) {
	t.Helper()
	for name, secret := range secrets {
		if secret == "" {
			t.Errorf("%s is empty", name)
		}
		if at := bytes.Index(text, []byte(secret)); at >= 0 {
			t.Errorf("%s has %s: …%s…", where, name, text[max(0, at-100):at])
		}
	}
}

// lookIntoFiles leaves out what is there to hold a secret.
func lookIntoFiles(t *testing.T, data string, secrets map[string]string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(data, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "credentials" || d.Name() == "master.key" {
			return err
		}
		text, err := os.ReadFile(name)
		look(t, name, text, secrets)
		files++
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files: %v", files, err)
	}
}

// TestThePasswordOfTheDatabaseIsNotTold where the database cannot be reached.
func TestThePasswordOfTheDatabaseIsNotTold(t *testing.T) {
	cfg := config.Default()
	cfg.Data, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	cfg.Database = "postgres://reeve:hunter5@127.0.0.1:1/reeve?connect_timeout=1"
	cfg.DatabasePatience = 1
	var told lockedBuffer
	_, err := openServer(t.Context(), cfg, slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err == nil {
		t.Fatal("there is a database")
	}
	look(t, "the error or the log", []byte(err.Error()+told.String()), map[string]string{"the password": "hunter5"})
}
