package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"reeve/internal/client"
	"reeve/internal/evidence"
	"reeve/internal/evidence/notary"
	"reeve/internal/metrics"
)

// keyPath is where the keys that verify checkpoints are shown, to everybody.
const keyPath = "/.well-known/reeve-key"

// openNotary makes what signs checkpoints, and the key if there is none.
func (s *serverProcess) openNotary(ctx context.Context) error {
	o := notary.Options{Sealer: s.directory, Every: s.cfg.CheckpointEvery, Log: s.log}
	if s.cfg.WitnessFor != "" {
		keys, err := readKeys([]string{s.cfg.WitnessFor})
		if err != nil {
			return fmt.Errorf("read --witness-for: %w", err)
		}
		o.WitnessFor = keys
	}
	var err error
	if o.Witnesses, err = s.witnesses(); err != nil {
		return err
	}
	s.notary = notary.New(s.store.Checkpoints(), o)
	_, err = s.notary.Keys(ctx)
	return err
}

// witnesses are those that are set.
func (s *serverProcess) witnesses() (list []notary.Witness, err error) {
	if s.cfg.WitnessWebhook != "" {
		list = append(list, notary.Webhook(string(s.cfg.WitnessWebhook)))
	}
	if s.cfg.WitnessFile != "" {
		list = append(list, notary.File(s.cfg.WitnessFile))
	}
	if s.cfg.WitnessReeve == "" {
		return list, nil
	}
	credentials := client.Credentials{AccessKeyID: s.cfg.WitnessReeveAccessKeyID, SecretAccessKey: string(s.cfg.WitnessReeveSecretAccessKey)}
	if credentials.AccessKeyID == "" || credentials.SecretAccessKey == "" {
		return nil, fmt.Errorf("witness-reeve needs witness-reeve-access-key-id and witness-reeve-secret-access-key: an access key of an account there")
	}
	c, err := client.New(string(s.cfg.WitnessReeve), client.DefaultRegion, credentials)
	if err != nil {
		return nil, fmt.Errorf("witness-reeve: %w", err)
	}
	return append(list, notary.Reeve(c, func(ctx context.Context) (string, error) {
		keys, err := s.notary.Keys(ctx)
		return evidence.FormatKeys(keys), err
	})), nil
}

// witnessMetrics are what metrics tell of the witnesses.
func (s *serverProcess) witnessMetrics(ctx context.Context) ([]metrics.Witness, error) {
	stats, err := s.notary.Stats(ctx)
	out := make([]metrics.Witness, len(stats))
	for i, w := range stats {
		out[i] = metrics.Witness{Name: w.Witness, Sent: w.Sent, Failures: w.Failures, Lag: w.Lag}
		if w.LastSuccess > 0 {
			out[i].LastSuccess = w.LastSuccess.Std()
		}
	}
	return out, err
}

// showKeys answers with the keys that verify checkpoints.
func (s *serverProcess) showKeys(w http.ResponseWriter, r *http.Request) {
	keys, err := s.notary.Keys(r.Context())
	if err != nil {
		s.log.Warn("keys were not read", "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = io.WriteString(w, evidence.FormatKeys(keys))
}
