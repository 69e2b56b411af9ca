package directory

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json"

	"reeve/internal/source"
)

// memory is what was read, by the hash of the file's name.
type memory map[string]state

// state is a file as it was when it was read.
type state struct {
	Size    int64  `json:"s"`
	Changed int64  `json:"m"`
	Hash    string `json:"h"` // of its bytes
}

func parseMemory(text []byte) (memory, error) {
	known := memory{}
	if len(text) == 0 {
		return known, nil
	}
	if err := json.Unmarshal(text, &known); err != nil {
		return nil, fmt.Errorf("read what was read before: %w", err)
	}
	return known, nil
}

func (m memory) format() ([]byte, error) {
	text, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("keep what was read: %w", err)
	}
	if len(text) > source.MaxMemory {
		return nil, fmt.Errorf("the directory has too many files to remember: move those that were read elsewhere")
	}
	return text, nil
}

// shortHash is enough of a hash to tell the files of a directory apart.
func shortHash(sum [sha256.Size]byte) string { return base64.RawStdEncoding.EncodeToString(sum[:16]) }

func nameKey(name string) string { return shortHash(sha256.Sum256([]byte(name))) }

// sort tells the files that are new or have changed from the others, whose
// memory is kept. Files that went away are forgotten.
func (m memory) sort(files []file) (fresh []file, kept memory) {
	kept = memory{}
	for _, f := range files {
		key := nameKey(f.name)
		if was, ok := m[key]; ok && was.Size == f.size && was.Changed == f.changed {
			kept[key] = was
			continue
		}
		fresh = append(fresh, f)
	}
	return fresh, kept
}
