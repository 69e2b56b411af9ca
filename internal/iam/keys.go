package iam

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// useGrain is how exactly the last use of an access key is kept.
const useGrain = time.Hour

// CreateAccessKey makes a key of a user, or with user "" of the account's root
// user. The secret is returned this once.
func (d *Directory) CreateAccessKey(ctx context.Context, who Identity, account, user string) (keyID string, secret Secret, err error) {
	if err := d.within(ctx, who, &account); err != nil {
		return "", Secret{}, err
	}
	secret = newSecret()
	for range attempts {
		keyID = newKeyID("AKIA")
		k := AccessKey{ID: keyID, Account: account, User: user, Sealed: d.seal.seal(keyID, []byte(secret.Reveal())), Created: now()}
		if err = d.change(ctx, func(tx Tx) error { return insertKey(tx, k) }); !errors.Is(err, ErrExists) {
			break
		}
	}
	if err != nil {
		return "", Secret{}, err
	}
	return keyID, secret, nil
}

func insertKey(tx Tx, k AccessKey) error {
	most := maxRootKeys
	if k.User != "" {
		most = maxUserKeys
		if _, err := known(tx, k.holder()); err != nil {
			return err
		}
	}
	have, err := tx.Keys(k.holder(), most)
	if err != nil {
		return err
	}
	if len(have) >= most {
		return refuse(Full, "%s of account %s has %d access keys and cannot have more: delete one first", k.holder(), k.Account, len(have))
	}
	return tx.InsertKey(k)
}

func (k *AccessKey) holder() Holder {
	if k.User == "" {
		return Holder{Account: k.Account}
	}
	return Holder{k.Account, OfUser, k.User}
}

func keyHolder(account, user string) Holder {
	return (&AccessKey{Account: account, User: user}).holder()
}

// AccessKeys returns the keys of a user, or with user "" of the account's root
// user, without their secrets.
func (d *Directory) AccessKeys(ctx context.Context, who Identity, account, user string) (list []AccessKey, err error) {
	if err := d.within(ctx, who, &account); err != nil {
		return nil, err
	}
	err = d.store.ViewIAM(ctx, func(tx Tx) error {
		h := keyHolder(account, user)
		if h.Type == OfUser {
			if _, err := known(tx, h); err != nil {
				return err
			}
		}
		list, err = tx.Keys(h, 10*maxRootKeys) // there were more before there was a limit
		return err
	})
	return list, err
}

// SetAccessKey has a key of a user, or with user "" of the account's root user,
// work or not.
func (d *Directory) SetAccessKey(ctx context.Context, who Identity, account, user, id string, inactive bool) error {
	return d.onKey(ctx, who, account, user, id, inactive, func(tx Tx) error { return tx.SetKeyInactive(id, inactive) })
}

// DeleteAccessKey deletes a key of a user, or with user "" of the account's root
// user.
func (d *Directory) DeleteAccessKey(ctx context.Context, who Identity, account, user, id string) error {
	return d.onKey(ctx, who, account, user, id, true, func(tx Tx) error { return tx.DeleteKey(id) })
}

// onKey changes a key, which is no way in afterwards if ends is set. The last
// way in to the root account stays.
func (d *Directory) onKey(ctx context.Context, who Identity, account, user, id string, ends bool, f func(Tx) error) error {
	if err := d.within(ctx, who, &account); err != nil {
		return err
	}
	root, err := d.store.RootAccount(ctx)
	if err != nil {
		return fmt.Errorf("read root account: %w", err)
	}
	h := keyHolder(account, user)
	return d.change(ctx, func(tx Tx) error {
		have, err := tx.Keys(h, 10*maxRootKeys)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(have, func(k AccessKey) bool { return k.ID == id })
		if i < 0 {
			return refuse(Missing, "%s of account %s has no access key %s: ListAccessKeys shows those that there are", h, account, clip(id))
		}
		if ends && h.Type == OfAccount && root != nil && root.ID == account && lastActive(have, id) {
			return refuse(InUse, "access key %s is the last active one of the root account's root user, and without it nobody could administer this deployment: make another one first", id)
		}
		return f(tx)
	})
}

// lastActive tells whether no other key than the named one works.
func lastActive(keys []AccessKey, id string) bool {
	return !slices.ContainsFunc(keys, func(k AccessKey) bool { return k.ID != id && !k.Inactive })
}

