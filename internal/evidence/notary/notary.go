// Package notary signs checkpoints of the ledgers, keeps them, and sends them to
// witnesses; and it is a witness of other deployments itself. The form of what
// it signs is package evidence's.
//
// A [Notary] works over a small [Store]. It signs nothing that contradicts what
// it has signed before: a ledger that was altered behind its back gets no
// checkpoint, and an error says which.
package notary

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"reeve/internal/evidence"
	"reeve/internal/license"
)

// Sealer keeps private keys from whoever has the database alone.
type Sealer interface {
	Seal(name string, plain []byte) []byte
	Unseal(name string, sealed []byte) ([]byte, error)
}

// Options are a notary's choices.
type Options struct {
	Sealer Sealer // nil: it verifies, and signs nothing

	// Every is the time between two checkpoints of an account that nobody
	// asked for. 0 makes none.
	Every time.Duration

	Witnesses  []Witness      // who is sent every checkpoint
	WitnessFor []evidence.Key // keys of deployments whose checkpoints are co-signed here

	Log *slog.Logger // default slog.Default()
}

// Notary makes, keeps and shows checkpoints. It is safe for concurrent use;
// several servers over one database each have their own.
type Notary struct {
	store Store
	o     Options
	wake  chan struct{} // something can be sent

	attempts map[string]*attempts // by witness

	mu      sync.Mutex
	signers map[int64]note.Signer // by number of the key
}

// New returns a notary. Keys makes sure that there is one to sign with.
func New(store Store, o Options) *Notary {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	n := &Notary{store: store, o: o, wake: make(chan struct{}, 1), signers: map[int64]note.Signer{}, attempts: map[string]*attempts{}}
	for _, w := range o.Witnesses {
		n.attempts[w.Name()] = &attempts{}
	}
	return n
}

func refuse(kind license.Kind, format string, args ...any) error {
	return &license.Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// accountOf is the account that a caller means, "" for its own. Only callers of
// the root account may name another one.
func accountOf(who license.Caller, account string) (string, error) {
	if account == "" || account == who.Account {
		return who.Account, nil
	}
	if !who.Root {
		return "", refuse(license.Denied, "%s may see checkpoints of its own account only.", who.Principal)
	}
	return account, nil
}

// Keys returns the deployment's public keys, the oldest first, and makes the
// first one where there is none.
func (n *Notary) Keys(ctx context.Context) ([]evidence.Key, error) {
	var keys []SigningKey
	err := n.store.View(ctx, func(tx Tx) (err error) {
		keys, err = tx.SigningKeys()
		return err
	})
	if err == nil && len(keys) == 0 && n.o.Sealer != nil {
		keys, err = n.addKey(ctx, func(keys []SigningKey) bool { return len(keys) > 0 })
	}
	return publicKeys(keys), err
}

func publicKeys(keys []SigningKey) []evidence.Key {
	public := make([]evidence.Key, len(keys))
	for i := range keys {
		public[i] = keys[i].Key
	}
	return public
}

// maxKeys bounds how often the key is rotated.
const maxKeys = 500

// RotateKey makes a new key, which signs from now on; the old ones stay
// published. Only callers of the root account may.
func (n *Notary) RotateKey(ctx context.Context, who license.Caller) (evidence.Key, error) {
	if !who.Root {
		return evidence.Key{}, refuse(license.Denied, "Only keys of the deployment's root account may rotate the key of its checkpoints.")
	}
	keys, err := n.addKey(ctx, func([]SigningKey) bool { return false })
	if err != nil {
		return evidence.Key{}, err
	}
	return keys[len(keys)-1].Key, nil
}

// addKey adds a key unless enough says that there is no need, and returns all.
func (n *Notary) addKey(ctx context.Context, enough func([]SigningKey) bool) (keys []SigningKey, err error) {
	if n.o.Sealer == nil {
		return nil, refuse(license.InvalidResourceState, "This process has no master key, so it signs nothing.")
	}
	err = n.store.Update(ctx, func(tx Tx) error {
		if keys, err = lockedKeys(tx); err != nil || enough(keys) {
			return err
		}
		if len(keys) >= maxKeys {
			return refuse(license.LimitExceeded, "The deployment has had %d keys for its checkpoints, and cannot have more.", len(keys))
		}
		k, err := n.newKey(tx, keys)
		if err != nil {
			return err
		}
		keys = append(keys, *k)
		return tx.InsertSigningKey(k)
	})
	if err != nil {
		return nil, fmt.Errorf("make a key for checkpoints: %w", err)
	}
	return keys, nil
}

// lockedKeys reads the keys behind every other transaction that signs.
func lockedKeys(tx Tx) ([]SigningKey, error) {
	if err := tx.LockSigning(); err != nil {
		return nil, err
	}
	return tx.SigningKeys()
}

// newKey makes the key after the given ones. The first one names the deployment.
func (n *Notary) newKey(tx Tx, keys []SigningKey) (*SigningKey, error) {
	now, err := tx.Now()
	if err != nil {
		return nil, err
	}
	k := &SigningKey{Number: int64(len(keys) + 1), Key: evidence.Key{From: now}}
	name := newDeployment()
	var before *evidence.Key
	var old note.Signer
	if len(keys) > 0 {
		last := &keys[len(keys)-1]
		if old, err = n.signer(last); err != nil {
			return nil, err
		}
		name, before, k.From = old.Name(), &last.Key, max(now, last.From+1)
	}
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, err
	}
	k.Text, k.Sealed = public, n.o.Sealer.Seal(sealName(k.Number), []byte(private))
	return k, evidence.Succeed(before, &k.Key, old, signer)
}

// newDeployment draws the name of a deployment.
func newDeployment() string {
	var b [8]byte
	rand.Read(b[:])
	return "reeve/" + hex.EncodeToString(b[:])
}

func sealName(number int64) string { return "signing key " + strconv.FormatInt(number, 10) }

// signer opens a private key, once.
func (n *Notary) signer(k *SigningKey) (note.Signer, error) {
	if n.o.Sealer == nil {
		return nil, refuse(license.InvalidResourceState, "This process has no master key, so it signs nothing.")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.signers[k.Number]; s != nil && signs(s, k) {
		return s, nil
	}
	private, err := n.o.Sealer.Unseal(sealName(k.Number), k.Sealed)
	if err != nil {
		return nil, err
	}
	s, err := note.NewSigner(string(private))
	if err != nil || !signs(s, k) {
		return nil, fmt.Errorf("key %d for checkpoints: the private key is not that of %s", k.Number, k.Text)
	}
	n.signers[k.Number] = s
	return s, nil
}

// signs tells whether a signer is of a public key. The hash of a verifier key
// covers its name and bytes, but is short: what decides is a signature.
func signs(s note.Signer, k *SigningKey) bool {
	v, err := note.NewVerifier(k.Text)
	if err != nil || v.Name() != s.Name() || v.KeyHash() != s.KeyHash() {
		return false
	}
	text := []byte("is it the key?\n")
	signature, err := s.Sign(text)
	return err == nil && v.Verify(text, signature)
}
