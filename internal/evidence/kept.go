package evidence

import (
	"bufio"
	"io"
	"slices"
	"strings"
)

// Kept are checkpoints that somebody has kept where the operators of the
// database cannot reach. A later state of the ledgers must contain them.
type Kept struct{ items []kept }

// kept is one of them.
type kept struct {
	note    string
	from    string // the file's name, for messages
	listed  bool   // the ledgers were kept with it
	changed []Head // since the one before in the same file
	state   string // why the ledgers are not those of the note; "" when they are
}

// maxKept bounds the size of a file that holds a note alone, and of a line.
const maxKept = 64 << 20

// Read adds what a file holds: a signed note; or lines such as witnesses are
// sent; or a file of evidence, whose other lines are not looked at.
func (k *Kept) Read(name string, r io.Reader) error {
	lines := bufio.NewReaderSize(r, 1<<16)
	first, err := lines.Peek(1)
	if err != nil {
		return bad("%s is empty", name)
	}
	if first[0] != '{' {
		text, err := io.ReadAll(io.LimitReader(lines, maxText+1))
		if err != nil || len(text) > maxText {
			return bad("%s is no signed note", name)
		}
		k.items = append(k.items, kept{note: string(text), from: name})
		return nil
	}
	states := map[string]*state{} // by origin
	for number := 1; ; number++ {
		line, err := readLine(lines, maxKept)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return bad("%s, line %d: %v", name, number, err)
		}
		if !strings.HasPrefix(line, `{"checkpoint":`) {
			if strings.HasPrefix(line, `{"reeve_evidence":`) || strings.HasPrefix(line, `{"key":`) {
				continue
			}
			return nil // the ledgers of a file of evidence
		}
		d, err := ParseDocument(line)
		if err != nil {
			return bad("%s, line %d: %v", name, number, err)
		}
		k.items = append(k.items, keptOf(name, d, states))
	}
}

// keptOf reads what is kept in a document, which may list only the ledgers
// that have changed since the one before.
func keptOf(name string, d *Document, states map[string]*state) kept {
	item := kept{note: d.Note, from: name, listed: true}
	text, _, _ := strings.Cut(d.Note, "\n\n")
	c, err := ParseCheckpoint(text + "\n")
	if err != nil {
		item.state = err.Error()
		return item
	}
	if d.Alone {
		item.changed, item.state = d.Heads, provenBy(c, d)
		return item
	}
	s := states[c.Origin]
	if s == nil {
		s = &state{}
		states[c.Origin] = s
	}
	for _, h := range d.Heads {
		if _, moved := s.set(h); moved {
			item.changed = append(item.changed, h)
		}
	}
	item.state = s.agrees(c)
	return item
}

// provenBy says why the one ledger of a document is not in its checkpoint; ""
// when it is.
func provenBy(c *Checkpoint, d *Document) string {
	root, ok := proven(d.Heads[0].leaf(), d.Index, c.Ledgers, d.Proof)
	if !ok || root != c.Root {
		return "the proof that it covers the ledger does not lead to its root"
	}
	return ""
}

// Len is how many checkpoints there are.
func (k *Kept) Len() int { return len(k.items) }

// readLine reads a line without its line feed, which must be there. At the end
// it is io.EOF.
func readLine(r *bufio.Reader, most int) (string, error) {
	var long []byte
	for {
		part, err := r.ReadSlice('\n')
		if err == nil && long == nil {
			return string(part[:len(part)-1]), nil
		}
		if len(long)+len(part) > most {
			return "", bad("a line is longer than %d bytes", most)
		}
		long = append(slices.Grow(long, len(part)), part...)
		switch {
		case err == nil:
			return string(long[:len(long)-1]), nil
		case err == io.EOF && len(long) > 0:
			return "", bad("the last line is cut off")
		case err != bufio.ErrBufferFull:
			return "", err
		}
	}
}

// Accounts lists the accounts that there are checkpoints of, sorted.
func (k *Kept) Accounts() []string {
	var accounts []string
	for _, item := range k.items {
		origin, _, _ := strings.Cut(item.note, "\n")
		accounts = append(accounts, (&Checkpoint{Origin: origin}).Account())
	}
	slices.Sort(accounts)
	return slices.Compact(accounts)
}
