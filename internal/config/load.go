package config

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// FileEnv names the configuration file where no flag does.
const FileEnv = "REEVE_CONFIG"

// fileLimit bounds a configuration file.
const fileLimit = 1 << 20

// Sources are the places that settings come from.
type Sources struct {
	File  string                      // configuration file; "" takes REEVE_CONFIG, or none
	Env   func(string) (string, bool) // such as os.LookupEnv
	Flags map[string]string           // flags that were given, by name
}

// Load reads the settings. Errors name the place and the setting, and never a
// secret's value.
func Load(src Sources) (Config, error) {
	c := Default()
	file := src.File
	if file == "" {
		file, _ = src.Env(FileEnv)
	}
	if file != "" {
		if err := loadFile(&c, file); err != nil {
			return Config{}, err
		}
	}
	for _, s := range Settings() {
		if v, ok := src.Env(s.Env()); ok && v != "" {
			if err := s.Set(&c, v); err != nil {
				return Config{}, fmt.Errorf("%s %w", s.Env(), err)
			}
		}
		if v, ok := src.Flags[s.Name]; ok {
			if err := s.Set(&c, v); err != nil {
				return Config{}, fmt.Errorf("--%s %w", s.Name, err)
			}
		}
	}
	return c, nil
}

func loadFile(c *Config, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open configuration file: %w", err)
	}
	defer f.Close()
	return readFile(c, path, io.LimitReader(f, fileLimit+1))
}

// readFile reads lines of name = value. Empty lines and lines that begin with
// # are comments; a value runs to the end of its line and may be in double
// quotes.
func readFile(c *Config, path string, r io.Reader) error {
	seen := make(map[string]int)
	lines := bufio.NewScanner(r)
	size := 0
	for n := 1; lines.Scan(); n++ {
		if size += len(lines.Bytes()) + 1; size > fileLimit {
			return fmt.Errorf("%s:%d: the file is larger than 1 MiB: this is no configuration file", path, n)
		}
		line, err := plain(lines.Text(), n)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if err := setLine(c, seen, line, n); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// plain is a line without the space around it, nor the mark with which some
// editors begin a file in UTF-8.
func plain(line string, n int) (string, error) {
	if n == 1 && (strings.HasPrefix(line, "\xff\xfe") || strings.HasPrefix(line, "\xfe\xff")) {
		return "", fmt.Errorf("the file is in UTF-16: save it in UTF-8")
	}
	if n == 1 {
		line = strings.TrimPrefix(line, "\ufeff")
	}
	return strings.TrimSpace(line), nil
}

func setLine(c *Config, seen map[string]int, line string, n int) error {
	name, value, ok := strings.Cut(line, "=")
	if !ok {
		return fmt.Errorf("a line is name = value, or a comment that begins with #")
	}
	name, value = strings.TrimSpace(name), unquote(strings.TrimSpace(value))
	s, ok := find(name)
	if !ok {
		return fmt.Errorf("unknown setting %q; the settings are %s", name, strings.Join(names(), ", "))
	}
	if first, twice := seen[name]; twice {
		return fmt.Errorf("%s is set on line %d already", name, first)
	}
	seen[name] = n
	if err := s.Set(c, value); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	return nil
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

func find(name string) (Setting, bool) {
	all := Settings()
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return all[i], true
}

func names() []string {
	var out []string
	for _, s := range Settings() {
		out = append(out, s.Name)
	}
	slices.Sort(out)
	return out
}

// Help describes every setting for a person: flag, environment name, default
// and meaning, one paragraph each.
func Help() string {
	var b strings.Builder
	for _, s := range Settings() {
		flag := "--" + s.Name
		if !s.IsBool() {
			flag += " " + s.Kind
		}
		if s.NoFlag {
			flag = s.Name + " (file or environment only)"
		}
		fmt.Fprintf(&b, "  %s, %s\n      %s", flag, s.Env(), s.Help)
		if s.Default != "" && s.Default != "0" && s.Default != "false" {
			fmt.Fprintf(&b, " (default %s)", s.Default)
		}
		b.WriteString("\n")
	}
	return b.String()
}
