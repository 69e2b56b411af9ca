package console

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"reeve/internal/api"
	"reeve/internal/awsjson"
)

// told is what an operation said, the zero value where it said nothing.
func told[T any](p *T) T {
	var none T
	if p == nil {
		return none
	}
	return *p
}

// givenText is a text for an input, nil where there is none.
func givenText(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// when is a moment of an operation's answer for the viewer.
func (v *visit) when(text *string) stamp { return v.at(moment(text)) }

// since is a moment that an operation answers as a number.
func (v *visit) since(t *api.Time) stamp { return v.at(clockTime(t)) }

// clockTime is a moment that an answer gives in seconds; zero where there is none.
func clockTime(t *api.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return time.UnixMicro(int64(*t))
}

// refused reports whether the API refused an operation with this code's
// beginning.
func refused(err error, code string) bool {
	var fault *awsjson.Fault
	return errors.As(err, &fault) && strings.HasPrefix(fault.Code, code)
}

// worded finds the plain words for a name of the API, or gives the name back.
func worded(words map[string]string, name string) string {
	if plain, ok := words[name]; ok {
		return plain
	}
	return clipped(name)
}

// unitWords are what the counting types count, more than one of them.
var unitWords = map[string]string{"vCPU": "virtual processors (vCPU)", "Core": "physical processor cores", "Socket": "physical processors (sockets)", "Instance": "machines"}

// originWords say how a resource came to a configuration.
var originWords = map[string]string{
	"request":   "assigned by somebody",
	"ami":       "launched from an assigned image",
	"discovery": "found by a rule",
	"affinity":  "licence held on its host",
}

var (
	arnInText    = regexp.MustCompile(`arn:aws[a-z-]*:[^\s,;]*[^\s,;.:]`)
	countsInText = regexp.MustCompile(`\b[0-9]+ (more of\b|of [0-9]+ are in use\b)`)
	digits       = regexp.MustCompile(`[0-9]+`)
)

// plainMessage is a message of the API with names in the place of ARNs and its
// counts in groups of digits. called are ARNs, each with what to call it.
func plainMessage(message string, called ...string) string {
	message = countsInText.ReplaceAllStringFunc(message, func(counts string) string { return digits.ReplaceAllStringFunc(counts, groupedText) })
	message = strings.NewReplacer(called...).Replace(message)
	return arnInText.ReplaceAllStringFunc(message, shortName)
}

// headAt is the revision of a ledger that holds at a moment, with its terms; nil
// is now. A configuration that did not exist then has none, which is a refusal.
func (v *visit) headAt(arn string, at *string) (*api.Revision, *api.Terms, error) {
	var out api.ListRevisionsOutput
	in := &api.ListRevisionsInput{LicenseConfigurationArn: &arn, To: at, MaxResults: new(int64(1)), IncludeTerms: new(true)}
	if err := v.call("ListRevisions", in, &out); err != nil {
		return nil, nil, err
	}
	if len(out.Revisions) == 0 {
		return nil, nil, refuse(http.StatusNotFound, "The licence configuration did not exist at that moment.")
	}
	return &out.Revisions[0], out.Terms, nil
}

// nameAt is what a licence configuration was called at a moment; before it
// existed, what it is called now; and its ID where nobody may see that.
func (v *visit) nameAt(arn string, at *string) (string, error) {
	if v.lender(arn) != "" {
		return v.nameNow(arn)
	}
	if name := v.nameOfPosition(arn, at); name != "" {
		return name, nil
	}
	_, terms, err := v.headAt(arn, at)
	if _, _, refused := refusalOf(err); refused && at != nil {
		return v.nameAt(arn, nil)
	} else if refused {
		return shortName(arn), nil
	}
	if err != nil {
		return "", err
	}
	return clipped(told(terms.Name)), nil
}

// nameOfPosition is the name that a position has at a past moment, "" where that
// cannot be told. It is read without what the revision then changed, which may be
// very much.
func (v *visit) nameOfPosition(arn string, at *string) string {
	in := &api.ListPositionsInput{LicenseConfigurationArns: []string{arn}, AsOf: at}
	var out api.ListPositionsOutput
	if at == nil || !v.allows("ListPositions", in) || v.call("ListPositions", in, &out) != nil || len(out.Positions) == 0 {
		return ""
	}
	return clipped(told(out.Positions[0].Name))
}

// nameNow is what a licence configuration is called now; its ID where nobody may
// see that.
func (v *visit) nameNow(arn string) (string, error) {
	var out api.GetLicenseConfigurationOutput
	err := v.call("GetLicenseConfiguration", &api.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn}, &out)
	if _, _, refused := refusalOf(err); refused {
		return shortName(arn), nil
	}
	return clipped(told(out.Name)), err
}

// units are what each counting type counts, for people.
var units = map[string]string{"vCPU": "vCPUs", "Instance": "instances", "Core": "cores", "Socket": "sockets"}

func unitOf(counting string) string {
	if unit, ok := units[counting]; ok {
		return unit
	}
	return "licences"
}

// personName is the part of a principal's ARN that people know.
func personName(principal string) string {
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) < 6 {
		return principal
	}
	return parts[5]
}
