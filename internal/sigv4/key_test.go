package sigv4

import (
	"strconv"
	"testing"
)

// A caller with a key may sign for as many regions as it likes.
func TestKeyCacheIsBounded(t *testing.T) {
	var cache keyCache
	for i := range 3 * maxKeys {
		id := keyID{"AKID", "20130609", "us-east-" + strconv.Itoa(i), "license-manager"}
		cache.keep(id, deriveKey(id, "secret"))
		if len(cache.keys) > maxKeys {
			t.Fatalf("the cache holds %d keys, more than %d", len(cache.keys), maxKeys)
		}
		if cache.find(id, "secret") == nil {
			t.Fatalf("key %d was not kept", i)
		}
	}
}

func TestKeyCacheFindsOnlyTheSameKey(t *testing.T) {
	var cache keyCache
	id := keyID{"AKID", "20130609", "us-east-1", "license-manager"}
	cache.keep(id, deriveKey(id, "secret"))
	for _, other := range []keyID{
		{"AKIE", id.date, id.region, id.service},
		{id.accessKeyID, "20130610", id.region, id.service},
		{id.accessKeyID, id.date, "us-east-2", id.service},
		{id.accessKeyID, id.date, id.region, "ec2"},
	} {
		if cache.find(other, "secret") != nil {
			t.Errorf("found the key of %+v as that of %+v", id, other)
		}
	}
	if cache.find(id, "other secret") != nil {
		t.Error("found a key derived from another secret")
	}
}
