package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"reeve/internal/store/sqlconn"
)

// pageBytes is how large a batch may become before it ends early.
const pageBytes = 8 << 20

// copyTable is one table as Copy sees it. Its key columns come first, in the
// order of the primary key; the others come in any order.
type copyTable struct {
	name    string
	keys    int
	columns []copyColumn
	where   string // which rows are copied; "" for all
}

type copyColumn struct {
	name string
	kind copyKind
}

type copyKind int

const (
	copyInt copyKind = iota
	copyText
	copyNullText // text that may be NULL, which is not ""
	copyBytes    // NULL or not
)

// copied are the tables of the schema in the order of their copying, all but
// schema_migration, which the target's own migrations fill. The accounts come
// last, so that nobody takes half a copy for a deployment.
var copied = []copyTable{
	{"tree_root", 3, columns(ints("cfg", "tree", "from_rev", "node", "height")), ""},
	{"tree_dir", 5, columns(ints("cfg", "node", "owner", "id", "from_rev", "to_rev", "child")), ""},
	{"tree_leaf", 5, columns(ints("cfg", "node", "owner", "id", "from_rev", "to_rev"), texts("value")), ""},
	{"revision", 2, columns(ints("configuration", "number", "at", "recorded", "consumed", "terms_rev"),
		blobs("hash"), texts("counters", "caller", "cause", "nodes", "changes"), nullTexts("terms")), ""},
	{"resource_facts", 2, columns(ints("resource", "version", "at"), texts("facts"), blobs("digest")), ""},
	{"software", 2, columns(ints("resource", "version", "at"), texts("applications")), ""},
	{"attribute_value", 3, columns(texts("account", "attribute", "value"), ints("num")), ""},
	{"attribute_resource", 2, columns(ints("value", "resource")), ""},
	{"resource", 1, columns(ints("num", "type", "created", "seen", "version", "software", "gone", "inactive", "lost"),
		texts("account", "owner", "arn", "host", "platform", "facts"), blobs("digest")), ""},
	{"unsealed", 2, columns(texts("account", "first", "entries")), ""},
	{"inventory_seal", 2, columns(texts("account"), ints("number", "at"), blobs("hash"), texts("entries")), ""},
	{"association", 2, columns(ints("resource", "configuration", "owner", "type", "at", "unlicensed", "facts", "until"),
		texts("arn", "scope", "origin")), ""},
	{"failure", 3, columns(ints("configuration", "owner", "resource", "type", "at"),
		texts("arn", "message", "operation", "requested_by")), ""},
	{"source_resource", 2, columns(ints("source"), texts("arn", "account")), ""},
	{"source_memory", 1, columns(ints("source"), blobs("memory")), ""},
	{"source_run", 2, columns(ints("source", "number", "started", "ended", "troubled"),
		texts("status", "server", "counts", "error", "failures")), ""},
	{"source", 1, columns(ints("num", "created", "every", "paused", "allow_shrink", "due", "asked", "run", "lease", "failed", "found", "succeeded", "ready"),
		texts("name", "account", "region", "kind", "created_by", "settings")), ""},
	{"exclusion", 3, columns(ints("configuration", "resource", "created", "until", "ended"),
		texts("arn", "reason", "owner", "created_by", "ended_by"), blobs("digest")), ""},
	{"software_count", 3, columns(texts("account", "name", "publisher"), ints("num", "rank")), ""},
	{"software_counted", 1, columns(ints("resource", "version")), ""},
	{"software_uncounted", 1, columns(ints("resource")), ""},
	{"checkpoint", 2, columns(texts("account"), ints("number", "at"), texts("note", "cosigned")), ""},
	{"checkpoint_ledger", 3, columns(texts("account", "arn"), ints("number", "configuration", "head"), blobs("hash")), ""},
	{"checkpoint_head", 1, columns(texts("account"), ints("number", "at", "signing_key", "ledgers", "revisions", "seals")), ""},
	{"signing_key", 1, columns(ints("number", "since"), texts("public", "old_sig", "new_sig"), blobs("sealed")), ""},
	{"witness", 2, columns(texts("name", "account"), ints("sent", "sent_at", "failed", "ready", "lease"), texts("error")), ""},
	{"witnessed", 2, columns(texts("origin"), ints("number", "at"), texts("account", "note")), ""},
	{"witnessed_ledger", 2, columns(texts("origin", "arn"), ints("head"), blobs("hash")), ""},
	{"discovery_rules", 1, columns(texts("account"), ints("generation")), ""},
	{"configuration", 1, columns(ints("num", "created", "deleted", "loading", "head", "head_at", "terms_rev", "next_node", "discovers", "pass", "last_run", "settled"),
		blobs("head_hash"), texts("id", "account", "region", "counters", "terms", "pass_account")), ""},
	{"share", 4, columns(texts("principal", "region"), ints("created", "configuration"), texts("owner")), ""},
	{"organization_account", 3, columns(texts("organization", "account"), ints("joined", "ended")), ""},
	{"organization", 1, columns(texts("id", "management", "delegated"), ints("created")), ""},
	{"audit_segment", 2, columns(ints("chain", "number", "first_at", "last_at", "events"), blobs("previous", "hash", "data")), ""},
	{"audit_chain", 1, columns(ints("num", "started", "anchor", "kept", "head"), blobs("anchor_hash", "kept_hash", "head_hash"), texts("server")), ""},
	{"settings", 2, columns(texts("account", "region", "settings")), ""},
	{"account", 1, columns(texts("id", "name"), ints("root", "created")), ""},
	{"agent_token", 1, columns(ints("num", "created", "used", "revoked"), texts("id", "account", "region", "name"), blobs("hash")), ""},
	{"session", 1, columns(texts("id", "account", "principal", "person", "access_key", "role", "region", "regions", "address", "browser"),
		blobs("hash"), ints("created", "used")), ""},
	{"access_key", 1, columns(texts("id", "account", "owner"), blobs("secret"), ints("created", "inactive", "used")), ""},
	{"iam_principal", 3, columns(texts("account"), ints("type"), texts("name", "id", "trust"), ints("num", "created", "max_session", "trusted")), ""},
	{"iam_policy", 4, columns(texts("account"), ints("type"), texts("owner", "name", "document"), ints("num", "changed")), ""},
	{"iam_attachment", 4, columns(texts("account"), ints("type"), texts("owner", "policy")), ""},
	{"meta", 1, columns(texts("name"), blobs("value")), "name <> '" + markName + "'"},
}

