package gate

import (
	"context"
	"net"
	"sync"
)

// firstPart is the size of net/http's buffer, in bytes: it writes that much, the
// headers first, before the rest of an answer.
const firstPart = 4 << 10

// Gather lets the answer that is about to be written leave in one system call.
// net/http writes what fits into its buffer, the headers first, and then the
// rest: two calls, two segments, and two times that the client wakes up, of
// which the first brings it nothing that it can use. On the loopback interface
// writing is half of what a page costs.
//
// It is for a handler below [Handler] that goes on to write a body of that many
// bytes at once, and does not flush. It does nothing where that would not help,
// and where it is not known that nobody else writes to the connection: with TLS
// and HTTP/2.
func Gather(ctx context.Context, bytes int) {
	if bytes < firstPart {
		return
	}
	if one, ok := ctx.Value(connectionKey{}).(*connection); ok && one.plain {
		one.gather = true
	}
}

// buffers hold first parts.
var buffers = sync.Pool{New: func() any { return new([firstPart]byte) }}

// Write holds back the first part of an answer that is gathered, until the
// second comes.
func (c *connection) Write(p []byte) (int, error) {
	switch {
	case !c.plain:
		return c.Conn.Write(p)
	case c.held > 0:
		return c.writeBoth(p)
	case c.gather && len(p) <= firstPart:
		c.gather = false
		c.first = buffers.Get().(*[firstPart]byte)
		c.held = copy(c.first[:], p)
		return len(p), nil
	}
	c.gather = false
	return c.Conn.Write(p)
}

// writeBoth writes what was held and p. The count is of p.
func (c *connection) writeBoth(p []byte) (int, error) {
	held := c.held
	both := net.Buffers{c.first[:held], p}
	n, err := both.WriteTo(c.Conn)
	buffers.Put(c.first)
	c.first, c.held = nil, 0
	return max(0, int(n)-held), err
}

// release writes what is held of an answer that had no second part, or one that
// net/http still has in its buffer.
func (c *connection) release() {
	if !c.plain {
		return
	}
	c.gather = false
	if c.held > 0 {
		_, _ = c.writeBoth(nil) // who has gone needs no answer
	}
}
