package aws

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"reeve/internal/source"
)

// memory says, by machine, up to when its software is known. It goes from one
// pull to the next as a version byte and one entry after the other: 16 bytes
// of the hash of its ARN, the moment of its last association, and the hash of
// its capture time.
type memory struct {
	mu    sync.Mutex
	known map[machineKey]captured // from the last pull
	next  map[machineKey]captured
}

type machineKey [16]byte

// captured is the state of Systems Manager's inventory of a machine.
type captured struct {
	association uint64 // when an association last ran, Unix seconds; 0: not known or too recent
	capture     uint64 // hash of CaptureTime; 0: no software was ever captured
}

const (
	memoryVersion = 1
	entrySize     = 16 + 8 + 8
	maxEntries    = (source.MaxMemory - 1) / entrySize
)

// remember reads what the last pull left; what it cannot read is fetched anew.
func remember(last []byte) *memory {
	m := &memory{known: map[machineKey]captured{}, next: map[machineKey]captured{}}
	if len(last) == 0 || len(last) > source.MaxMemory || last[0] != memoryVersion || len(last)%entrySize != 1 {
		return m
	}
	for rest := last[1:]; len(rest) > 0; rest = rest[entrySize:] {
		key := machineKey(rest[:16])
		m.known[key] = captured{binary.BigEndian.Uint64(rest[16:]), binary.BigEndian.Uint64(rest[24:])}
	}
	return m
}

// encode is what the next pull gets. Machines beyond maxEntries are forgotten:
// their software is fetched again.
func (m *memory) encode() []byte {
	text := make([]byte, 1, 1+entrySize*min(len(m.next), maxEntries))
	text[0] = memoryVersion
	for key, c := range m.next {
		if len(text)+entrySize > 1+maxEntries*entrySize {
			break
		}
		text = append(text, key[:]...)
		text = binary.BigEndian.AppendUint64(text, c.association)
		text = binary.BigEndian.AppendUint64(text, c.capture)
	}
	return text
}

func (m *memory) before(arn string) captured {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[keyOf(arn)]
}

func (m *memory) keep(arn string, c captured) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.next) < maxEntries {
		m.next[keyOf(arn)] = c
	}
}

func keyOf(arn string) machineKey {
	sum := sha256.Sum256([]byte(arn))
	return machineKey(sum[:16])
}

func captureHash(captureTime string) uint64 {
	sum := sha256.Sum256([]byte(captureTime))
	return binary.BigEndian.Uint64(sum[:8]) | 1 // never 0
}
