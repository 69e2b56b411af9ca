//go:build unix

package chaos_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"reeve/internal/store/postgres/pgtest"
)

// TestAFullDiskOfPostgreSQL keeps the tables on a small disk, and PostgreSQL's
// log elsewhere: a log that does not fit ends PostgreSQL, which is an outage.
func TestAFullDiskOfPostgreSQL(t *testing.T) {
	disk := smallDisk(t, "48m,mode=0777")
	cluster := newCluster(t)
	address := cluster.URL(pgtest.Leader)
	conn, err := pgx.Connect(t.Context(), address)
	must(t, "connect", err)
	tables := filepath.Join(disk, "tables")
	for _, sql := range []string{
		"COPY (SELECT 1) TO PROGRAM 'mkdir -m 700 " + tables + "'", // PostgreSQL has to own it
		"CREATE TABLESPACE small LOCATION '" + tables + "'",
		"CREATE DATABASE reeve_small TABLESPACE small",
	} {
		_, err := conn.Exec(t.Context(), sql)
		must(t, sql, err)
	}
	must(t, "disconnect", conn.Close(t.Context()))
	s := fillTwice(t, disk, t.TempDir(), "REEVE_DATABASE="+strings.Replace(address, "/postgres", "/reeve_small", 1))
	s.stop()
}
