package main

import "runtime/debug"

// memory says what becomes of the setting of that name, in bytes. What is left
// over is for requests, for garbage until it is collected, and for the program
// itself.
type memory struct {
	nodes   int64 // decoded nodes of ledgers
	pages   int64 // encoded pages that are asked for again
	writer  int64 // SQLite's cache for changes
	readers int64 // SQLite's caches for reading
	agents  int64 // reports of agents that are read or wait
	bodies  int64 // requests that are read, or worked on
}

func memoryFor(total int64) memory {
	return memory{nodes: total * 7 / 16, pages: total / 16, writer: total / 16, readers: total / 16, agents: total / 8, bodies: total / 8}
}

// outside is what is neither in Go's heap nor in a cache of SQLite: the program
// itself, its stacks, what SQLite takes beside its caches, and what the heap
// grows by before the collector notices.
const outside = 96 << 20

// limitMemory makes the garbage collector work harder before the heap and
// SQLite's caches, which are outside of it, take more than total.
func limitMemory(total int64) {
	m := memoryFor(total)
	debug.SetMemoryLimit(total - m.writer - m.readers - outside)
}
