package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"reeve/internal/awsjson"
	"reeve/internal/iam"
	"reeve/internal/server"
)

// visit is one request of a person: what a page may use.
type visit struct {
	*http.Request
	c    *console
	w    http.ResponseWriter
	who  server.Caller  // zero where nobody is signed in
	zone *time.Location // the viewer's

	session *iam.Session // nil where nobody is signed in
	stale   bool         // the browser has a session that is over
	region  field        // that was asked for and refused
	way     *sending     // of the page, while it is rendered
}

// serve finds out who asks, sends strangers to the sign-in page, and answers
// with the page of an error where there is one.
func (c *console) serve(r route) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		v := &visit{Request: request, c: c, w: w, zone: zoneOf(request)}
		err := c.visitor(v)
		switch {
		case err != nil:
			v.fail(err)
		case v.session == nil && !r.open:
			v.strange()
		default:
			if err := r.handle(v); err != nil {
				v.fail(err)
			}
		}
	}
}

// call answers one operation of the API as the person who is signed in. in and
// out are pointers to its shapes in package api.
func (v *visit) call(operation string, in, out any) error {
	return v.c.API.Call(v.Context(), v.who, operation, in, out)
}

// allows reports whether the person's policies let them call an operation: what is
// left for later must not be refused then.
func (v *visit) allows(operation string, in any) bool {
	return v.c.API.Allows(v.Context(), v.who, operation, in)
}

// cameFrom is the page of ours that a form was on.
func (v *visit) cameFrom() string {
	from, err := url.Parse(v.Referer())
	if err != nil || from.Host != v.Host || !strings.HasPrefix(from.Path, Home) {
		return Home
	}
	return from.RequestURI()
}

// redirect sends the browser to another page of the console, after a form that
// was done too.
func (v *visit) redirect(path string) {
	http.Redirect(v.w, v.Request, path, http.StatusSeeOther)
}

// refusal is a request that a page itself refuses; its text is for the person.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

func (c *console) nothingHere(*visit) error {
	return refuse(http.StatusNotFound, "There is no page with this address.")
}

// trouble is what the page of an error is given.
type trouble struct {
	Text   string
	Moment *momentPicker // to choose another moment, where one was refused
}

// fail shows the page of an error: what the person did wrong in the words of
// whoever refused it, and nothing but a number of what is ours.
func (v *visit) fail(err error) {
	status, text := v.explain(err)
	body := trouble{Text: text}
	if status == http.StatusBadRequest && v.Method == http.MethodGet && v.session != nil && v.URL.Query().Has("at") {
		body.Moment = v.pickAgain(text)
	}
	if err := v.show(status, "error", v.failureTitle(status), body); err != nil {
		v.c.Log.Error("show the page of an error", "error", err)
	}
}

// failureTitle says in plain words what an error means for the person.
func (v *visit) failureTitle(status int) string {
	if strings.HasPrefix(v.URL.Path, signInPath) {
		return "You are not signed in"
	}
	switch status {
	case http.StatusBadRequest:
		return "This does not work"
	case http.StatusForbidden:
		return "You may not do this"
	case http.StatusNotFound:
		return "Nothing is here"
	case http.StatusInternalServerError:
		return "Something went wrong here"
	case http.StatusServiceUnavailable:
		return "Not at the moment"
	}
	return http.StatusText(status)
}

// explain is the status and the text for an error.
func (v *visit) explain(err error) (int, string) {
	var own *refusal
	var fault *awsjson.Fault
	var tooLarge *http.MaxBytesError
	var away interface{ Unavailable() bool } // the database
	switch {
	case errors.As(err, &own):
		return own.status, own.text
	case errors.As(err, &fault):
		return statusOf(fault), fault.Message
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, "The form is larger than the console takes. Send less at once."
	}
	v.c.Log.Error("page failed", "path", v.URL.Path, "error", err)
	if errors.As(err, &away) && away.Unavailable() {
		return http.StatusServiceUnavailable, "The server's database does not answer at the moment. Try again."
	}
	return http.StatusInternalServerError, "This is not your doing: the server could not finish the page. Try again; its log says more."
}

// statusOf is how a browser is told of a refusal of the API.
func statusOf(f *awsjson.Fault) int {
	switch {
	case f.Code == "AuthorizationException", f.Code == "AccessDeniedException":
		return http.StatusForbidden
	case strings.HasPrefix(f.Code, "ResourceNotFound"):
		return http.StatusNotFound
	case f.Status >= http.StatusBadRequest:
		return f.Status
	}
	return http.StatusBadRequest
}

// together runs calls that do not wait for each other, and returns the first
// error in their order.
func together(calls ...func() error) error {
	errs := make([]error, len(calls))
	var all sync.WaitGroup
	for i, call := range calls {
		all.Go(func() { errs[i] = call() })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
