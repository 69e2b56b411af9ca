package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

// bill builds Reeve, and returns its bill of materials and what go version -m
// says is linked: modules, each with a version.
func bill(t *testing.T) (text []byte, linked map[string]string) {
	t.Helper()
	program, of := filepath.Join(t.TempDir(), "reeve"), target{runtime.GOOS, runtime.GOARCH}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./cmd/reeve")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	modules, err := linkedFor(t.Context(), root, of)
	if err != nil {
		t.Fatal(err)
	}
	if err := confirm(program, modules); err != nil {
		t.Fatal(err)
	}
	if text, err = billOf(program, of, origin{Version: "1.2.3", Commit: "abc", Time: at}, modules); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "version", "-m", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	linked = map[string]string{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "dep" {
			linked[f[1]] = f[2]
		}
	}
	return text, linked
}

// TestTheBillHasWhatIsLinked: every module of go version -m and Go's own library,
// each with its version, a package URL and licences, and nothing else.
func TestTheBillHasWhatIsLinked(t *testing.T) {
	text, want := bill(t)
	if len(want) < 20 {
		t.Fatalf("go version -m says that only %d modules are linked", len(want))
	}
	var bom cyclonedx.BOM
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.BOMFormat != cyclonedx.BOMFormat || bom.SpecVersion != cyclonedx.SpecVersion1_6 {
		t.Errorf("it is a %s %s", bom.BOMFormat, bom.SpecVersion)
	}
	got := map[string]string{}
	for _, c := range *bom.Components {
		if c.Name != standard {
			got[c.Name] = c.Version
		}
		if c.PackageURL != "pkg:golang/"+c.Name+"@"+strings.ReplaceAll(c.Version, "+", "%2B") || c.BOMRef != c.PackageURL {
			t.Errorf("%s %s has the package URL %s", c.Name, c.Version, c.PackageURL)
		}
		if c.Licenses == nil || slices.ContainsFunc(*c.Licenses, func(l cyclonedx.LicenseChoice) bool { return l.License == nil || l.License.ID == "" }) || len(*c.Licenses) == 0 {
			t.Errorf("%s has no licence", c.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modules (-go version -m +bill):\n%s", diff)
	}
	below := (*bom.Dependencies)[0]
	if len(*below.Dependencies) != len(*bom.Components) {
		t.Errorf("it depends on %d of %d components", len(*below.Dependencies), len(*bom.Components))
	}
	t.Run("schema", func(t *testing.T) { heldAgainstTheSchema(t, text) })
}

// pythonWithSchemas is a Python that has jsonschema: Debian's, for which
// test/parts.sh installs it, or another one.
func pythonWithSchemas(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import jsonschema").Run() == nil {
			return python
		}
	}
	const why = "the bill is not held against CycloneDX's schema: Python's jsonschema is not installed (sh test/parts.sh)"
	if os.Getenv("REEVE_REQUIRE_ALL") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// heldAgainstTheSchema validates by CycloneDX's own schema, with Python's
// jsonschema of any release: Debian's still has no other way than RefResolver to
// know schemas that others name.
func heldAgainstTheSchema(t *testing.T, text []byte) {
	t.Helper()
	python := pythonWithSchemas(t)
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "reeve.cdx.json")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	const validate = `
import json, pathlib, sys, jsonschema
def read(name): return json.loads((pathlib.Path(sys.argv[1]) / "schema" / name).read_text())
schema, bill = read("bom-1.6.schema.json"), json.loads(pathlib.Path(sys.argv[2]).read_text())
others = {r["$id"]: r for r in (read("spdx.schema.json"), read("jsf-0.82.schemax.json"))}
resolver = jsonschema.RefResolver.from_schema(schema, store=others)
def more(_, allowed, items, schema): # Debian's own fails while it words its message
    places = schema.get("items")
    if allowed is False and isinstance(places, list) and isinstance(items, list) and len(items) > len(places): yield jsonschema.ValidationError("there are more items than may be")
validator = jsonschema.validators.extend(jsonschema.Draft7Validator, {"additionalItems": more})(schema, resolver=resolver, format_checker=jsonschema.FormatChecker())
faults = [str(list(e.absolute_path)) + ": " + e.message[:300] for e in validator.iter_errors(bill)]
broken = dict(bill, components=[dict(bill["components"][0], type="nonsense")])
if validator.is_valid(broken): faults.append("the validator takes everything")
sys.exit("\n".join(faults) or 0)`
	if out, err := exec.Command(python, "-c", validate, strings.TrimSpace(string(out)), name).CombinedOutput(); err != nil {
		t.Errorf("the bill is no CycloneDX 1.6: %v\n%s", err, out)
	}
}
