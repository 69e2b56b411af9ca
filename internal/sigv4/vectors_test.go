package sigv4_test

import "testing"

// The signatures of AWS's published test suite for Signature Version 4. Each
// request is what the suite sends to example.amazonaws.com.
var vectors = []struct {
	name, method, path string
	headers            string // what is sent beside Host and X-Amz-Date
	signed             string
	body, signature    string
}{
	{"get-vanilla", "GET", "/", "", "host;x-amz-date", "",
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "", "host;x-amz-date", "",
		"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"get-vanilla-empty-query-key", "GET", "/?Param1=value1", "", "host;x-amz-date", "",
		"a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
	{"get-vanilla-query-unreserved", "GET", "/?" + unreserved + "=" + unreserved, "", "host;x-amz-date", "",
		"9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
	{"get-unreserved", "GET", "/" + unreserved, "", "host;x-amz-date", "",
		"07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
	{"get-utf8", "GET", "/ሴ", "", "host;x-amz-date", "",
		"8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
	{"get-relative", "GET", "/example/..", "", "host;x-amz-date", "",
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-slash-dot-slash", "GET", "/./", "", "host;x-amz-date", "",
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-slash-pointless-dot", "GET", "/./example", "", "host;x-amz-date", "",
		"ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
	{"get-slashes", "GET", "//example//", "", "host;x-amz-date", "",
		"9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
	{"get-header-key-duplicate", "GET", "/", "My-Header1: value2\r\nMy-Header1: value2\r\nMy-Header1: value1\r\n", "host;my-header1;x-amz-date", "",
		"c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	{"get-header-value-order", "GET", "/", "My-Header1: value4\r\nMy-Header1: value1\r\nMy-Header1: value3\r\nMy-Header1: value2\r\n", "host;my-header1;x-amz-date", "",
		"08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
	{"get-header-value-trim", "GET", "/", "My-Header1:  value1\r\nMy-Header2: \"a   b   c\"\r\n", "host;my-header1;my-header2;x-amz-date", "",
		"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	{"post-vanilla", "POST", "/", "", "host;x-amz-date", "",
		"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-vanilla-query", "POST", "/?Param1=value1", "", "host;x-amz-date", "",
		"28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
	{"post-header-key-sort", "POST", "/", "My-Header1: value1\r\n", "host;my-header1;x-amz-date", "",
		"c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
	{"post-header-value-case", "POST", "/", "My-Header1: VALUE1\r\n", "host;my-header1;x-amz-date", "",
		"cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
	{"post-x-www-form-urlencoded", "POST", "/", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 13\r\n",
		"content-type;host;x-amz-date", "Param1=value1",
		"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
}

const unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func TestVerifyAcceptsPublishedVectors(t *testing.T) {
	const key, secret = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	v := newVerifier(amzTime(t, "20150830T123600Z"), map[string]string{key: secret})
	v.Service = "service"
	for _, tc := range vectors {
		t.Run(tc.name, func(t *testing.T) {
			raw := tc.method + " " + tc.path + " HTTP/1.1\r\nHost: example.amazonaws.com\r\nX-Amz-Date: 20150830T123600Z\r\n" + tc.headers +
				"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
				tc.signed + ", Signature=" + tc.signature + "\r\n\r\n" + tc.body
			r, body := parseRequest(t, []byte(raw))
			if _, err := v.Verify(r, body); err != nil {
				t.Error(err)
			}
		})
	}
}
