package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/licensetest"
	"reeve/internal/sigv4"
)

// FuzzOperations sends any body to any operation of a whole server, signed by
// a tenant: it is answered in JSON, and never with a fault of the server's own.
func FuzzOperations(f *testing.F) {
	const account = "222222222222"
	s := licensetest.Start(f, licensetest.Options{})
	s.Put(account, licensetest.Machine(account, "i-1", 4))
	var made api.CreateLicenseConfigurationOutput
	s.Call(account, "AWSLicenseManager.CreateLicenseConfiguration", &api.CreateLicenseConfigurationInput{Name: new("a"), LicenseCountingType: new("vCPU")}, &made)
	arn, machine := *made.LicenseConfigurationArn, licensetest.MachineARN(account, "i-1")
	for i := range api.Operations {
		f.Add(i, []byte(`{"LicenseConfigurationArn":"`+arn+`"}`))
		f.Add(i, []byte(`{"ResourceArn":"`+machine+`","AddLicenseSpecifications":[{"LicenseConfigurationArn":"`+arn+`"}]}`))
		f.Add(i, []byte(`{"LicenseConfigurationArn":"`+arn+`","MaxResults":1,"NextToken":"AQAA","Filters":[{"Name":"asOf","Values":["2026-01-01T00:00:00Z"]}]}`))
	}
	handler, key := s.Handler(true), s.Credentials(account)
	f.Fuzz(func(t *testing.T, operation int, body []byte) {
		op := api.Operations[uint(operation)%uint(len(api.Operations))]
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4750/", nil)
		r.Header.Set("Content-Type", awsjson.ContentType)
		r.Header.Set("X-Amz-Target", op.Service+"."+op.Name)
		if err := sigv4.Sign(r, body, key, licensetest.Region, "license-manager", time.Now()); err != nil {
			t.Fatal(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		if text := answer.Body.Bytes(); answer.Code >= 500 || answer.Code == http.StatusForbidden || !jsontext.Value(text).IsValid() {
			t.Fatalf("%s of %q is answered with %d\n%s", op.Name, body, answer.Code, text)
		}
	})
}
