package console

import (
	"reflect"
	"testing"

	"github.com/jba/templatecheck"
)

// pageWith is a page whose Body has a type of its own.
func pageWith(body any) any {
	whole := reflect.TypeFor[page]()
	var fields []reflect.StructField
	for i := range whole.NumField() {
		f := whole.Field(i)
		if f.Name == "Body" {
			f.Type = reflect.TypeOf(body)
		}
		fields = append(fields, reflect.StructField{Name: f.Name, Type: f.Type})
	}
	return reflect.Zero(reflect.StructOf(fields)).Interface()
}

func TestEveryTemplateFitsWhatItIsGiven(t *testing.T) {
	a, err := readAssets()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := readTemplates(a)
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range pages {
		body, ok := bodies[name]
		if !ok {
			t.Errorf("templates/%s.html is not in bodies.go: say there what it is given", name)
			continue
		}
		if err := templatecheck.CheckHTML(page.Lookup("layout.html"), pageWith(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