// Lookup returns the secret of an access key and who it belongs to, or
// [ErrUnknownAccessKey], also for one that is inactive. Known keys are answered
// from memory for as long as nothing has changed; unknown ones are asked for
// each time, so a key made on another server works at once.
func (d *Directory) Lookup(ctx context.Context, accessKeyID string) (secret string, who Identity, err error) {
	secret, found, err := d.LookupSigner(ctx, accessKeyID, "")
	if err != nil {
		return "", Identity{}, err
	}
	return secret, *found, nil
}

// LookupSigner is Lookup for a request that may come with a session's token. A
// session that has ended is [ErrExpiredToken]. Nobody may change the identity.
func (d *Directory) LookupSigner(ctx context.Context, accessKeyID, token string) (secret string, who *Identity, err error) {
	if !isKeyID(accessKeyID) || len(token) > MaxToken {
		return "", nil, ErrUnknownAccessKey
	}
	name, read := accessKeyID, d.read
	if token != "" {
		digest := sha256.Sum256([]byte(token)) // a token with its session's terms is long
		name = accessKeyID + " " + string(digest[:])
		read = func(ctx context.Context, id string) (cachedKey, error) { return d.openToken(ctx, id, token) }
	}
	e, err := d.cached(ctx, name, func() (cachedKey, error) { return read(ctx, accessKeyID) })
	if err != nil {
		return "", nil, err
	}
	if !e.expires.IsZero() && !time.Now().Before(e.expires) {
		return "", nil, ErrExpiredToken
	}
	return e.secret, e.who, nil
}

// cached returns what is in memory under a name, and what was read when there
// is nothing.
func (d *Directory) cached(ctx context.Context, name string, read func() (cachedKey, error)) (cachedKey, error) {
	if err := d.fresh.check(ctx, d.store.Generation, d.cache.clear); err != nil {
		return cachedKey{}, err
	}
	e, cleared, ok := d.cache.get(name)
	if ok {
		return e, nil
	}
	e, err := read()
	if err != nil {
		return cachedKey{}, err
	}
	d.cache.put(name, e, cleared)
	return e, nil
}

func (d *Directory) read(ctx context.Context, id string) (cachedKey, error) {
	k, err := d.store.AccessKey(ctx, id)
	if err != nil {
		return cachedKey{}, fmt.Errorf("read access key: %w", err)
	}
	if k == nil || k.Inactive {
		return cachedKey{}, ErrUnknownAccessKey
	}
	secret, err := d.seal.open(k.ID, k.Sealed)
	if err != nil {
		return cachedKey{}, fmt.Errorf("access key %s: %w", k.ID, err)
	}
	who, err := d.identify(ctx, k.holder())
	if err != nil {
		return cachedKey{}, fmt.Errorf("access key %s: %w", k.ID, err)
	}
	who.use = &keyUse{id: k.ID}
	if !k.Used.IsZero() {
		who.use.last.Store(k.Used.UnixMicro())
	}
	return cachedKey{secret: string(secret), who: &who}, nil
}

// identify reads who a holder is and what its policies allow.
func (d *Directory) identify(ctx context.Context, h Holder) (Identity, error) {
	a, err := d.store.Account(ctx, h.Account)
	if err != nil {
		return Identity{}, fmt.Errorf("read account: %w", err)
	}
	if a == nil && h.Type == OfRole { // somebody may name any account
		return Identity{}, ErrUnknownAccessKey
	}
	if a == nil {
		return Identity{}, fmt.Errorf("it belongs to account %s, which is not in the database", h.Account)
	}
	who := Identity{Account: a.ID, Root: a.Root, Principal: h.ARN(), Holder: h, ID: a.ID}
	if h.Type == OfAccount {
		return who, nil
	}
	err = d.store.ViewIAM(ctx, func(tx Tx) error {
		p, err := tx.Principal(h)
		if err != nil {
			return err
		}
		if p == nil { // deleted since the key was read
			return ErrUnknownAccessKey
		}
		who.ID = p.ID
		who.Access, err = accessOf(tx, h)
		return err
	})
	return who, err
}

// NoteUse remembers that the access key of a caller whose signature was right
// is used, exact to useGrain. It is no reason to refuse a request: where it
// cannot be written, it is tried again later.
func (d *Directory) NoteUse(ctx context.Context, who *Identity) {
	if who.use == nil {
		return
	}
	last, at := who.use.last.Load(), now()
	if at.Sub(time.UnixMicro(last)) < useGrain || !who.use.last.CompareAndSwap(last, at.UnixMicro()) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := d.store.TouchAccessKey(ctx, who.use.id, at); err != nil {
		who.use.last.Store(at.Add(time.Minute - useGrain).UnixMicro())
	}
}
