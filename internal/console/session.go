package console

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"

	"reeve/internal/iam"
	"reeve/internal/server"
)

const (
	signInPath    = "/console/sign-in"
	sessionCookie = "reeve-session"
)

// sessions are the people who are signed in, by what their cookie holds.
type sessions struct {
	mu     sync.Mutex
	people map[string]server.Caller
}

// visitor says who sent a request.
func (c *console) visitor(r *http.Request) (server.Caller, bool, error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return server.Caller{}, false, nil
	}
	c.sessions.mu.Lock()
	defer c.sessions.mu.Unlock()
	who, ok := c.sessions.people[cookie.Value]
	return who, ok, nil
}

// signInForm is what the sign-in page shows.
type signInForm struct{ Next, AccessKeyID, Region, Error string }

func (c *console) signInPage(v *visit) error {
	return v.show(http.StatusOK, "sign-in", "Sign in", signInForm{Next: v.URL.Query().Get("next"), Region: c.Region})
}

func (c *console) signIn(v *visit) error {
	id, given := v.PostFormValue("access_key_id"), v.PostFormValue("secret_access_key")
	secret, who, err := c.Directory.Lookup(v.Context(), id)
	if err == iam.ErrUnknownAccessKey || err == nil && secret != given {
		return v.show(http.StatusForbidden, "sign-in", "Sign in", signInForm{v.PostFormValue("next"), id, v.PostFormValue("region"),
			"This access key and secret do not belong together."})
	}
	if err != nil {
		return err
	}
	token := rand.Text()
	c.sessions.mu.Lock()
	if c.sessions.people == nil {
		c.sessions.people = map[string]server.Caller{}
	}
	c.sessions.people[token] = server.Caller{Identity: who, AccessKeyID: id, Region: v.PostFormValue("region")}
	c.sessions.mu.Unlock()
	http.SetCookie(v.w, &http.Cookie{Name: sessionCookie, Value: token, Path: Home, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	v.redirect(nextOf(v.PostFormValue("next")))
	return nil
}

func (c *console) signOut(v *visit) error {
	http.SetCookie(v.w, &http.Cookie{Name: sessionCookie, Path: Home, MaxAge: -1})
	v.redirect(signInPath)
	return nil
}

// nextOf is the page to show after the sign-in: one of ours, whatever the
// form says.
func nextOf(next string) string {
	if !strings.HasPrefix(next, Home) || strings.Contains(next, `\`) {
		return Home
	}
	return next
}
