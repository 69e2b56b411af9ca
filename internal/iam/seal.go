package iam

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// errSeal is all that is said of a value that does not open: not whether the
// key, the name or the bytes are wrong.
var errSeal = errors.New("sealed value does not open with this master key")

// sealer seals small values with AES-256-GCM. A sealed value is a random nonce
// of 12 bytes and the ciphertext with its tag. The value's name is
// authenticated with it, so a value cannot be moved to another row.
//
// Random nonces are safe for 2^32 values under one key, far beyond what a
// deployment has of access keys.
type sealer struct{ aead cipher.AEAD }

func newSealer(key MasterKey) (sealer, error) { return sealerOf(key.bytes[:]) }

// sealerOf seals with another key of 32 bytes.
func sealerOf(key []byte) (sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("prepare key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return sealer{}, fmt.Errorf("prepare key: %w", err)
	}
	return sealer{aead}, nil
}

func (s sealer) seal(name string, plain []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	rand.Read(nonce)
	return s.aead.Seal(nonce, nonce, plain, []byte(name))
}

func (s sealer) open(name string, sealed []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errSeal
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(name))
	if err != nil {
		return nil, errSeal
	}
	return plain, nil
}
