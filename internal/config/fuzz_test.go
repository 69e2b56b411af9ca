package config

import (
	"strings"
	"testing"
)

// FuzzFile reads any configuration file: it is taken or refused with its name
// and line, and no refusal repeats the password of a database.
func FuzzFile(f *testing.F) {
	for _, text := range []string{
		"# a comment\nlisten = 0.0.0.0:4750\nmemory = \"1GiB\"\n", "database=postgres://reeve:s3cr3t@db/reeve?sslmode=x\n", "database = postgres://reeve:s3cr3t%zz@[db/reeve",
		"inactive-after = 9999999999999d\nlost-after=-1h", "witness-webhook = ftp://s3cr3t@host", "listen", "= \x00", "memory = 1e99GiB", "lost-after = 3h\nlost-after = 3h",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Default()
		err := readFile(&c, "reeve.conf", strings.NewReader(text))
		if err == nil {
			return
		}
		said := err.Error()
		if !strings.HasPrefix(said, "reeve.conf:") && !strings.HasPrefix(said, "read reeve.conf: ") {
			t.Fatalf("%q is refused with %q", text, said)
		}
		if strings.Contains(said, "s3cr3t") && !strings.Contains(said, "unknown setting") {
			if name, _, _ := strings.Cut(said[strings.Index(said, ": ")+2:], " "); name == "database" || name == "read-database" || strings.HasPrefix(name, "witness-webhook") {
				t.Fatalf("the refusal of %q repeats the secret: %s", text, said)
			}
		}
	})
}
