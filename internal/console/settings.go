package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"reeve/internal/iam"
)

const settingsPath = "/console/settings"

// confirmation asks before something that cannot be taken back.
type confirmation struct {
	Text   string
	Button string
	Fields map[string]string // that go with the form
	Back   string
}

// confirm shows the page of a confirmation; its form goes to the same address.
func (v *visit) confirm(title string, body confirmation) error {
	return v.show(http.StatusOK, "confirm", title, body)
}

// done leads back to a page, which says what has been done.
func (v *visit) done(path, format string, args ...any) error {
	if err := v.flash(format, args...); err != nil {
		return err
	}
	v.redirect(path)
	return nil
}

// given is a field of a form, nil where it is empty.
func (v *visit) given(name string) *string {
	if s := v.FormValue(name); s != "" {
		return &s
	}
	return nil
}

// identity is the page that says as whom one is signed in, with the sessions.
type identity struct {
	Account, Principal, Person, Region string
	Root                               bool
	Since, Until                       stamp
	Idle                               string
	Zone                               string // that times are shown in
	Sent                               form   // that chooses another one
	Zones                              []string
	Sessions                           []sessionLine
	Pages                              pages
}

type sessionLine struct {
	ID, Person, Principal, Region, Address, Browser, Agent string // Agent is what the browser says of itself
	Opened, Used                                           stamp
	This                                                   bool
}

// sessionRows is how many sessions a page has.
const sessionRows = 50

func (c *console) settings(v *visit) error {
	return v.showSettings(http.StatusOK, form{values: url.Values{"zone": {v.zone.String()}}})
}

func (v *visit) showSettings(status int, sent form) error {
	c := v.c
	around := v.pagedPart(settingsPath, nil, "page", "sessions")
	list, next, err := c.Sessions.List(v.Context(), v.who.Identity, sessionPlace(around.token()), sessionRows)
	if err != nil {
		return err
	}
	body := identity{
		Account: v.session.Account, Principal: v.who.Identity.Principal, Person: v.session.Person, Region: v.session.Region,
		Root: v.who.Identity.Root, Since: v.at(v.session.Created), Until: v.at(c.Sessions.Ends(v.session)), Idle: inWords(c.Sessions.Idle()),
		Zone: v.zone.String(), Sent: sent, Zones: someZones, Pages: around.pages(tokenOf(next)),
	}
	for i := range list {
		body.Sessions = append(body.Sessions, v.sessionLine(&list[i]))
	}
	return v.show(status, "settings", "Settings", body)
}

// tokenOf and sessionPlace write and read a place in the list of sessions, as an
// address has it. What cannot be read is the beginning.
func tokenOf(p *iam.SessionPlace) *string {
	if p == nil {
		return nil
	}
	return new(strconv.FormatInt(p.Created.UnixMicro(), 10) + "." + p.ID)
}

func sessionPlace(token *string) iam.SessionPlace {
	micros, id, _ := strings.Cut(told(token), ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil {
		return iam.SessionPlace{}
	}
	return iam.SessionPlace{Created: time.UnixMicro(n), ID: id}
}

func (v *visit) sessionLine(s *iam.Session) sessionLine {
	return sessionLine{s.ID, s.Person, s.Principal, s.Region, s.Address, browserWords(s.Browser), s.Browser, v.at(s.Created), v.at(s.Used), s.ID == v.session.ID}
}

func (c *console) confirmEndSession(v *visit) error {
	return v.confirm("End session "+clipped(v.PathValue("id")), confirmation{
		Text:   "Whoever uses session " + clipped(v.PathValue("id")) + " is signed out at their next click.",
		Button: "End the session", Back: settingsPath,
	})
}

func (c *console) endSession(v *visit) error {
	id := v.PathValue("id")
	var unknown *iam.Error
	err := c.Sessions.Revoke(v.Context(), v.who.Identity, id)
	if errors.As(err, &unknown) {
		return refuse(http.StatusNotFound, "Session %s is not there: it may be over already, or not one that you may end.", clipped(id))
	}
	if err != nil {
		return err
	}
	c.Log.Info("session ended", "session", id, "principal", v.who.Identity.Principal)
	return v.done(settingsPath, "Session %s is over.", id)
}

// Parts of what browsers say of themselves, with what to call them, the telling
// ones first: most name others too.
var (
	browserParts = [][2]string{{"Edg", "Edge"}, {"OPR", "Opera"}, {"Firefox", "Firefox"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}}
	systemParts  = [][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS", "macOS"}, {"Linux", "Linux"}}
)

// browserWords says which browser a session is of, where that is known.
func browserWords(agent string) string {
	name, system := partOf(agent, browserParts), partOf(agent, systemParts)
	if name != "" && system != "" {
		return name + " on " + system
	}
	return clipped(cmp.Or(name, agent))
}

func partOf(agent string, parts [][2]string) string {
	for _, p := range parts {
		if strings.Contains(agent, p[0]) {
			return p[1]
		}
	}
	return ""
}
