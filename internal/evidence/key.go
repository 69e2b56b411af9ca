package evidence

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"reeve/internal/license"
)

// Key is a public key of a deployment, as it is published.
type Key struct {
	Text string       // verifier key, NAME+HASH+KEY
	From license.Time // when it began to sign; 0: not known

	// Old and New sign the succession of the key before by this one, by the
	// key before and by this one, as signature lines of a note have it after
	// the name. Old is "" for the first key.
	Old, New string
}

// maxKeys bounds how many keys a deployment, or a file, may have.
const maxKeys = 1000

// succession is the text that both keys sign; before is nil for the first key.
func succession(before, now *Key) string {
	old := "-"
	if before != nil {
		old = before.Text
	}
	return fmt.Sprintf("reeve key succession\nold %s\nnew %s\nfrom %s\n", old, now.Text, now.From)
}

// Succeed signs that a key comes after another, by the signers of both, and
// sets now's Old and New. For the first key before and old are nil.
func Succeed(before, now *Key, old, young note.Signer) (err error) {
	text := succession(before, now)
	if before != nil {
		if now.Old, err = signatureOf(text, old); err != nil {
			return err
		}
	}
	now.New, err = signatureOf(text, young)
	return err
}

// signatureOf is what a signature line has after the name.
func signatureOf(text string, by note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: text}, by)
	if err != nil {
		return "", fmt.Errorf("sign key succession: %w", err)
	}
	line := strings.TrimSuffix(string(signed), "\n")
	return line[strings.LastIndexByte(line, ' ')+1:], nil
}

// succeeds tells whether the signatures of a succession are right.
func succeeds(before, now *Key) bool {
	text := succession(before, now)
	if before == nil {
		return now.Old == "" && signed(text, now.Text, now.New)
	}
	return signed(text, before.Text, now.Old) && signed(text, now.Text, now.New)
}

func signed(text, key, signature string) bool {
	v, err := note.NewVerifier(key)
	if err != nil || !strict(signature) {
		return false
	}
	_, err = note.Open([]byte(text+"\n— "+v.Name()+" "+signature+"\n"), note.VerifierList(v))
	return err == nil
}

// String is the key as a line of the published list, without its line feed.
func (k Key) String() string {
	words := []string{k.Text, "-", "-", "-"}
	for i, word := range []string{k.Old, k.New} {
		if word != "" {
			words[i+2] = word
		}
	}
	if k.From != 0 {
		words[1] = k.From.String()
	}
	return strings.Join(words, " ")
}

// keysHead begins the published list.
const keysHead = "# Reeve's keys, the newest last: verifier key, since when it signs, and the succession\n" +
	"# signed by the key before and by this one. docs/evidence.md says how to read it.\n"

// FormatKeys is the published list of keys, the oldest first.
func FormatKeys(keys []Key) string {
	var b strings.Builder
	b.WriteString(keysHead)
	for _, k := range keys {
		b.WriteString(k.String() + "\n")
	}
	return b.String()
}

// ParseKeys reads a list of keys, one a line; a line may also be a verifier
// key alone. Empty lines and those that begin with # are left out.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := parseKey(line)
		if err != nil {
			return nil, err
		}
		if keys = append(keys, k); len(keys) > maxKeys {
			return nil, bad("there are more than %d keys", maxKeys)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key: give one such as reeve/0123456789abcdef+89abcdef+AQ…, as /.well-known/reeve-key shows it")
	}
	return keys, nil
}

func parseKey(line string) (Key, error) {
	words := strings.Split(line, " ")
	k := Key{Text: words[0]}
	if _, err := note.NewVerifier(k.Text); err != nil {
		return k, bad("%q is no verifier key: expected one such as reeve/0123456789abcdef+89abcdef+AQ…, as /.well-known/reeve-key shows it", clip(k.Text))
	}
	if len(words) == 1 {
		return k, nil
	}
	if len(words) != 4 {
		return k, bad("the line of key %s has %d words: expected the key alone, or 4 words", clip(k.Text), len(words))
	}
	for i, to := range []*string{&k.Old, &k.New} {
		if words[i+2] != "-" {
			*to = words[i+2]
		}
	}
	if words[1] == "-" {
		return k, nil
	}
	var err error
	k.From, err = moment(words[1])
	return k, err
}

// Trusted are the keys that somebody has reason to believe: those that were
// pinned, and those that signed successions join to them.
type Trusted struct{ keys []period }

// period is a key with the time in which it signed, as far as that is proven.
type period struct {
	verifier    note.Verifier
	from, until license.Time // 0: open
}

