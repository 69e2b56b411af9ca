// Package agent takes the reports of inventory agents: FusionInventory, GLPI
// Agent and OCS Inventory, each in its own language and unmodified.
//
// An agent first asks whether it may report (PROLOG in XML, contact in JSON)
// and then sends an inventory of the machine it runs on. The machine becomes a
// managed instance of the account and region that the agent's token is for; an
// agent is answered once its report is durable. What an inventory says is
// package glpi's to know, what it counts is package license's.
//
// Agents come in crowds, so everything here is bounded: bodies before and
// after decompression, the memory of reports that wait, and the time they wait
// for. Who cannot be served in time is told to come again.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"reeve/internal/audit"
	"reeve/internal/iam"
	"reeve/internal/license"
	"reeve/internal/source/glpi"
)

// Limits of one message.
const (
	MaxBody     = 8 << 20  // bytes as they are sent
	MaxInflated = 32 << 20 // bytes after decompression
)

// How long a report may wait. Together that is shorter than a connection's
// limits, so that everybody gets an answer.
const (
	admitTime = 15 * time.Second // for a place
	queueTime = 20 * time.Second // for its turn
	putTime   = 15 * time.Second // for the ledgers
)

// Config is what the handler needs.
type Config struct {
	Manager   *license.Manager
	Directory *iam.Directory
	Log       *slog.Logger

	// Memory bounds what reports that are read or wait may hold, in bytes.
	// 0 means 64 MiB.
	Memory int64

	Meter Meter // nil counts nothing

	Audit      *audit.Recorder // records every report; nil records none
	TrustProxy bool            // believes a proxy in front where agents are
}

// handler answers agents.
type handler struct {
	directory *iam.Directory
	log       *slog.Logger
	room      *room
	decoding  chan struct{} // a place for each message that is decompressed and parsed at once
	ingest    *ingest
	meter     Meter
	trail     trail
}

// New returns the handler for every path that agents are pointed at. A token
// may be in the path, behind /agent/.
func New(cfg Config) http.Handler {
	if cfg.Memory == 0 {
		cfg.Memory = 64 << 20
	}
	if cfg.Meter == nil {
		cfg.Meter = noMeter{}
	}
	return &handler{
		directory: cfg.Directory,
		log:       cfg.Log,
		room:      newRoom(cfg.Memory, cfg.Meter),
		decoding:  make(chan struct{}, decoders),
		ingest:    newIngest(cfg.Manager, cfg.Meter),
		meter:     cfg.Meter,
		trail:     trail{cfg.Audit, cfg.Log, cfg.TrustProxy},
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	said := &said{}
	answer, err := h.answer(r, said)
	if err != nil {
		answer = h.refusal(r, err)
		h.meter.Messages(resultOf(answer.status), 1)
	}
	h.trail.record(r, said, answer, err)
	answer.write(w)
}

// answer takes one message, in the order of what it costs.
func (h *handler) answer(r *http.Request, said *said) (*answer, error) {
	begun := time.Now()
	if r.Method != http.MethodPost {
		return nil, &refusal{status: http.StatusMethodNotAllowed, text: "This is where inventory agents report, with POST. Make a token with reeve agent-token create, and point an agent's --server here."}
	}
	if err := h.trail.recorder.Admit(r.Context()); err != nil {
		return nil, errTrailFull
	}
	token, err := h.authenticate(r)
	if err != nil {
		return nil, err
	}
	said.token = token
	form, err := formOf(r)
	if err != nil {
		return nil, err
	}
	place, err := h.room.enter(r.Context(), cost(r.ContentLength))
	if err != nil {
		return nil, err
	}
	defer place.leave()
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	m, err := h.decode(r.Context(), form, body)
	if err != nil {
		return nil, err
	}
	a, err := h.reply(r, token, m, place, said)
	if err == nil && m.Kind == glpi.Inventory {
		h.meter.Took(time.Since(begun))
	}
	return a, err
}

// message is what was sent, and the form that the answer takes after it.
type message struct {
	*glpi.Message
	compression compression
}

// reply answers a message that was understood.
func (h *handler) reply(r *http.Request, token *iam.AgentToken, m *message, place *place, said *said) (*answer, error) {
	switch {
	case m.Kind == glpi.Contact:
		return contactAnswer[m.compression], nil
	case m.Kind == glpi.Prolog && r.Header.Get(agentIDHeader) != "":
		return speakJSON[m.compression], nil
	case m.Kind == glpi.Prolog:
		return prologAnswer[m.compression], nil
	case m.Kind != glpi.Inventory:
		return nil, m.refuse(http.StatusBadRequest, "This server takes inventories of computers, and no messages of the kind "+quoted(m.Kind)+".")
	}
	if err := h.take(r, token, m, place, said); err != nil {
		return nil, err
	}
	if m.JSON {
		return acceptedJSON[m.compression], nil
	}
	return acceptedXML[m.compression], nil
}

// take brings an inventory into the ledgers.
func (h *handler) take(r *http.Request, token *iam.AgentToken, m *message, place *place, said *said) error {
	owner := glpi.Owner{Region: token.Region, Account: token.Account}
	machine, err := m.Resource(owner)
	if err != nil {
		return m.refuse(http.StatusBadRequest, "The inventory cannot be used: "+err.Error()+".")
	}
	report := reportOf(&machine, m.Instance(), m.Partial)
	said.machine = report.ARN
	if err := place.grow(weight(&report)); err != nil {
		return m.with(err)
	}
	// A report in the queue is taken also when the agent has gone meanwhile.
	ctx := context.WithoutCancel(r.Context())
	who := license.Caller{Account: token.Account, Region: token.Region, Principal: token.Principal(), Operation: operation}
	err = h.ingest.put(who, report)
	if err == nil {
		err = h.ingest.putGuests(ctx, who, report.ARN, m.Guests(owner))
	}
	var refused *license.Error
	if errors.As(err, &refused) {
		return m.refuse(http.StatusBadRequest, "The inventory cannot be used: "+refused.Message)
	}
	if err != nil {
		return m.with(err)
	}
	return nil
}
