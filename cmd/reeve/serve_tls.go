package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"reeve/internal/certificate"
	"reeve/internal/client"
)

// openTLS reads the certificate, if HTTPS was set.
func (s *serverProcess) openTLS() (err error) {
	if s.cfg.TLSCertificate == "" {
		return nil
	}
	s.tls, err = certificate.Open(certificate.Files{
		Certificate: s.cfg.TLSCertificate, Key: s.cfg.TLSKey,
		ClientCA: s.cfg.TLSClientCA, Optional: s.cfg.TLSClientAuth == "optional",
	}, s.log)
	return err
}

// serve answers until the server is shut down.
func (s *serverProcess) serve() error {
	bounded := s.bounds.connections.Listener(s.listener)
	if s.tls == nil {
		return s.http.Serve(bounded)
	}
	s.http.TLSConfig = s.tls.Config()
	return s.http.ServeTLS(bounded, "", "")
}

// watchTLS takes SIGHUP, which asks for a look at the certificate, from now on; watch
// takes new certificates until ctx ends.
func (s *serverProcess) watchTLS(ctx context.Context) (watch func()) {
	if s.tls == nil {
		return func() {}
	}
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGHUP)
	return func() {
		defer signal.Stop(ask)
		s.tls.Watch(ctx, ask, func() {
			if err := s.leaveAuthority(); err != nil {
				s.log.Error("clients are not told of the new certificate", "error", err)
			}
		})
	}
}

// leaveAuthority tells reeve env, and our own commands, by what to believe the
// certificate, and removes what an earlier server left.
func (s *serverProcess) leaveAuthority() error {
	path := filepath.Join(s.cfg.Data, client.AuthorityFile)
	var authority []byte
	if s.tls != nil {
		var err error
		if authority, err = s.tls.Authority(); errors.Is(err, certificate.ErrPrivate) {
			s.log.Warn("clients have to be given the certificate's authority, with --ca-file or AWS_CA_BUNDLE", "error", err)
		}
	}
	if authority == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove authority: %w", err)
		}
		return nil
	}
	return fillFile(path, func(w io.Writer) error {
		_, err := w.Write(authority)
		return err
	})
}
