package server

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reeve/internal/license"
)

var (
	testKey   = newTokenKey([]byte("0123456789abcdef0123456789abcdef"))
	testWho   = license.Caller{Account: "111122223333", Region: "eu-west-1", Operation: "ListUsageForLicenseConfiguration"}
	testScope = scopeOf(testWho, "arn:aws:license-manager:eu-west-1:111122223333:license-configuration:lic-1", "EC2_INSTANCE", "")
)

func TestTokenReadsBackWhatItWasSealedWith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Int64(), 1, maxCursor).Draw(t, "cursor")
		token := testKey.seal(testScope, want...)
		if len(*token) > 100 {
			t.Fatalf("a token of %d characters", len(*token))
		}
		got := make([]int64, len(want))
		if ok, err := testKey.open(testScope, token, got); !ok || err != nil {
			t.Fatalf("open: %v, %v", ok, err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	})
}

func TestNoTokenAndTheEmptyTokenAreTheFirstPage(t *testing.T) {
	for _, token := range []*string{nil, new("")} {
		cursor := []int64{7}
		if ok, err := testKey.open(testScope, token, cursor); ok || err != nil || cursor[0] != 7 {
			t.Errorf("open(%v) = %v, %v with cursor %v", token, ok, err, cursor)
		}
	}
}

func TestTokenIsRefusedAnywhereElse(t *testing.T) {
	token := testKey.seal(testScope, 1, 2, 3, math.MaxInt64)
	elsewhere := map[string]pageScope{
		"other account":        {license.Caller{Account: "444455556666", Region: testWho.Region, Operation: testWho.Operation}, testScope.parts},
		"other region":         {license.Caller{Account: testWho.Account, Region: "us-east-1", Operation: testWho.Operation}, testScope.parts},
		"other operation":      {license.Caller{Account: testWho.Account, Region: testWho.Region, Operation: "ListAssociationsForLicenseConfiguration"}, testScope.parts},
		"other configuration":  scopeOf(testWho, testScope.parts[0]+"2", "EC2_INSTANCE", ""),
		"other filter":         scopeOf(testWho, testScope.parts[0], "EC2_HOST", ""),
		"filter moved":         scopeOf(testWho, testScope.parts[0], "", "EC2_INSTANCE"),
		"filter more":          scopeOf(testWho, testScope.parts[0], "EC2_INSTANCE", "", ""),
		"filter less":          scopeOf(testWho, testScope.parts[0], "EC2_INSTANCE"),
		"text moved":           scopeOf(testWho, testScope.parts[0]+"E", "C2_INSTANCE", ""),
		"operation to account": {license.Caller{Account: testWho.Operation, Region: testWho.Region, Operation: testWho.Account}, testScope.parts},
	}
	for name, scope := range elsewhere {
		t.Run(name, func(t *testing.T) { wantRefused(t, testKey, scope, *token, 4) })
	}
	t.Run("OtherKey", func(t *testing.T) {
		wantRefused(t, newTokenKey([]byte("another key of another deployment")), testScope, *token, 4)
	})
	t.Run("OtherCursor", func(t *testing.T) {
		wantRefused(t, testKey, testScope, *token, 3)
	})
}

func TestEveryAlteredTokenIsRefused(t *testing.T) {
	token := *testKey.seal(testScope, 1, 2, 3, math.MaxInt64)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range token {
		for _, c := range alphabet {
			if altered := token[:i] + string(c) + token[i+1:]; altered != token {
				wantRefused(t, testKey, testScope, altered, 4)
			}
		}
		wantRefused(t, testKey, testScope, token[:i]+token[i+1:], 4)
		wantRefused(t, testKey, testScope, token[:i]+"\n"+token[i:], 4)
	}
	for _, forged := range []string{" ", "null", token + "A", token + "=", token + token, strings.Repeat("A", 201), strings.Repeat("A", 1<<20), "ü"} {
		wantRefused(t, testKey, testScope, forged, 4)
	}
}

func wantRefused(t *testing.T, key *tokenKey, scope pageScope, token string, numbers int) {
	t.Helper()
	_, err := key.open(scope, &token, make([]int64, numbers))
	if license.KindOf(err) != license.InvalidParameter || err.Error() != tokenRefusal {
		t.Errorf("open(%.60q) = %v, want the refusal of every wrong token", token, err)
	}
}

func FuzzToken(f *testing.F) {
	f.Add(*testKey.seal(testScope, 1, 2, 3, 4))
	f.Add("")
	f.Add("AQAA")
	f.Fuzz(func(t *testing.T, token string) {
		var cursor [4]int64
		ok, err := testKey.open(testScope, &token, cursor[:])
		switch {
		case err != nil && (ok || err.Error() != tokenRefusal):
			t.Fatalf("open(%q) = %v, %v", token, ok, err)
		case err == nil && ok && *testKey.seal(testScope, cursor[:]...) != token:
			t.Fatalf("open takes %q, which it never wrote", token)
		case err == nil && !ok && token != "":
			t.Fatalf("open takes %q for no token", token)
		}
	})
}
