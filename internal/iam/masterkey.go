package iam

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// MasterKeyFile is the name of the master key's file in the data directory.
const MasterKeyFile = "master.key"

// masterKeyLimit bounds what is read of a master key's file.
const masterKeyLimit = 4096

// MasterKey seals the secrets in the database. It prints as nothing.
type MasterKey struct{ bytes [32]byte }

// String stands in for the key in every printed form.
func (k MasterKey) String() string { return "(master key)" }

// Format keeps %v, %x and all others from reaching the bytes.
func (k MasterKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// ParseMasterKey reads 32 bytes in hexadecimal or base64; space around them is
// ignored.
func ParseMasterKey(text string) (MasterKey, error) {
	text = strings.TrimSpace(text)
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if raw, err := decode(text); err == nil && len(raw) == 32 {
			return MasterKey{[32]byte(raw)}, nil
		}
	}
	return MasterKey{}, errors.New("a master key is 32 bytes in hexadecimal (64 characters) or base64 (44 characters); make one with: openssl rand -hex 32")
}

// readMasterKey reads the key's file. A file that others may read is refused:
// what it protects may be out already, and only its owner can judge that.
func readMasterKey(path string) (MasterKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return MasterKey{}, err
	}
	if wide := info.Mode().Perm() & 0o077; wide != 0 && runtime.GOOS != "windows" {
		return MasterKey{}, fmt.Errorf("%s has permissions %04o, so others on this machine may read it: run chmod 600 %s", path, info.Mode().Perm(), path)
	}
	if info.Size() > masterKeyLimit {
		return MasterKey{}, fmt.Errorf("%s is not a master key: it has %d bytes", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return MasterKey{}, err
	}
	key, err := ParseMasterKey(string(text))
	if err != nil {
		return MasterKey{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// createMasterKey makes a random key and its file.
func createMasterKey(path string) (MasterKey, error) {
	var key MasterKey
	rand.Read(key.bytes[:])
	text := hex.EncodeToString(key.bytes[:]) + "\n"
	if err := writePrivate(path, []byte(text)); err != nil {
		return MasterKey{}, fmt.Errorf("create master key: %w", err)
	}
	return key, nil
}

// loadMasterKey finds the deployment's key: the given text, else the file in
// dir. It makes a key only where the database has none yet (used is false): a
// new key could not open what the database holds.
func loadMasterKey(opts Options, used bool) (MasterKey, error) {
	if opts.MasterKey != "" {
		key, err := ParseMasterKey(opts.MasterKey)
		if err != nil {
			return MasterKey{}, fmt.Errorf("REEVE_MASTER_KEY: %w", err)
		}
		return key, nil
	}
	path := filepath.Join(opts.Dir, MasterKeyFile)
	key, err := readMasterKey(path)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return key, err
	case used:
		return MasterKey{}, fmt.Errorf("%s is missing, and this database was made with a master key: copy the file from a backup or from another server of this deployment, or set REEVE_MASTER_KEY", path)
	}
	return createMasterKey(path)
}

// writePrivate replaces a file, for its owner alone, so that a reader or a
// crash sees the old contents or the new and nothing between.
func writePrivate(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.ReadFrom(bytes.NewReader(data))
	err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// syncDir makes a rename durable where the system can; where it cannot (some
// network file systems, Windows) the rename is as durable as it gets.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
