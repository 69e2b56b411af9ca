package sqlite

import "testing"

// EnforceForeignKeys gives a test a COMMIT that fails.
func EnforceForeignKeys(t *testing.T, d *DB) {
	t.Helper()
	w := <-d.writer
	defer func() { d.writer <- w }()
	if _, err := w.pragma("foreign_keys = ON"); err != nil {
		t.Fatal(err)
	}
}
