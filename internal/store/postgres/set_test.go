package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func elements(n int, element func(i int64) []any) (all [][]any) {
	for i := range int64(n) {
		all = append(all, element(i))
	}
	return all
}

func TestAsSet(t *testing.T) {
	for name, test := range map[string]struct{ sql, want string }{
		"Insert": {
			`INSERT INTO t (a, b, c) VALUES ($1, 0, $2)`,
			`INSERT INTO t (a, b, c) SELECT arg.p1, 0, arg.p2 FROM unnest($1::bigint[], $2::text[]) AS arg (p1, p2) `,
		},
		"Upsert": {
			"INSERT INTO t (a, b) VALUES ($1, $2)\n\tON CONFLICT (a) DO UPDATE SET\n\tb = excluded.b",
			"INSERT INTO t (a, b) SELECT arg.p1, arg.p2 FROM unnest($1::bigint[], $2::text[]) AS arg (p1, p2) ON CONFLICT (a) DO UPDATE SET\n\tb = excluded.b",
		},
		"Ignore": {
			`INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO NOTHING`,
			`INSERT INTO t (a, b) SELECT arg.p1, arg.p2 FROM unnest($1::bigint[], $2::text[]) AS arg (p1, p2) ON CONFLICT (a) DO NOTHING`,
		},
		"Update": {
			`UPDATE t SET b = $2 WHERE a = $1`,
			`UPDATE t SET b = arg.p2 FROM unnest($1::bigint[], $2::text[]) AS arg (p1, p2) WHERE a = arg.p1`,
		},
		"Delete": {
			`DELETE FROM t WHERE a = $1 AND b = $2`,
			`DELETE FROM t USING unnest($1::bigint[], $2::text[]) AS arg (p1, p2) WHERE a = arg.p1 AND b = arg.p2`,
		},
		"Expression":       {`UPDATE t SET b = $2 WHERE a > $1`, ""},
		"Or":               {`DELETE FROM t WHERE a = $1 OR b = $2`, ""},
		"Call":             {`UPDATE t SET b = lower($2) WHERE a = $1`, ""},
		"ConflictArgument": {`INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = $2`, ""},
		"ConflictConstant": {`INSERT INTO t (a, b, c) VALUES (1, $1, $2) ON CONFLICT (a) DO UPDATE SET b = excluded.b`, ""},
		"Select":           {`SELECT a FROM t WHERE a = $1 AND b = $2`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, columns, ok := asSet(test.sql, elements(leastSet, func(i int64) []any { return []any{i, "x"} }), true)
			if diff := cmp.Diff(test.want, got); diff != "" || ok != (test.want != "") {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if ok && len(columns) != 2 {
				t.Errorf("got %d columns, want 2", len(columns))
			}
		})
	}
}

// TestNotAsSet: elements whose order matters, and those that have no one type,
// run one by one.
func TestNotAsSet(t *testing.T) {
	const upsert = `INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = excluded.b`
	for name, test := range map[string]struct {
		sql     string
		n       int
		element func(i int64) []any
	}{
		"Few":            {upsert, leastSet - 1, func(i int64) []any { return []any{i, "x"} }},
		"UpsertedTwice":  {upsert, 20, func(i int64) []any { return []any{i / 2, "x"} }},
		"UpdatedTwice":   {`UPDATE t SET b = $2 WHERE a = $1`, 20, func(i int64) []any { return []any{i % 19, "x"} }},
		"OnlyNulls":      {upsert, 20, func(i int64) []any { return []any{i, nil} }},
		"MixedTypes":     {upsert, 20, func(i int64) []any { return []any{i, []any{"x", i}[i%2]} }},
		"MissingElement": {upsert, 20, func(i int64) []any { return []any{i, "x"}[:1+i%2] }},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _, ok := asSet(test.sql, elements(test.n, test.element), true); ok {
				t.Errorf("got %q", got)
			}
		})
	}
	if _, _, ok := asSet(upsert, elements(20, func(i int64) []any { return []any{i, "x"} }), false); ok {
		t.Error("somebody wants rows")
	}
}
