package evidence

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"reeve/internal/license"
)

// Checkpoint is what is signed of an account's ledgers at a moment.
type Checkpoint struct {
	Origin    string // the deployment's name, a slash, and the account
	Number    int64  // of the account's checkpoints: 1, 2, 3 … without gaps
	Time      license.Time
	Ledgers   int64
	Revisions int64 // of all ledgers
	Root      Hash  // of the tree over the ledgers' heads
	Before    Hash  // SHA-256 of the text of the checkpoint before; zero for the first
	Seals     int64 // number of the inventory's newest seal; 0 for none
	Seal      Hash  // of that
}

// NewCheckpoint returns the checkpoint of heads, which are in the order of
// their ARNs. The caller sets the members that name it.
func NewCheckpoint(heads []Head) Checkpoint {
	c := Checkpoint{Ledgers: int64(len(heads)), Root: Root(heads)}
	for _, h := range heads {
		c.Revisions += h.Number
	}
	return c
}

// Text is what is signed: seven lines, and one more where there is a seal.
func (c *Checkpoint) Text() string {
	before := "-"
	if c.Before != (Hash{}) {
		before = base64.StdEncoding.EncodeToString(c.Before[:])
	}
	text := fmt.Sprintf("%s\ncheckpoint %d\ntime %s\nledgers %d\nrevisions %d\nroot %s\nbefore %s\n",
		c.Origin, c.Number, c.Time, c.Ledgers, c.Revisions, base64.StdEncoding.EncodeToString(c.Root[:]), before)
	if c.Seals > 0 {
		text += fmt.Sprintf("inventory %d %s\n", c.Seals, base64.StdEncoding.EncodeToString(c.Seal[:]))
	}
	return text
}

// TextHash is what the next checkpoint names as Before.
func (c *Checkpoint) TextHash() Hash { return sha256.Sum256([]byte(c.Text())) }

// Account is the account whose ledgers it covers.
func (c *Checkpoint) Account() string { return c.Origin[strings.LastIndexByte(c.Origin, '/')+1:] }

// Deployment is the name of the deployment, and of the keys that sign for it.
func (c *Checkpoint) Deployment() string {
	return c.Origin[:max(strings.LastIndexByte(c.Origin, '/'), 0)]
}

// ParseCheckpoint reads a text that Text wrote, and nothing else.
func ParseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 8 && len(lines) != 9 {
		return nil, bad("a checkpoint has 7 or 8 lines, each ended by a line feed")
	}
	var values [7]string
	for i, name := range [...]string{"", "checkpoint ", "time ", "ledgers ", "revisions ", "root ", "before "} {
		value, ok := strings.CutPrefix(lines[i], name)
		if !ok || value == "" {
			return nil, bad("line %d of a checkpoint begins with %q, and is %q", i+1, name, clip(lines[i]))
		}
		values[i] = value
	}
	c := &Checkpoint{Origin: values[0]}
	if err := c.parse(values); err != nil {
		return nil, err
	}
	if len(lines) == 9 {
		if err := c.parseInventory(lines[7]); err != nil {
			return nil, err
		}
	}
	if c.Text() != text || c.Number < 1 || c.Ledgers < 0 || c.Revisions < 0 {
		return nil, bad("the checkpoint is not in the form that Reeve writes")
	}
	return c, nil
}

func (c *Checkpoint) parse(values [7]string) (err error) {
	for i, n := range map[int]*int64{1: &c.Number, 3: &c.Ledgers, 4: &c.Revisions} {
		if *n, err = strconv.ParseInt(values[i], 10, 64); err != nil {
			return bad("%q in a checkpoint is no number", clip(values[i]))
		}
	}
	if c.Time, err = moment(values[2]); err != nil {
		return err
	}
	if err := parseBase64(values[5], &c.Root); err != nil {
		return err
	}
	if values[6] == "-" {
		return nil
	}
	return parseBase64(values[6], &c.Before)
}

func (c *Checkpoint) parseInventory(line string) (err error) {
	words := strings.Split(line, " ")
	if len(words) != 3 || words[0] != "inventory" {
		return bad("line 8 of a checkpoint is \"inventory\", a number and a hash, and is %q", clip(line))
	}
	if c.Seals, err = strconv.ParseInt(words[1], 10, 64); err != nil {
		return bad("%q in a checkpoint is no number", clip(words[1]))
	}
	return parseBase64(words[2], &c.Seal)
}

// Regresses says why the inventory that c names cannot follow that of an
// earlier checkpoint; "" when it can.
func (c *Checkpoint) Regresses(before *Checkpoint) string {
	switch {
	case c.Seals < before.Seals:
		return fmt.Sprintf("the inventory had %d seals and now has %d: facts were removed", before.Seals, c.Seals)
	case c.Seals == before.Seals && c.Seal != before.Seal:
		return fmt.Sprintf("seal %d of the inventory is another one than before: facts were rewritten", c.Seals)
	}
	return ""
}

func parseBase64(text string, h *Hash) error {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != len(h) {
		return bad("%q in a checkpoint is no hash", clip(text))
	}
	*h = Hash(raw)
	return nil
}
