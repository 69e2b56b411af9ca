package sigv4

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Credentials is an access key, with a session's token when it is a temporary
// one.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
}

// Sign signs r, whose whole body is body, as made at the given time. It sets
// X-Amz-Date and Authorization and signs the host, the content type and every
// X-Amz- header, so call it after they are set. It fails only on a query
// string that is not percent-encoded correctly.
func Sign(r *http.Request, body []byte, creds Credentials, region, service string, at time.Time) error {
	iso := at.UTC().Format(isoBasic)
	r.Header.Set("X-Amz-Date", iso)
	if creds.SessionToken != "" {
		r.Header.Set(sessionToken, creds.SessionToken)
	}
	id := keyID{creds.AccessKeyID, iso[:len(isoDay)], region, service}
	sc := scope{text: strings.Join([]string{id.date, region, service, terminator}, "/")}
	s := takeScratch()
	defer s.release()
	s.chooseHeaders(r)
	if err := s.canonicalRequest(r, hashBody(body)); err != nil {
		return err
	}
	s.stringToSign(iso, sc)
	signature := deriveKey(id, creds.SecretAccessKey).sign(s.text)
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		algorithm, creds.AccessKeyID, sc.text, strings.Join(s.headers, ";"), signature[:]))
	return nil
}

// chooseHeaders leaves in s.headers what Sign signs: nothing that a proxy may
// rewrite.
func (s *scratch) chooseHeaders(r *http.Request) {
	s.headers = append(s.headers[:0], "host")
	for key := range r.Header {
		if name := strings.ToLower(key); name == "content-type" || strings.HasPrefix(name, "x-amz-") {
			s.headers = append(s.headers, name)
		}
	}
	slices.Sort(s.headers)
}
