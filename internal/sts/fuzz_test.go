package sts_test

import (
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
	"reeve/internal/sts"
)

// FuzzForm posts any form, signed and unsigned: the answer is well-formed XML
// and never a fault of the server's own, and nobody gets credentials of a role
// that does not exist.
func FuzzForm(f *testing.F) {
	const head = "Version=2011-06-15&Action="
	f.Add(head+"GetCallerIdentity", true)
	f.Add(head+"AssumeRole&RoleArn=arn:aws:iam::222222222222:role/r&RoleSessionName=job&DurationSeconds=900&ExternalId=x", true)
	f.Add(head+"AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::222222222222:role/r&RoleSessionName=job&WebIdentityToken=a.b.c", false)
	f.Add(head+"AssumeRole&Tags.member.1.Key=%ff&PolicyArns.member.1=%00", true)
	f.Add("Action=%GG;;&=&Version", false)
	s := licensetest.Start(f, licensetest.Options{})
	key := s.Credentials(alice)
	h := sts.New(sts.Config{Directory: s.Directory, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	f.Fuzz(func(t *testing.T, form string, signed bool) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if signed {
			if err := sigv4.Sign(r, []byte(form), key, licensetest.Region, sts.Service, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		text := answer.Body.String()
		if answer.Code >= 500 || strings.Contains(text, "<Credentials>") || !wellFormed(text) {
			t.Fatalf("%q is answered with %d\n%s", form, answer.Code, text)
		}
	})
}

func wellFormed(text string) bool {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}
