package audit

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestParametersAsTheyAreKept(t *testing.T) {
	long := strings.Repeat("x", maxValue+1)
	for name, c := range map[string]struct {
		in, want string
		cut      bool
		arns     []string
	}{
		"Nothing":      {``, `null`, false, nil},
		"Empty":        {` { } `, `null`, false, nil},
		"LowerCamel":   {`{"LicenseConfigurationArn" : "arn:aws:x", "ARN":"y","VCpus":2}`, `{"licenseConfigurationArn":"arn:aws:x","ARN":"y","VCpus":2}`, false, []string{"arn:aws:x"}},
		"Nested":       {`{"A":[{"Bb":[1,-2.5e3,true,null]},"c"]}`, `{"A":[{"bb":[1,-2.5e3,true,null]},"c"]}`, false, nil},
		"Endless":      {`{"Nn":[3e400,-3E400,1e-400,3e40]}`, `{"nn":["3e400","-3E400",1e-400,3e40]}`, false, nil},
		"Once":         {`{"Rr":["arn:aws:a","arn:aws:b","arn:aws:a"]}`, `{"rr":["arn:aws:a","arn:aws:b","arn:aws:a"]}`, false, []string{"arn:aws:a", "arn:aws:b"}},
		"Secret":       {`{"SecretAccessKey":"s3","Next":1}`, `{"secretAccessKey":` + hidden + `,"next":1}`, false, nil},
		"Password":     {`{"Password": {"deep":["s3"]},"Next":1}`, `{"password":` + hidden + `,"next":1}`, false, nil},
		"Number":       {`{"TokenCode":123456}`, `{"tokenCode":` + hidden + `}`, false, nil},
		"Flag":         {`{"PasswordResetRequired":true}`, `{"passwordResetRequired":true}`, false, nil},
		"Escaped":      {`{"\u0053ecretAccessKey":"s3"}`, `{"\u0053ecretAccessKey":` + hidden + `}`, false, nil},
		"PageToken":    {`{"NextToken":"t","ClientToken":"c","ClientRequestToken":"r"}`, `{"nextToken":"t","clientToken":"c","clientRequestToken":"r"}`, false, nil},
		"TokenID":      {`{"AgentTokenId":"at-1","Token":"s3"}`, `{"agentTokenId":"at-1","token":` + hidden + `}`, false, nil},
		"Document":     {`{"Settings":"{\"url\":\"u\",\"password\":\"s3\",\"password_file\":\"f\"}"}`, `{"settings":"{\"url\":\"u\",\"password\":\"HIDDEN_DUE_TO_SECURITY_REASONS\",\"password_file\":\"f\"}"}`, false, nil},
		"NoDocument":   {`{"Settings":"{password: s3"}`, `{"settings":` + hidden + `}`, true, nil},
		"Brackets":     {`{"Name":"[x"}`, `{"name":"[x"}`, false, nil},
		"LongText":     {`{"Aa":"` + long + `"}`, `{"aa":"` + long[1:] + `…"}`, true, nil},
		"LongEscapes":  {`{"Aa":"` + strings.Repeat(`\u00e9`, 400) + `"}`, `{"aa":"` + strings.Repeat(`\u00e9`, 342) + `…"}`, true, nil},
		"TooManyItems": {`{"Aa":[` + strings.Repeat(`"arn:aws:1",`, 1000) + `"arn:aws:2"]}`, `{"aa":[` + strings.Repeat(`"arn:aws:1",`, 681) + `"arn:aws:1"]}`, true, []string{"arn:aws:1", "arn:aws:2"}},
	} {
		var found resources
		out, cut := copyParams(nil, []byte(c.in), maxRequest, &found)
		if diff := cmp.Diff(c.want, string(out)); diff != "" || cut != c.cut {
			t.Errorf("%s: cut %v (-want +got):\n%s", name, cut, diff)
		}
		var arns []string
		for _, arn := range found.list[:found.n] {
			arns = append(arns, string(arn))
		}
		if diff := cmp.Diff(c.arns, arns); diff != "" {
			t.Errorf("%s: resources (-want +got):\n%s", name, diff)
		}
	}
}

// FuzzParameters takes any JSON: what is kept is JSON, bounded, and without
// the value of any member whose name says that it is a secret.
func FuzzParameters(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"SecretKey":"s3cr3t"}]}`, `[[[[]]]]`, `{"Password":{"x":["s3cr3t"]}}`, `"{\"Token\":\"s3cr3t\"}"`, `{"a":"{\"b\":\"{\\\"Secret\\\":\\\"s3cr3t\\\"}\"}"}`, `{"secret" : "s3cr3t" , "b":-1}`, `7`, "{", `{"a":`, `{"Secret":`} {
		f.Add([]byte(seed), 64)
	}
	f.Fuzz(func(t *testing.T, body []byte, limit int) {
		limit = 16 + (limit&0xffff)%maxRequest
		var found resources
		out, _ := copyParams(nil, body, limit, &found)
		if len(out) > limit+2*maxDepth {
			t.Errorf("%d bytes of %d", len(out), limit)
		}
		if !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) {
			return
		}
		if !jsontext.Value(out).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("%q became %q", body, out)
		}
		var value any
		if err := json.Unmarshal(out, &value, jsontext.AllowDuplicateNames(true)); err != nil {
			t.Fatal(err)
		}
		noSecrets(t, value)
	})
}

func noSecrets(t *testing.T, value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			switch member.(type) {
			case bool, nil:
			default:
				if isSecretName([]byte(name)) && member != strings.Trim(hidden, `"`) {
					t.Fatalf("%s is %v", name, member)
				}
			}
			noSecrets(t, member)
		}
	case []any:
		for _, element := range v {
			noSecrets(t, element)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	e := Event{
		Identity: Identity{Type: "Root", PrincipalID: "111111111111", ARN: "arn:aws:iam::111111111111:root", Account: "111111111111", AccessKeyID: "AKIAABCDEFGHIJKLMNOP"},
		Source:   SourceLicenseManager, Name: "ListUsageForLicenseConfiguration", Region: "eu-west-1", SourceIP: "192.0.2.1",
		UserAgent: "aws-sdk-go-v2/1.30.0 os/linux lang/go#1.26 md/GOOS#linux md/GOARCH#amd64 api/licensemanager#1.27.0",
		RequestID: "3366df5f-4166-415f-9437-c38000000048", ReadOnly: true, Account: "111111111111",
		Request: []byte(`{"LicenseConfigurationArn":"arn:aws:license-manager:us-east-1:123456789012:license-configuration:lic-0123456789abcdef0123456789abcdef","MaxResults":50,"NextToken":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`),
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		l := encode(&e)
		n = len(l.bytes)
		l.release()
	}
	b.ReportMetric(float64(n), "B/event")
}
