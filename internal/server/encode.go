package server

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"reeve/internal/api"
	"reeve/internal/license"
)

// The answer of ListUsageForLicenseConfiguration is the hot path of Reeve, so
// it is written by appending bytes, without reflection and without an
// allocation a row. A test holds it byte for byte to what the general encoder
// makes of the api shape.

// appendUsageList appends the answer's JSON object to dst. The list is present
// when it is empty, the token only when there is a next page.
func appendUsageList(dst []byte, rows []license.Usage, next *string) []byte {
	dst = append(dst, `{"LicenseConfigurationUsageList":[`...)
	var owner ownerText
	for i := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendUsage(dst, &rows[i], &owner)
	}
	dst = append(dst, ']')
	if next != nil {
		dst = appendText(append(dst, `,"NextToken":`...), *next)
	}
	return append(dst, '}')
}

func appendUsage(dst []byte, u *license.Usage, owner *ownerText) []byte {
	dst = appendText(append(dst, `{"ResourceArn":`...), u.ResourceARN)
	dst = appendText(append(dst, `,"ResourceType":`...), string(u.Type))
	dst = appendText(append(dst, `,"ResourceStatus":`...), u.Status)
	dst = append(append(dst, `,"ResourceOwnerId":"`...), owner.digits(u.Owner)...)
	dst = api.Time(u.AssociationTime).AppendSeconds(append(dst, `","AssociationTime":`...))
	dst = strconv.AppendInt(append(dst, `,"ConsumedLicenses":`...), u.Consumed, 10)
	return append(dst, '}')
}

// ownerText is an account number with its 12 digits, kept from row to row:
// rows are in the order of their owners.
type ownerText struct {
	owner int64
	text  [12]byte
	known bool
}

func (o *ownerText) digits(owner int64) []byte {
	if !o.known || o.owner != owner {
		o.owner, o.known = owner, true
		for i := len(o.text) - 1; i >= 0; i-- {
			o.text[i] = byte('0' + owner%10)
			owner /= 10
		}
	}
	return o.text[:]
}

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (table [256]bool) {
	for c := ' '; c <= '~'; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// appendText appends s as a JSON string. Nearly every text is plain ASCII and
// goes in as it is.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if !plain[s[i]] {
			quoted, _ := jsontext.AppendQuote(dst, s) // its error says that it mended broken UTF-8
			return quoted
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
