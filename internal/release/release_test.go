package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

// root is the top of the tree.
const root = "../.."

var at = time.Date(2026, 3, 31, 12, 0, 1, 0, time.UTC)

var someFiles = []file{
	{name: "reeve", content: []byte("program"), program: true},
	{name: "LICENSE", content: []byte("text")},
	{name: "completions/reeve.bash", content: bytes.Repeat([]byte("x"), 100_000)},
}

func TestAnArchiveIsTheSameWhateverTheOrder(t *testing.T) {
	for _, target := range []target{{"linux", "amd64"}, {"windows", "amd64"}} {
		one, suffix, err := pack(target, "reeve-1", at, slices.Clone(someFiles))
		if err != nil {
			t.Fatal(err)
		}
		turned := slices.Clone(someFiles)
		slices.Reverse(turned)
		other, _, err := pack(target, "reeve-1", at.In(time.FixedZone("x", 3600)), turned)
		if err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s of the same files differs (%v)", suffix, err)
		}
	}
}

func TestATarIsOfNobodyAndOneTime(t *testing.T) {
	packed, suffix, err := pack(target{"darwin", "arm64"}, "reeve-1", at, slices.Clone(someFiles))
	if err != nil || suffix != ".tar.gz" {
		t.Fatal(suffix, err)
	}
	squeezed, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil || !squeezed.ModTime.IsZero() || squeezed.Name != "" {
		t.Fatalf("its head is %+v, %v", squeezed.Header, err)
	}
	var got []string
	for r := tar.NewReader(squeezed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || !h.ModTime.Equal(at) {
			t.Errorf("%s is of %d:%d %q at %v", h.Name, h.Uid, h.Gid, h.Uname, h.ModTime)
		}
		got = append(got, h.FileInfo().Mode().String()+" "+h.Name)
	}
	want := []string{"-rw-r--r-- reeve-1/LICENSE", "-rw-r--r-- reeve-1/completions/reeve.bash", "-rwxr-xr-x reeve-1/reeve"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAZipKeepsModesAndTheTime(t *testing.T) {
	packed, suffix, err := pack(target{"windows", "amd64"}, "reeve-1", at, slices.Clone(someFiles))
	if err != nil || suffix != ".zip" {
		t.Fatal(suffix, err)
	}
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil || len(r.File) != len(someFiles) {
		t.Fatal(len(r.File), err)
	}
	for _, f := range r.File {
		if !f.Modified.Equal(at) || f.Mode().Perm() != 0o644 && f.Name != "reeve-1/reeve" {
			t.Errorf("%s is %v at %v", f.Name, f.Mode(), f.Modified)
		}
	}
}

func TestVersions(t *testing.T) {
	for described, want := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-rc.1-4-gabcdef012345": "1.2.3-rc.1-4-gabcdef012345", "abcdef012345-dirty": "0.0.0-gabcdef012345-dirty",
	} {
		if got := versionOf(described); got != want {
			t.Errorf("%s is version %s, want %s", described, got, want)
		}
	}
}

func TestLicencesAreToldApart(t *testing.T) {
	const bsd = "Redistribution and use in\nsource and binary forms, with or without"
	for text, want := range map[string]string{
		"Apache License\n   Version 2.0, January 2004":                           "Apache-2.0",
		"Permission is hereby granted, free\nof charge, to any person obtaining": "MIT",
		bsd: "BSD-2-Clause",
		bsd + " be used to endorse or promote products": "BSD-3-Clause",
		"GNU GENERAL PUBLIC LICENSE Version 3":          "GPL",
		"Do what you want":                              "",
		bsd + " Mozilla Public License Version 2.0":     "BSD-2-Clause MPL-2.0",
	} {
		if got := strings.Join(identify([]byte(text)), " "); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestWhatIsLinkedIsListedAndAllowed compares docs/third-party.md with what
// the five programs are linked from, and their licences with those that may be.
func TestWhatIsLinkedIsListedAndAllowed(t *testing.T) {
	linked, err := linkedAnywhere(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range linked {
		for _, id := range m.spdx() {
			if !slices.Contains(allowed, id) {
				t.Errorf("%s %s is under %s, which is not one of %v", m.Path, m.Version, id, allowed)
			}
		}
	}
	page, err := os.ReadFile(filepath.Join(root, thirdPartyPage))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(thirdParty(linked), "\n"), strings.Split(string(page), "\n")); diff != "" {
		t.Errorf("%s is not what is linked: run make third-party (-linked +page)\n%s", thirdPartyPage, diff)
	}
	texts := string(licenceTexts(linked))
	for _, m := range linked {
		if !strings.Contains(texts, "\n"+m.Path+" "+m.Version+": ") {
			t.Errorf("the licence of %s is not among the texts", m.Path)
		}
	}
}

// TestABillNamesEveryModule makes the bill of a small program of this module.
func TestABillNamesEveryModule(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", program, "reeve/internal/api/gen")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	linked := []module{
		{Path: "example.org/a", Version: "v2.0.0+incompatible", Sum: "h1:x", Licences: []licence{{SPDX: "MIT"}, {SPDX: "BSD-3-Clause AND MIT"}, {}}},
		{Path: standard, Version: "1.26.0", Licences: []licence{{SPDX: "BSD-3-Clause"}}},
	}
	from := origin{Version: "1.2.3", Commit: "abc", Time: at}
	text, err := billOf(program, target{"linux", "amd64"}, from, linked)
	if err != nil {
		t.Fatal(err)
	}
	again, err := billOf(program, target{"linux", "amd64"}, from, linked)
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("a second bill of the same program differs (%v)", err)
	}
	bom := new(cyclonedx.BOM)
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(bom.SerialNumber) || bom.Metadata.Timestamp != "2026-03-31T12:00:01Z" {
		t.Errorf("serial number %s at %s", bom.SerialNumber, bom.Metadata.Timestamp)
	}
	var got []string
	for _, c := range *bom.Components {
		for _, l := range *c.Licenses {
			got = append(got, c.BOMRef+" "+l.License.ID)
		}
	}
	want := []string{"pkg:golang/example.org/a@v2.0.0%2Bincompatible BSD-3-Clause", "pkg:golang/example.org/a@v2.0.0%2Bincompatible MIT", "pkg:golang/std@1.26.0 BSD-3-Clause"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if confirm(program, linked) == nil {
		t.Error("modules that the program does not have are confirmed")
	}
}

func TestTwoDirectoriesAreCompared(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	put := func(dir, text string) {
		if err := os.WriteFile(filepath.Join(dir, "f"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(a, "x")
	if same(a, b) == nil || same(b, a) == nil {
		t.Error("a file that only one has is not seen")
	}
	put(b, "y")
	if same(a, b) == nil {
		t.Error("other content is not seen")
	}
	put(b, "x")
	if err := same(a, b); err != nil {
		t.Error(err)
	}
}
