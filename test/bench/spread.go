package main

import (
	"fmt"
	"slices"
)

// spread is the median of rounds, with the least and the most of them.
type spread struct{ Median, Least, Most float64 }

func spreadOf(samples []float64) spread {
	if len(samples) == 0 {
		return spread{}
	}
	return spread{median(samples), slices.Min(samples), slices.Max(samples)}
}

func (s spread) String() string {
	digits := 2
	if s.Median < 0.1 {
		digits = 4
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, s.Median, digits, s.Least, digits, s.Most)
}

// median is 0 of nothing.
func median(samples []float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[len(sorted)/2]
}
