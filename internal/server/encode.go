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
	for i := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendUsage(dst, &rows[i])
	}
	dst = append(dst, ']')
	if next != nil {
		dst = appendText(append(dst, `,"NextToken":`...), *next)
	}
	return append(dst, '}')
}

func appendUsage(dst []byte, u *license.Usage) []byte {
	dst = appendText(append(dst, `{"ResourceArn":`...), u.ResourceARN)
	dst = appendText(append(dst, `,"ResourceType":`...), string(u.Type))
	dst = appendText(append(dst, `,"ResourceStatus":`...), u.Status)
	dst = appendAccount(append(dst, `,"ResourceOwnerId":"`...), u.Owner)
	dst = api.Time(u.AssociationTime).AppendSeconds(append(dst, `","AssociationTime":`...))
	dst = strconv.AppendInt(append(dst, `,"ConsumedLicenses":`...), u.Consumed, 10)
	return append(dst, '}')
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

// appendAccount appends an account number with its 12 digits.
func appendAccount(dst []byte, account int64) []byte {
	const digits = 12
	var text [digits]byte
	for i := digits - 1; i >= 0; i-- {
		text[i] = byte('0' + account%10)
		account /= 10
	}
	return append(dst, text[:]...)
}
