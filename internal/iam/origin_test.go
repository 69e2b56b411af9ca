package iam_test

import (
	"net/http/httptest"
	"testing"

	"reeve/internal/iam"
)

// TestARequestComesFromWhereItsProxySays holds the one place that knows where
// requests come from, for policies, the audit trail and the console alike.
func TestARequestComesFromWhereItsProxySays(t *testing.T) {
	const near = "192.0.2.1:40000"
	for name, c := range map[string]struct {
		remote    string
		trust     bool
		forwarded []string
		want      string
	}{
		"its connection":                        {near, false, nil, "192.0.2.1"},
		"its connection, over IPv6":             {"[2001:db8::1]:40000", false, nil, "2001:db8::1"},
		"its connection, at an interface":       {"[fe80::1%eth0]:40000", false, nil, "fe80::1"},
		"a header that nobody may write":        {near, false, []string{"198.51.100.7"}, "192.0.2.1"},
		"a proxy that says nothing":             {near, true, nil, "192.0.2.1"},
		"an address":                            {near, true, []string{"198.51.100.7"}, "198.51.100.7"},
		"an address with a port":                {near, true, []string{"198.51.100.7:5678"}, "198.51.100.7"},
		"IPv6":                                  {near, true, []string{"2001:db8::2"}, "2001:db8::2"},
		"IPv6 in brackets":                      {near, true, []string{"[2001:db8::2]"}, "2001:db8::2"},
		"IPv6 with a port":                      {near, true, []string{"[2001:db8::2]:443"}, "2001:db8::2"},
		"IPv4 as IPv6":                          {near, true, []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		"what the client wrote before":          {near, true, []string{"203.0.113.9, 198.51.100.7:5678"}, "198.51.100.7"},
		"lines that the client sent before":     {near, true, []string{"203.0.113.9", "203.0.113.8,198.51.100.7"}, "198.51.100.7"},
		"a port that the client wrote before":   {near, true, []string{"203.0.113.9:1, [2001:db8::2]:443"}, "2001:db8::2"},
		"no address":                            {near, true, []string{"203.0.113.9, unknown"}, ""},
		"nothing behind what the client wrote":  {near, true, []string{"203.0.113.9,"}, ""},
		"an address with something else behind": {near, true, []string{"198.51.100.7:http"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", nil)
			r.RemoteAddr = c.remote
			for _, line := range c.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			if got := iam.OriginOf(r, c.trust).SourceIP; got != c.want {
				t.Errorf("it comes from %q, want %q", got, c.want)
			}
		})
	}
}
