// Package product knows software by its products: which product, edition and
// version an application is, whatever its vendor called this release of it.
//
// The knowledge is a small table in the tree (products.tsv), which a file of
// the operator's may extend. A name that the table does not know stays
// unknown: a wrong product would count a licence that nobody needs.
package product

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
)

// Version is the version of the table in the tree.
const Version = 1

// Bounds of a file of products.
const (
	maxLine  = 2048
	maxRules = 10_000
	maxWords = 16
)

//go:embed products.tsv
var builtIn string

// Product is what the table says of an application.
type Product struct {
	Name      string
	Publisher string
	Version   string // "" when the application's name does not tell it
	Edition   string
}

// Table finds products. It is safe for concurrent use.
type Table struct {
	rules []rule
	known cache
}

// rule is a line of the table: the words that a name must have and those that
// it must not have, and what it then is.
type rule struct {
	first     string   // what the name begins with, in the table's spelling
	has       []string // words or phrases
	lacks     []string
	publisher string // what the reported publisher must contain; "" for any
	product   Product
	versioned bool // the version is the first number in the name that looks like one
}

// BuiltIn returns the table of the tree.
func BuiltIn() *Table {
	t, err := read(strings.NewReader(builtIn), "products.tsv", nil)
	if err != nil {
		panic(err) // a mistake in the tree; its test finds it
	}
	return t
}

// Load returns the table of the tree with that of a file before it. The error
// names the line and what is wrong with it.
func Load(path string) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	defer f.Close()
	return read(f, path, BuiltIn().rules)
}

// Read is Load from a reader; name is what errors call it.
func Read(r io.Reader, name string) (*Table, error) { return read(r, name, BuiltIn().rules) }

func read(r io.Reader, name string, after []rule) (*Table, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, maxLine), maxLine)
	var rules []rule
	number := 0
	for lines.Scan() {
		number++
		text := lines.Text()
		if text == "" || text[0] == '#' {
			continue
		}
		one, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("read products: %s, line %d: %w", name, number, err)
		}
		if len(rules) == maxRules {
			return nil, fmt.Errorf("read products: %s, line %d: at most %d lines are allowed", name, number, maxRules)
		}
		rules = append(rules, one)
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("the line is longer than %d bytes", maxLine-1)
		}
		return nil, fmt.Errorf("read products: %s, line %d: %w", name, number+1, err)
	}
	return &Table{rules: append(rules, after...)}, nil
}

// The columns of a line, between tabs.
const (
	columnBegins = iota
	columnWords
	columnReportedBy
	columnProduct
	columnPublisher
	columnVersion
	columnEdition
	columns
)

// fromName is a version that is taken from the name.
const fromName = "*"

func parse(line string) (rule, error) {
	if !utf8.ValidString(line) {
		return rule{}, errors.New("it is not valid UTF-8")
	}
	cells := strings.Split(line, "\t")
	if len(cells) != columns {
		return rule{}, fmt.Errorf("it has %d columns, expected %d between tabs: begins with, words, reported publisher, product, publisher, version, edition", len(cells), columns)
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	r := rule{
		first:     spell(cells[columnBegins]),
		publisher: spell(cells[columnReportedBy]),
		product:   Product{cells[columnProduct], cells[columnPublisher], cells[columnVersion], cells[columnEdition]},
	}
	if r.product.Version == fromName {
		r.product.Version, r.versioned = "", true
	}
	switch {
	case r.first == "":
		return r, errors.New("the first column is empty: give what the names begin with")
	case r.product.Name == "" || r.product.Publisher == "":
		return r, errors.New("the product or its publisher is empty")
	}
	return r, r.parseWords(cells[columnWords])
}

// parseWords reads a list between commas; what begins with ! must not be
// there.
func (r *rule) parseWords(text string) error {
	if text == "" {
		return nil
	}
	for word := range strings.SplitSeq(text, ",") {
		word, not := strings.CutPrefix(strings.TrimSpace(word), "!")
		word = spell(word)
		switch {
		case word == "":
			return errors.New("a word of the second column is empty")
		case len(r.has)+len(r.lacks) == maxWords:
			return fmt.Errorf("the second column has more than %d words", maxWords)
		case not:
			r.lacks = append(r.lacks, " "+word+" ")
		default:
			r.has = append(r.has, " "+word+" ")
		}
	}
	return nil
}

// spell brings a name into the table's spelling: lower case, words between
// single spaces, without marks of trade and punctuation.
func spell(name string) string {
	var b strings.Builder
	space := true
	for _, c := range strings.ToLower(name) {
		switch {
		case c == '®' || c == '™' || c == '©':
			continue
		case c == ' ' || c == '\t' || c == '\u00a0' || strings.ContainsRune(`-–_,:;/()[]"'`, c):
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		b.WriteRune(c)
		space = false
	}
	text := strings.TrimSuffix(b.String(), " ")
	for _, mark := range []string{"(r)", "(tm)"} { // spelled "r" and "tm" by now
		text = strings.ReplaceAll(text+" ", " "+mark[1:len(mark)-1]+" ", " ")
		text = strings.TrimSuffix(text, " ")
	}
	return text
}

// Find says which product an application is; false when the table does not
// know it.
func (t *Table) Find(name, publisher string) (Product, bool) {
	if p, ok, cached := t.known.get(name, publisher); cached {
		return p, ok
	}
	p, ok := t.find(spell(name), spell(publisher))
	t.known.put(name, publisher, p, ok)
	return p, ok
}

// find takes the first line that fits.
func (t *Table) find(name, publisher string) (Product, bool) {
	padded := " " + name + " "
	for i := range t.rules {
		if t.rules[i].fits(padded, publisher) {
			p := t.rules[i].product
			if t.rules[i].versioned {
				p.Version = versionIn(name[len(t.rules[i].first):])
			}
			return p, true
		}
	}
	return Product{}, false
}

// fits compares a spelled name with a space at each end.
func (r *rule) fits(padded, publisher string) bool {
	if !strings.HasPrefix(padded, " "+r.first+" ") || !strings.Contains(publisher, r.publisher) {
		return false
	}
	for _, word := range r.has {
		if !strings.Contains(padded, word) {
			return false
		}
	}
	for _, word := range r.lacks {
		if strings.Contains(padded, word) {
			return false
		}
	}
	return true
}

// versionIn is the first word that is a version: a number, or one that goes on
// with dots, R2 or a letter, such as 2019, 12.2.0.1, 19c or 2008 R2.
func versionIn(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		w = strings.TrimPrefix(w, "v")
		if w == "" || w[0] < '0' || w[0] > '9' || w == "64" || w == "32" || strings.HasSuffix(w, "bit") {
			continue
		}
		if i+1 < len(words) && words[i+1] == "r2" {
			return w + " R2"
		}
		return w
	}
	return ""
}

// cache remembers what names are: a fleet has few of them, over and over.
type cache struct {
	mu   sync.Mutex
	rows map[[2]string]cached
}

type cached struct {
	product Product
	ok      bool
}

// maxCached bounds a cache; beyond it, it starts afresh.
const maxCached = 50_000

func (c *cache) get(name, publisher string) (Product, bool, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row, ok := c.rows[[2]string{name, publisher}]
	return row.product, row.ok, ok
}

func (c *cache) put(name, publisher string, p Product, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil || len(c.rows) >= maxCached {
		c.rows = map[[2]string]cached{}
	}
	c.rows[[2]string{name, publisher}] = cached{p, ok}
}
