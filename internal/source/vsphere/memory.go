package vsphere

import (
	"fmt"
	"hash/fnv"

	"github.com/go-json-experiment/json"
	"github.com/vmware/govmomi/vim25/types"

	"reeve/internal/license"
	"reeve/internal/source"
)

// remembered is what one pull tells the next of an object.
type remembered struct {
	ID   string `json:"i"`
	Said uint64 `json:"s,string"` // hash of its description as it was handed over
}

func remember(last []byte) map[string]remembered {
	known := map[string]remembered{}
	if len(last) > source.MaxMemory || json.Unmarshal(last, &known) != nil || known == nil {
		return map[string]remembered{}
	}
	return known
}

func encode(next map[string]remembered) ([]byte, error) {
	text, err := json.Marshal(next)
	if err == nil && len(text) > source.MaxMemory {
		return nil, fmt.Errorf("%d hosts and machines are more than one source can remember; name datacenters, and read the others in a second source", len(next))
	}
	return text, err
}

// description is what an agent inside a machine knows better.
type description struct{ name, platform, version, kind string }

// describe adds name and platform when they have changed in the vCenter since
// the last pull. An agent in the machine says them in its own words, and the
// two must not take turns: each change is a new version of the machine's
// facts, and discovery rules look at the platform.
func (p *pull) describe(r *license.Report, ref types.ManagedObjectReference, id string, d description) {
	h := fnv.New64a()
	for _, s := range []string{id, d.name, d.platform, d.version, d.kind} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	entry := p.next[ref.Value]
	if said := h.Sum64(); entry.Said != said {
		entry.Said = said
		p.next[ref.Value] = entry
		r.Name, r.Platform = text(clip(d.name)), text(clip(d.platform))
		r.PlatformVersion, r.PlatformType = text(clip(d.version)), text(d.kind)
	}
}

// text is nil where nothing is known.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

const maxText = 256

// clip makes a text fit for a report.
func clip(s string) string {
	if runes := []rune(s); len(runes) > maxText {
		s = string(runes[:maxText])
	}
	return s
}
