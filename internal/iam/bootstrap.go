package iam

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// CredentialsFile is the name of the file in the data directory that holds the
// root account's key, in the form of AWS's shared credentials file.
const CredentialsFile = "credentials"

// RootOptions are the root account and key that the operator chose. "" leaves
// the choice to Bootstrap.
type RootOptions struct {
	Account         string
	AccessKeyID     string
	SecretAccessKey Secret
}

// Root is what Bootstrap made or found.
type Root struct {
	Account     string
	AccessKeyID string // "" when the first key was deleted or made inactive
	Credentials string // path of the credentials file; "" without a data directory or key
	Created     bool   // the account was made by this call
}

// Bootstrap makes sure that the deployment has its root account and a key of
// it, and that the credentials file holds that key. The first call decides the
// account; a later one that names another is refused. A key that a later call
// names is added. Servers that start at the same time end with the same
// account and key.
func (d *Directory) Bootstrap(ctx context.Context, opts RootOptions) (*Root, error) {
	if err := opts.Check(); err != nil {
		return nil, err
	}
	account, created, err := d.rootAccount(ctx, opts.Account)
	if err != nil {
		return nil, err
	}
	id, secret, err := d.rootKey(ctx, account, opts)
	if err != nil {
		return nil, err
	}
	root := &Root{Account: account, AccessKeyID: id, Created: created}
	if d.dir == "" || id == "" {
		return root, nil
	}
	root.Credentials = filepath.Join(d.dir, CredentialsFile)
	return root, writeCredentials(root.Credentials, id, secret)
}

// Check says what of the options is wrong in itself, whatever the database has.
func (o RootOptions) Check() error {
	if o.Account != "" {
		if err := checkAccountID(o.Account); err != nil {
			return fmt.Errorf("REEVE_ROOT_ACCOUNT: %w", err)
		}
	}
	secret := o.SecretAccessKey.Reveal()
	switch {
	case (o.AccessKeyID == "") != (secret == ""):
		return refuse(Invalid, "set both REEVE_ROOT_ACCESS_KEY_ID and REEVE_ROOT_SECRET_ACCESS_KEY, or neither")
	case o.AccessKeyID == "":
		return nil
	case !isKeyID(o.AccessKeyID):
		return refuse(Invalid, "REEVE_ROOT_ACCESS_KEY_ID is not usable: give 4 to 128 letters, digits or underscores")
	case len(secret) < 4 || len(secret) > 256 || strings.ContainsFunc(secret, notPrintable):
		return refuse(Invalid, "REEVE_ROOT_SECRET_ACCESS_KEY is not usable: give 4 to 256 printable ASCII characters without spaces")
	}
	return nil
}

func notPrintable(r rune) bool { return r <= ' ' || r > '~' }

// rootAccount returns the root account's number, making the account if there
// is none yet.
func (d *Directory) rootAccount(ctx context.Context, wanted string) (id string, created bool, err error) {
	for range attempts {
		root, err := d.store.RootAccount(ctx)
		if err != nil {
			return "", false, fmt.Errorf("read root account: %w", err)
		}
		if root != nil {
			return root.ID, created, sameRoot(root.ID, wanted)
		}
		a := Account{ID: wanted, Name: "root", Root: true, Created: now()}
		if a.ID == "" {
			a.ID = newAccountID()
		}
		err = d.store.InsertAccount(ctx, a)
		if err != nil && !errors.Is(err, ErrExists) {
			return "", false, fmt.Errorf("create root account: %w", err)
		}
		created = err == nil
	}
	return "", false, errors.New("create root account: its number is taken by an ordinary account")
}

func sameRoot(have, wanted string) error {
	if wanted == "" || wanted == have {
		return nil
	}
	return refuse(Invalid, "REEVE_ROOT_ACCOUNT is %s, but this database's root account is %s: unset it, or set it to %s", wanted, have, have)
}

