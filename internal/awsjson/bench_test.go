package awsjson_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"reeve/internal/awsjson"
)

// appended is an answer that encodes itself, as a page of usage does.
type appended struct{ page []byte }

func (a appended) AppendJSON(dst []byte) ([]byte, error) { return append(dst, a.page...), nil }

// BenchmarkHandler answers with a page of about 50 rows: the cost of the
// protocol alone, without network, signature and store.
func BenchmarkHandler(b *testing.B) {
	page := bytes.Repeat([]byte(`{"ResourceArn":"arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"},`), 180)
	page = append(append([]byte(`{"Rows":[`), page[:len(page)-1]...), "]}"...)
	body := []byte(`{"LicenseConfigurationArn":"arn:aws:license-manager:us-east-1:123456789012:license-configuration:lic-0123456789abcdef0123456789abcdef","MaxResults":50}`)
	for name, response := range map[string]awsjson.Response{"bytes": awsjson.Bytes(page), "appended": appended{page}} {
		b.Run(name, func(b *testing.B) {
			handler := &awsjson.Handler{
				Authenticate: func(*http.Request, []byte) (any, error) { return nil, nil },
				Fault:        func(error) *awsjson.Fault { return nil },
				Log:          slog.New(slog.DiscardHandler),
				Operations: map[string]awsjson.Operation{"Test.Page": {
					Serve: func(context.Context, awsjson.Call) (awsjson.Response, error) { return response, nil },
				}},
			}
			r := httptest.NewRequest("POST", "/", nil)
			r.Header.Set("Content-Type", awsjson.ContentType)
			r.Header.Set("X-Amz-Target", "Test.Page")
			r.ContentLength = int64(len(body))
			w := &discard{header: http.Header{}}
			reader := bytes.NewReader(body)
			r.Body = io.NopCloser(reader)
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				handler.ServeHTTP(w, r)
			}
			if w.status != 200 {
				b.Fatalf("status %d", w.status)
			}
		})
	}
}

// discard is a ResponseWriter that costs nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
