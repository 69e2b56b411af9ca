package agent_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"reeve/internal/license"
	"reeve/internal/licensetest"
)

// FuzzMessage: whatever is sent with a good token, it is answered, and never
// with a fault of the server's own.
func FuzzMessage(f *testing.F) {
	s := start(f, licensetest.Options{})
	report := xmlReport("db1", uuid, linux, oracle)
	if _, err := s.Manager.PutResources(f.Context(), s.Caller(account), license.Put{Reports: []license.Report{{ARN: instanceARN}}}); err != nil {
		f.Fatal(err)
	}
	for _, body := range [][]byte{xmlReport("db1", ec2UUID, linux, oracle, labelled), []byte(prolog), []byte(contact), []byte(glpi), report, deflate(report), squeeze(report), deflate([]byte("<"))} {
		f.Add("application/x-compress-zlib", body)
	}
	f.Add("application/json", []byte("{"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, s.path(), bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		answer := httptest.NewRecorder()
		s.handler.ServeHTTP(answer, r)
		if answer.Code >= 500 {
			t.Errorf("answered %d %s", answer.Code, answer.Body)
		}
	})
}
