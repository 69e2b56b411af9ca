package sqlite

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// To split a page of an index SQLite takes 10 or 20 KB of memory and frees them
// at once. The driver's allocator maps so large a piece from the operating system
// each time and unmaps it again, which was a quarter of what writing a report
// costs. SQLite lets its allocator be replaced; this one keeps a few such pieces
// and is the driver's own in everything else.
const (
	leastKept = 8 << 10  // smaller pieces do not leave the driver's allocator
	keptBytes = 32 << 10 // length of all pieces that are kept
	mostKept  = 16
)

type (
	mallocFunc = func(tls *libc.TLS, bytes int32) uintptr
	freeFunc   = func(tls *libc.TLS, piece uintptr)
	sizeFunc   = func(tls *libc.TLS, piece uintptr) int32
)

// pieces are those that are kept, and the driver's functions.
var pieces struct {
	mu     sync.Mutex
	kept   []uintptr
	malloc mallocFunc
	free   freeFunc
	size   sizeFunc
}

// keepPieces replaces the allocator, which has to be before SQLite's first use.
var keepPieces = sync.OnceValue(func() error {
	tls := libc.NewTLS()
	defer tls.Close()
	methods := libc.Xmalloc(tls, uint64(unsafe.Sizeof(lib.Tsqlite3_mem_methods{})))
	args := libc.NewVaList(methods)
	if methods == 0 || args == 0 {
		return errors.New("replace SQLite's allocator: out of memory")
	}
	defer libc.Xfree(tls, methods)
	defer libc.Xfree(tls, args)
	if code := lib.Xsqlite3_config(tls, lib.SQLITE_CONFIG_GETMALLOC, args); code != lib.SQLITE_OK {
		return fmt.Errorf("read SQLite's allocator: result code %d", code)
	}
	m := *(**lib.Tsqlite3_mem_methods)(unsafe.Pointer(&methods))
	pieces.malloc = *(*mallocFunc)(unsafe.Pointer(&m.FxMalloc))
	pieces.free = *(*freeFunc)(unsafe.Pointer(&m.FxFree))
	pieces.size = *(*sizeFunc)(unsafe.Pointer(&m.FxSize))
	malloc, free := mallocFunc(mallocKept), freeFunc(freeKept)
	m.FxMalloc, m.FxFree = *(*uintptr)(unsafe.Pointer(&malloc)), *(*uintptr)(unsafe.Pointer(&free))
	if code := lib.Xsqlite3_config(tls, lib.SQLITE_CONFIG_MALLOC, args); code != lib.SQLITE_OK {
		return fmt.Errorf("replace SQLite's allocator: result code %d", code)
	}
	return nil
})

func mallocKept(tls *libc.TLS, bytes int32) uintptr {
	if bytes <= leastKept || bytes > keptBytes {
		return pieces.malloc(tls, bytes)
	}
	pieces.mu.Lock()
	if n := len(pieces.kept); n > 0 {
		piece := pieces.kept[n-1]
		pieces.kept = pieces.kept[:n-1]
		pieces.mu.Unlock()
		return piece
	}
	pieces.mu.Unlock()
	return pieces.malloc(tls, keptBytes)
}

func freeKept(tls *libc.TLS, piece uintptr) {
	if pieces.size(tls, piece) == keptBytes {
		pieces.mu.Lock()
		keep := len(pieces.kept) < mostKept
		if keep {
			pieces.kept = append(pieces.kept, piece)
		}
		pieces.mu.Unlock()
		if keep {
			return
		}
	}
	pieces.free(tls, piece)
}
