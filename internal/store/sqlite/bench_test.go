package sqlite_test

import (
	"context"
	"testing"

	"reeve/internal/store/sqlconn"
	"reeve/internal/store/sqlite"
)

func benchDB(b *testing.B) *sqlite.DB {
	db, err := sqlite.Open(b.TempDir()+"/reeve.db", sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if err := db.Migrate(b.Context(), schema); err != nil {
		b.Fatal(err)
	}
	err = db.Update(b.Context(), func(c sqlconn.Conn) error {
		for i := range int64(100) {
			if _, err := c.Exec(insertItem, i, make([]byte, 100)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

func BenchmarkViewEmpty(b *testing.B) {
	db := benchDB(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		db.View(ctx, func(sqlconn.Conn) error { return nil })
	}
}

func BenchmarkViewPage(b *testing.B) {
	db := benchDB(b)
	b.ReportAllocs()
	for b.Loop() {
		db.View(b.Context(), func(c sqlconn.Conn) error {
			return c.Query(`SELECT id, body FROM item WHERE id > $1 ORDER BY id LIMIT $2`, []any{int64(20), int64(50)}, func(r sqlconn.Row) error {
				r.Int(0)
				r.Bytes(1)
				return nil
			})
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	db := benchDB(b)
	for b.Loop() {
		db.Update(b.Context(), func(c sqlconn.Conn) error {
			_, err := c.Exec(`UPDATE item SET body = $1 WHERE id = $2`, []byte("xyz"), int64(7))
			return err
		})
	}
}
