package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// root is the top of the tree, seen from this package.
const root = "../.."

// source is one Go file of the tree.
type source struct {
	name string // slash-separated, from the top of the tree
	text []byte
	file *ast.File
	set  *token.FileSet
}

// room is the package's directory, such as internal/server.
func (s source) room() string { return path.Dir(s.name) }

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) isGenerated() bool { return strings.HasSuffix(s.name, ".gen.go") }

func (s source) at(n ast.Node) token.Position {
	p := s.set.Position(n.Pos())
	p.Filename = s.name
	return p
}

// sources reads every Go file of the tree.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for name, text := range files(t, ".go") {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, source{name, text, file, set})
	}
	if len(all) < 10 {
		t.Fatalf("found %d Go files: is %s the top of the tree?", len(all), root)
	}
	return all
}

// files reads every file of the tree with one of the given endings, by name.
// What git does not keep, such as build results, lies in hidden directories
// or testdata and is passed over.
func files(t *testing.T, endings ...string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && p != root):
			return filepath.SkipDir
		case d.IsDir() || !hasEnding(p, endings):
			return nil
		}
		text, err := os.ReadFile(p)
		name, _ := filepath.Rel(root, p)
		found[filepath.ToSlash(name)] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func hasEnding(name string, endings []string) bool {
	for _, e := range endings {
		if strings.HasSuffix(name, e) {
			return true
		}
	}
	return false
}
