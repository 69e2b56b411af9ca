package sqlconntest

import (
	"fmt"
	"math"
	"testing"

	"reeve/internal/store/sqlconn"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func testParameters(t *testing.T, db sqlconn.DB) {
	const sql = `SELECT CAST($3 AS BIGINT), CAST($1 AS TEXT), CAST($3 AS BIGINT) + CAST($2 AS BIGINT), CAST($1 AS TEXT)`
	view(t, db, func(c sqlconn.Conn) error {
		for i := range int64(3) { // the second time from the cache
			err := c.Query(sql, []any{"one", int64(2), i}, func(r sqlconn.Row) error {
				got := []any{r.Int(0), r.Text(1), r.Int(2), r.Text(3)}
				if diff := cmp.Diff([]any{i, "one", i + 2, "one"}, got); diff != "" {
					t.Errorf("row (-want +got):\n%s", diff)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func testArguments(t *testing.T, db sqlconn.DB) {
	const sql = `SELECT id FROM item WHERE id = $1 AND note = $2`
	for name, args := range map[string][]any{
		"TooFew":     {int64(1)},
		"TooMany":    {int64(1), "a", "b"},
		"Int":        {1, "a"},
		"Bool":       {int64(1), true},
		"ZeroByte":   {int64(1), "a\x00b"},
		"NotUnicode": {int64(1), "a\xff"},
	} {
		err := db.View(t.Context(), func(c sqlconn.Conn) error {
			return c.Query(sql, args, func(sqlconn.Row) error { return nil })
		})
		if err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	wantItems(t, db, 0) // the connections still work
}

func testValues(t *testing.T, db sqlconn.DB) {
	type item struct {
		ID   int64
		Name string
		Note string
		Body []byte
	}
	items := []item{
		{math.MinInt64, "min", "", nil},
		{-1, "empty", "", []byte{}},
		{0, "", "é\n\"'$1", []byte{0}},
		{math.MaxInt64, "max", "\U0001F600", []byte{0, 255, '\\', 'x'}},
	}
	update(t, db, func(c sqlconn.Conn) error {
		for _, i := range items {
			if _, err := c.Exec(insertItem, i.ID, i.Name, i.Note, i.Body); err != nil {
				return err
			}
		}
		return nil
	})
	var got []item
	view(t, db, func(c sqlconn.Conn) error {
		got = nil
		return c.Query(`SELECT id, name, note, body FROM item ORDER BY id`, nil, func(r sqlconn.Row) error {
			got = append(got, item{r.Int(0), r.Text(1), r.Text(2), r.Bytes(3)})
			return nil
		})
	})
	if diff := cmp.Diff(items, got); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	testNulls(t, db)
}

func testNulls(t *testing.T, db sqlconn.DB) {
	update(t, db, func(c sqlconn.Conn) error {
		_, err := c.Exec(insertItem, int64(7), nil, nil, nil)
		return err
	})
	view(t, db, func(c sqlconn.Conn) error {
		rows := 0
		const sql = `SELECT CAST(NULL AS BIGINT), name, note, body FROM item WHERE id = 7 AND name IS NULL AND note IS NULL AND body IS NULL`
		err := c.Query(sql, nil, func(r sqlconn.Row) error {
			rows++
			if r.Int(0) != 0 || r.Text(1) != "" || r.Text(2) != "" || r.Bytes(3) != nil {
				t.Errorf("NULLs read as %d %q %q %v, want zero values", r.Int(0), r.Text(1), r.Text(2), r.Bytes(3))
			}
			return nil
		})
		if rows != 1 {
			t.Errorf("got %d rows of NULLs, want 1", rows)
		}
		return err
	})
}

func testAnyValues(t *testing.T, db sqlconn.DB) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Int64().Draw(rt, "n")
		s := rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return r != 0 }), 0, 300, -1).Draw(rt, "s")
		b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "b")
		const sql = `INSERT INTO item (id, note, body) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET note = excluded.note, body = excluded.body RETURNING id, note, body`
		update(t, db, func(c sqlconn.Conn) error {
			return c.Query(sql, []any{n, s, b}, func(r sqlconn.Row) error {
				if diff := cmp.Diff([]any{n, s, b}, []any{r.Int(0), r.Text(1), r.Bytes(2)}); diff != "" {
					rt.Errorf("row (-want +got):\n%s", diff)
				}
				return nil
			})
		})
	})
}

func testKeyOrder(t *testing.T, db sqlconn.DB) {
	want := []string{"", "B", "Z", "a", "a b", "a-b", "aB", "ab", "b", "é", "\uffff", "\U00010000"}
	update(t, db, func(c sqlconn.Conn) error {
		for i, name := range want {
			if err := addItem(c, int64(i*7%len(want)), name); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, db, func(c sqlconn.Conn) error {
		var got, after []string
		if err := c.Query(`SELECT name FROM item ORDER BY name`, nil, collect(&got)); err != nil {
			return err
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		err := c.Query(`SELECT name FROM item WHERE name > $1 AND name < $2 ORDER BY name`, []any{"a", "ab"}, collect(&after))
		if diff := cmp.Diff([]string{"a b", "a-b", "aB"}, after); diff != "" {
			t.Errorf("range (-want +got):\n%s", diff)
		}
		return err
	})
}

func collect(dst *[]string) func(sqlconn.Row) error {
	return func(r sqlconn.Row) error {
		*dst = append(*dst, r.Text(0))
		return nil
	}
}

func testExecCount(t *testing.T, db sqlconn.DB) {
	update(t, db, func(c sqlconn.Conn) error {
		for _, step := range []struct {
			sql  string
			args []any
			want int64
		}{
			{insertItem, []any{int64(1), "a", "x", nil}, 1},
			{insertItem, []any{int64(2), "b", "x", nil}, 1},
			{`UPDATE item SET note = $1`, []any{"y"}, 2},
			{`UPDATE item SET note = $1 WHERE id = $2`, []any{"z", int64(9)}, 0},
			{`UPDATE item SET note = $1 WHERE id > $2 RETURNING id`, []any{"z", int64(0)}, 2},
			{`INSERT INTO item (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING`, []any{int64(1), "c"}, 0},
			{`DELETE FROM item WHERE id IN ($2, $1)`, []any{int64(1), int64(2)}, 2},
		} {
			got, err := c.Exec(step.sql, step.args...)
			if err != nil {
				return err
			}
			if got != step.want {
				t.Errorf("%s: got %d rows, want %d", step.sql, got, step.want)
			}
		}
		return nil
	})
}

func testQueryEach(t *testing.T, db sqlconn.DB) {
	update(t, db, func(c sqlconn.Conn) error {
		for i := range int64(10) {
			if _, err := c.Exec(insertItem, i, nil, fmt.Sprint("n", i%3), nil); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, db, func(c sqlconn.Conn) error {
		var got [][2]int64
		each := func(i int, r sqlconn.Row) error {
			got = append(got, [2]int64{int64(i), r.Int(0)})
			return nil
		}
		const sql = `SELECT id FROM item WHERE note = $1 AND id > $2 ORDER BY id`
		args := [][]any{{"n1", int64(0)}, {"none", int64(0)}, {"n2", int64(4)}, {"n1", int64(6)}}
		if err := c.QueryEach(sql, args, each); err != nil {
			return err
		}
		want := [][2]int64{{0, 1}, {0, 4}, {0, 7}, {2, 5}, {2, 8}, {3, 7}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("element and row (-want +got):\n%s", diff)
		}
		return c.QueryEach(sql, nil, each)
	})
}

// testExecEach uses more elements than an implementation sends at once.
func testExecEach(t *testing.T, db sqlconn.DB) {
	const n = 1234
	var args [][]any
	var ids [][]any
	for i := range int64(n) {
		args = append(args, []any{i, fmt.Sprint("item ", i), nil, nil})
		ids = append(ids, []any{i})
	}
	update(t, db, func(c sqlconn.Conn) error {
		if err := c.ExecEach(insertItem, nil); err != nil {
			return err
		}
		return c.ExecEach(insertItem, args)
	})
	view(t, db, func(c sqlconn.Conn) error {
		next := 0
		err := c.QueryEach(`SELECT name FROM item WHERE id = $1`, ids, func(i int, r sqlconn.Row) error {
			if want := fmt.Sprint("item ", next); i != next || r.Text(0) != want {
				return fmt.Errorf("element %d is %q, want element %d %q", i, r.Text(0), next, want)
			}
			next++
			return nil
		})
		if next != n {
			t.Errorf("got %d elements, want %d", next, n)
		}
		return err
	})
}

// testExecEachInOrder changes many rows, some of them twice: the last one wins.
func testExecEachInOrder(t *testing.T, db sqlconn.DB) {
	const n = 40
	const upsert = insertItem + ` ON CONFLICT (id) DO UPDATE SET name = excluded.name, note = excluded.note`
	elements := func(step int64, name string) (all [][]any) {
		for i := range int64(n) {
			all = append(all, []any{i / step, fmt.Sprint(name, " ", i), "a note", nil})
		}
		return all
	}
	renamed := func(step int64, name string) (all [][]any) {
		for _, e := range elements(step, name) {
			all = append(all, e[:2])
		}
		return all
	}
	const rename = `UPDATE item SET name = $2 WHERE id = $1`
	const remove = `DELETE FROM item WHERE id = $1 AND name = $2`
	for _, step := range []struct {
		sql  string
		args [][]any
		rows int64
		last string // name of item 10
	}{
		{upsert, elements(1, "one"), n, "one 10"},
		{upsert, elements(1, "two"), n, "two 10"},
		{upsert, elements(2, "three"), n, "three 21"},
		{rename, renamed(1, "four"), n, "four 10"},
		{rename, renamed(2, "five"), n, "five 21"},
		{remove, renamed(2, "five"), n / 2, ""},
		{remove, renamed(1, "four"), 0, ""},
	} {
		update(t, db, func(c sqlconn.Conn) error { return c.ExecEach(step.sql, step.args) })
		wantItems(t, db, step.rows)
		last := ""
		view(t, db, func(c sqlconn.Conn) error {
			return c.Query(`SELECT name FROM item WHERE id = 10`, nil, func(r sqlconn.Row) error {
				last = r.Text(0)
				return nil
			})
		})
		if last != step.last {
			t.Errorf("item 10 is %q, want %q", last, step.last)
		}
	}
}

func testEachError(t *testing.T, db sqlconn.DB) {
	args := [][]any{{int64(0)}, {int64(1)}, {int64(2)}}
	update(t, db, func(c sqlconn.Conn) error {
		for i := range int64(5) {
			if err := addItem(c, i, fmt.Sprint(i)); err != nil {
				return err
			}
		}
		calls := 0
		stop := func() error { calls++; return errStop }
		err := c.Query(`SELECT id FROM item`, nil, func(sqlconn.Row) error { return stop() })
		wantError(t, err, errStop)
		err = c.QueryEach(`SELECT id FROM item WHERE id >= $1`, args, func(int, sqlconn.Row) error { return stop() })
		wantError(t, err, errStop)
		if calls != 2 {
			t.Errorf("each was called %d times, want once a statement", calls)
		}
		return addItem(c, 9, "after")
	})
	wantItems(t, db, 6)
}

func testManyStatements(t *testing.T, db sqlconn.DB) {
	view(t, db, func(c sqlconn.Conn) error {
		for i := range int64(700) {
			sql := fmt.Sprintf("SELECT CAST($1 AS BIGINT) + %d", i)
			err := c.Query(sql, []any{int64(1)}, func(r sqlconn.Row) error {
				if r.Int(0) != i+1 {
					t.Errorf("%s: got %d", sql, r.Int(0))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func testNow(t *testing.T, db sqlconn.DB) {
	view(t, db, func(c sqlconn.Conn) error {
		first, err := c.Now()
		if err != nil {
			return err
		}
		second, err := c.Now()
		const year2020 = 1577836800 * 1e6
		if first < year2020 || second < first {
			t.Errorf("got %d, then %d microseconds since 1970", first, second)
		}
		return err
	})
}
