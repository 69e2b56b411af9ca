package tidy

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the prefix of the import paths of our own packages.
const module = "reeve/"

// arrows says which of our packages each package may import, outside of
// tests. It is the picture in docs/ARCHITECTURE.md; change both together. An
// entry that ends in /... stands for every package below.
var arrows = map[string][]string{
	// The rules and the wire know nothing of ours, and nothing of each other.
	"internal/license":         {},
	"internal/api":             {},
	"internal/api/gen":         {},
	"internal/awsjson":         {},
	"internal/sigv4":           {},
	"internal/config":          {},
	"internal/product":         {},
	"internal/gate":            {},
	"internal/certificate":     {},
	"internal/certificate/...": {},
	"internal/audit":           {"internal/iam"},
	"internal/iam/policy":      {},
	"internal/iam":             {"internal/iam/..."},
	"internal/sts":             {"internal/api", "internal/audit", "internal/gate", "internal/iam", "internal/sigv4"},

	// What auditors get: its form knows the rules alone; the notary keeps it.
	"internal/evidence":        {"internal/license"},
	"internal/evidence/notary": {"internal/evidence", "internal/license", "internal/api", "internal/client"},

	// Storage implements what the rules and iam ask for.
	"internal/store":              {"internal/license", "internal/audit", "internal/iam", "internal/evidence", "internal/evidence/notary", "internal/source/schedule", "internal/store/archive", "internal/store/sqlconn", "internal/store/mvtree"},
	"internal/store/archive":      {},
	"internal/store/sqlconn":      {},
	"internal/store/mvtree":       {"internal/license", "internal/store/sqlconn"},
	"internal/store/sqlite":       {"internal/store/sqlconn"},
	"internal/store/postgres":     {"internal/store/sqlconn"},
	"internal/store/storetest":    {"internal/license", "internal/iam", "internal/source", "internal/source/schedule", "internal/store", "internal/store/sqlconn"},
	"internal/store/testdb":       {"internal/store/sqlconn", "internal/store/sqlite", "internal/store/postgres", "internal/store/postgres/..."},
	"internal/store/sqlconn/...":  {"internal/store/sqlconn"},
	"internal/store/postgres/...": {"internal/store/postgres", "internal/store/sqlconn"},

	// The API joins the wire and the rules.
	"internal/server": {"internal/gate", "internal/evidence", "internal/evidence/notary", "internal/license", "internal/audit", "internal/api", "internal/awsjson", "internal/sigv4", "internal/iam", "internal/iam/policy", "internal/sts", "internal/source", "internal/source/schedule"},

	// Inventory agents speak languages of their own.
	"internal/agent": {"internal/audit", "internal/license", "internal/iam", "internal/api", "internal/source/glpi"},

	// Counters for operators know nothing of what they count.
	"internal/metrics": {},

	// Clients and sources speak the wire; pages and reports ask the rules.
	"internal/client":           {"internal/api", "internal/sigv4"},
	"internal/source":           {"internal/api", "internal/license", "internal/source/..."},
	"internal/source/...":       {"internal/api", "internal/license", "internal/source/..."},
	"internal/source/directory": {"internal/license", "internal/source"},
	"internal/source/schedule":  {"internal/license", "internal/source"},
	"internal/source/aws":       {"internal/license", "internal/source"},
	"internal/source/vsphere":   {"internal/license", "internal/source", "internal/source/glpi"},
	"internal/console":          {"internal/license", "internal/api", "internal/audit", "internal/awsjson", "internal/iam", "internal/server", "internal/console/..."},
	"internal/console/...":      {"internal/license", "internal/api", "internal/console/..."},
	"internal/report":           {"internal/license"},
	"internal/sample":           {"internal/license"}, // a made-up company, loaded as history
	"internal/report/...":       {"internal/license", "internal/report/..."},

	// What joins everything.
	"internal/tidy":        {},
	"internal/release":     {}, // a program of its own
	"internal/licensetest": {"internal/..."},
	"cmd/...":              {"internal/..."},
	"test/...":             {"internal/..."},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		allowed, known := allowedImports(s.room())
		if !known {
			t.Errorf("%s: package %s is not in the picture: add it to arrows and to docs/ARCHITECTURE.md", s.name, s.room())
			continue
		}
		for _, imported := range ours(s) {
			if !matches(allowed, imported) {
				t.Errorf("%s imports %s, which %s may not", s.name, imported, s.room())
			}
		}
	}
}

