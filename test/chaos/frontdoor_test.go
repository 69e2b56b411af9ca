package chaos_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"reeve/internal/awsjson"
)

// speak sends bytes and reads what the server says until it hangs up. It may
// tell the server first that no more will come, which a server takes for a
// caller who is gone. A server that neither answers nor hangs up fails the
// test when our patience is over.
func (s *process) speak(t *testing.T, said []byte, noMore bool) (heard []byte) {
	t.Helper()
	conn := s.dial(t)
	defer conn.Close()
	// A server may hang up on what it does not want to hear to the end.
	_, err := conn.Write(said)
	if err == nil && noMore {
		err = conn.(*net.TCPConn).CloseWrite()
	}
	if err != nil && !brokenLine(err) {
		t.Fatalf("send %q: %v", cut(said), err)
	}
	heard, err = io.ReadAll(conn)
	if err != nil && !brokenLine(err) {
		t.Fatalf("the server leaves %q hanging: %v", cut(said), err)
	}
	return heard
}

func brokenLine(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOTCONN)
}

func cut(said []byte) []byte { return said[:min(len(said), 300)] }

// statuses lists the statuses of the answers in what was heard.
func statuses(t *testing.T, heard []byte) (list []int) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(heard))
	for {
		if _, err := r.Peek(1); err != nil {
			return list
		}
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("what the server says is no HTTP: %v: %q", err, heard)
			return list
		}
		if response.StatusCode == http.StatusContinue {
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body) // a cut answer shows in the next one
		list = append(list, response.StatusCode)
	}
}

// ours tells statuses that would be a fault of the server. 501 and 505 are
// HTTP's own words for a transfer coding and a version that nobody speaks, and
// 503 is what a caller is told who was gone before the work was done.
func ours(status int) bool {
	return status >= 500 && status != 501 && status != 503 && status != 505
}

// readTarget and readBody are a request that changes nothing, signed by the root account.
const readTarget, readBody = "AWSLicenseManager.ListLicenseConfigurations", `{"MaxResults":5}`

