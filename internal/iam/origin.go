package iam

import (
	"net/http"
	"net/netip"
	"strings"
)

// Origin is where a request came from.
type Origin struct {
	SourceIP  string // "" where it is not known
	Secure    bool   // over TLS
	UserAgent string // what sent it, as it says itself; "" where it does not
}

// OriginOf is where a request came from. Without a proxy that is trusted only
// its connection counts: what a header says anybody could have written. With one
// it is what that proxy added, the last of X-Forwarded-For; a proxy that names no
// address there leaves it unknown, rather than its own.
func OriginOf(r *http.Request, trustProxy bool) Origin {
	from := Origin{SourceIP: addressIn(r.RemoteAddr), Secure: r.TLS != nil, UserAgent: r.UserAgent()}
	if !trustProxy {
		return from
	}
	if lines := r.Header.Values("X-Forwarded-For"); len(lines) > 0 {
		last := lines[len(lines)-1]
		from.SourceIP = addressIn(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]))
	}
	from.Secure = from.Secure || r.Header.Get("X-Forwarded-Proto") == "https"
	return from
}

// addressIn is the address in text, which some proxies write with a port; "" is
// none. IPv4 that was written as IPv6 becomes IPv4, and an interface is left
// out: conditions on networks would not match otherwise.
func addressIn(text string) string {
	with, err := netip.ParseAddrPort(text)
	ip := with.Addr()
	if err != nil {
		bare := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
		if ip, err = netip.ParseAddr(bare); err != nil {
			return ""
		}
	}
	return ip.Unmap().WithZone("").String()
}
