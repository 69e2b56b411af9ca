package postgres_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"reeve/internal/store/postgres"
	"reeve/internal/store/postgres/pgtest"
	"reeve/internal/store/sqlconn"

	"github.com/jackc/pgx/v5"
)

func isUnavailable(err error) bool { return errors.Is(err, sqlconn.ErrUnavailable) }

// isAway is how packages that know no database tell that it is away.
func isAway(err error) bool {
	var away interface{ Unavailable() bool }
	return errors.As(err, &away) && away.Unavailable()
}

func look(c sqlconn.Conn) error {
	_, err := text(c, `SELECT 'x'`)
	return err
}

// TestFirstStatementOfAViewSurvives: the pool may have any number of
// connections that the server has ended.
func TestFirstStatementOfAViewSurvives(t *testing.T) {
	db, proxy := openCut(t, postgres.Options{}, func() pgtest.Cut { return pgtest.CutNone })
	for range 20 {
		if err := db.View(t.Context(), look); err != nil {
			t.Fatal(err)
		}
		proxy.CutAll()
	}
	err := db.View(t.Context(), func(c sqlconn.Conn) error {
		if err := look(c); err != nil {
			return err
		}
		proxy.CutAll()
		return look(c)
	})
	if !isUnavailable(err) {
		t.Errorf("got error %v, want one that the server is away: the snapshot is lost", err)
	}
}

func TestPatienceEnds(t *testing.T) {
	db, proxy := openCut(t, postgres.Options{Patience: 50 * time.Millisecond}, func() pgtest.Cut { return pgtest.CutNone })
	proxy.Close()
	if err := db.View(t.Context(), look); !isUnavailable(err) || !isAway(err) {
		t.Errorf("view: got error %v, want %v", err, sqlconn.ErrUnavailable)
	}
	if err := db.Update(t.Context(), look); !isUnavailable(err) || !isAway(err) {
		t.Errorf("update: got error %v, want %v", err, sqlconn.ErrUnavailable)
	}
}

// TestMistakesAreNotWaitedOut: an error that stays is told at once.
func TestMistakesAreNotWaitedOut(t *testing.T) {
	db := openCounters(t)
	for name, sql := range map[string]string{
		"NoTable":  `SELECT 1 FROM nothing`,
		"Function": `SELECT 1 / (SELECT 0)`,
	} {
		fn := func(c sqlconn.Conn) error { _, err := c.Exec(sql); return err }
		if err := db.Update(t.Context(), fn); err == nil || isUnavailable(err) {
			t.Errorf("%s: got error %v, want the server's own", name, err)
		}
	}
	write := func(c sqlconn.Conn) error { return increment(c, 1) }
	if err := db.View(t.Context(), write); err == nil || isUnavailable(err) {
		t.Errorf("a writing view got error %v, want the server's own", err)
	}
}

// TestHostsAreTriedInTurn: a URL may name several servers, of which some are
// away.
func TestHostsAreTriedInTurn(t *testing.T) {
	_, proxy := openCut(t, postgres.Options{}, func() pgtest.Cut { return pgtest.CutNone })
	config, err := pgx.ParseConfig(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	user := url.UserPassword(config.User, config.Password).String()
	hosts := strings.Join([]string{"127.0.0.1:1", proxy.HostPort()}, ",")
	db, err := postgres.Open(t.Context(), "postgres://"+user+"@"+hosts+"/"+config.Database+"?target_session_attrs=read-write", postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(t.Context(), look); err != nil {
		t.Error(err)
	}
}
