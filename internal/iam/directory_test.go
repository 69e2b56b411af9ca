package iam_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reeve/internal/iam"
)

const (
	keyA = "0101010101010101010101010101010101010101010101010101010101010101"
	keyB = "0202020202020202020202020202020202020202020202020202020202020202"
)

func open(t *testing.T, store iam.Store, opts iam.Options) *iam.Directory {
	t.Helper()
	d, err := iam.Open(context.Background(), store, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return d
}

func bootstrap(t *testing.T, d *iam.Directory, opts iam.RootOptions) *iam.Root {
	t.Helper()
	root, err := d.Bootstrap(context.Background(), opts)
	if err != nil {
		t.Fatalf("bootstrap: %v", err)
	}
	return root
}

// rootKeys counts the keys of an account's root user.
func rootKeys(t *testing.T, store *database, account string) (n int) {
	t.Helper()
	err := store.ViewIAM(t.Context(), func(tx iam.Tx) error {
		keys, err := tx.Keys(iam.Holder{Account: account}, 100)
		n = len(keys)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wantRefusal checks that err is a refusal of that kind whose sentence has the
// given words.
func wantRefusal(t *testing.T, err error, kind iam.Kind, words string) {
	t.Helper()
	var refusal *iam.Error
	if !errors.As(err, &refusal) || refusal.Kind != kind || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want a refusal of kind %d with %q", err, kind, words)
	}
}

func TestFirstStartMakesRootAndCredentials(t *testing.T) {
	dir := t.TempDir()
	d := open(t, newDatabase(t), iam.Options{Dir: dir})
	root := bootstrap(t, d, iam.RootOptions{})
	if !regexp.MustCompile(`^[1-9]\d{11}$`).MatchString(root.Account) || !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(root.AccessKeyID) {
		t.Errorf("root is %+v", root)
	}
	for _, name := range []string{iam.MasterKeyFile, iam.CredentialsFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has permissions %04o", name, info.Mode().Perm())
		}
	}
	text, _ := os.ReadFile(root.Credentials)
	secret, who, err := d.Lookup(context.Background(), root.AccessKeyID)
	if err != nil || !strings.Contains(string(text), "aws_secret_access_key = "+secret+"\n") {
		t.Errorf("credentials are not the root key's (%v)", err)
	}
	want := iam.Identity{
		Account: root.Account, Root: true, Principal: "arn:aws:iam::" + root.Account + ":root",
		Holder: iam.Holder{Account: root.Account}, ID: root.Account,
	}
	if diff := cmp.Diff(want, who, cmpopts.IgnoreUnexported(iam.Identity{})); diff != "" || !who.IsRootUser() {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
}

func TestLaterStartsKeepTheKeyAndRestoreTheFile(t *testing.T) {
	store, dir := newDatabase(t), t.TempDir()
	first := bootstrap(t, open(t, store, iam.Options{Dir: dir}), iam.RootOptions{})
	before, _ := os.ReadFile(first.Credentials)
	if err := os.Remove(first.Credentials); err != nil {
		t.Fatal(err)
	}
	second := bootstrap(t, open(t, store, iam.Options{Dir: dir}), iam.RootOptions{})
	after, _ := os.ReadFile(second.Credentials)
	if n := rootKeys(t, store, first.Account); !bytes.Equal(before, after) || second.Created || n != 1 {
		t.Errorf("second start: %+v with %d keys; the file is the same: %v", second, n, bytes.Equal(before, after))
	}
}

func TestGivenRootIsUsedAndLaterKeysAreAdded(t *testing.T) {
	store, dir, ctx := newDatabase(t), t.TempDir(), context.Background()
	opts := iam.RootOptions{Account: "123456789012", AccessKeyID: "test", SecretAccessKey: iam.NewSecret("test-secret")}
	bootstrap(t, open(t, store, iam.Options{Dir: dir}), opts)
	opts.AccessKeyID, opts.SecretAccessKey = "OTHER_KEY", iam.NewSecret("other-secret")
	d := open(t, store, iam.Options{Dir: dir})
	bootstrap(t, d, opts)
	for id, want := range map[string]string{"test": "test-secret", "OTHER_KEY": "other-secret"} {
		if secret, who, err := d.Lookup(ctx, id); err != nil || secret != want || !who.Root {
			t.Errorf("key %s: %v, right secret %v, %+v", id, err, secret == want, who)
		}
	}
	opts.SecretAccessKey = iam.NewSecret("changed")
	_, err := d.Bootstrap(ctx, opts)
	wantRefusal(t, err, iam.Exists, "OTHER_KEY")
	_, err = d.Bootstrap(ctx, iam.RootOptions{Account: "210987654321"})
	wantRefusal(t, err, iam.Invalid, "root account is 123456789012")
}

func TestBootstrapRefusesUnusableValues(t *testing.T) {
	key := func(id, secret string) iam.RootOptions {
		return iam.RootOptions{AccessKeyID: id, SecretAccessKey: iam.NewSecret(secret)}
	}
	for name, c := range map[string]struct {
		opts  iam.RootOptions
		words string
	}{
		"short account":   {iam.RootOptions{Account: "12345"}, "12 digits"},
		"account zero":    {iam.RootOptions{Account: "000000000000"}, "not all 0"},
		"key alone":       {key("AKIA", ""), "set both"},
		"secret alone":    {key("", "secret"), "set both"},
		"slash in key":    {key("AK/IA", "secret"), "ACCESS_KEY_ID"},
		"short key":       {key("AKI", "secret"), "ACCESS_KEY_ID"},
		"long key":        {key(strings.Repeat("A", 129), "secret"), "ACCESS_KEY_ID"},
		"newline, secret": {key("AKIA", "a\nb = c"), "SECRET_ACCESS_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			store := newDatabase(t)
			_, err := open(t, store, iam.Options{MasterKey: keyA}).Bootstrap(context.Background(), c.opts)
			wantRefusal(t, err, iam.Invalid, c.words)
			if a, err := store.RootAccount(t.Context()); a != nil || err != nil {
				t.Errorf("an account was made all the same: %v, %v", a, err)
			}
		})
	}
}

func TestServersThatStartTogetherAgree(t *testing.T) {
	store := newDatabase(t)
	roots := make([]*iam.Root, 8)
	var wg sync.WaitGroup
	for i := range roots {
		wg.Go(func() {
			d, err := iam.Open(context.Background(), store, iam.Options{MasterKey: keyA})
			if err == nil {
				roots[i], err = d.Bootstrap(context.Background(), iam.RootOptions{})
			}
			if err != nil {
				t.Errorf("server %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for _, r := range roots {
		if r == nil || r.Account != roots[0].Account || r.AccessKeyID != roots[0].AccessKeyID {
			t.Errorf("%+v and %+v differ", r, roots[0])
		}
	}
	if n := rootKeys(t, store, roots[0].Account); n != 1 {
		t.Errorf("%d keys were made", n)
	}
}

func TestWrongMasterKeyIsRefused(t *testing.T) {
	store := newDatabase(t)
	open(t, store, iam.Options{MasterKey: keyA})
	_, err := iam.Open(context.Background(), store, iam.Options{MasterKey: keyB})
	if err == nil || !strings.Contains(err.Error(), "not the one that this database was made with") {
		t.Errorf("another key: %v", err)
	}
	dir := t.TempDir()
	_, err = iam.Open(context.Background(), store, iam.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("no key: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, iam.MasterKeyFile)); err == nil {
		t.Error("a master key was made that cannot open the database")
	}
}

func TestMasterKeyFileIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		perm  os.FileMode
		words string
	}{
		"hex":            {keyA + "\n", 0o600, ""},
		"base64":         {"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", 0o400, ""},
		"group may read": {keyA, 0o640, "chmod 600"},
		"world may read": {keyA, 0o604, "chmod 600"},
		"short":          {"0101", 0o600, "32 bytes"},
		"empty":          {"", 0o600, "32 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, iam.MasterKeyFile)
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.perm); err != nil {
				t.Fatal(err)
			}
			_, err := iam.Open(context.Background(), newDatabase(t), iam.Options{Dir: dir})
			if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v, want %q", err, c.words)
			}
		})
	}
}

func TestTokenKeyIsOneForAllServersAndSealed(t *testing.T) {
	store := newDatabase(t)
	a, errA := open(t, store, iam.Options{MasterKey: keyA}).TokenKey(context.Background())
	b, errB := open(t, store, iam.Options{MasterKey: keyA}).TokenKey(context.Background())
	if errA != nil || errB != nil || len(a) != 32 || !bytes.Equal(a, b) {
		t.Fatalf("keys of %d and %d bytes differ, or %v, %v", len(a), len(b), errA, errB)
	}
	if v, err := store.Meta(t.Context(), "iam.page-token-key"); err != nil || len(v) <= len(a) || bytes.Contains(v, a) {
		t.Errorf("%d bytes are kept, the key in the clear among them: %v, %v", len(v), bytes.Contains(v, a), err)
	}
}

func TestWhoMayCreateWhat(t *testing.T) {
	ctx, d := context.Background(), open(t, newDatabase(t), iam.Options{MasterKey: keyA})
	bootstrap(t, d, iam.RootOptions{Account: "111111111111"})
	root := iam.Identity{Account: "111111111111", Root: true, Principal: "root"}
	tenant := iam.Identity{Account: "222222222222", Principal: "tenant"}

	if _, err := d.CreateAccount(ctx, root, "Tenant", tenant.Account); err != nil {
		t.Fatal(err)
	}
	_, err := d.CreateAccount(ctx, root, "Again", tenant.Account)
	wantRefusal(t, err, iam.Exists, "exists already")
	_, err = d.CreateAccount(ctx, tenant, "Mine", "")
	wantRefusal(t, err, iam.Denied, "root account")
	_, err = d.CreateAccount(ctx, iam.Identity{}, "Nobody", "")
	wantRefusal(t, err, iam.Denied, "not signed")
	for _, name := range []string{"", "  ", "a\nb", "\xff", strings.Repeat("x", 129)} {
		_, err = d.CreateAccount(ctx, root, name, "")
		wantRefusal(t, err, iam.Invalid, "name")
	}
	if a, err := d.CreateAccount(ctx, root, "Zufällig", ""); err != nil || len(a.ID) != 12 {
		t.Errorf("random account: %+v, %v", a, err)
	}

	for _, who := range []iam.Identity{root, tenant} {
		id, secret, err := d.CreateAccessKey(ctx, who, tenant.Account, "")
		if err != nil {
			t.Fatalf("%s: %v", who.Principal, err)
		}
		if got, owner, err := d.Lookup(ctx, id); err != nil || got != secret.Reveal() || owner.Account != tenant.Account || owner.Root {
			t.Errorf("key made by %s: %v, %+v", who.Principal, err, owner)
		}
	}
	_, _, err = d.CreateAccessKey(ctx, tenant, root.Account, "")
	wantRefusal(t, err, iam.Denied, "own account")
	_, _, err = d.CreateAccessKey(ctx, tenant, "333333333333", "")
	wantRefusal(t, err, iam.Denied, "own account")
	_, _, err = d.CreateAccessKey(ctx, root, "333333333333", "")
	wantRefusal(t, err, iam.Invalid, "there is no account")
}

func TestLookupReadsAKnownKeyOnceAndAnUnknownOneEachTime(t *testing.T) {
	store, ctx := newDatabase(t), context.Background()
	d := open(t, store, iam.Options{MasterKey: keyA})
	root := bootstrap(t, d, iam.RootOptions{})
	before := store.keyReads.Load()
	for range 3 {
		if _, _, err := d.Lookup(ctx, root.AccessKeyID); err != nil {
			t.Fatal(err)
		}
	}
	if n := store.keyReads.Load() - before; n != 1 {
		t.Errorf("a known key was read %d times", n)
	}
	for _, id := range []string{"AKIAUNKNOWN", "AKIAUNKNOWN", "", "a/b", strings.Repeat("x", 129)} {
		if _, _, err := d.Lookup(ctx, id); !errors.Is(err, iam.ErrUnknownAccessKey) {
			t.Errorf("key %q: %v", id, err)
		}
	}
	if n := store.keyReads.Load() - before; n != 3 {
		t.Errorf("%d reads: unknown keys are asked for each time, impossible ones never", n)
	}
}

func TestASecretMovedToAnotherKeyDoesNotOpen(t *testing.T) {
	store, ctx := newDatabase(t), context.Background()
	d := open(t, store, iam.Options{MasterKey: keyA})
	root := bootstrap(t, d, iam.RootOptions{})
	moved, err := store.AccessKey(ctx, root.AccessKeyID)
	if err != nil {
		t.Fatal(err)
	}
	moved.ID = "AKIAMOVED"
	if err := store.InsertAccessKey(ctx, *moved); err != nil {
		t.Fatal(err)
	}
	if secret, _, err := d.Lookup(ctx, moved.ID); err == nil || secret != "" || errors.Is(err, iam.ErrUnknownAccessKey) {
		t.Errorf("a sealed secret under another key's name: %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := iam.NewSecret("hunter2")
	key, err := iam.ParseMasterKey(keyA)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("made", "secret", s, "inside", struct{ S iam.Secret }{s}, "key", key)
	slog.New(slog.NewTextHandler(&out, nil)).Info("made", "secret", s, "inside", struct{ S iam.Secret }{s}, "key", key)
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d %v %x", s, s, s, s, s, s, s, struct{ S iam.Secret }{s}, key)
	for _, leak := range []string{"hunter2", "68756e74657232", "0101"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q shows in:\n%s", leak, out.String())
		}
	}
}
