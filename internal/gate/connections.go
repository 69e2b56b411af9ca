package gate

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Times of a listener whose connections are all taken.
const (
	leastWait = time.Second           // that a connection has waited for its client before it may be closed
	lookAgain = 20 * time.Millisecond // when none has
)

// Connections bounds the connections of a server. When they are all taken and
// one more comes, the one that has waited for its client the longest is closed:
// to begin, to go on with a request, or to send the next. So who only holds
// connections keeps nobody out. One that the server works for is never closed.
type Connections struct {
	most   int
	closed atomic.Uint64

	mu   sync.Mutex
	open map[*connection]struct{}
}

// NewConnections returns a bound that nobody counts against yet. The limit of
// open files lowers it, since databases and files need some too; Most tells.
func NewConnections(most int) *Connections {
	if files := openFiles(); files > 0 {
		most = max(1, min(most, files*4/5))
	}
	return &Connections{most: most, open: make(map[*connection]struct{})}
}

// Most is the bound.
func (c *Connections) Most() int { return c.most }

// Stats returns how many are open, and how many were closed to make room since
// the start.
func (c *Connections) Stats() (open int, closed uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open), c.closed.Load()
}

// Listener counts what a listener accepts. There is one for each Connections.
func (c *Connections) Listener(l net.Listener) net.Listener {
	return &listener{Listener: l, all: c, done: make(chan struct{})}
}

type listener struct {
	net.Listener
	all  *Connections
	once sync.Once
	done chan struct{}
}

// Accept waits for a connection that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	for !l.all.makeRoom(time.Now()) {
		select {
		case <-l.done:
			_ = conn.Close()
			return nil, net.ErrClosed
		case <-time.After(lookAgain):
		}
	}
	return l.all.add(conn), nil
}

// Close ends also an Accept that waits for room.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// connection is one that counts.
type connection struct {
	net.Conn
	all     *Connections
	working atomic.Int32 // requests that the server works for
	since   atomic.Int64 // nanoseconds since 1970 when it last stopped that

	// Of Gather, for the one goroutine that writes.
	plain  bool             // nobody else writes
	gather bool             // the next part is to be held
	first  *[firstPart]byte // what is held
	held   int              // bytes of it
}

func (c *Connections) add(conn net.Conn) *connection {
	one := &connection{Conn: conn, all: c}
	one.since.Store(time.Now().UnixNano())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[one] = struct{}{}
	return one
}

// Close makes room.
func (c *connection) Close() error {
	c.all.mu.Lock()
	delete(c.all.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite ends what is sent. net/http does that before it closes a
// connection on which more of a request may come, so that the client has all of
// the answer before it hears that nobody listens.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// makeRoom tells whether there is room, closing a connection if it may.
func (c *Connections) makeRoom(now time.Time) bool {
	c.mu.Lock()
	if len(c.open) < c.most {
		c.mu.Unlock()
		return true
	}
	longest, oldest := (*connection)(nil), now.Add(-leastWait).UnixNano()
	for one := range c.open {
		if since := one.since.Load(); since <= oldest && one.working.Load() == 0 {
			longest, oldest = one, since
		}
	}
	c.mu.Unlock()
	if longest == nil {
		return false
	}
	c.closed.Add(1)
	_ = longest.Close() // whoever it was is gone
	return true
}

func (c *connection) begin() { c.working.Add(1) }

func (c *connection) end() {
	c.since.Store(time.Now().UnixNano())
	c.working.Add(-1)
}

type connectionKey struct{}

// Context is http.Server's ConnContext: it lets Handler find the connection.
func Context(ctx context.Context, conn net.Conn) context.Context {
	encrypted, isEncrypted := conn.(*tls.Conn)
	if isEncrypted {
		conn = encrypted.NetConn()
	}
	if one, ok := conn.(*connection); ok {
		one.plain = !isEncrypted // without TLS there is no HTTP/2 either
		return context.WithValue(ctx, connectionKey{}, one)
	}
	return ctx
}

// Handler tells a request's connection when the server works for it, and when
// it waits for more of the request's body.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one, ok := r.Context().Value(connectionKey{}).(*connection)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		one.begin()
		defer one.end()
		defer one.release()
		if r.Body != http.NoBody {
			// A copy: net/http looks at the body of its own to tell whether to
			// answer before the rest of it has come.
			r = r.WithContext(r.Context())
			r.Body = &body{r.Body, one}
		}
		next.ServeHTTP(w, r)
	})
}

// body is a request's, which the client may take its time to send.
type body struct {
	io.ReadCloser
	from *connection
}

// Read waits for the client.
func (b *body) Read(p []byte) (int, error) {
	b.from.end()
	defer b.from.begin()
	return b.ReadCloser.Read(p)
}
