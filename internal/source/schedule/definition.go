package schedule

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"reeve/internal/license"
	"reeve/internal/source"
)

// Bounds of sources.
const (
	MaxSources     = 1000 // of a deployment
	MaxDefinitions = 100  // of one Put
	maxSettings    = 64 << 10
	minEvery       = 10 * time.Second
	maxEvery       = 7 * 24 * time.Hour
)

// Definition is what somebody says of a source. The name tells which one; nil
// leaves a known source as it is. A new one needs Kind and Settings.
type Definition struct {
	Name        string
	Kind        *string
	Account     *string // nil: the caller's
	Region      *string // nil: the caller's
	Settings    *string
	Every       *time.Duration
	Paused      *bool
	AllowShrink *bool
}

var (
	namePattern    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	regionPattern  = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
)

func checkName(name string) error {
	if !namePattern.MatchString(name) {
		return refuse(license.InvalidParameter, "Invalid name of a source %q. Expected 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or digit.", clip(name))
	}
	return nil
}

// create returns the source of a definition whose name is new.
func (d *Definition) create(kinds Kinds, who license.Caller, num int64, now license.Time) (*Source, error) {
	if d.Kind == nil || d.Settings == nil {
		return nil, refuse(license.InvalidParameter, "There is no source %q. A new one needs a Kind and Settings.", d.Name)
	}
	kind, err := kinds.named(*d.Kind)
	if err != nil {
		return nil, err
	}
	s := &Source{
		Num: num, Name: d.Name, Kind: *d.Kind, Account: who.Account, Region: who.Region,
		Every: kind.every, Created: now, CreatedBy: who.Principal, State: State{Found: -1},
	}
	set(&s.Account, d.Account)
	set(&s.Region, d.Region)
	return s, d.apply(kinds, s)
}

// change applies a definition to a source that is there.
func (d *Definition) change(kinds Kinds, s *Source) error {
	for _, fixed := range []struct {
		name, is string
		want     *string
	}{{"Kind", s.Kind, d.Kind}, {"AccountId", s.Account, d.Account}, {"Region", s.Region, d.Region}} {
		if fixed.want != nil && *fixed.want != fixed.is {
			return refuse(license.InvalidParameter, "The source %s has the %s %s, which cannot change to %s. Delete it and put another one.",
				s.Name, fixed.name, fixed.is, clip(*fixed.want))
		}
	}
	return d.apply(kinds, s)
}

// apply sets what a definition says and a source may change, and checks it.
func (d *Definition) apply(kinds Kinds, s *Source) error {
	set(&s.Every, d.Every)
	set(&s.Paused, d.Paused)
	set(&s.AllowShrink, d.AllowShrink)
	switch {
	case s.Every < minEvery || s.Every > maxEvery:
		return refuse(license.InvalidParameter, "Source %s: invalid interval %v. Expected %v to %v.", s.Name, s.Every, minEvery, maxEvery)
	case !regionPattern.MatchString(s.Region):
		return refuse(license.InvalidParameter, "Source %s: invalid region %q.", s.Name, clip(s.Region))
	case !accountPattern.MatchString(s.Account):
		return refuse(license.InvalidParameter, "Source %s: invalid account %q. Expected 12 digits.", s.Name, clip(s.Account))
	case d.Settings == nil:
		return nil
	}
	kind, err := kinds.named(s.Kind)
	if err != nil {
		return err
	}
	if s.Settings, err = kind.tidy(*d.Settings, s.owner()); err != nil {
		return about(s.Name, err)
	}
	return nil
}

// owner is whose machines a place shows that does not say it.
func (s *Source) owner() source.Options {
	return source.Options{Region: s.Region, Account: s.Account}
}

// about names the source that a refusal is about.
func about(name string, err error) error {
	return refuse(license.KindOf(err), "Source %s: %s", name, err)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func refuse(kind license.Kind, format string, args ...any) error {
	return &license.Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// sentence is an error as text that every store can keep and a message may
// hold: valid, without control characters, and bounded.
func sentence(err error) string { return clipTo(err.Error(), 1000) }

func clip(s string) string { return clipTo(s, 200) }

func clipTo(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) <= most {
		return s
	}
	for !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
