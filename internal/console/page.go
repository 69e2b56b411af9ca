package console

import (
	"bytes"
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
	Body    any
}

// show renders a page whole before its first byte is sent, so that a page that
// cannot be rendered is an error and not half a page.
func (v *visit) show(status int, name, title string, body any) error {
	t, ok := v.c.templates[name]
	if !ok {
		return fmt.Errorf("there is no template %q", name)
	}
	if want, ok := bodies[name]; ok && reflect.TypeOf(want) != reflect.TypeOf(body) {
		return fmt.Errorf("the template %q is given a %T, and is for a %T", name, body, want)
	}
	var out bytes.Buffer
	err := t.ExecuteTemplate(&out, "layout.html", page{
		Title: title, Section: v.section(), Tab: v.tab(), Path: v.shown(), Body: body, Theme: v.theme(), Flash: v.flashed(), Now: v.at(v.c.Now()), Zone: v.zone.String(),
		Account: v.who.Identity.Account, Root: v.who.Identity.Root, Person: v.who.Identity.Principal, Region: v.who.Region, Regions: v.regions(), Wanted: v.region,
	})
	if err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	v.w.WriteHeader(status)
	if v.Method != http.MethodHead {
		_, _ = out.WriteTo(v.w) // a browser that went away has no use for an error
	}
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