func columns(groups ...[]copyColumn) []copyColumn { return slices.Concat(groups...) }
func ints(names ...string) []copyColumn           { return columnsOf(copyInt, names) }
func texts(names ...string) []copyColumn          { return columnsOf(copyText, names) }
func nullTexts(names ...string) []copyColumn      { return columnsOf(copyNullText, names) }
func blobs(names ...string) []copyColumn          { return columnsOf(copyBytes, names) }

func columnsOf(kind copyKind, names []string) []copyColumn {
	list := make([]copyColumn, len(names))
	for i, name := range names {
		list[i] = copyColumn{name, kind}
	}
	return list
}

func tableNamed(name string) (*copyTable, error) {
	i := slices.IndexFunc(copied, func(t copyTable) bool { return t.name == name })
	if i < 0 {
		return nil, fmt.Errorf("the copy is at table %q, which does not exist: copy again into an empty database", name)
	}
	return &copied[i], nil
}

// tableAfter is the name of the next table, "" after the last one.
func tableAfter(t *copyTable) string {
	i := slices.IndexFunc(copied, func(other copyTable) bool { return t.name == other.name })
	if i+1 == len(copied) {
		return ""
	}
	return copied[i+1].name
}

// names lists columns for a statement.
func names(cols []copyColumn) string {
	list := make([]string, len(cols))
	for i, c := range cols {
		list[i] = c.name
	}
	return strings.Join(list, ", ")
}

// parameters is $1, …, $n.
func parameters(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(list, ", ")
}

func (t *copyTable) insert() string {
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, names(t.columns), parameters(len(t.columns)))
}

// selectPage is the text that reads a page: the first one, or one after a key.
// Behind the columns it tells of each that may be NULL text whether it is.
func (t *copyTable) selectPage(first bool) string {
	cols, keys := names(t.columns), names(t.columns[:t.keys])
	for _, c := range t.columns {
		if c.kind == copyNullText {
			cols += fmt.Sprintf(", CASE WHEN %s IS NULL THEN 1 ELSE 0 END", c.name)
		}
	}
	var conditions []string
	limit := 1
	if !first {
		conditions = append(conditions, fmt.Sprintf("(%s) > (%s)", keys, parameters(t.keys)))
		limit += t.keys
	}
	if t.where != "" {
		conditions = append(conditions, t.where)
	}
	where := ""
	if len(conditions) > 0 {
		where = " WHERE " + strings.Join(conditions, " AND ")
	}
	return fmt.Sprintf("SELECT %s FROM %s%s ORDER BY %s LIMIT $%d", cols, t.name, where, keys, limit)
}

