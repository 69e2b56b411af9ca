package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licence is one file of a module that says how it may be used.
type licence struct {
	File string // within the module, with slashes
	SPDX string // its identifier; two of them for a file with two; "" for a notice
	Text []byte
}

// allowed are the licences that what is linked may have: those that ask for
// nothing but their text in what is handed on.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// phrases tell licences apart. What forbids or obliges more stands among them,
// so that it is seen and not taken for something else.
var phrases = []struct{ spdx, text string }{
	{"Apache-2.0", "apache license version 2.0, january 2004"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"BSD-2-Clause", "redistribution and use in source and binary forms"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"GPL", "gnu general public license"},
	{"LGPL", "gnu lesser general public license"},
	{"AGPL", "gnu affero general public license"},
	{"CC-BY", "creative commons attribution"},
}

// identify names the licences in a text, in the order of phrases.
func identify(text []byte) (found []string) {
	plain := strings.ToLower(string(bytes.Join(bytes.Fields(text), []byte(" "))))
	for _, p := range phrases {
		if !strings.Contains(plain, p.text) || slices.Contains(found, p.spdx) {
			continue
		}
		if p.spdx == "BSD-2-Clause" && strings.Contains(plain, "to endorse or promote products") {
			p.spdx = "BSD-3-Clause"
		}
		found = append(found, p.spdx)
	}
	return found
}

// names of the files that matter: licences, and notices that go along with
// them. A LICENSE-LOGO is about a picture, which is not linked.
var (
	licenceName = regexp.MustCompile(`(?i)^(licen[sc]e|copying|unlicense)([._-].*)?$`)
	noticeName  = regexp.MustCompile(`(?i)^(notice|patents)([._-].*)?$`)
	pictureName = regexp.MustCompile(`(?i)-logo$|\.go$`)
)

// findLicences reads what stands in the directories of the packages that are
// linked and in those above them, up to the module's.
func (m *module) findLicences() ([]licence, error) {
	var list []licence
	for _, dir := range m.directories() {
		found, err := m.licencesIn(dir)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	if !slices.ContainsFunc(list, func(l licence) bool { return l.SPDX != "" }) {
		return nil, fmt.Errorf("%s %s has no licence: it may not be linked", m.Path, m.Version)
	}
	return list, nil
}

func (m *module) directories() []string {
	dirs := []string{m.dir}
	for _, dir := range m.packages {
		for ; len(dir) > len(m.dir); dir = filepath.Dir(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func (m *module) licencesIn(dir string) (list []licence, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", m.Path, err)
	}
	for _, e := range entries {
		isLicence := licenceName.MatchString(e.Name()) && !pictureName.MatchString(e.Name())
		if e.IsDir() || !isLicence && !noticeName.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", m.Path, err)
		}
		name, _ := filepath.Rel(m.dir, filepath.Join(dir, e.Name())) // it is below
		l := licence{File: filepath.ToSlash(name), Text: bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))}
		if isLicence {
			found := identify(text)
			if len(found) == 0 {
				return nil, fmt.Errorf("%s %s: it is not known which licence %s is: add a phrase of it to internal/release/licence.go", m.Path, m.Version, l.File)
			}
			l.SPDX = strings.Join(found, " AND ")
		}
		list = append(list, l)
	}
	return list, nil
}

// spdx lists the licences of a module, each once, in alphabetical order.
func (m *module) spdx() []string {
	var list []string
	for _, l := range m.Licences {
		if l.SPDX != "" {
			list = append(list, strings.Split(l.SPDX, " AND ")...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// licenceTexts is the file with the licences of everything that is linked.
func licenceTexts(linked []module) []byte {
	var b bytes.Buffer
	b.WriteString("The program reeve is linked from these works of others, besides its own, which is under the Apache License 2.0.\n")
	for _, m := range linked {
		for _, l := range m.Licences {
			fmt.Fprintf(&b, "\n%s\n%s %s: %s\n\n%s\n", strings.Repeat("=", 78), m.Path, m.Version, l.File, bytes.TrimSpace(l.Text))
		}
	}
	return b.Bytes()
}

// thirdPartyPage is the page of the documentation that lists what any of the
// targets is linked from.
const thirdPartyPage = "docs/third-party.md"

// linkedAnywhere lists the modules of all targets together.
func linkedAnywhere(ctx context.Context, dir string) ([]module, error) {
	var all []module
	for _, t := range targets {
		linked, err := linkedFor(ctx, dir, t)
		if err != nil {
			return nil, err
		}
		for _, m := range linked {
			if i, found := slices.BinarySearchFunc(all, m.Path, func(m module, path string) int { return strings.Compare(m.Path, path) }); !found {
				all = slices.Insert(all, i, m)
			}
		}
	}
	return all, nil
}

func writeThirdParty(ctx context.Context) error {
	linked, err := linkedAnywhere(ctx, ".")
	if err != nil {
		return err
	}
	return os.WriteFile(thirdPartyPage, []byte(thirdParty(linked)), 0o644)
}

func thirdParty(linked []module) string {
	var b strings.Builder
	b.WriteString(`# What is linked

Modules of others that the program has in it on any of its platforms, with their
licences. ` + "`make third-party`" + ` writes this page, and a test holds it to go.mod. Only
` + strings.Join(allowed[:len(allowed)-1], ", ") + " and " + allowed[len(allowed)-1] + ` are taken. Their texts are in every
release archive, in THIRD-PARTY-LICENSES.txt, and which versions a binary has is in its
reeve.cdx.json (CycloneDX).

| module | version | licences |
| --- | --- | --- |
`)
	for _, m := range linked {
		version := m.Version
		if m.Path == standard {
			version = "that of the toolchain"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.Path, version, strings.Join(m.spdx(), ", "))
	}
	return b.String()
}
