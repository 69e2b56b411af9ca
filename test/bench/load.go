package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"reeve/internal/sigv4"
)

// sign returns a signed request for one operation as it goes over the wire,
// made before anything is measured.
func sign(address, body string) ([]byte, error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSLicenseManager.ListUsageForLicenseConfiguration")
	creds := sigv4.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	if err := sigv4.Sign(r, []byte(body), creds, region, "license-manager", time.Now()); err != nil {
		return nil, err
	}
	return httputil.DumpRequestOut(r, true)
}

// connection speaks just enough HTTP to cost little beside the server.
type connection struct {
	conn net.Conn
	r    *bufio.Reader
	body []byte
}

func dial(address string) (*connection, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}, nil
}

var (
	okLine        = []byte("HTTP/1.1 200 ")
	contentLength = []byte("Content-Length: ")
)

// ask sends one request and reads its answer, which is valid until the next.
func (c *connection) ask(request []byte) ([]byte, error) {
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	ok := bytes.HasPrefix(line, okLine)
	length := 0
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		if rest, found := bytes.CutPrefix(line, contentLength); found {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(rest)))
		}
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err := io.ReadFull(c.r, c.body); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("refused: %.300s", c.body)
	}
	return c.body, nil
}

// rate asks over many connections for a time and returns answers a second.
func rate(address string, requests [][]byte, clients int, length time.Duration) (float64, error) {
	var answers, next atomic.Int64
	var failed error
	var once sync.Once
	var wait sync.WaitGroup
	start := time.Now()
	for range clients {
		wait.Go(func() {
			n, err := askUntil(address, requests, &next, start.Add(length))
			answers.Add(n)
			if err != nil {
				once.Do(func() { failed = err })
			}
		})
	}
	wait.Wait()
	return float64(answers.Load()) / time.Since(start).Seconds(), failed
}

func askUntil(address string, requests [][]byte, next *atomic.Int64, end time.Time) (n int64, err error) {
	c, err := dial(address)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	for time.Now().Before(end) {
		if _, err := c.ask(requests[int(next.Add(1))%len(requests)]); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// keep makes the child's other handler answer with these bytes.
func keep(address string, answer []byte) error {
	r, err := http.NewRequest(http.MethodPut, "http://"+address+"/", bytes.NewReader(answer))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