func (t *copyTable) count(c sqlconn.Conn) (n int64, err error) {
	sql := "SELECT COUNT(*) FROM " + t.name
	if t.where != "" {
		sql += " WHERE " + t.where
	}
	err = c.Query(sql, nil, func(r sqlconn.Row) error {
		n = r.Int(0)
		return nil
	})
	return n, err
}

// holdsRows tells whether there is a row.
func (t *copyTable) holdsRows(c sqlconn.Conn) (there bool, err error) {
	p := pages{table: t, most: 1}
	rows, err := p.next(c)
	return len(rows) > 0, err
}

// scan reads a row, and how many bytes it takes.
func (t *copyTable) scan(r sqlconn.Row) (values []any, size int) {
	values = make([]any, len(t.columns))
	flag := len(t.columns)
	for i, c := range t.columns {
		size += 16
		switch c.kind {
		case copyInt:
			values[i] = r.Int(i)
		case copyBytes:
			b := r.Bytes(i)
			size += len(b)
			values[i] = b
		case copyText, copyNullText:
			text := r.Text(i)
			size += len(text)
			values[i] = text
		}
		if c.kind == copyNullText {
			if r.Int(flag) != 0 {
				values[i] = nil
			}
			flag++
		}
	}
	return values, size
}

// formatKey is a row's key as text, which parseKey reads.
func (t *copyTable) formatKey(row []any) []string {
	key := make([]string, t.keys)
	for i := range key {
		key[i] = fmt.Sprint(row[i])
	}
	return key
}

func (t *copyTable) parseKey(key []string) ([]any, error) {
	if len(key) == 0 {
		return nil, nil
	}
	if len(key) != t.keys {
		return nil, fmt.Errorf("the copy is at a key of %d columns, the table's has %d", len(key), t.keys)
	}
	values := make([]any, t.keys)
	for i, text := range key {
		values[i] = text
		if t.columns[i].kind == copyInt {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read the key that the copy is at: %w", err)
			}
			values[i] = n
		}
	}
	return values, nil
}

// pages reads a table in the order of its key. Which rows make a page depends
// on the rows alone, so equal tables have equal pages.
type pages struct {
	table *copyTable
	most  int   // rows of a page at most
	after []any // key of the last row read; nil at the start
	limit int   // rows to ask for next; grows again after pages that were full before they ended
	ended bool
}

// errPageFull ends the reading of a page that has pageBytes.
var errPageFull = errors.New("page is full")

// next reads a page. The last one, with which ended is set, may be empty.
func (p *pages) next(c sqlconn.Conn) ([][]any, error) {
	if p.limit == 0 {
		p.limit = p.most
	}
	args := append(slices.Clone(p.after), any(int64(p.limit)))
	var rows [][]any
	total := 0
	err := c.Query(p.table.selectPage(p.after == nil), args, func(r sqlconn.Row) error {
		row, size := p.table.scan(r)
		rows = append(rows, row)
		if total += size; total >= pageBytes {
			return errPageFull
		}
		return nil
	})
	full := errors.Is(err, errPageFull)
	if err != nil && !full {
		return nil, err
	}
	p.ended = !full && len(rows) < p.limit
	if len(rows) > 0 {
		p.after = rows[len(rows)-1][:p.table.keys]
	}
	p.limit = min(2*p.limit, p.most)
	if full {
		p.limit = len(rows)
	}
	return rows, nil
}

// firstDifference is the index of the first row in which two pages differ, -1
// for none.
func firstDifference(a, b [][]any) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || !slices.EqualFunc(a[i], b[i], sameValue) {
			return i
		}
	}
	return -1
}

// sameValue compares what scan has read; nil bytes are NULL.
func sameValue(a, b any) bool {
	x, isBytes := a.([]byte)
	if !isBytes {
		return a == b
	}
	y, isBytes := b.([]byte)
	return isBytes && (x == nil) == (y == nil) && bytes.Equal(x, y)
}
