package schedule

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/license"
	"reeve/internal/source"
)

// Kinds are the sorts of sources that a server can run, by name.
type Kinds map[string]Kind

// Kind is one sort of source. KindOf makes one.
type Kind struct {
	every time.Duration // between two runs, unless a source says otherwise
	check func(text []byte, owner source.Options) (tidy []byte, err error)
	open  func(text []byte, owner source.Options) (source.Puller, error)
}

// settings is what a kind's own type of settings can do.
type settings[S any] interface {
	*S
	Check() error
}

// KindOf is the kind whose settings are S: a JSON object with the members of S
// and no others. every is the time between two runs unless a source says
// otherwise. complete, if there is one, puts the source's account and region
// into settings that leave them out, before Check; open gets settings that
// passed it.
func KindOf[S any, P settings[S]](every time.Duration, complete func(s *S, owner source.Options), open func(s S, owner source.Options) (source.Puller, error)) Kind {
	if complete == nil {
		complete = func(*S, source.Options) {}
	}
	read := func(text []byte, owner source.Options) (given, full S, err error) {
		if err := json.Unmarshal(text, &given, json.RejectUnknownMembers(true)); err != nil {
			return given, full, fmt.Errorf("read settings: %w", err)
		}
		full = given
		complete(&full, owner)
		return given, full, P(&full).Check()
	}
	return Kind{
		every: every,
		check: func(text []byte, owner source.Options) ([]byte, error) {
			given, _, err := read(text, owner)
			if err != nil {
				return nil, err
			}
			return json.Marshal(given, json.OmitZeroStructFields(true), json.Deterministic(true))
		},
		open: func(text []byte, owner source.Options) (source.Puller, error) {
			_, full, err := read(text, owner)
			if err != nil {
				return nil, err
			}
			return open(full, owner)
		},
	}
}

// named finds a kind, or says which there are.
func (k Kinds) named(name string) (Kind, error) {
	if kind, ok := k[name]; ok {
		return kind, nil
	}
	var names []string
	for known := range k {
		names = append(names, known)
	}
	slices.Sort(names)
	return Kind{}, refuse(license.InvalidParameter, "Invalid kind of source %q. Expected one of %s.", clip(name), strings.Join(names, ", "))
}

// tidy checks the settings of a source and writes them in the one way that is
// kept.
func (k Kind) tidy(settings string, owner source.Options) (string, error) {
	text := []byte(settings)
	if len(text) > maxSettings {
		return "", refuse(license.InvalidParameter, "The settings have %d bytes, at most %d are allowed.", len(text), maxSettings)
	}
	if !jsontext.Value(text).IsValid() || !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return "", refuse(license.InvalidParameter, "The settings are no JSON object.")
	}
	tidied, err := k.check(text, owner)
	if err != nil {
		return "", refuse(license.InvalidParameter, "The settings cannot be used: %s.", strings.TrimRight(sentence(err), "."))
	}
	return string(tidied), nil
}
