package chaos_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/client"
)

// startWatched starts a server that shows its metrics, with more in its
// environment.
func startWatched(t *testing.T, environment ...string) *process {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("open files and memory are read from /proc, which only Linux has")
	}
	return start(t, t.TempDir(), append(rootEnvironment(), append(environment, "REEVE_METRICS=127.0.0.1:0")...)...)
}

// size is what a server takes.
type size struct{ files, goroutines, connections, mebibytes int }

// size reads it from /proc and from the server's metrics.
func (s *process) size(t *testing.T) (now size) {
	t.Helper()
	own := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	files, err := os.ReadDir(own + "fd")
	must(t, "count open files", err)
	now.files = len(files)
	status, err := os.ReadFile(own + "status")
	must(t, "read memory", err)
	now.mebibytes = numberAfter(t, string(status), "VmRSS:") >> 10
	text := s.scrape(t)
	now.goroutines, now.connections = numberAfter(t, text, "\ngo_goroutines"), numberAfter(t, text, "\nreeve_connections")
	return now
}

func numberAfter(t *testing.T, text, name string) int {
	t.Helper()
	found := regexp.MustCompile(regexp.QuoteMeta(name) + `\s+(\d+)`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no number in\n%s", name, text)
	}
	n, err := strconv.Atoi(found[1])
	must(t, "read "+name, err)
	return n
}

// scrape reads the metrics, where the server logged that they are.
func (s *process) scrape(t *testing.T) string {
	t.Helper()
	response, err := http.Get("http://" + s.metricsAddress(t) + "/metrics")
	must(t, "read metrics", err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, "read metrics", err)
	return string(text)
}

var metricsServed = regexp.MustCompile(`msg="metrics are served" address=(\S+)`)

func (s *process) metricsAddress(t *testing.T) (address string) {
	t.Helper()
	eventually(t, "the server serves metrics", func() bool {
		if found := metricsServed.FindStringSubmatch(s.log.String()); found != nil {
			address = found[1]
		}
		return address != ""
	})
	return address
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(3 * patience); time.Now().Before(deadline); <-tick.C {
		if so() {
			return
		}
	}
	t.Fatalf("%s: it did not come to that", what)
}

// checkShrunk wants a server to take no more than before, once everybody has
// hung up.
func (s *process) checkShrunk(t *testing.T, before size) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	var now size
	defer func() {
		if t.Failed() {
			t.Logf("before: %+v, after: %+v", before, now)
		}
	}()
	eventually(t, "files and goroutines are given back", func() bool {
		now = s.size(t)
		http.DefaultClient.CloseIdleConnections() // of the scrape
		return now.files <= before.files+6 && now.goroutines <= before.goroutines+10
	})
}

// hostilities are what strangers do on a connection, each until ctx ends or the
// server hangs up.
func (s *process) hostilities(t *testing.T) map[string]func(context.Context, *net.TCPConn) {
	good := string(s.request(t, rootKey, readTarget, readBody))
	head, _, _ := strings.Cut(good, "\r\n\r\n")
	open := "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: Reeve.PutResources\r\n"
	return map[string]func(context.Context, *net.TCPConn){
		"says nothing": func(ctx context.Context, c *net.TCPConn) { listen(ctx, c) },
		"asks once, and keeps the line": func(ctx context.Context, c *net.TCPConn) {
			say(c, good)
			listen(ctx, c)
		},
		"drips headers": func(ctx context.Context, c *net.TCPConn) {
			drip(ctx, c, head+"\r\nX-More: "+strings.Repeat("a", 10_000))
		},
		"drips a body": func(ctx context.Context, c *net.TCPConn) {
			say(c, open+"Content-Length: 1000000\r\n\r\n")
			drip(ctx, c, strings.Repeat("[", 1_000_000))
		},
		"announces more than it sends": func(ctx context.Context, c *net.TCPConn) {
			say(c, open+"Content-Length: 8000000\r\n\r\n{")
			listen(ctx, c)
		},
		"sends more than it announces": func(ctx context.Context, c *net.TCPConn) {
			say(c, open+"Content-Length: 2\r\n\r\n{}"+strings.Repeat("{}", 1000))
			listen(ctx, c)
		},
		"sends chunks without end": func(ctx context.Context, c *net.TCPConn) {
			say(c, open+"Transfer-Encoding: chunked\r\n\r\n")
			repeat(ctx, c, "1000\r\n"+strings.Repeat("[", 0x1000)+"\r\n")
		},
		"sends headers without end": func(ctx context.Context, c *net.TCPConn) {
			say(c, open)
			repeat(ctx, c, "X-Header: aaaaaaaaaaaaaaaa\r\n")
		},
		"sends a header without end": func(ctx context.Context, c *net.TCPConn) {
			say(c, open+"X-Header: ")
			repeat(ctx, c, "aaaaaaaaaaaaaaaa")
		},
		"closes its half in a body": func(ctx context.Context, c *net.TCPConn) {
			say(c, open+"Content-Length: 100\r\n\r\n{")
			_ = c.CloseWrite()
			listen(ctx, c)
		},
		"resets in a request": func(_ context.Context, c *net.TCPConn) {
			say(c, good[:len(good)-1])
			_ = c.SetLinger(0)
		},
		"resets in an answer": func(_ context.Context, c *net.TCPConn) {
			say(c, good)
			_, _ = c.Read(make([]byte, 1))
			_ = c.SetLinger(0)
		},
		"adds garbage to a request": func(ctx context.Context, c *net.TCPConn) {
			say(c, good+strings.Repeat("garbage \x00\xff\r\n", 1000))
			listen(ctx, c)
		},
		"asks and never listens": func(ctx context.Context, c *net.TCPConn) { repeat(ctx, c, good) },
	}
}

