package mvtree

import (
	"errors"
	"testing"

	"reeve/internal/store/sqlconn"
)

func TestAChangedValueIsFound(t *testing.T) {
	for _, value := range []string{"", "a", "running\t8\tärn", string(make([]byte, 300))} {
		stored := []byte(sealed(value))
		got, err := unsealed(stored)
		if err != nil || string(got) != value {
			t.Errorf("%q became %q, %v", value, got, err)
		}
		for i := range stored {
			if stored[i] == sealMark {
				continue // it is taken for a value of before, with a strange end
			}
			stored[i] ^= 4
			if _, err := unsealed(stored); !errors.Is(err, sqlconn.ErrDamaged) {
				t.Errorf("byte %d of %q is another one: %v", i, value, err)
			}
			stored[i] ^= 4
		}
	}
	if got, err := unsealed([]byte("stored before there were sums")); err != nil || string(got) != "stored before there were sums" {
		t.Errorf("a value without a sum became %q, %v", got, err)
	}
}