// rootKey returns the key that the credentials file is to hold: the given one,
// else the deployment's first; "" when that was deleted or made inactive. The
// first is agreed on in meta before it is inserted, so that neither a crash nor
// a second server leaves a key that nobody knows.
func (d *Directory) rootKey(ctx context.Context, account string, opts RootOptions) (id string, secret Secret, err error) {
	id, secret = opts.AccessKeyID, opts.SecretAccessKey
	given := id != ""
	if !given {
		id, secret = newKeyID("AKIA"), newSecret()
	}
	firstID, firstSecret, err := d.firstKey(ctx, id, secret)
	if err != nil {
		return "", Secret{}, err
	}
	var there []AccessKey
	err = d.store.ViewIAM(ctx, func(tx Tx) error {
		there, err = tx.Keys(Holder{Account: account}, 10*maxRootKeys)
		return err
	})
	if err != nil {
		return "", Secret{}, err
	}
	if len(there) == 0 { // a key that was deleted later stays so
		if err := d.ensureKey(ctx, account, firstID, firstSecret); err != nil {
			return "", Secret{}, err
		}
		there = []AccessKey{{ID: firstID}}
	}
	if given && (firstID != id || firstSecret != secret || !works(there, id)) {
		return id, secret, d.ensureKey(ctx, account, id, secret)
	}
	if !works(there, firstID) {
		return "", Secret{}, nil
	}
	return firstID, firstSecret, nil
}

// works tells whether a key is there and active.
func works(keys []AccessKey, id string) bool {
	return slices.ContainsFunc(keys, func(k AccessKey) bool { return k.ID == id && !k.Inactive })
}

// firstKey proposes the deployment's first key and returns the one that holds.
func (d *Directory) firstKey(ctx context.Context, id string, secret Secret) (string, Secret, error) {
	sealed, err := d.store.PutMetaIfAbsent(ctx, metaRootKey, d.seal.seal(metaRootKey, []byte(id+" "+secret.Reveal())))
	if err != nil {
		return "", Secret{}, fmt.Errorf("keep root access key: %w", err)
	}
	plain, err := d.seal.open(metaRootKey, sealed)
	if err != nil {
		return "", Secret{}, fmt.Errorf("root access key: %w", err)
	}
	firstID, firstSecret, _ := strings.Cut(string(plain), " ")
	return firstID, NewSecret(firstSecret), nil
}

// ensureKey adds a key of the root user unless it is there with the same secret
// and account. One that was made inactive stays so: another one is a way in.
func (d *Directory) ensureKey(ctx context.Context, account, id string, secret Secret) error {
	k := AccessKey{ID: id, Account: account, Sealed: d.seal.seal(id, []byte(secret.Reveal())), Created: now()}
	err := d.store.InsertAccessKey(ctx, k)
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrExists) {
		return fmt.Errorf("create root access key: %w", err)
	}
	have, err := d.store.AccessKey(ctx, id)
	if err != nil {
		return fmt.Errorf("read access key: %w", err)
	}
	if have == nil {
		return fmt.Errorf("access key %s was deleted while the server started: start it again", id)
	}
	text, err := d.seal.open(id, have.Sealed)
	if err != nil {
		return fmt.Errorf("access key %s: %w", id, err)
	}
	same := subtle.ConstantTimeCompare(text, []byte(secret.Reveal())) == 1
	if have.holder() != (Holder{Account: account}) || !same {
		return refuse(Exists, "access key %s exists already with another secret or account: choose another REEVE_ROOT_ACCESS_KEY_ID", id)
	}
	return nil
}

// writeCredentials makes the file hold the key. A file that does already is
// left alone, but for its permissions.
func writeCredentials(path, id string, secret Secret) error {
	text := []byte("# Written by reeve serve: the root account's access key.\n[default]\naws_access_key_id = " +
		id + "\naws_secret_access_key = " + secret.Reveal() + "\n")
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("protect credentials: %w", err)
		}
		return nil
	}
	if err := writePrivate(path, text); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return nil
}