// TestTheFrontDoorWithstandsMalformedRequests says one wrong thing after the
// other to a running server, each over a connection of its own, with the
// answers that it should get.
func TestTheFrontDoorWithstandsMalformedRequests(t *testing.T) {
	s := start(t, t.TempDir(), rootEnvironment()...)
	kept := string(s.request(t, rootKey, readTarget, readBody))
	head, body := s.signed(t, rootKey, readTarget, readBody, "Connection: close")
	good := head + body
	sign := func(body string, headers ...string) string {
		return string(s.request(t, rootKey, readTarget, body, append(headers, "Connection: close")...))
	}
	resize := func(length string) string {
		return strings.Replace(good, fmt.Sprintf("Content-Length: %d", len(readBody)), length, 1)
	}
	stated := func(headers string) string {
		return "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\n" + headers + "\r\n"
	}
	for name, c := range map[string]struct {
		said string
		want []int // nil for any that are not the server's fault, none included
		cut  bool  // more was promised than is said
	}{
		"nothing":                      {"", []int{}, true},
		"a good request":               {good, []int{200}, false},
		"a line break before it":       {"\r\n" + good, nil, false},
		"fifty good requests at once":  {strings.Repeat(kept, 49) + good, slices.Repeat([]int{200}, 50), false},
		"good, bad and no more":        {kept + "NONSENSE\r\n\r\n" + good, []int{200, 400}, false},
		"a body that ends early":       {head + body[:5], []int{400}, true},
		"no body":                      {head, []int{400}, true},
		"headers that end early":       {head[:len(head)-2], nil, true},
		"half a header":                {head[:len(head)/2], nil, true},
		"a length that is too long":    {resize("Content-Length: 999"), []int{400}, true},
		"a length that is too short":   {resize("Content-Length: 4"), []int{400}, false},
		"a length of nothing":          {resize("Content-Length: 0"), []int{400}, false},
		"a length below nothing":       {resize("Content-Length: -1"), []int{400}, false},
		"a length beyond counting":     {resize("Content-Length: 99999999999999999999"), []int{400}, false},
		"a length of a terabyte":       {resize("Content-Length: 1099511627776"), []int{400}, false},
		"a length in words":            {resize("Content-Length: ten"), []int{400}, false},
		"two lengths":                  {resize("Content-Length: 4\r\nContent-Length: 16"), []int{400}, false},
		"a length and chunks":          {resize("Content-Length: 4\r\nTransfer-Encoding: chunked"), nil, true},
		"a chunk of garbage":           {resize("Transfer-Encoding: chunked"), []int{400}, true},
		"a chunk without end":          {stated("Transfer-Encoding: chunked\r\n") + "fffffff\r\n{", []int{400}, true},
		"an unknown coding":            {resize("Transfer-Encoding: rot13"), []int{501}, false},
		"a compressed body":            {sign(readBody, "Content-Encoding: gzip"), []int{400}, false},
		"a huge header":                {stated("X-Huge: " + strings.Repeat("a", 1<<20) + "\r\n"), []int{431}, false},
		"many headers":                 {stated(strings.Repeat("X-Many: a\r\n", 50_000)), []int{431}, false},
		"a huge address":               {"POST /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n", []int{431}, false},
		"a huge authorization":         {stated("Content-Length: 0\r\nX-Amz-Target: " + readTarget + "\r\nAuthorization: AWS4-HMAC-SHA256 " + strings.Repeat("a=b, ", 2000) + "\r\n"), []int{400}, false},
		"a header without name":        {stated(": a\r\n"), []int{400}, false},
		"a header with a NUL":          {stated("X-Nul: a\x00b\r\n"), []int{400}, false},
		"a folded header":              {stated("X-Folded: a\r\n b\r\nContent-Length: 0\r\n"), nil, false},
		"no host":                      {"POST / HTTP/1.1\r\n\r\n", []int{400}, false},
		"two hosts":                    {stated("Host: y\r\n"), []int{400}, false},
		"another version of HTTP":      {"POST / HTTP/3.0\r\nHost: x\r\n\r\n", []int{505}, false},
		"an old version of HTTP":       {"POST / HTTP/1.0\r\n\r\n", []int{404}, false},
		"HTTP before it had a number":  {"GET /\r\n", []int{400}, false},
		"the start of HTTP/2":          {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", nil, true},
		"a wish for HTTP/2":            {stated("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 0\r\n"), []int{400}, false},
		"the start of TLS":             {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 500), []int{400}, true},
		"a method that is none":        {"P\x01ST / HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}, false},
		"CONNECT":                      {"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n", []int{404}, false},
		"OPTIONS *":                    {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}, false},
		"a whole URL":                  {strings.Replace(good, "POST / ", "POST http://elsewhere/ ", 1), []int{400}, false},
		"no operation":                 {stated("Content-Length: 2\r\n") + "{}", []int{400}, false},
		"an operation of binary":       {stated("X-Amz-Target: \xff\xfe\xfd\r\nContent-Length: 2\r\n") + "{}", []int{400}, false},
		"nothing after Expect":         {stated("Expect: 100-continue\r\nContent-Length: 2\r\nX-Amz-Target: " + readTarget + "\r\n"), []int{400}, true},
		"a body of binary":             {sign("\x00\xff\xfe{}"), []int{400}, false},
		"a body of text that is wrong": {sign("{\"MaxResults\":\"\xff\"}"), []int{400}, false},
		"a body of brackets":           {sign(strings.Repeat("[", 1<<19)), []int{400}, false},
		"a body of nests":              {sign(strings.Repeat(`{"Filters":[`, 1<<15)), []int{400}, false},
		"a body that is too large":     {sign(`{"NextToken":"` + strings.Repeat("a", 1<<20) + `"}`), []int{400}, false},
		"a number beyond counting":     {sign(`{"MaxResults":` + strings.Repeat("9", 1<<16) + `}`), []int{400}, false},
		"a number with an exponent":    {sign(`{"MaxResults":1e999999999}`), []int{400}, false},
		"a member twice":               {sign(`{"MaxResults":1,"MaxResults":2}`), []int{400}, false},
		"a byte order mark":            {sign("\ufeff{}"), []int{400}, false},
		"half a surrogate pair":        {sign(`{"NextToken":"\ud800"}`), []int{400}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := statuses(t, s.speak(t, []byte(c.said), c.cut))
			if slices.ContainsFunc(got, ours) || c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("answered with %v, want %v", got, c.want)
			}
		})
	}
	s.checkFit(t)
}

// checkFit wants a server that has been through much to be as it was.
func (s *process) checkFit(t *testing.T) {
	t.Helper()
	s.checkHealthy()
	if got := statuses(t, s.speak(t, s.request(t, rootKey, readTarget, readBody, "Connection: close"), false)); !slices.Equal(got, []int{200}) {
		t.Errorf("a good request is answered with %v", got)
	}
	s.checkLog()
}

