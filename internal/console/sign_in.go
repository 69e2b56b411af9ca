package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"reeve/internal/iam"
)

// signInForm is what the sign-in page shows.
type signInForm struct {
	Next, AccessKeyID string
	Region            field
	Error             string
	Provider          string // whom single sign-on is at; "" for none
	ProviderURL       string
}

func (c *console) signInPage(v *visit) error {
	return c.showSignIn(v, http.StatusOK, signInForm{Next: v.URL.Query().Get("next"), Region: field{Name: "region", Value: c.Region}})
}

func (c *console) showSignIn(v *visit, status int, form signInForm) error {
	if c.SSO != nil {
		form.Provider, form.ProviderURL = c.SSOName, ssoPath+nextQuery(form.Next)
	}
	return v.show(status, "sign-in", "Sign in", form)
}

// signIn opens a session for who has an access key and its secret.
func (c *console) signIn(v *visit) error {
	form := signInForm{
		Next:        v.PostFormValue("next"),
		AccessKeyID: strings.TrimSpace(v.PostFormValue("access_key_id")),
		Region:      field{Name: "region", Value: strings.TrimSpace(v.PostFormValue("region"))},
	}
	if err := c.admit(v); err != nil {
		return err
	}
	if !isRegion(form.Region.Value) {
		form.Error, form.Region.Error = notARegion, notARegion
		c.recordKey(v, nil, &form, codeInvalid, notARegion)
		return c.showSignIn(v, http.StatusBadRequest, form)
	}
	who, wait, err := c.prove(v, form.AccessKeyID, strings.TrimSpace(v.PostFormValue("secret_access_key")))
	switch {
	case err != nil:
		return err
	case wait > 0:
		seconds := int64((wait + time.Second - 1) / time.Second)
		v.w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
		c.recordKey(v, nil, &form, codeThrottled, "Too many attempts have failed.")
		form.Error = "Too many attempts have failed. Wait " + inWords(wait) + ", then try again."
		return c.showSignIn(v, http.StatusTooManyRequests, form)
	case who == nil:
		c.recordKey(v, nil, &form, codeFailed, "Failed authentication")
		form.Error = "This access key and secret do not belong together."
		return c.showSignIn(v, http.StatusForbidden, form)
	}
	err = v.begin(iam.Session{
		Account: who.Account, Principal: who.Principal, Person: form.AccessKeyID, AccessKeyID: form.AccessKeyID, Region: form.Region.Value,
	})
	if err != nil {
		return err
	}
	c.recordKey(v, who, &form, "", "")
	v.redirect(nextOf(form.Next))
	return nil
}

// prove says whose access key this is if the secret is the right one, and how
// long to wait where too many attempts have failed.
func (c *console) prove(v *visit, id, given string) (*iam.Identity, time.Duration, error) {
	by := guesser{network(c.from(v.Request).SourceIP), clipped(id)}
	if wait := c.tries.begin(c.Now(), by); wait > 0 {
		return nil, wait, nil
	}
	secret, who, err := c.Directory.Lookup(v.Context(), id)
	unknown := errors.Is(err, iam.ErrUnknownAccessKey)
	if err != nil && !unknown {
		c.tries.takeBack(by)
		return nil, 0, err
	}
	if !sameSecret(secret, given) || unknown {
		c.Log.Warn("sign-in failed", "access_key_id", by.key, "address", by.network)
		return nil, 0, c.spendLookup(v, unknown)
	}
	c.tries.succeed(by)
	return &who, 0, nil
}

// sameSecret takes the same time whatever is right about what was given.
func sameSecret(want, given string) bool {
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// spendLookup asks the database for a key that nobody has, as for an unknown
// one, so that the time taken does not tell which keys there are.
func (c *console) spendLookup(v *visit, unknown bool) error {
	if unknown {
		return nil
	}
	if _, _, err := c.Directory.Lookup(v.Context(), rand.Text()); !errors.Is(err, iam.ErrUnknownAccessKey) {
		return err
	}
	return nil
}

// nextOf is the page to show after the sign-in: one of ours that is asked for
// with GET, whatever the form says.
func nextOf(next string) string {
	if !strings.HasPrefix(next, Home) || strings.Contains(next, `\`) || strings.HasPrefix(next, "/console/sign-") || len(next) > maxNext {
		return Home
	}
	return next
}

// maxNext bounds the address of the page to show after the sign-in, in bytes.
const maxNext = 1500

// nextQuery hands the page to show after the sign-in on in an address.
func nextQuery(next string) string {
	if next = nextOf(next); next == Home {
		return ""
	}
	return "?" + url.Values{"next": {next}}.Encode()
}

// inWords is a time to wait as people say it, rounded up to what they care for.
func inWords(d time.Duration) string {
	switch seconds := int64((d + time.Second - 1) / time.Second); {
	case seconds > 0 && seconds%3600 == 0:
		return counted(seconds/3600, "hour", "hours")
	case seconds == 1:
		return "a second"
	case seconds < 90:
		return strconv.FormatInt(seconds, 10) + " seconds"
	case seconds == 3600:
		return "1 hour"
	case seconds%3600 == 0:
		return strconv.FormatInt(seconds/3600, 10) + " hours"
	default:
		return strconv.FormatInt((seconds+59)/60, 10) + " minutes"
	}
}
