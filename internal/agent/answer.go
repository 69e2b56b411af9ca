package agent

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// agentIDHeader is sent by GLPI Agent alone, also with its first message,
// which is in XML.
const agentIDHeader = "GLPI-Agent-ID"

// prologFreq is how often agents are to report, in hours.
const prologFreq = "24"

// answer is what goes back to an agent.
type answer struct {
	status      int
	contentType string
	body        []byte
	header      map[string]string
}

func (a *answer) write(w http.ResponseWriter) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// What agents that are not refused are answered.
var (
	// prologAnswer lets the agent send its inventory.
	prologAnswer = xmlAnswer("<PROLOG_FREQ>" + prologFreq + "</PROLOG_FREQ><RESPONSE>SEND</RESPONSE>")

	// acceptedXML ends an exchange. The words are OCS Inventory's for: there
	// is nothing to note on the machine.
	acceptedXML = xmlAnswer("<RESPONSE>NO_ACCOUNT_UPDATE</RESPONSE>")

	// speakJSON answers GLPI Agent's first message. An answer in JSON makes it
	// speak JSON, and pending without a time makes it ask again at once.
	speakJSON = okAnswer("application/json", `{"status":"pending"}`)

	// contactAnswer lets GLPI Agent send an inventory in JSON, and nothing
	// else. It has the form of a GLPI server's, as the agent asks whose task
	// the inventory is.
	contactAnswer = okAnswer("application/json", `{"status":"ok","expiration":"`+prologFreq+`h",`+
		`"tasks":{"inventory":{"server":"glpi","version":"10.0.0"}},`+
		`"disabled":["collect","deploy","esx","netdiscovery","netinventory","remoteinventory","wakeonlan"]}`)

	acceptedJSON = okAnswer("application/json", `{"status":"ok","expiration":"`+prologFreq+`h"}`)
)

// okAnswers are one answer in the form of each compression.
type okAnswers [3]*answer

func xmlAnswer(inside string) okAnswers {
	return okAnswer("application/xml", `<?xml version="1.0" encoding="UTF-8"?>`+"\n<REPLY>"+inside+"</REPLY>\n")
}

func okAnswer(contentType, text string) okAnswers {
	var z, gz bytes.Buffer
	for _, out := range []io.WriteCloser{zlib.NewWriter(&z), gzip.NewWriter(&gz)} {
		_, _ = io.WriteString(out, text) // a buffer takes everything
		_ = out.Close()
	}
	return okAnswers{
		plain:   {status: http.StatusOK, contentType: contentType, body: []byte(text)},
		zlibbed: {status: http.StatusOK, contentType: "application/x-compress-zlib", body: z.Bytes()},
		gzipped: {status: http.StatusOK, contentType: "application/x-compress-gzip", body: gz.Bytes()},
	}
}

// refusal is why a message is not taken, for whoever reads the agent's log.
type refusal struct {
	status int
	text   string
	json   bool // the agent reads JSON
}

func (r *refusal) Error() string { return r.text }

// refuse is a refusal of this message.
func (m *message) refuse(status int, text string) error {
	return &refusal{status: status, text: oneLine(text), json: m.JSON}
}

// with gives an error the language of this message.
func (m *message) with(err error) error {
	var r *refusal
	if errors.As(err, &r) {
		return &refusal{status: r.status, text: r.text, json: m.JSON}
	}
	return err
}

var errBusy = &refusal{status: http.StatusServiceUnavailable, text: "The server has too many reports at once. Send it again in a minute."}

// refusal turns any error into an answer. What is the server's own trouble is
// logged and not told. The token may be in the path, which is never logged.
func (h *handler) refusal(r *http.Request, err error) *answer {
	var away interface{ Unavailable() bool } // the database
	var why *refusal
	switch {
	case errors.As(err, &why):
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		why = errBusy
	case errors.As(err, &away) && away.Unavailable():
		why = &refusal{status: http.StatusServiceUnavailable, text: "The server's database does not answer at the moment. Send it again in a minute."}
	default:
		h.log.Error("report of an agent failed", "error", err)
		why = &refusal{status: http.StatusInternalServerError, text: "The server failed. Its log says why."}
	}
	if why.status != http.StatusUnauthorized {
		h.log.Debug("message of an agent refused", "status", why.status, "reason", why.text)
	} else {
		// Agents send everything before they give a password. Whoever has not
		// been read to the end may take the closed connection for an error.
		_, _ = io.CopyN(io.Discard, r.Body, MaxBody)
	}
	return why.answer()
}

// jsonError is what GLPI Agent shows of an error.
type jsonError struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func (r *refusal) answer() *answer {
	a := &answer{status: r.status, contentType: "text/plain; charset=utf-8", body: []byte(r.text + "\n"), header: map[string]string{}}
	if r.json {
		text, _ := json.Marshal(jsonError{"error", r.text}) // texts: cannot fail
		a.contentType, a.body = "application/json", text
	}
	switch r.status {
	case http.StatusUnauthorized:
		a.header["WWW-Authenticate"] = realm
	case http.StatusServiceUnavailable:
		a.header["Retry-After"] = "60"
	case http.StatusMethodNotAllowed:
		a.header["Allow"] = http.MethodPost
	case http.StatusRequestEntityTooLarge:
		a.header["Connection"] = "close"
	}
	return a
}

func quoted(s string) string {
	const most = 40
	if len(s) > most {
		s = s[:most]
	}
	return strconv.QuoteToASCII(s)
}

// oneLine keeps what an agent has sent from making lines in another's log.
func oneLine(s string) string {
	const most = 500
	s = strings.ToValidUTF8(s[:min(len(s), most)], "")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
