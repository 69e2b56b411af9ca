//go:build unix

package postgres_test

import (
	"os"
	"testing"
	"time"

	"reeve/internal/store/postgres"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"
)

// TestStandbyBecomesPrimary: while the only server that is left just follows,
// an update waits for it to be promoted. A view reads from it meanwhile.
func TestStandbyBecomesPrimary(t *testing.T) {
	c, err := pgtest.NewCluster()
	if err != nil && os.Getenv("REEVE_REQUIRE_ALL") != "1" {
		t.Skipf("no PostgreSQL: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	leader, err := postgres.Open(t.Context(), c.URL(pgtest.Leader), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer leader.Close()
	if err := leader.Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	if err := c.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	standby, err := postgres.Open(t.Context(), c.URL(pgtest.Follower), postgres.Options{Patience: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Close()
	if err := standby.View(t.Context(), look); err != nil {
		t.Errorf("view: %v", err)
	}
	write := func(c sqlconn.Conn) error { return increment(c, 1) }
	if err := standby.Update(t.Context(), write); !isUnavailable(err) {
		t.Errorf("update: got error %v, want %v", err, sqlconn.ErrUnavailable)
	}
	if err := c.Kill(pgtest.Leader); err != nil {
		t.Fatal(err)
	}
	if err := c.Promote(); err != nil {
		t.Fatal(err)
	}
	if err := standby.Update(t.Context(), write); err != nil {
		t.Errorf("update after the promotion: %v", err)
	}
	wantCounters(t, standby, "[1 0]")
}
