package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// connection speaks just enough HTTP to cost little beside the server.
type connection struct {
	address string
	conn    net.Conn // nil: to be dialled
	r       *bufio.Reader
	body    []byte
}

func dial(address string) (*connection, error) {
	c := &connection{address: address}
	return c, c.dial()
}

func (c *connection) dial() error {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return err
	}
	c.conn, c.r = conn, bufio.NewReaderSize(conn, 64<<10)
	return nil
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

var (
	okStatus      = []byte(" 200 ")
	contentLength = []byte("Content-Length: ")
	connectionEnd = []byte("Connection: close")
)

// ask sends one request and reads its answer, which is valid until the next.
func (c *connection) ask(request []byte) ([]byte, error) {
	if c.conn == nil {
		if err := c.dial(); err != nil {
			return nil, err
		}
	}
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	ok, last, length, err := c.head()
	if err != nil {
		return nil, err
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err := io.ReadFull(c.r, c.body); err != nil {
		return nil, err
	}
	if last {
		c.close()
	}
	if !ok {
		return nil, fmt.Errorf("refused: %.300s", c.body)
	}
	return c.body, nil
}

// head reads the status line and the headers of an answer.
func (c *connection) head() (ok, last bool, length int, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return false, false, 0, err
	}
	ok = bytes.Contains(line, okStatus)
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil || len(line) <= 2 {
			return ok, last, length, err
		}
		if rest, found := bytes.CutPrefix(line, contentLength); found {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(rest)))
		}
		last = last || bytes.HasPrefix(line, connectionEnd)
	}
}

// once asks one request over a connection of its own.
func once(address string, request []byte) ([]byte, error) {
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.ask(request)
}

// answers are those to the first of a question's requests, as many as are
// repeated.
func (q question) answers() ([][]byte, error) {
	c, err := dial(q.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	answers := make([][]byte, min(len(q.requests), repeats))
	for i := range answers {
		answer, err := c.ask(q.requests[i])
		if err != nil {
			return nil, err
		}
		answers[i] = bytes.Clone(answer)
	}
	return answers, nil
}

// rate asks a question over many connections for a time and returns answers a
// second.
func (q question) rate(clients int, length time.Duration) (float64, error) {
	var next atomic.Int64
	d, err := drive(q.address, clients, length, func(int) ([]byte, error) {
		return q.requests[int(next.Add(1))%len(q.requests)], nil
	}, nil)
	return d.rate(), err
}

// latency is the median time of an answer over one connection.
func (q question) latency(length time.Duration) (time.Duration, error) {
	n := 0
	d, err := drive(q.address, 1, length, func(int) ([]byte, error) {
		n++
		return q.requests[n%len(q.requests)], nil
	}, nil)
	return d.median(), err
}

// driven is what came of asking for a time.
type driven struct {
	times   []time.Duration // of the answers
	elapsed time.Duration
}

func (d driven) rate() float64 { return float64(len(d.times)) / d.elapsed.Seconds() }

func (d driven) median() time.Duration {
	if len(d.times) == 0 {
		return 0
	}
	slices.Sort(d.times)
	return d.times[len(d.times)/2]
}

// drive asks over many connections until a time is over. next gives a client's
// next request; check, which may be nil, looks at its answer.
func drive(address string, clients int, length time.Duration, next func(client int) ([]byte, error), check func([]byte) error) (driven, error) {
	times := make([][]time.Duration, clients)
	errs := make([]error, clients)
	var wait sync.WaitGroup
	start := time.Now()
	for i := range clients {
		wait.Go(func() {
			times[i], errs[i] = driveOne(address, start.Add(length), func() ([]byte, error) { return next(i) }, check)
		})
	}
	wait.Wait()
	d := driven{slices.Concat(times...), time.Since(start)}
	for _, err := range errs {
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

func driveOne(address string, end time.Time, next func() ([]byte, error), check func([]byte) error) (times []time.Duration, err error) {
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for time.Now().Before(end) {
		request, err := next()
		if err != nil {
			return times, err
		}
		began := time.Now()
		answer, err := c.ask(request)
		if err != nil {
			return times, err
		}
		times = append(times, time.Since(began))
		if check == nil {
			continue
		}
		if err := check(answer); err != nil {
			return times, err
		}
	}
	return times, nil
}

// keep makes the measured process's other handler send these answers in turn.
func keep(address string, answers [][]byte) error {
	if err := tell(address, http.MethodDelete, nil); err != nil {
		return err
	}
	for _, answer := range answers {
		if err := tell(address, http.MethodPut, answer); err != nil {
			return err
		}
	}
	return nil
}

func tell(address, method string, body []byte) error {
	r, err := http.NewRequest(method, "http://"+address+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
