package console

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"reeve/internal/iam"
)

// maxCookie bounds what a sealed cookie holds, in bytes before its encoding:
// browsers keep 4 KiB.
const maxCookie = 2800

// sealer makes and opens the cookies that hold something of ours for a short
// time. Nobody else can read or make one, and every server can open it.
type sealer struct{ cipher.AEAD }

func newSealer(key []byte) (*sealer, error) {
	own, err := hkdf.Key(sha256.New, key, nil, "cookies of the console", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key of cookies: %w", err)
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		return nil, fmt.Errorf("derive key of cookies: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &sealer{aead}, err
}

// sealed is what a cookie holds.
type sealed[T any] struct {
	Until time.Time
	Value T
}

var errTooLarge = errors.New("a cookie cannot hold this much")

// keep puts a value into a cookie of that name, for a time.
func keep[T any](v *visit, name string, value T, lasting time.Duration) error {
	text, err := json.Marshal(sealed[T]{v.c.Now().Add(lasting), value})
	if err != nil {
		return fmt.Errorf("keep cookie %s: %w", name, err)
	}
	if len(text) > maxCookie {
		return errTooLarge
	}
	box := v.c.sealer.Seal(nil, nil, text, []byte(name))
	v.setCookie(name, base64.RawURLEncoding.EncodeToString(box), lasting)
	return nil
}

// kept is what keep has put into the cookie of that name, unless it was never
// there, or its time is over.
func kept[T any](v *visit, name string) (value T, ok bool) {
	cookie, err := v.Cookie(name)
	if err != nil {
		return value, false
	}
	box, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return value, false
	}
	text, err := v.c.sealer.Open(nil, nil, box, []byte(name))
	if err != nil {
		return value, false
	}
	var found sealed[T]
	if err := json.Unmarshal(text, &found); err != nil || !v.c.Now().Before(found.Until) {
		return value, false
	}
	return found.Value, true
}

// setCookie sets a cookie that scripts cannot read; a lasting of 0 is until the
// browser closes.
func (v *visit) setCookie(name, value string, lasting time.Duration) {
	http.SetCookie(v.w, &http.Cookie{
		Name: name, Value: value, Path: Home, MaxAge: int(lasting / time.Second),
		HttpOnly: true, Secure: v.c.from(v.Request).Secure, SameSite: http.SameSiteLaxMode,
	})
}

func (v *visit) dropCookie(name string) { v.setCookie(name, "", -time.Second) }

// from is where a request comes from.
func (c *console) from(r *http.Request) iam.Origin { return iam.OriginOf(r, c.TrustProxy) }

// origin is the address of this server as the browser has it, without a path.
func (c *console) origin(r *http.Request) string {
	host := r.Host
	if forwarded := r.Header.Get("X-Forwarded-Host"); c.TrustProxy && forwarded != "" {
		host = strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	}
	if c.from(r).Secure {
		return "https://" + host
	}
	return "http://" + host
}
