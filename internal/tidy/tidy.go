// Package tidy holds the tree's own rules, as tests: which package may import
// which, how long a function may be, that every operation has its line in the
// table. A rule that only people remember is broken by the next of them.
//
// The package has no code of its own; its tests read the source.
package tidy
