package mvtree

import "reeve/internal/store/sqlconn"

// Standard is the capacity of a node.
const Standard = int(standard)

// NewWriterOf is NewWriter with nodes of another capacity.
func NewWriterOf(capacity int, c sqlconn.Conn, cfg, rev, nextNode int64) *Writer {
	w := NewWriter(c, cfg, rev, nextNode)
	w.shape = shape(capacity)
	return w
}

// CheckOf is Check for nodes of another capacity.
func CheckOf(capacity int, c sqlconn.Conn, cfg int64, trees []int64, head int64, revisions []int64) error {
	return check(c, cfg, trees, head, revisions, shape(capacity))
}

// Statements are the statements that search, with arguments.
var Statements = map[string]struct {
	SQL  string
	Args []any
}{
	"rootSQL":       {rootSQL, []any{int64(1), int64(0), int64(1)}},
	"firstRootSQL":  {firstRootSQL, []any{int64(1), int64(0)}},
	"rootsSQL":      {rootsSQL, []any{int64(1), int64(0)}},
	"leafSQL":       {leafSQL, []any{int64(1), int64(1), int64(1), int64(1)}},
	"dirSQL":        {dirSQL, []any{int64(1), int64(1), int64(1), int64(1)}},
	"writeLeafSQL":  {writeLeafSQL, []any{int64(1), int64(1), int64(1)}},
	"writeDirSQL":   {writeDirSQL, []any{int64(1), int64(1)}},
	"wipeLeafSQL":   {wipeLeafSQL, []any{int64(1), int64(1)}},
	"wipeDirSQL":    {wipeDirSQL, []any{int64(1), int64(1)}},
	"deleteLeafSQL": {deleteLeafSQL, []any{int64(1), int64(1), int64(1), int64(1), int64(1)}},
	"deleteDirSQL":  {deleteDirSQL, []any{int64(1), int64(1), int64(1), int64(1), int64(1)}},
	"closeLeafSQL":  {closeLeafSQL, []any{int64(1), int64(1), int64(1), int64(1), int64(1), int64(1)}},
	"closeDirSQL":   {closeDirSQL, []any{int64(1), int64(1), int64(1), int64(1), int64(1), int64(1)}},
}

// Drop forgets a configuration, as eviction may at any time.
func (c *Cache) Drop(cfg int64) { c.drop(cfg, Open) }
