package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// billOf is the bill of materials of a program: CycloneDX 1.6 in JSON. Its serial
// number is made of the program's bytes, and its time is the commit's, so that
// the same program has the same bill.
func billOf(program string, t target, from origin, linked []module) ([]byte, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	reeve := cyclonedx.Component{
		BOMRef: "reeve", Type: cyclonedx.ComponentTypeApplication, Name: "reeve", Version: from.Version,
		Description: "Licence ledger that speaks the AWS License Manager API",
		PackageURL:  "pkg:generic/reeve@" + from.Version + "?arch=" + t.arch + "&os=" + t.os,
		Licenses:    choices([]string{"Apache-2.0"}),
		Hashes:      &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sum)}},
		Properties:  &[]cyclonedx.Property{{Name: "reeve:commit", Value: from.Commit}},
	}
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = serialOf(sum)
	bom.Metadata = &cyclonedx.Metadata{Timestamp: from.Time.Format(time.RFC3339), Component: &reeve}
	components, below := []cyclonedx.Component{}, []string{}
	for _, m := range linked {
		components, below = append(components, componentOf(&m)), append(below, refOf(&m))
	}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: reeve.BOMRef, Dependencies: &below}}
	var b bytes.Buffer
	encoder := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON)
	encoder.SetPretty(true).SetEscapeHTML(false)
	if err := encoder.EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("write bill of materials: %w", err)
	}
	return b.Bytes(), nil
}

// serialOf is a UUID of version 8, whose other bits are free, of a hash.
func serialOf(sum [sha256.Size]byte) string {
	id := sum[:16]
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// refOf is a module's package URL, which scanners look up.
func refOf(m *module) string { return "pkg:golang/" + m.Path + "@" + purlVersion(m.Version) }

// purlVersion encodes what may not stand in a package URL.
func purlVersion(v string) string { return strings.ReplaceAll(v, "+", "%2B") }

func componentOf(m *module) cyclonedx.Component {
	c := cyclonedx.Component{
		BOMRef: refOf(m), Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version,
		Scope: cyclonedx.ScopeRequired, PackageURL: refOf(m), Licenses: choices(m.spdx()),
	}
	if m.Sum != "" { // Go's own hash, of a list of files: none that CycloneDX has a name for
		c.Properties = &[]cyclonedx.Property{{Name: "reeve:go.sum", Value: m.Sum}}
	}
	return c
}

func choices(spdx []string) *cyclonedx.Licenses {
	var list cyclonedx.Licenses
	for _, id := range spdx {
		list = append(list, cyclonedx.LicenseChoice{License: &cyclonedx.License{ID: id}})
	}
	return &list
}
