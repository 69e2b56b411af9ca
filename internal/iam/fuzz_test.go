package iam

import (
	"encoding/base64"
	"errors"
	"testing"
)

// FuzzSessionToken holds any text for the token of temporary credentials. The
// directory has no store: nothing is read for a token that was not issued here,
// nor for one that is another key's or has ended.
func FuzzSessionToken(f *testing.F) {
	d := &Directory{sessions: sealerUnder(f, 1)}
	sealed := func(name, text string) string {
		return base64.StdEncoding.EncodeToString(d.sessions.seal(name, []byte(text)))
	}
	const ended = `{"k":"ASIAENDED","s":"secret","a":"222222222222","r":"role","i":"AROA","t":0,"n":"job","x":1}`
	f.Add("ASIAENDED", sealed(metaSessionKey, ended))
	f.Add("ASIAOTHER", sealed(metaSessionKey, ended))
	f.Add("ASIAENDED", sealed("other", ended))
	f.Add("", "AAAA")
	f.Fuzz(func(t *testing.T, id, token string) {
		_, err := d.openToken(t.Context(), id, token)
		if !errors.Is(err, ErrUnknownAccessKey) && (!errors.Is(err, ErrExpiredToken) || id != "ASIAENDED") {
			t.Fatalf("the token %q of %q: %v", token, id, err)
		}
	})
}
