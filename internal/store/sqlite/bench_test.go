package sqlite_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
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
	for n := int64(0); b.Loop(); n++ {
		if err := overwrite(b.Context(), db, 7, n); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdatesAtOnce is the time of one Update of one row while so many
// callers make one after another.
func BenchmarkUpdatesAtOnce(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db := benchDB(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			var group sync.WaitGroup
			b.ResetTimer()
			for caller := range int64(callers) {
				group.Go(func() {
					for n := left.Add(-1); n >= 0; n = left.Add(-1) {
						if err := overwrite(b.Context(), db, caller, n); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
		})
	}
}

// overwrite writes what is not there yet: SQLite has nothing to commit after
// an UPDATE that changes nothing.
func overwrite(ctx context.Context, db *sqlite.DB, id, n int64) error {
	return db.Update(ctx, func(c sqlconn.Conn) error {
		_, err := c.Exec(`UPDATE item SET body = $1 WHERE id = $2`, fmt.Appendf(nil, "%09d", n), id)
		return err
	})
}
