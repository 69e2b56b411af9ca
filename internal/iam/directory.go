package iam

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Names of the values that iam keeps in a Store's meta. Each is also the name
// that its value is sealed under.
const (
	metaCheck    = "iam.master-key-check"
	metaTokenKey = "iam.page-token-key"
	metaRootKey  = "iam.root-access-key"

	metaSessionKey = "iam.session-key"
)

// attempts bounds how often a random number is drawn again because it is taken.
const attempts = 8

// Options says where the deployment's own secrets are.
type Options struct {
	Dir       string // data directory; holds master.key and credentials
	MasterKey string // 32 bytes in hexadecimal or base64; "" uses Dir/master.key
}

// Directory answers who callers are and makes accounts and keys. It is safe for
// concurrent use; several servers over one database each have their own.
type Directory struct {
	store Store
	seal  sealer
	dir   string
	fresh *freshness // of what is in cache
	cache keyCache

	sessions sealer // of temporary credentials
	agents   agentTokenCache
}

// Open returns the directory of a deployment. The first Open of a database
// makes the master key's file (unless a key is given) and remembers which key
// it was; a later one with another key is refused.
func Open(ctx context.Context, store Store, opts Options) (*Directory, error) {
	check, err := store.Meta(ctx, metaCheck)
	if err != nil {
		return nil, fmt.Errorf("read master key check: %w", err)
	}
	key, err := loadMasterKey(opts, check != nil)
	if err != nil {
		return nil, err
	}
	seal, err := newSealer(key)
	if err != nil {
		return nil, err
	}
	d := &Directory{store: store, seal: seal, dir: opts.Dir, fresh: newFreshness()}
	if err := d.checkMasterKey(ctx); err != nil {
		return nil, err
	}
	return d, d.openSessions(ctx)
}

// checkMasterKey refuses a key that is not the one the database was made with.
func (d *Directory) checkMasterKey(ctx context.Context) error {
	sealed, err := d.store.PutMetaIfAbsent(ctx, metaCheck, d.seal.seal(metaCheck, []byte("reeve")))
	if err != nil {
		return fmt.Errorf("keep master key check: %w", err)
	}
	return d.opens(sealed)
}

// opens refuses a key that did not seal what the first Open left.
func (d *Directory) opens(check []byte) error {
	if _, err := d.seal.open(metaCheck, check); err != nil {
		return errors.New("the master key is not the one that this database was made with: put the right master.key into the data directory, or set REEVE_MASTER_KEY to it")
	}
	return nil
}

// TokenKey returns the 32 bytes that page tokens are authenticated with. All
// servers of a deployment have the same, also after a restart.
func (d *Directory) TokenKey(ctx context.Context) ([]byte, error) {
	return d.commonKey(ctx, metaTokenKey)
}

// commonKey returns the 32 bytes that all servers of a deployment keep under a
// name, sealed; the first to ask draws them.
func (d *Directory) commonKey(ctx context.Context, name string) ([]byte, error) {
	fresh := make([]byte, 32)
	rand.Read(fresh)
	sealed, err := d.store.PutMetaIfAbsent(ctx, name, d.seal.seal(name, fresh))
	if err != nil {
		return nil, fmt.Errorf("keep %s: %w", name, err)
	}
	key, err := d.seal.open(name, sealed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// CreateAccount makes an account; id "" draws a random one. Only callers of
// the root account may.
func (d *Directory) CreateAccount(ctx context.Context, who Identity, name, id string) (*Account, error) {
	if err := mayAdminister(who, "reeve:CreateAccount"); err != nil {
		return nil, err
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	if id == "" {
		return d.createRandomAccount(ctx, name)
	}
	if err := checkAccountID(id); err != nil {
		return nil, err
	}
	a := &Account{ID: id, Name: name, Created: now()}
	err := d.store.InsertAccount(ctx, *a)
	if errors.Is(err, ErrExists) {
		return nil, refuse(Exists, "account %s exists already: choose another number, or none to get a random one", id)
	}
	if err != nil {
		return nil, fmt.Errorf("create account: %w", err)
	}
	return a, nil
}

func (d *Directory) createRandomAccount(ctx context.Context, name string) (*Account, error) {
	var err error
	for range attempts {
		a := &Account{ID: newAccountID(), Name: name, Created: now()}
		if err = d.store.InsertAccount(ctx, *a); err == nil {
			return a, nil
		}
		if !errors.Is(err, ErrExists) {
			break
		}
	}
	return nil, fmt.Errorf("create account: %w", err)
}

// Accounts lists up to limit accounts of the deployment behind one, "" for the
// first, in the order of their numbers; next is "" after the last. Only callers
// of the root account may.
func (d *Directory) Accounts(ctx context.Context, who Identity, after string, limit int) (list []Account, next string, err error) {
	if err := mayAdminister(who, "reeve:ListAccounts"); err != nil {
		return nil, "", err
	}
	list, err = d.store.Accounts(ctx, after, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list accounts: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, nil
}

func checkName(name string) error {
	bad := !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl)
	if n := utf8.RuneCountInString(strings.TrimSpace(name)); bad || n < 1 || utf8.RuneCountInString(name) > 128 {
		return refuse(Invalid, "the account's name is not usable: give 1 to 128 printable characters")
	}
	return nil
}

// now is cut to microseconds, which is what the store keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
