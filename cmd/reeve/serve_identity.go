package main

import (
	"fmt"
	"os"

	"reeve/internal/config"
	"reeve/internal/sts"
)

// openIssuers returns the identity providers whose tokens let workloads assume
// roles. None is asked for anything yet.
func openIssuers(cfg config.Config) (*sts.Issuers, error) {
	var root []byte
	if cfg.WebIdentityCA != "" {
		var err error
		if root, err = os.ReadFile(cfg.WebIdentityCA); err != nil {
			return nil, fmt.Errorf("read --web-identity-ca: %w", err)
		}
	}
	issuers, err := sts.NewIssuers(cfg.WebIdentityIssuers, cfg.WebIdentityAudiences, root)
	if err != nil {
		return nil, fmt.Errorf("--web-identity-issuers: %w", err)
	}
	return issuers, nil
}
