package sigv4_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Compare within one run: the SDK's signer is what a verifier would be built
// on that has no canonicalisation of its own.
func BenchmarkVerify(b *testing.B) {
	r, body := readRecorded(b, "testdata/gosdk-v2-list-usage.http")
	at := amzTime(b, r.Header.Get("X-Amz-Date"))
	b.Run("own", func(b *testing.B) {
		v := newVerifier(at, map[string]string{recordedKey: recordedSecret})
		v.Lookup = func(context.Context, string, string) (string, any, error) { return recordedSecret, nil, nil }
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(r, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sdk signer", func(b *testing.B) {
		shared := sdk.NewSigner()
		creds := aws.Credentials{AccessKeyID: recordedKey, SecretAccessKey: recordedSecret}
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256(body)
			if err := shared.SignHTTP(context.Background(), creds, r, hex.EncodeToString(sum[:]), service, "us-east-1", at); err != nil {
				b.Fatal(err)
			}
		}
	})
}
