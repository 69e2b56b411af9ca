package console

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"reeve/internal/awsjson"
)

// form is what somebody typed into a form, with what is wrong with it. The zero
// value is a form that nobody has sent. Secrets are never put back into a page.
type form struct {
	values url.Values
	Flaws  []flaw
}

// flaw is what is wrong with a field. At is the ID of its place in the page; of a
// form as a whole, it is "".
type flaw struct{ At, Text string }

// placeOf is where the template "faulty" puts a field that has a flaw.
func placeOf(field string) string { return "field-" + field }

// field is one field of a form, with what is wrong with it. The templates
// "faulty" and "fault" show it.
type field struct{ Name, Value, Error string }

// sent is the form of a request, from the address or the body.
func (v *visit) sent() form {
	_ = v.ParseForm() // what cannot be read is empty, and said to be missing
	return form{values: v.Form}
}

// Value is what was typed into a field.
func (f form) Value(name string) string { return f.values.Get(name) }

// Field is a field with what was typed and what is wrong with it.
func (f form) Field(name string) field {
	one := field{Name: name, Value: f.values.Get(name)}
	if i := slices.IndexFunc(f.Flaws, func(x flaw) bool { return x.At == placeOf(name) }); i >= 0 {
		one.Error = f.Flaws[i].Text
	}
	return one
}

// text is what was typed into a field, without the space around it.
func (f form) text(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// given is a field as operations take it: nil where it is empty.
func (f form) given(name string) *string {
	if text := f.text(name); text != "" {
		return &text
	}
	return nil
}

// blame says what is wrong with a field, or for "" with the form as a whole.
func (f *form) blame(name, text string) {
	if name != "" {
		name = placeOf(name)
	}
	f.Flaws = append(f.Flaws, flaw{name, text})
}

// need says that a field must not be empty.
func (f *form) need(name, text string) {
	if f.text(name) == "" {
		f.blame(name, text)
	}
}

// member says which field of a form fills a member of an operation's input: word
// is in the API's texts about it.
type member struct{ word, field string }

// again shows a form once more, with what was typed and why it was refused,
// beside the field that the refusal is about. Errors that are no refusals stay
// errors.
func (v *visit) again(err error, f form, members []member, show func(status int, f form) error) error {
	status, text, refused := refusalOf(err)
	if !refused {
		return err
	}
	name := ""
	for _, m := range members {
		if strings.Contains(strings.ToLower(text), strings.ToLower(m.word)) {
			name = m.field
			break
		}
	}
	f.blame(name, plainRefusal(text))
	return show(status, f)
}

// refusalOf is what a person is told of a refusal, by a page or by the API.
func refusalOf(err error) (status int, text string, refused bool) {
	var own *refusal
	var said *awsjson.Fault
	switch {
	case errors.As(err, &own):
		return own.status, own.text, true
	case errors.As(err, &said) && statusOf(said) < http.StatusInternalServerError:
		return statusOf(said), said.Message, true
	}
	return 0, "", false
}

// violation is how the API writes that a member breaks a constraint.
var violation = regexp.MustCompile(`^1 validation error detected: Value .* at '[^']*' failed to satisfy constraint: Member must (.*)$`)

// plainWords are constraints of the API, for people.
var plainWords = strings.NewReplacer(
	"have length less than or equal to ", "have this many characters at most: ", "have length greater than or equal to ", "have this many characters at least: ",
	"satisfy regular expression pattern: [0-9]{12}", "have 12 digits")

// plainRefusal is a text of the API as a sentence for people.
func plainRefusal(text string) string {
	if parts := violation.FindStringSubmatch(text); parts != nil {
		return "This must " + strings.TrimSuffix(plainWords.Replace(parts[1]), ".") + "."
	}
	if text == "" {
		return text
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
