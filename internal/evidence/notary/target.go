package notary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"reeve/internal/api"
	"reeve/internal/client"
)

// Names of the kinds of witnesses, which there is one of each.
const (
	webhookName = "webhook"
	fileName    = "file"
	reeveName   = "reeve"
)

// Webhook returns a witness that is sent each checkpoint by POST, as a line of
// JSON. Any status from 200 to 299 says that it was taken. A redirect is not
// followed.
func Webhook(url string) Witness {
	return &webhook{url, &http.Client{Timeout: sendTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type webhook struct {
	url  string
	http *http.Client
}

func (w *webhook) Name() string { return webhookName }

func (w *webhook) Send(ctx context.Context, c *Checkpoint) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(c.document()))
	if err != nil {
		return "", errors.New("the webhook's URL is not usable") // which may hold a secret
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := w.http.Do(r)
	if err != nil {
		return "", withoutURL(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection is used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return "", fmt.Errorf("the webhook answered %s", answer.Status)
	}
	return "", nil
}

// withoutURL is the cause of a failed request: its URL may hold a secret.
func withoutURL(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return errors.New("the request failed")
}

// File returns a witness that appends each checkpoint to a file as a line, or
// writes a file of its own into a directory. It never changes what is there.
func File(path string) Witness { return fileWitness(path) }

type fileWitness string

func (f fileWitness) Name() string { return fileName }

func (f fileWitness) Send(_ context.Context, c *Checkpoint) (string, error) {
	info, err := os.Stat(string(f))
	if err == nil && info.IsDir() {
		return "", writeNew(filepath.Join(string(f), fmt.Sprintf("%s-%08d.json", c.Account(), c.Number)), c.document())
	}
	return "", appendTo(string(f), c.document())
}

func appendTo(path string, line []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(line)
	return errors.Join(err, file.Sync(), file.Close())
}

// writeNew writes a file that is not there yet. One that is there must hold the
// same; half of it is from a crash while it was written.
func writeNew(path string, text []byte) error {
	old, err := os.ReadFile(path)
	if err == nil && !bytes.HasPrefix(text, old) {
		return fmt.Errorf("%s is there already and holds another checkpoint", path)
	}
	if err == nil && len(old) == len(text) {
		return nil
	}
	return appendTo(path, text[len(old):])
}

// Reeve returns a witness that is another deployment of Reeve: it checks that
// each checkpoint continues the one before, and signs it too. keys returns the
// keys that this deployment publishes.
func Reeve(c *client.Client, keys func(context.Context) (string, error)) Witness {
	return &reeve{c, keys}
}

type reeve struct {
	client *client.Client
	keys   func(context.Context) (string, error)
}

func (r *reeve) Name() string { return reeveName }

func (r *reeve) Send(ctx context.Context, c *Checkpoint) (string, error) {
	keys, err := r.keys(ctx)
	if err != nil {
		return "", err
	}
	in := api.PutWitnessCheckpointInput{Note: &c.Note, VerifierKeys: &keys}
	for i := range c.Ledgers {
		l := &c.Ledgers[i]
		in.Ledgers = append(in.Ledgers, api.LedgerHead{LicenseConfigurationArn: &l.ARN, Revision: &l.Number, Hash: new(fmt.Sprintf("%x", l.Hash))})
	}
	out, err := client.Call[api.PutWitnessCheckpointInput, api.PutWitnessCheckpointOutput](ctx, r.client, api.Reeve+".PutWitnessCheckpoint", &in)
	if err != nil {
		return "", err
	}
	if out.Note == nil {
		return "", errors.New("it answered without a signature")
	}
	return *out.Note, nil
}
