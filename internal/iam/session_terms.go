package iam

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"reeve/internal/iam/policy"
)

// Terms are what a session was asked for with: policies that leave less of what
// its role may do, and what is known of who is behind it. They are in the
// session's token.
type Terms struct {
	Policy     string       `json:"p,omitempty"` // a session policy
	PolicyARNs []string     `json:"m,omitempty"` // policies of the role's account, as session policies
	Tags       []SessionTag `json:"g,omitempty"` // aws:PrincipalTag/KEY
	Transitive []string     `json:"c,omitempty"` // keys of the tags that sessions made from this one keep
	Source     string       `json:"o,omitempty"` // aws:SourceIdentity; sessions made from this one keep it
}

// SessionTag is a tag of a session.
type SessionTag struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

// Limits of a session's terms, as AWS has them; maxPacked is ours, so that a
// token fits into a header.
const (
	MaxSessionPolicy = 2048 // characters
	maxSessionARNs   = 10
	maxSessionTags   = 50
	maxTagKey        = 128 // characters
	maxTagValue      = 256
	maxPacked        = 4096 // bytes of all terms together
)

var (
	tagText    = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	sourceForm = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

// pack writes the terms as the token holds them, and how many per cent of what
// it has room for they are.
func (t *Terms) pack() (text []byte, percent int, err error) {
	if t.empty() {
		return nil, 0, nil
	}
	text, err = json.Marshal(t)
	if err != nil {
		return nil, 0, fmt.Errorf("pack session: %w", err)
	}
	percent = int(math.Ceil(float64(len(text)) * 100 / maxPacked))
	if percent > 100 {
		return nil, 0, refuse(TooLarge, "Packed size of session policies and tags consumes %d%% of the allotted space.", percent)
	}
	return text, percent, nil
}

func (t *Terms) empty() bool {
	return t.Policy == "" && t.Source == "" && len(t.PolicyARNs)+len(t.Tags)+len(t.Transitive) == 0
}

// bounded tells whether there are session policies.
func (t *Terms) bounded() bool { return t != nil && (t.Policy != "" || len(t.PolicyARNs) > 0) }

// check refuses terms that no session can have.
func (t *Terms) check() error {
	if n := utf8.RuneCountInString(t.Policy); n > MaxSessionPolicy {
		return refuse(Invalid, "Policy has %d characters: give at most %d, or PolicyArns", n, MaxSessionPolicy)
	}
	if len(t.PolicyARNs) > maxSessionARNs {
		return refuse(Invalid, "there are more than %d PolicyArns", maxSessionARNs)
	}
	if t.Policy != "" {
		if _, err := policy.Parse([]byte(t.Policy)); err != nil {
			return refuse(Malformed, "the session policy is not usable: %s", err)
		}
	}
	if t.Source != "" && !sourceForm.MatchString(t.Source) {
		return refuse(Invalid, "SourceIdentity %q is not usable: give 2 to 64 letters, digits and any of _+=,.@-", clip(t.Source))
	}
	return t.checkTags()
}

func (t *Terms) checkTags() error {
	if len(t.Tags) > maxSessionTags || len(t.Transitive) > maxSessionTags {
		return refuse(Invalid, "a session has at most %d tags", maxSessionTags)
	}
	for i, tag := range t.Tags {
		n, m := utf8.RuneCountInString(tag.Key), utf8.RuneCountInString(tag.Value)
		switch {
		case n < 1 || n > maxTagKey || m > maxTagValue || !tagText.MatchString(tag.Key+tag.Value):
			return refuse(Invalid, "the tag %q is not usable: a key has 1 to %d and a value up to %d letters, digits, spaces and any of _.:/=+-@", clip(tag.Key), maxTagKey, maxTagValue)
		case len(tag.Key) >= 4 && strings.EqualFold(tag.Key[:4], "aws:"):
			return refuse(Invalid, "the tag %q is not usable: keys that begin with aws: are reserved", clip(tag.Key))
		case hasTag(t.Tags[:i], tag.Key):
			return refuse(Invalid, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
	}
	for _, key := range t.Transitive {
		if !hasTag(t.Tags, key) {
			return refuse(Invalid, "The specified transitive tag key must be included in the requested tags.")
		}
	}
	return nil
}

// hasTag looks for a key without regard to case, as those of sessions have none.
func hasTag(tags []SessionTag, key string) bool {
	return slices.ContainsFunc(tags, func(t SessionTag) bool { return strings.EqualFold(t.Key, key) })
}

// inherit adds what a session keeps of the one that it is made from: the tags
// that are transitive there, and the source identity, which nobody changes.
func (t *Terms) inherit(from *Terms) error {
	if from == nil {
		return nil
	}
	for _, tag := range from.Tags {
		if !slices.ContainsFunc(from.Transitive, func(key string) bool { return strings.EqualFold(key, tag.Key) }) {
			continue
		}
		if hasTag(t.Tags, tag.Key) {
			return refuse(Invalid, "the tag %q is transitive and cannot be set again: leave it out", clip(tag.Key))
		}
		t.Tags, t.Transitive = append(t.Tags, tag), append(t.Transitive, tag.Key)
	}
	if from.Source != "" && t.Source != "" && t.Source != from.Source {
		return refuse(Denied, "The source identity of a session cannot be changed")
	}
	if t.Source == "" {
		t.Source = from.Source
	}
	return nil
}

// addKeys adds the condition keys of a request for a session with these terms.
func (t *Terms) addKeys(keys map[string][]string) {
	for _, tag := range t.Tags {
		keys["aws:requesttag/"+strings.ToLower(tag.Key)] = []string{tag.Value}
		keys["aws:tagkeys"] = append(keys["aws:tagkeys"], tag.Key)
	}
	if len(t.Transitive) > 0 {
		keys["sts:transitivetagkeys"] = t.Transitive
	}
	if t.Source != "" {
		keys["sts:sourceidentity"] = []string{t.Source}
	}
}

// actions are what whoever asks for the session has to be allowed besides.
func (t *Terms) actions() (list []string) {
	if len(t.Tags) > 0 {
		list = append(list, "sts:TagSession")
	}
	if t.Source != "" {
		list = append(list, "sts:SetSourceIdentity")
	}
	return list
}

// sessionKeys adds the condition keys of a caller with temporary credentials.
func (who *Identity) sessionKeys(keys map[string][]string) {
	if who.Issued.IsZero() {
		return
	}
	keys["aws:tokenissuetime"] = []string{who.Issued.UTC().Format(time.RFC3339)}
	keys["aws:multifactorauthpresent"] = []string{"false"}
	if who.Terms == nil {
		return
	}
	for _, tag := range who.Terms.Tags {
		keys["aws:principaltag/"+strings.ToLower(tag.Key)] = []string{tag.Value}
	}
	if who.Terms.Source != "" {
		keys["aws:sourceidentity"] = []string{who.Terms.Source}
	}
}

var errNoSessionPolicy = errors.New("there is no such policy")

// bind puts session policies in force. When one that was named is not there any
// more, what it denied is not known, so the session may do nothing.
func (a *Access) bind(tx Tx, account string, t *Terms) error {
	if !t.bounded() {
		return nil
	}
	bounds, err := boundsOf(tx, account, t)
	if err != nil && !errors.Is(err, errNoSessionPolicy) {
		return err
	}
	a.bounded, a.bounds = true, bounds.rules
	a.readsTag, a.readsOrg = a.readsTag || bounds.readsTag, a.readsOrg || bounds.readsOrg
	return nil
}

// boundsOf compiles the session policies of a session in an account.
func boundsOf(tx Tx, account string, t *Terms) (bounds Access, err error) {
	if t.Policy != "" {
		if err := bounds.add("session policy", t.Policy); err != nil {
			return Access{}, err
		}
	}
	for _, arn := range t.PolicyARNs {
		p, err := attachedPolicy(tx, account, arn)
		if err == nil && p == nil {
			err = fmt.Errorf("session policy %s: %w", clipTo(arn, 256), errNoSessionPolicy)
		}
		if err == nil {
			err = bounds.add(arn, p.Text)
		}
		if err != nil {
			return Access{}, err
		}
	}
	return bounds, nil
}
