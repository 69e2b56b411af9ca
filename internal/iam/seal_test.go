package iam

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func sealerUnder(t rapid.TB, b byte) sealer {
	t.Helper()
	var key MasterKey
	key.bytes[0] = b
	s, err := newSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedValuesOpenOnlyUnderTheirNameAndKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sealerUnder(t, 1)
		name := rapid.StringN(1, 40, -1).Draw(t, "name")
		plain := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "plain")
		sealed := s.seal(name, plain)
		if got, err := s.open(name, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("opened %q, %v; sealed %q", got, err, plain)
		}
		if _, err := s.open(name+"x", sealed); err == nil {
			t.Error("opened under another name")
		}
		if _, err := sealerUnder(t, 2).open(name, sealed); err == nil {
			t.Error("opened with another master key")
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		sealed[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := s.open(name, sealed); err == nil {
			t.Errorf("opened with byte %d altered", at)
		}
		if _, err := s.open(name, sealed[:at]); err == nil {
			t.Errorf("opened when cut to %d bytes", at)
		}
	})
}

func TestSealingTwiceDiffers(t *testing.T) {
	s := sealerUnder(t, 1)
	if bytes.Equal(s.seal("a", []byte("same")), s.seal("a", []byte("same"))) {
		t.Error("two seals of one value are equal: the nonce is not random")
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c keyCache
	for i := range cacheSize + 50 {
		c.put(newKeyID("AKIA"), cachedKey{secret: string(rune(i))}, 0)
	}
	if n := len(c.keys); n != cacheSize {
		t.Errorf("the cache holds %d keys, want %d", n, cacheSize)
	}
}
