package pgtest

import (
	"bytes"
	"cmp"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Cut is what a Proxy does to a connection at a COMMIT.
type Cut int

// The ways to lose a commit.
const (
	CutNone   Cut = iota // nothing happens
	CutBefore            // the COMMIT does not arrive
	CutMiddle            // half of the message arrives
	CutAfter             // the COMMIT arrives, its answer does not
	CutAnswer            // the answer is on its way
	CutLate              // the client is cut off at once, and the COMMIT arrives later
)

// lateness is when a CutLate's COMMIT arrives, unless SetLateness says so.
const lateness = 300 * time.Millisecond

// Proxy is a network between a client and a server, on loopback. It knows
// nothing of the protocol but how a COMMIT looks that is sent as text.
type Proxy struct {
	Network, Address string     // of the server, for net.Dial
	Choose           func() Cut // asked at each COMMIT; it may be called concurrently
	Listen           string     // where clients connect; "" is a port of its own

	listener net.Listener
	commits  atomic.Int64
	cuts     atomic.Int64
	late     atomic.Int64 // nanoseconds; 0: lateness

	mu    sync.Mutex
	conns map[net.Conn]bool
	all   sync.WaitGroup
}

// Start listens.
func (p *Proxy) Start() error {
	l, err := net.Listen("tcp", cmp.Or(p.Listen, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	p.listener, p.conns = l, map[net.Conn]bool{}
	p.all.Go(p.accept)
	return nil
}

// HostPort is where clients connect.
func (p *Proxy) HostPort() string { return p.listener.Addr().String() }

// SetLateness says when a CutLate's COMMIT arrives. A client that is slower to
// ask what became of it is told that it has happened.
func (p *Proxy) SetLateness(d time.Duration) { p.late.Store(int64(d)) }

// Cuts is how many commits have been cut.
func (p *Proxy) Cuts() int64 { return p.cuts.Load() }

// Commits is how many COMMITs have been seen.
func (p *Proxy) Commits() int64 { return p.commits.Load() }

// CutAll cuts every connection there is. New ones are accepted.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Close cuts everything, and returns when nothing is left.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.CutAll()
	p.all.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.Network, p.Address)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.keep(client, true)
		p.keep(server, true)
		l := &line{proxy: p, client: client, server: server}
		p.all.Go(l.up)
		p.all.Go(l.down)
	}
}

func (p *Proxy) keep(c net.Conn, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if open {
		p.conns[c] = true
	} else {
		delete(p.conns, c)
	}
}

// line is one client's connection.
type line struct {
	proxy          *Proxy
	client, server net.Conn
	cutAnswer      atomic.Bool
}

func (l *line) close() {
	for _, c := range []net.Conn{l.client, l.server} {
		_ = c.Close()
		l.proxy.keep(c, false)
	}
}

var commitText = []byte("COMMIT\x00")

// up carries what the client says. A COMMIT is small and sent at once, so it
// is in one piece unless it is behind much else, and then passes unnoticed.
func (l *line) up() {
	defer l.close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			return
		}
		piece := buffer[:n]
		if bytes.Contains(piece, commitText) && l.cut(piece) {
			return
		}
		if _, err := l.server.Write(piece); err != nil {
			return
		}
	}
}

// cut does to a COMMIT what is chosen; true means that the line is dead.
func (l *line) cut(piece []byte) bool {
	l.proxy.commits.Add(1)
	how := CutNone
	if l.proxy.Choose != nil {
		how = l.proxy.Choose()
	}
	if how != CutNone {
		l.proxy.cuts.Add(1)
	}
	switch how {
	case CutNone:
		return false
	case CutMiddle:
		_, _ = l.server.Write(piece[:len(piece)/2])
	case CutAfter:
		_ = l.client.Close() // first, or the answer might be faster
		_, _ = l.server.Write(piece)
	case CutLate:
		_ = l.client.Close()
		time.Sleep(cmp.Or(time.Duration(l.proxy.late.Load()), lateness))
		_, _ = l.server.Write(piece)
	case CutAnswer:
		l.cutAnswer.Store(true)
		return false
	}
	return true
}

// down carries what the server says.
func (l *line) down() {
	defer l.client.Close() // up closes the rest
	buffer := make([]byte, 32<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil || l.cutAnswer.Load() {
			return
		}
		if _, err := l.client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