// Trust believes the pinned keys, and all of a published list, if there is one:
// one of the pinned must be in it, and each key must have signed that it
// follows the one before, and that one that it is followed.
func Trust(pinned, published []Key) (*Trusted, error) {
	t := &Trusted{}
	joined := false
	for _, p := range pinned {
		if slices.ContainsFunc(published, func(k Key) bool { return k.Text == p.Text }) {
			joined = true
		} else if err := t.add(p.Text, 0, 0); err != nil {
			return nil, err
		}
	}
	if !joined && len(published) > 0 {
		return nil, bad("no key that you gave is in the list of keys that came with it: it is of another deployment, or was altered")
	}
	var before *Key
	for i := range published {
		k := &published[i]
		if !succeeds(before, k) {
			return nil, bad("the succession to key %s is not signed by it and the key before: the list of keys was altered", k.Text)
		}
		var until license.Time
		if i+1 < len(published) {
			until = published[i+1].From
		}
		if err := t.add(k.Text, k.From, until); err != nil {
			return nil, err
		}
		before = k
	}
	return t, nil
}

func (t *Trusted) add(key string, from, until license.Time) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return bad("key %s: %v", clip(key), err)
	}
	t.keys = append(t.keys, period{v, from, until})
	return nil
}

// Open verifies a signed checkpoint: by a key of the deployment that it names,
// in the time of that key. signers are the names of all keys that signed and
// are known, the witnesses' among them.
func (t *Trusted) Open(signed string, witnesses ...note.Verifier) (c *Checkpoint, signers []note.Signature, err error) {
	if len(signed) > maxText {
		return nil, nil, bad("a checkpoint of %d bytes is too long", len(signed))
	}
	known := map[string]bool{}
	var list []note.Verifier
	for _, v := range witnesses {
		list = appendKnown(list, known, v)
	}
	for _, p := range t.keys {
		list = appendKnown(list, known, p.verifier)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(list...))
	if err != nil {
		return nil, nil, noteError(err)
	}
	for _, s := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		if !strict(s.Base64) {
			return nil, nil, bad("a signature is not in the form that Reeve writes")
		}
	}
	if c, err = ParseCheckpoint(n.Text); err != nil {
		return nil, nil, err
	}
	return c, n.Sigs, t.check(c, n.Sigs)
}

func appendKnown(list []note.Verifier, known map[string]bool, v note.Verifier) []note.Verifier {
	id := fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash())
	if known[id] {
		return list
	}
	known[id] = true
	return append(list, v)
}

// strict tells whether a text is the one form of what it encodes: the bits that
// are left over are zero.
func strict(text string) bool {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	return err == nil && base64.StdEncoding.EncodeToString(raw) == text
}

// noteError says what is wrong with a note in words for its reader.
func noteError(err error) error {
	var unknown *note.UnverifiedNoteError
	var wrong *note.InvalidSignatureError
	switch {
	case errors.As(err, &unknown):
		by := "nobody"
		if sigs := unknown.Note.UnverifiedSigs; len(sigs) > 0 {
			by = fmt.Sprintf("%s+%08x", clip(sigs[0].Name), sigs[0].Hash)
		}
		return bad("it is signed by %s, and by no key that you gave or that a key you gave vouches for", by)
	case errors.As(err, &wrong):
		return bad("the signature of %s+%08x is wrong: what was signed was altered", clip(wrong.Name), wrong.Hash)
	}
	return bad("it is not a signed note: %v", err)
}

// check wants a signature of the deployment's own, by a key in its time.
func (t *Trusted) check(c *Checkpoint, sigs []note.Signature) error {
	why := bad("it is not signed by a key of the deployment that it names, %s", clip(c.Deployment()))
	for _, p := range t.keys {
		for _, s := range sigs {
			if p.verifier.Name() != s.Name || p.verifier.KeyHash() != s.Hash || s.Name != c.Deployment() {
				continue
			}
			if c.Time >= p.from && (p.until == 0 || c.Time < p.until) {
				return nil
			}
			why = bad("key %s+%08x signed it for %s, when it was not in use", s.Name, s.Hash, c.Time)
		}
	}
	return why
}

// Names tells who else signed a checkpoint than its own deployment.
func (c *Checkpoint) Names(sigs []note.Signature) (others []string) {
	for _, s := range sigs {
		if s.Name != c.Deployment() {
			others = append(others, s.Name)
		}
	}
	return others
}

// Name is the name of the keys, and so of the deployment; "" without keys.
func (t *Trusted) Name() string {
	if len(t.keys) == 0 {
		return ""
	}
	return t.keys[len(t.keys)-1].verifier.Name()
}