func say(c net.Conn, text string) { _, _ = io.WriteString(c, text) } // the server may hang up at any moment

// listen hears the server out.
func listen(ctx context.Context, c net.Conn) {
	defer context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Now()) })()
	_, _ = io.Copy(io.Discard, c)
}

// drip says a byte from time to time.
func drip(ctx context.Context, c net.Conn, text string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := range len(text) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
	}
}

// repeat says the same as fast as it can.
func repeat(ctx context.Context, c net.Conn, text string) {
	defer context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Now()) })()
	w := bufio.NewWriterSize(c, 32<<10)
	for ctx.Err() == nil {
		if _, err := w.WriteString(text); err != nil {
			return
		}
	}
}

// attack lets strangers do something again and again until ctx ends.
func (s *process) attack(ctx context.Context, all *sync.WaitGroup, strangers int, do func(context.Context, *net.TCPConn)) {
	for range strangers {
		all.Go(func() {
			for ctx.Err() == nil {
				conn, err := net.DialTimeout("tcp", s.address(), patience)
				if err != nil {
					return
				}
				one, end := context.WithTimeout(ctx, 3*time.Second)
				do(one, conn.(*net.TCPConn))
				end()
				conn.Close()
			}
		})
	}
}

// TestHostileConnectionsKeepNobodyOut lets strangers who together want far more
// connections than there are do all at once whatever is not done, and wants
// everybody else served meanwhile, and the server as it was afterwards.
func TestHostileConnectionsKeepNobodyOut(t *testing.T) {
	const connections = 100
	s := startWatched(t, "REEVE_MAX_CONNECTIONS="+strconv.Itoa(connections))
	a := s.root()
	arn, err := a.configure(t.Context(), "kept", types.LicenseCountingTypeVcpu, 0)
	must(t, "create configuration", err)
	before := s.size(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	for _, do := range s.hostilities(t) {
		s.attack(ctx, &all, 12, do)
	}
	until := time.Now().Add(time.Duration(shorter(30, 6)) * time.Second)
	var most size
	served := 0
	for ; served < 3 || time.Now().Before(until); served++ {
		machine := a.machine(fmt.Sprint(served))
		report := running(machine, 2)
		_, err := client.Call[api.PutResourcesInput, api.PutResourcesOutput](t.Context(), a.reeve, "Reeve.PutResources", &api.PutResourcesInput{Resources: []api.Resource{report}})
		must(t, "report a machine under attack", err)
		in := &api.UpdateLicenseSpecificationsForResourceInput{ResourceArn: &machine, AddLicenseSpecifications: []api.LicenseSpecification{{LicenseConfigurationArn: &arn}}}
		_, err = client.Call[api.UpdateLicenseSpecificationsForResourceInput, api.UpdateLicenseSpecificationsForResourceOutput](t.Context(), a.reeve,
			"AWSLicenseManager.UpdateLicenseSpecificationsForResource", in)
		must(t, "associate it under attack", err)
		now := s.size(t)
		most = size{max(most.files, now.files), max(most.goroutines, now.goroutines), max(most.connections, now.connections), max(most.mebibytes, now.mebibytes)}
	}
	cancel()
	all.Wait()
	t.Logf("%d machines were counted meanwhile; the server took at most %+v", served, most)
	if most.connections > connections || most.files > before.files+connections+20 || most.mebibytes > 512 {
		t.Errorf("the server took %+v, with %d connections allowed", most, connections)
	}
	rows, err := a.usage(t.Context(), arn, "", 100)
	must(t, "list usage", err)
	if len(rows) != served || total(rows) != int64(2*served) {
		t.Errorf("%d machines with %d licences are counted, want %d with %d", len(rows), total(rows), served, 2*served)
	}
	s.checkFit(t)
	s.checkLedgers()
	s.checkShrunk(t, before)
}

// TestIdleConnectionsByTheThousand opens three times as many connections as
// there may be, says nothing on them, and wants to be served.
func TestIdleConnectionsByTheThousand(t *testing.T) {
	connections := shorter(2000, 500)
	s := startWatched(t, "REEVE_MAX_CONNECTIONS="+strconv.Itoa(connections))
	before := s.size(t)
	var idle []net.Conn
	for range 3 * connections {
		conn, err := net.DialTimeout("tcp", s.address(), patience)
		must(t, "connect", err)
		defer conn.Close()
		idle = append(idle, conn)
	}
	s.checkFit(t)
	eventually(t, "all were accepted", func() bool {
		return numberAfter(t, s.scrape(t), "\nreeve_connections_closed_total") >= 2*connections
	})
	s.checkFit(t)
	now := s.size(t)
	if now.connections > connections || now.files > before.files+connections+20 {
		t.Errorf("the server takes %+v, with %d connections allowed", now, connections)
	}
	for _, conn := range idle {
		conn.Close()
	}
	s.checkShrunk(t, before)
}