// TestTheFrontDoorWithstandsDamagedRequests damages signed requests at random. The signature covers
// the body, so whatever gets through must have made just what was signed for.
func TestTheFrontDoorWithstandsDamagedRequests(t *testing.T) {
	dice := chance(t)
	s := start(t, t.TempDir(), rootEnvironment()...)
	const create = `{"Name":"signed for","LicenseCountingType":"vCPU","LicenseCount":12}`
	made := 0
	for range shorter(1500, 200) {
		good := s.request(t, rootKey, "AWSLicenseManager.CreateLicenseConfiguration", create)
		bad := damage(good, dice)
		got := statuses(t, s.speak(t, bad, true))
		if slices.ContainsFunc(got, ours) {
			t.Errorf("%q is answered with %v", bad, got)
		}
		for _, status := range got {
			if status == 200 {
				made++
			}
		}
	}
	list, err := s.root().configurations(t.Context())
	must(t, "list configurations", err)
	if len(list) != made {
		t.Errorf("%d configurations are there, and %d were acknowledged", len(list), made)
	}
	for _, c := range list {
		if *c.Name != "signed for" || *c.LicenseCount != 12 {
			t.Errorf("a configuration %q of %d was made that nobody signed for", *c.Name, *c.LicenseCount)
		}
	}
	s.checkFit(t)
	s.checkLedgers()
}

// damage changes a few bytes of a request: other ones, more, fewer, doubled,
// cut off, or taken from elsewhere in it.
func damage(good []byte, dice *rand.Rand) []byte {
	bad := slices.Clone(good)
	for range 1 + dice.IntN(3) {
		if len(bad) < 2 {
			break
		}
		at := dice.IntN(len(bad))
		length := dice.IntN(min(len(bad)-at, 40)) + 1
		switch dice.IntN(7) {
		case 0:
			bad[at] = byte(dice.Uint32())
		case 1:
			bad[at] ^= 1 << dice.IntN(8)
		case 2:
			bad = slices.Delete(bad, at, at+length)
		case 3:
			bad = slices.Insert(bad, at, bytes.Repeat([]byte{byte(dice.Uint32())}, length)...)
		case 4:
			bad = slices.Insert(bad, at, slices.Clone(bad[at:at+length])...)
		case 5:
			bad = bad[:at]
		case 6:
			from := dice.IntN(len(bad) - length + 1)
			copy(bad[at:at+length], slices.Clone(bad[from:from+length]))
		}
	}
	return bad
}

// TestTheFrontDoorWithstandsNoise sends what is no HTTP at all.
func TestTheFrontDoorWithstandsNoise(t *testing.T) {
	dice := chance(t)
	s := start(t, t.TempDir(), rootEnvironment()...)
	for range shorter(300, 50) {
		noise := make([]byte, dice.IntN(5000))
		for i := range noise {
			noise[i] = byte(dice.Uint32())
			if dice.IntN(8) == 0 {
				noise[i] = "\r\n: {}/"[dice.IntN(7)]
			}
		}
		if got := statuses(t, s.speak(t, noise, true)); slices.ContainsFunc(got, ours) {
			t.Errorf("%q is answered with %v", noise, got)
		}
	}
	s.checkFit(t)
}

// TestSlowCallersKeepNobodyOut holds hundreds of connections on which a
// request has begun and does not go on, at every stage there is.
func TestSlowCallersKeepNobodyOut(t *testing.T) {
	s := start(t, t.TempDir(), rootEnvironment()...)
	good := s.request(t, rootKey, readTarget, readBody)
	const slow = 300
	began := time.Now()
	var conns []net.Conn
	for n := range slow {
		conn := s.dial(t)
		_, err := conn.Write(good[:len(good)*n/slow])
		must(t, "begin a request", err)
		conns = append(conns, conn)
	}
	s.checkFit(t)
	for n, conn := range conns { // and they may still end what they began
		_, err := conn.Write(good[len(good)*n/slow:])
		status, body := 0, ""
		if err == nil {
			status, body, err = answer(conn)
		}
		switch {
		case status == 200 && err == nil:
		case time.Since(began) >= awsjson.ReadHeaderTimeout:
			t.Skip("this machine is so slow that the server may have hung up on slow callers")
		default:
			t.Fatalf("a slow caller is answered with %d %s, %v", status, body, err)
		}
	}
}
