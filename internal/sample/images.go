package sample

import (
	"fmt"
	"math/rand/v2"

	"reeve/internal/license"
)

// image is a machine image that is built anew every quarter. Machines of the
// account that are launched from it inherit its contracts.
type image struct {
	system    system
	contracts []contractKey
	rng       *rand.Rand
	built     int // how many times
}

func imageParts() []part {
	var parts []part
	for _, im := range []image{
		{system: rhel, contracts: []contractKey{redHat}},
		{system: sles, contracts: []contractKey{suse}},
		{system: windows}, {system: desktop}, {system: amazonLinux}, {system: ubuntu},
	} {
		im.rng = generator("image " + im.system.image)
		parts = append(parts, &im)
	}
	return parts
}

// introduceImages builds the first images, from which the company's first
// machines are launched.
func (w *world) introduceImages() {
	for _, p := range w.parts {
		if im, ok := p.(*image); ok {
			im.build(w)
		}
	}
}

func (im *image) happen(w *world) {
	old := w.images[im.system.image]
	switch w.day {
	case secondQuarter - 7, thirdQuarter - 7, fourthQuarter - 7:
		im.build(w)
		w.remove(old)
	}
}

func (im *image) build(w *world) {
	im.built++
	m := w.add(im.rng, license.EC2AMI, online, fmt.Sprintf("%s-v%d", im.system.image, im.built), im.contracts...)
	r := w.report(m)
	r.Platform, r.PlatformType, r.PlatformVersion = &im.system.platform, &im.system.kind, &im.system.version
	r.Tags = append(tags(tooling, production), license.Tag{Key: Tag, Value: tagValue})
	w.images[im.system.image] = m
}