// allowedImports finds a package's entry: its own, else that of the nearest
// directory above that stands for everything below it.
func allowedImports(room string) ([]string, bool) {
	if allowed, ok := arrows[room]; ok {
		return allowed, true
	}
	for above := room; strings.Contains(above, "/"); {
		above = above[:strings.LastIndexByte(above, '/')]
		if allowed, ok := arrows[above+"/..."]; ok {
			return allowed, true
		}
	}
	return nil, false
}

func matches(allowed []string, imported string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		below, tree := strings.CutSuffix(a, "...")
		return a == imported || tree && strings.HasPrefix(imported, below)
	})
}

// ours lists our own packages that a file imports.
func ours(s source) []string {
	var list []string
	for _, name := range imports(s) {
		if own, ok := strings.CutPrefix(name, module); ok {
			list = append(list, own)
		}
	}
	return list
}

func imports(s source) []string {
	list := make([]string, len(s.file.Imports))
	for i, imported := range s.file.Imports {
		list[i], _ = strconv.Unquote(imported.Path.Value)
	}
	return list
}

// onlyIn lists packages of others that only some of our packages may import
// outside of tests, with the reason.
var onlyIn = []struct {
	path   string
	rooms  []string
	reason string
}{
	{"encoding/json", []string{"internal/api/gen", "test/..."}, "it takes member names in any case and keeps the last of two; use go-json-experiment/json"},
	{"github.com/aws/", []string{"internal/licensetest", "internal/source/aws", "test/..."}, "AWS's SDK is a client, for tests and for one source"},
	{"github.com/vmware/", []string{"internal/source/vsphere", "test/..."}, "govmomi is for one source"},
	{"github.com/jackc/pgx", []string{"internal/store/postgres", "internal/store/postgres/..."}, "a driver is linked where a database is opened"},
	{"zombiezen.com/go/sqlite", []string{"internal/store/sqlite"}, "a driver is linked where a database is opened"},
	{"github.com/coreos/go-oidc", []string{"internal/console/sso"}, "people sign in at one place"},
	{"golang.org/x/oauth2", []string{"internal/console/sso"}, "people sign in at one place"},
	{"testing", []string{"internal/licensetest", "internal/certificate/certtest", "internal/console/sso/ssotest", "internal/store/storetest", "internal/store/sqlconn/sqlconntest", "internal/store/postgres/pgtest", "internal/store/testdb", "internal/tidy", "test/..."}, "it registers flags in the program"},
	{"database/sql", nil, "package sqlconn is our way to SQL"},
}

func TestSomeImportsHaveTheirPlace(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		for _, name := range imports(s) {
			for _, rule := range onlyIn {
				if strings.HasPrefix(name, rule.path) && !matches(rule.rooms, s.room()) {
					t.Errorf("%s imports %s: %s", s.name, name, rule.reason)
				}
			}
		}
	}
}

// TestTheRulesUseTheStandardLibrary names the one exception: the JSON that
// the ledger stores.
func TestTheRulesUseTheStandardLibrary(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || s.room() != "internal/license" {
			continue
		}
		for _, name := range imports(s) {
			first, _, _ := strings.Cut(name, "/")
			if strings.Contains(first, ".") && name != "github.com/go-json-experiment/json" {
				t.Errorf("%s imports %s: the rules depend on nobody", s.name, name)
			}
			if name == "net/http" || name == "os" || name == "log/slog" {
				t.Errorf("%s imports %s: the rules know no world outside", s.name, name)
			}
		}
	}
}
