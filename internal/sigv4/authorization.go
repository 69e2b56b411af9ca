package sigv4

import (
	"net/http"
	"slices"
	"strings"
)

// authorization is an Authorization header taken apart; nothing in it has
// been checked beyond being there.
type authorization struct {
	algorithm     string
	credential    string
	signedHeaders string
	signature     string
}

// readAuthorization finds the one Authorization header and its three
// parameters.
func readAuthorization(r *http.Request) (authorization, error) {
	headers := r.Header["Authorization"]
	presigned := r.URL.RawQuery != "" && r.URL.Query().Has("X-Amz-Algorithm")
	switch {
	case len(headers) > 0 && presigned:
		return authorization{}, errTwoSignatures
	case presigned:
		return authorization{}, errPresigned
	case len(headers) > 1:
		return authorization{}, errTwoAuthorizations
	case len(headers) == 0 || !strings.HasPrefix(headers[0], "AWS4-"):
		return authorization{}, errNotSigned
	case len(headers[0]) > maxAuthorization:
		return authorization{}, errAuthorizationTooLong
	}
	auth, repeated := parseAuthorization(headers[0])
	if repeated != "" {
		return auth, incomplete("Authorization header has '%s' more than once. Authorization=%s", repeated, headers[0])
	}
	if missing := auth.missing() + missingDate(r); missing != "" {
		return auth, incomplete("%sAuthorization=%s", missing, headers[0])
	}
	return auth, nil
}

// parseAuthorization splits "<algorithm> name=value, name=value, …". Unknown
// parameters are ignored; repeated names the first one that came twice.
func parseAuthorization(header string) (auth authorization, repeated string) {
	algorithm, rest, _ := strings.Cut(header, " ")
	auth.algorithm = algorithm
	for more := true; more; {
		var parameter string
		parameter, rest, more = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(strings.Trim(parameter, " \t"), "=")
		field := auth.field(name)
		if field == nil {
			continue
		}
		if *field != "" && repeated == "" {
			repeated = name
		}
		*field = value
	}
	return auth, repeated
}

func (a *authorization) field(name string) *string {
	switch name {
	case "Credential":
		return &a.credential
	case "SignedHeaders":
		return &a.signedHeaders
	case "Signature":
		return &a.signature
	}
	return nil
}

// missing returns AWS's sentences for the parameters that are not there.
func (a *authorization) missing() string {
	var sentences string
	if a.credential == "" {
		sentences += "Authorization header requires 'Credential' parameter. "
	}
	if a.signature == "" {
		sentences += "Authorization header requires 'Signature' parameter. "
	}
	if a.signedHeaders == "" {
		sentences += "Authorization header requires 'SignedHeaders' parameter. "
	}
	return sentences
}

// header names a header both ways: as http.Header's key and as the signature
// has it.
type header struct{ key, name string }

// mustSign is what decides what is asked: the host, the time, the operation
// and the hash of the body. Unsigned, whoever carries the request could
// replace it. Others may be left out of the signature, as SDKs do.
var mustSign = [...]header{
	{"Host", "host"},
	{"X-Amz-Date", "x-amz-date"},
	{"Date", "date"},
	{"X-Amz-Target", "x-amz-target"},
	{"X-Amz-Content-Sha256", "x-amz-content-sha256"},
	{sessionToken, "x-amz-security-token"},
}

// sessionToken is the header that temporary credentials come with.
const sessionToken = "X-Amz-Security-Token"

func (h header) sentIn(r *http.Request) bool {
	switch h.name {
	case "host":
		return true
	case "date":
		return dateHeader(r) == "Date" // else it decides nothing
	}
	return len(r.Header[h.key]) > 0
}

// readSignedHeaders checks the algorithm and the list of signed headers, and
// leaves the list in s.headers: lower case, sorted, each name once.
func (s *scratch) readSignedHeaders(r *http.Request, auth authorization) error {
	if err := s.splitSignedHeaders(auth.signedHeaders); err != nil {
		return err
	}
	for _, h := range mustSign {
		if _, signed := slices.BinarySearch(s.headers, h.name); !signed && h.sentIn(r) {
			return invalid("'%s' must be a 'SignedHeader' in the AWS Authorization.", h.key)
		}
	}
	if auth.algorithm != algorithm {
		return incomplete("Unsupported AWS 'algorithm': '%s' (only AWS4-HMAC-SHA256 for now). ", auth.algorithm)
	}
	return nil
}

func (s *scratch) splitSignedHeaders(list string) error {
	s.headers = s.headers[:0]
	for name := range strings.SplitSeq(list, ";") {
		if len(s.headers) == maxSignedHeaders {
			return errTooManyHeaders
		}
		if !isToken(name) {
			return invalid("'SignedHeaders' lists '%s', which is not a header name.", name)
		}
		s.headers = append(s.headers, strings.ToLower(name))
	}
	slices.Sort(s.headers)
	for i := 1; i < len(s.headers); i++ {
		if s.headers[i] == s.headers[i-1] {
			return invalid("'SignedHeaders' lists '%s' twice.", s.headers[i])
		}
	}
	return nil
}

// isToken reports whether name can be a header's name (RFC 9110, token).
func isToken(name string) bool {
	for i := range len(name) {
		if !tokenBytes[name[i]] {
			return false
		}
	}
	return name != ""
}

// tokenBytes marks what a token may consist of.
var tokenBytes = func() (table [256]bool) {
	for c := range table {
		table[c] = isAlphanumeric(byte(c)) || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return table
}()

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
