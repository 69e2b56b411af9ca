package console

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
)

//go:embed templates
var templateFiles embed.FS

// templates are the pages by name, each with the layout and the partials.
type templates map[string]*template.Template

// readTemplates parses templates/NAME.html, each with templates/layout.html and
// every template of templates/partials.
func readTemplates(a assets) (templates, error) {
	base, err := template.New("layout.html").Funcs(functions(a)).ParseFS(templateFiles, "templates/layout.html", "templates/partials/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse layout: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := make(templates)
	for _, file := range names {
		if path.Base(file) == "layout.html" {
			continue
		}
		page, err := template.Must(base.Clone()).ParseFS(templateFiles, file)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		pages[strings.TrimSuffix(path.Base(file), ".html")] = page
	}
	return pages, nil
}

// functions are what templates may call.
func functions(a assets) template.FuncMap {
	return template.FuncMap{
		"asset": a.url,
		"count": grouped[int64],
	}
}

// grouped writes a whole number with its digits in groups: 12,345.
func grouped[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}

// groupedText is grouped for a number that an answer has as text; other texts stay.
func groupedText(text string) string {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return text
	}
	return grouped(n)
}

// page is what the layout is given. Of Body, each page has its own kind.
type page struct {
	Title   string
	Section string // of the navigation: the first part of the path
	Account string // "" where nobody is signed in
	Region  string
	Wanted  field  // the region that was asked for and refused
	Person  string // who is signed in
	Root    bool   // of the deployment's root account
	Tab     string // of the section: the second part of the path
	Path    string
	Theme   string   // light, dark or "" for the system's
	Now     stamp    // when the page was made; prints show it
	Zone    string   // that times are in
	Flash   string   // what the page before has left to say
	Regions []string // that the person looked at before
	Way     *sending
	Body    any
}

// sending is a page on its way to the browser.
type sending struct {
	v      *visit
	status int
	out    bytes.Buffer
	begun  bool // the browser has the status and a part of the page
}

// Early sends what is rendered so far, so that the browser fetches what the head
// names while the rest is made. Pages of errors are sent in one piece.
func (s *sending) Early() (string, error) {
	if s.status != http.StatusOK || s.v.Method != http.MethodGet {
		return "", nil
	}
	if !s.begun {
		s.begin()
	}
	_, err := s.out.WriteTo(s.v.w)
	return "", cmp.Or(err, http.NewResponseController(s.v.w).Flush())
}

func (s *sending) begin() {
	s.v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	s.v.w.WriteHeader(s.status)
	s.begun = true
}

// end sends the rest of the page.
func (s *sending) end() {
	if !s.begun {
		s.v.w.Header().Set("Content-Length", strconv.Itoa(s.out.Len()))
		s.begin()
	}
	if s.v.Method != http.MethodHead {
		_, _ = s.out.WriteTo(s.v.w) // a browser that went away has no use for an error
	}
}

// show renders a page. Whatever may be refused was asked before, so that the status
// is right; a page that cannot be rendered to its end is an error, or where a part
// of it is sent already, a broken connection.
func (v *visit) show(status int, name, title string, body any) error {
	t, ok := v.c.templates[name]
	if !ok {
		return fmt.Errorf("there is no template %q", name)
	}
	if want, ok := bodies[name]; ok && reflect.TypeOf(want) != reflect.TypeOf(body) {
		return fmt.Errorf("the template %q is given a %T, and is for a %T", name, body, want)
	}
	way := &sending{v: v, status: status}
	v.way = way
	err := t.ExecuteTemplate(&way.out, "layout.html", page{
		Way: way, Title: title, Section: v.section(), Tab: v.tab(), Path: v.shown(), Body: body, Theme: v.theme(), Flash: v.flashed(), Now: v.at(v.c.Now()), Zone: v.zone.String(),
		Account: v.who.Identity.Account, Root: v.who.Identity.Root, Person: v.who.Identity.Principal, Region: v.who.Region, Regions: v.regions(), Wanted: v.region,
	})
	if err != nil && way.begun {
		v.c.Log.Error("page cut off", "path", v.URL.Path, "error", err)
		v.breakOff()
		return nil
	}
	if err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	way.end()
	return nil
}

// shown is the address of what is on the screen; of a form's answer, that of the
// page with the form.
func (v *visit) shown() string {
	if v.Method != http.MethodGet && v.Method != http.MethodHead {
		return v.cameFrom()
	}
	return v.URL.RequestURI()
}

// tab is the part of its section that a visit is in: "keys".
func (v *visit) tab() string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(v.URL.Path, Home), "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// section is the part of the console that a visit is in: "configurations".
func (v *visit) section() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(v.URL.Path, Home), "/")
	return name
}
