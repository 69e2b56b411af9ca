package audit

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// line is an event as it is kept: one JSON object and the end of its line. Its
// time is written when its place in the trail is known, at the two offsets.
type line struct {
	bytes         []byte
	second, micro int // where the time to the second and to the microsecond are
	found         resources
}

// The forms of a time in an event; both have a fixed length.
const (
	secondForm = "2006-01-02T15:04:05Z"
	microForm  = "2006-01-02T15:04:05.000000Z"
)

var lines = sync.Pool{New: func() any { return &line{bytes: make([]byte, 0, 2<<10)} }}

func (l *line) release() {
	if cap(l.bytes) <= 64<<10 {
		lines.Put(l)
	}
}

// encode returns an event as a line without its time. release it after use.
func encode(e *Event) *line {
	l := lines.Get().(*line)
	l.found.n, l.found.more = 0, false
	for _, arn := range e.Resources {
		l.found.add([]byte(arn))
	}
	b := append(l.bytes[:0], `{"eventVersion":"1.08","userIdentity":`...)
	b = appendIdentity(b, &e.Identity)
	b = append(b, `,"eventTime":"`...)
	l.second = len(b)
	b = append(b, secondForm...)
	b = append(b, '"')
	b = appendMember(b, `,"eventSource":`, e.Source, maxText)
	b = appendMember(b, `,"eventName":`, orUnknown(hideAgentTokens(e.Name)), maxText)
	b = appendMember(b, `,"awsRegion":`, orUnknown(e.Region), maxText)
	b = appendMember(b, `,"sourceIPAddress":`, orUnknown(e.SourceIP), maxText)
	b = appendMember(b, `,"userAgent":`, hideAgentTokens(e.UserAgent), maxText)
	if e.ErrorCode != "" {
		b = appendMember(b, `,"errorCode":`, e.ErrorCode, maxText)
		b = appendMember(b, `,"errorMessage":`, hideAgentTokens(e.ErrorMessage), maxMessage)
	}
	b = l.appendBodies(b, e)
	b = appendMember(b, `,"requestID":`, e.RequestID, maxText)
	b = appendID(append(b, `,"eventID":"`...))
	b = append(b, `","readOnly":`...)
	b = appendBool(b, e.ReadOnly)
	b = l.found.appendTo(b)
	b = appendMember(b, `,"eventType":`, cmp.Or(e.Type, TypeCall), maxText)
	b = append(b, `,"managementEvent":true`...)
	b = appendMember(b, `,"recipientAccountId":`, e.Account, maxText)
	b = append(b, `,"eventCategory":"Management"}`...)
	l.bytes = append(b, '\n')
	return l
}

// appendBodies writes what was asked and answered, what of it is not there,
// and the place of the exact time.
func (l *line) appendBodies(b []byte, e *Event) []byte {
	var cutRequest, cutResponse bool
	request := e.Request
	if e.Malformed && (len(request) > maxLooked || !jsontext.Value(request).IsValid()) {
		cutRequest, request = len(bytes.TrimSpace(request)) > 0, nil
	}
	b = append(b, `,"requestParameters":`...)
	b, cutRequest2 := copyParams(b, request, maxRequest, &l.found)
	b = append(b, `,"responseElements":`...)
	if e.Type == TypeSignIn { // whose only member CloudTrail writes with a capital
		b = append(b, e.Response...)
	} else {
		b, cutResponse = copyParams(b, e.Response, maxResponse, &l.found)
	}
	b = append(b, `,"additionalEventData":{"time":"`...)
	l.micro = len(b)
	b = append(append(b, microForm...), '"')
	if cutRequest || cutRequest2 {
		b = append(b, `,"requestParametersOmitted":true`...)
	}
	if cutResponse {
		b = append(b, `,"responseElementsOmitted":true`...)
	}
	if l.found.more {
		b = append(b, `,"resourcesOmitted":true`...)
	}
	return append(b, '}')
}

// appendIdentity writes who made a call.
func appendIdentity(b []byte, who *Identity) []byte {
	b = appendMember(b, `{"type":`, orUnknown(who.Type), maxText)
	b = appendGiven(b, `,"principalId":`, who.PrincipalID)
	b = appendGiven(b, `,"arn":`, who.ARN)
	b = appendGiven(b, `,"accountId":`, who.Account)
	b = appendGiven(b, `,"accessKeyId":`, who.AccessKeyID)
	b = appendGiven(b, `,"userName":`, who.UserName)
	if i := who.Issuer; i != nil {
		b = append(b, `,"sessionContext":{"sessionIssuer":{"type":"Role"`...)
		b = appendGiven(b, `,"principalId":`, i.PrincipalID)
		b = appendGiven(b, `,"arn":`, i.ARN)
		b = appendGiven(b, `,"accountId":`, i.Account)
		b = appendGiven(b, `,"userName":`, i.UserName)
		b = append(b, '}')
		b = appendSession(b, who)
		b = append(b, '}')
	} else if !who.Issued.IsZero() {
		b = append(b, `,"sessionContext":{"sessionIssuer":{}`...)
		b = appendSession(b, who)
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendSession writes when temporary credentials were made, and for whom.
func appendSession(b []byte, who *Identity) []byte {
	if !who.Issued.IsZero() {
		b = append(b, `,"attributes":{"creationDate":"`...)
		b = who.Issued.UTC().AppendFormat(b, secondForm)
		b = append(b, `","mfaAuthenticated":"false"}`...)
	}
	return appendGiven(b, `,"sourceIdentity":`, who.Source)
}

func appendGiven(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendMember(b, name, text, maxText)
}

func appendMember(b []byte, name, text string, most int) []byte {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return appendString(append(b, name...), text)
}

// appendString writes a text as JSON; bytes that are no UTF-8 are replaced.
func appendString(b []byte, text string) []byte {
	if isPlain(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	b, _ = jsontext.AppendQuote(b, text) // valid UTF-8: cannot fail
	return b
}

func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}

func orUnknown(text string) string {
	if text == "" {
		return Unknown
	}
	return text
}

// appendID writes a random UUID (version 4). It is no secret, so it costs no
// system call.
func appendID(b []byte) []byte {
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

// stamp writes the event's time, in microseconds since 1970.
func (l *line) stamp(micros int64, clock *clockText) {
	second, micro := micros/1e6, micros%1e6
	if second != clock.second || clock.text == nil {
		clock.second = second
		clock.text = time.Unix(second, 0).UTC().AppendFormat(clock.text[:0], secondForm)
	}
	copy(l.bytes[l.second:], clock.text)
	to := l.bytes[l.micro : l.micro+len(microForm)]
	copy(to, clock.text[:len(clock.text)-1])
	for i := len(to) - 2; i > len(secondForm)-1; i-- {
		to[i] = byte('0' + micro%10)
		micro /= 10
	}
}

// clockText is the text of the last second that was written.
type clockText struct {
	second int64
	text   []byte
}

// agentToken is how every token of an inventory agent begins. One that stands
// where no token belongs, such as in the message of an error, is hidden too.
const agentToken = "reeve-agent-"

func hideAgentTokens(text string) string {
	const least = 20 // of a token
	if len(text) < least {
		return text
	}
	for from := 0; ; {
		i := strings.Index(text[from:], agentToken)
		if i < 0 {
			return text
		}
		from += i + len(agentToken)
		end := from
		for end < len(text) && (text[end] >= 'a' && text[end] <= 'z' || text[end] >= '2' && text[end] <= '7') {
			end++
		}
		if end-from >= least-len(agentToken) {
			text = text[:from] + "HIDDEN" + text[end:]
		}
	}
}
