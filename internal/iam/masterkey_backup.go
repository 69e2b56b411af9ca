package iam

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// MasterKeyText returns the deployment's key as ParseMasterKey reads it, for a
// backup that is to hold it. It makes no key.
func MasterKeyText(opts Options) (string, error) {
	key, err := loadMasterKey(opts, true)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(key.bytes[:]), nil
}

// ErrNoMasterKey says that there is no key to compare with.
var ErrNoMasterKey = errors.New("there is no master key")

// FitsMasterKey returns nil if the key of opts is the one that a database was
// made with, ErrNoMasterKey if there is none, and else what is wrong with it.
// It changes nothing.
func FitsMasterKey(ctx context.Context, store Store, opts Options) error {
	if opts.MasterKey == "" {
		if _, err := os.Stat(filepath.Join(opts.Dir, MasterKeyFile)); errors.Is(err, os.ErrNotExist) {
			return ErrNoMasterKey
		}
	}
	key, err := loadMasterKey(opts, true)
	if err != nil {
		return err
	}
	seal, err := newSealer(key)
	if err != nil {
		return err
	}
	check, err := store.Meta(ctx, metaCheck)
	if err != nil || check == nil {
		return err
	}
	return (&Directory{seal: seal}).opens(check)
}

// KeepMasterKey writes a key of MasterKeyText into a directory that has none.
func KeepMasterKey(dir, text string) error {
	key, err := ParseMasterKey(text)
	if err != nil {
		return err
	}
	if err := writePrivate(filepath.Join(dir, MasterKeyFile), []byte(hex.EncodeToString(key.bytes[:])+"\n")); err != nil {
		return fmt.Errorf("keep master key: %w", err)
	}
	return nil
}
