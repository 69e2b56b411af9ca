package store

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

// column is what a database says of a column. Key counts from 1; 0 is none.
type column struct {
	Type     string
	Nullable bool
	Key      int64
}

// TestEveryTableIsCopied compares what Copy knows with what the migrations
// make, so that a new table or column cannot be forgotten.
func TestEveryTableIsCopied(t *testing.T) {
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "reeve.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	schema := schemaOf(t, db)
	delete(schema, "schema_migration")
	if diff := cmp.Diff(schema, schemaOfCopy()); diff != "" {
		t.Errorf("what Copy knows is not the schema: bring the list of copied tables up to date (-schema +copied):\n%s", diff)
	}
}

func schemaOf(t *testing.T, db sqlconn.DB) map[string]map[string]column {
	t.Helper()
	found := map[string]map[string]column{}
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		return c.Query(`SELECT t.name, c.name, c.type, c."notnull", c.pk FROM sqlite_schema t JOIN pragma_table_info(t.name) c
			WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'`, nil, func(r sqlconn.Row) error {
			if found[r.Text(0)] == nil {
				found[r.Text(0)] = map[string]column{}
			}
			typ := r.Text(2)
			if typ == "KEYTEXT" {
				typ = "TEXT"
			}
			found[r.Text(0)][r.Text(1)] = column{typ, r.Int(3) == 0 && typ != "BYTEA", r.Int(4)}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// schemaOfCopy is schemaOf as Copy's list has it. Of bytes the list does not
// say whether they may be NULL: they are read as they are.
func schemaOfCopy() map[string]map[string]column {
	types := map[copyKind]string{copyInt: "BIGINT", copyText: "TEXT", copyNullText: "TEXT", copyBytes: "BYTEA"}
	found := map[string]map[string]column{}
	for _, table := range copied {
		found[table.name] = map[string]column{}
		for i, c := range table.columns {
			key := int64(0)
			if i < table.keys {
				key = int64(i) + 1
			}
			found[table.name][c.name] = column{types[c.kind], c.kind == copyNullText, key}
		}
	}
	return found
}

// Long rows end a page early, and the pages after it grow again.
func TestPagesAreBoundedInBytes(t *testing.T) {
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "reeve.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(c sqlconn.Conn) error {
		for n := range int64(40) {
			size := 10
			if n < 4 {
				size = pageBytes*2/3 + 1
			}
			if _, err := c.Exec(`INSERT INTO meta (name, value) VALUES ($1, $2)`, string(rune('A'+n)), make([]byte, size)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	meta, err := tableNamed("meta")
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	err = db.View(t.Context(), func(c sqlconn.Conn) error {
		for p := (pages{table: meta, most: 16}); !p.ended; {
			rows, err := p.next(c)
			if err != nil {
				return err
			}
			sizes = append(sizes, len(rows))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 2, 2, 4, 8, 16, 6}, sizes); diff != "" {
		t.Errorf("rows of pages (-want +got):\n%s", diff)
	}
}
