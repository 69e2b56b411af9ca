package postgres

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// PostgreSQL spends most of the time of a small INSERT, UPDATE or DELETE on
// what surrounds it. So ExecEach turns a statement that is to run for many
// elements into one that runs over a table of them:
//
//	INSERT INTO t (a, b) VALUES ($1, $2)     INSERT INTO t (a, b) SELECT arg.p1, arg.p2 FROM unnest(…) AS arg (p1, p2)
//	UPDATE t SET b = $2 WHERE a = $1         UPDATE t SET b = arg.p2 FROM unnest(…) AS arg (p1, p2) WHERE a = arg.p1
//	DELETE FROM t WHERE a = $1               DELETE FROM t USING unnest(…) AS arg (p1) WHERE a = arg.p1
//
// where unnest takes a column of the elements in each parameter. Only these
// forms are turned, and only while no two elements name the same row: of those
// the last would win one by one, and any in the table. Everything else runs
// one by one, in one round trip.

// leastSet is the number of elements from which on a table pays.
const leastSet = 8

// setForm is a statement that can run over a table of elements.
type setForm struct {
	head, tail string // before and behind the table, parameters replaced
	keys       []int  // parameters that tell the row; none: repeated ones clash anyway
	params     int
}

var (
	insertForm = regexp.MustCompile(`(?s)^\s*(INSERT INTO \w+\s*\([\w\s,]+\))\s*VALUES \(([^()]*)\)\s*(ON CONFLICT \(([\w\s,]+)\) DO (?:UPDATE SET\s[^$]*|NOTHING\s*))?$`)
	updateForm = regexp.MustCompile(`(?s)^\s*(UPDATE \w+\s+SET [^()?]*?)\s+WHERE ([^()?]*)$`)
	deleteForm = regexp.MustCompile(`(?s)^\s*(DELETE FROM \w+)\s+WHERE ([^()?]*)$`)
	equality   = regexp.MustCompile(`^\s*\w+ = \$(\d+)\s*$`)
	parameter  = regexp.MustCompile(`\$(\d+)`)
)

// forms remembers what was made of each text; nil: it has no such form. The
// texts are those of the program, which are few.
var forms sync.Map

func formOf(sql string) *setForm {
	if f, ok := forms.Load(sql); ok {
		return f.(*setForm)
	}
	f := makeForm(sql)
	forms.Store(sql, f)
	return f
}

func makeForm(sql string) *setForm {
	f := &setForm{}
	for _, p := range parameter.FindAllStringSubmatch(sql, -1) {
		n, err := strconv.Atoi(p[1])
		if err != nil {
			return nil
		}
		f.params = max(f.params, n)
	}
	if f.params == 0 || !f.insert(sql) && !f.change(sql, updateForm, " FROM ") && !f.change(sql, deleteForm, " USING ") {
		return nil
	}
	return f
}

func (f *setForm) insert(sql string) bool {
	m := insertForm.FindStringSubmatch(sql)
	if m == nil {
		return false
	}
	into, values, conflict := m[1], m[2], m[4]
	f.head, f.tail = into+" SELECT "+argued(values)+" FROM ", " "+m[3]
	if conflict == "" {
		return true
	}
	columns, exprs := list(into[strings.IndexByte(into, '(')+1:len(into)-1]), list(values)
	for _, key := range list(conflict) {
		for i, c := range columns {
			if c != key || i >= len(exprs) {
				continue
			}
			p := parameter.FindStringSubmatch(exprs[i])
			if p == nil || p[0] != exprs[i] {
				return false
			}
			n, _ := strconv.Atoi(p[1])
			f.keys = append(f.keys, n-1)
		}
	}
	return len(f.keys) == len(list(conflict))
}

// change is an UPDATE or a DELETE of rows told by equal columns only.
func (f *setForm) change(sql string, form *regexp.Regexp, join string) bool {
	m := form.FindStringSubmatch(sql)
	if m == nil {
		return false
	}
	for _, condition := range strings.Split(m[2], " AND ") {
		p := equality.FindStringSubmatch(condition)
		if p == nil {
			return false
		}
		n, _ := strconv.Atoi(p[1])
		f.keys = append(f.keys, n-1)
	}
	f.head, f.tail = argued(m[1])+join, " WHERE "+argued(m[2])
	return true
}

// argued names the columns of the table in the place of parameters.
func argued(sql string) string { return parameter.ReplaceAllString(sql, "arg.p$1") }

func list(s string) []string {
	words := strings.Split(s, ",")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	return words
}

// asSet is the statement over the table of args, and its parameters; false
// when they have to run one by one, as they have to when somebody wants rows.
func asSet(sql string, args [][]any, silent bool) (string, []any, bool) {
	if !silent || len(args) < leastSet {
		return "", nil, false
	}
	f := formOf(sql)
	if f == nil || !f.distinct(args) {
		return "", nil, false
	}
	columns := make([]any, f.params)
	var names, types []string
	for i := range columns {
		column, typ := columnOf(args, i)
		if column == nil {
			return "", nil, false
		}
		columns[i] = column
		names = append(names, fmt.Sprintf("p%d", i+1))
		types = append(types, fmt.Sprintf("$%d::%s[]", i+1, typ))
	}
	return f.head + "unnest(" + strings.Join(types, ", ") + ") AS arg (" + strings.Join(names, ", ") + ")" + f.tail, columns, true
}

// distinct reports whether no two elements have the same keys.
func (f *setForm) distinct(args [][]any) bool {
	if len(f.keys) == 0 {
		return true
	}
	seen := make(map[string]struct{}, len(args))
	var key []byte
	for _, a := range args {
		if len(a) != f.params {
			return false
		}
		key = key[:0]
		for _, k := range f.keys {
			switch v := a[k].(type) {
			case int64:
				key = strconv.AppendInt(key, v, 36)
			case string:
				key = append(key, v...)
			default:
				return false
			}
			key = append(key, 0) // in no text
		}
		if _, twice := seen[string(key)]; twice {
			return false
		}
		seen[string(key)] = struct{}{}
	}
	return true
}

// columnOf is one parameter of every element, and its type; nil when it is not
// the same for all, or not known because all are NULL.
func columnOf(args [][]any, i int) (column any, typ string) {
	for _, a := range args {
		if i >= len(a) {
			return nil, ""
		}
		switch a[i].(type) {
		case int64:
			return typedColumn[int64](args, i, "bigint")
		case string:
			return typedColumn[string](args, i, "text")
		case []byte:
			return bytesColumn(args, i)
		}
	}
	return nil, ""
}

func typedColumn[T int64 | string](args [][]any, i int, typ string) (any, string) {
	plain := make([]T, 0, len(args))
	for _, a := range args {
		if i >= len(a) {
			return nil, ""
		}
		v, ok := a[i].(T)
		if !ok {
			return nil, "" // a NULL among them is rare
		}
		plain = append(plain, v)
	}
	return plain, typ
}

func bytesColumn(args [][]any, i int) (any, string) {
	column := make([][]byte, 0, len(args))
	for _, a := range args {
		if i >= len(a) {
			return nil, ""
		}
		v, ok := a[i].([]byte)
		if !ok || v == nil {
			return nil, ""
		}
		column = append(column, v)
	}
	return column, "bytea"
}
