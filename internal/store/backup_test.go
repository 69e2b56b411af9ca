package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reeve/internal/license"
	"reeve/internal/store"
	"reeve/internal/store/archive"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
)

// backup is a backup of a database, in memory.
func backup(t *testing.T, db sqlconn.DB, progress func(store.CopyProgress)) (file []byte, h *archive.Header) {
	t.Helper()
	var b bytes.Buffer
	h, n, err := store.Backup(t.Context(), db, &b, store.BackupOptions{Program: "reeve of a test", Database: "some", Progress: progress})
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("backup: %v, %d bytes of %d", err, n, b.Len())
	}
	return b.Bytes(), h
}

func restore(t *testing.T, file []byte, to sqlconn.DB, o store.RestoreOptions) error {
	t.Helper()
	_, err := store.Restore(t.Context(), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }, to, o)
	return err
}

// A backup of either database is restored into either.
func TestBackupThereAndBack(t *testing.T) {
	pgtest.URL(t)
	first, middle, last := source(t), openPostgres(t), openNew(t)
	before := dump(t, first)
	ofSQLite, h := backup(t, first, nil)
	if err := restore(t, ofSQLite, middle, store.RestoreOptions{Check: verify}); err != nil {
		t.Fatal(err)
	}
	ofPostgres, again := backup(t, middle, nil)
	if err := restore(t, ofPostgres, last, store.RestoreOptions{Check: verify}); err != nil {
		t.Fatal(err)
	}
	wantSame(t, first, last)
	if diff := cmp.Diff(before, dump(t, first)); diff != "" {
		t.Errorf("the source was written to:\n%s", diff)
	}
	h.Taken = again.Taken
	if diff := cmp.Diff(h, again); diff != "" || h.Ledgers != 3 || h.Deployment == "" || h.MasterKey != "" {
		t.Errorf("the headers differ (-SQLite +PostgreSQL):\n%s", diff)
	}
	open(t, last, store.Options{})
}

// targets runs a test with an empty database of each kind.
func targets(t *testing.T, test func(*testing.T, sqlconn.DB)) {
	t.Run("SQLite", func(t *testing.T) { test(t, openNew(t)) })
	t.Run("Postgres", func(t *testing.T) { test(t, openPostgres(t)) })
}

// held is what a database of either kind holds, as a backup of it has it.
func held(t *testing.T, db sqlconn.DB) (rows map[string][]string) {
	t.Helper()
	file, h := backup(t, db, nil)
	r, err := archive.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows = map[string][]string{}
	for {
		table, page, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page {
			rows[h.Tables[table].Name] = append(rows[h.Tables[table].Name], fmt.Sprintf("%#v", row))
		}
	}
}

// Whatever is wrong with a restore, what was there stays.
func TestRestoreThatFailsChangesNothing(t *testing.T) {
	file, _ := backup(t, source(t), nil)
	altered := bytes.Clone(file)
	altered[len(altered)/2] ^= 1
	bad := errors.New("a fault")
	failing := func(context.Context, *store.Store) error { return bad }
	targets(t, func(t *testing.T, to sqlconn.DB) {
		deployment(t, to)
		before := held(t, to)
		for name, test := range map[string]struct {
			file  []byte
			o     store.RestoreOptions
			words string
		}{
			"NotAsked": {file, store.RestoreOptions{}, store.ErrNotEmpty.Error()},
			"CutOff":   {file[:len(file)-1], store.RestoreOptions{Replace: true}, "cut off"},
			"Altered":  {altered, store.RestoreOptions{Replace: true}, "was altered or damaged"},
			"Faulty":   {file, store.RestoreOptions{Replace: true, Check: failing}, bad.Error()},
			"NoBackup": {[]byte("SQLite format 3\x00 and more of that"), store.RestoreOptions{Replace: true}, "not a backup"},
		} {
			wantRefused(t, restore(t, test.file, to, test.o), test.words)
			if diff := cmp.Diff(before, held(t, to)); diff != "" {
				t.Fatalf("%s: the database was changed:\n%s", name, diff)
			}
		}
		if err := restore(t, file, to, store.RestoreOptions{Replace: true, Check: verify}); err != nil {
			t.Fatal(err)
		}
		if cmp.Equal(before, held(t, to)) {
			t.Error("the restored database is the old one")
		}
	})
}

// What only looks like a backup is refused before anything is locked.
func TestRestoreRefusesAnotherSchema(t *testing.T) {
	_, good := backup(t, source(t), nil)
	for _, test := range []struct {
		change func(*archive.Header)
		words  string
	}{
		{func(h *archive.Header) { h.Schema++ }, "restore it with that Reeve into an empty database"},
		{func(h *archive.Header) { h.Tables[0].Name = "account; DROP TABLE account" }, "another Reeve"},
		{func(h *archive.Header) { h.Tables[0].Columns = h.Tables[0].Columns[1:] }, "another Reeve"},
	} {
		h := *good
		h.Tables = append([]archive.Table{}, good.Tables...)
		test.change(&h)
		var b bytes.Buffer
		w, err := archive.NewWriter(&b, &h)
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		wantRefused(t, restore(t, b.Bytes(), openNew(t), store.RestoreOptions{}), test.words)
	}
}

// A backup is of one state, however much is written while it is made.
func TestBackupUnderWritesIsOfOneState(t *testing.T) {
	targets(t, func(t *testing.T, from sqlconn.DB) {
		deployment(t, from)
		before := held(t, from)
		m := license.New(open(t, from, store.Options{}), license.Settings{})
		who := license.Caller{Account: "111122223333", Region: "us-east-1"}
		vcpus := int64(8)
		file, _ := backup(t, from, func(store.CopyProgress) {
			vcpus++
			if _, err := m.PutResources(t.Context(), who, license.Put{Reports: machines(vcpus)[:3]}); err != nil {
				t.Error(err)
			}
		})
		to := openNew(t)
		if err := restore(t, file, to, store.RestoreOptions{Check: verify}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, held(t, to)); diff != "" {
			t.Errorf("the backup holds what was written after its begin:\n%s", diff)
		}
		if cmp.Equal(before, held(t, from)) {
			t.Error("nothing was written meanwhile")
		}
	})
}
