// Package glpi reads what inventory agents say of the machine they run on: the
// XML of the FusionInventory, GLPI and OCS Inventory agents, and GLPI Agent's
// JSON. [Read] is for files, [Parse] for messages to a server.
//
// The machine becomes a Systems Manager managed instance. What the agent could
// not find out is left absent rather than guessed: a count that cannot be made
// shows as such, a wrong one does not. See [topology] and [identity] for what
// the agents' own values mean.
package glpi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"reeve/internal/api"
	"reeve/internal/source/record"
)

// Owner says whose inventory the machine goes into.
type Owner struct {
	Region  string // such as eu-central-1
	Account string // 12 digits
}

// maxApplications is how many programs PutResources takes of one machine.
const maxApplications = 5000

// Read passes the machine that in describes to sink. What is not the XML of
// one inventory is an error; an inventory that does not tell which machine it
// is of, or that PutResources would not take, goes to sink.Bad.
func Read(in io.Reader, owner Owner, sink record.Sink) error {
	if err := owner.check(); err != nil {
		return err
	}
	body, err := io.ReadAll(&limited{in: in, left: maxFile})
	if err != nil {
		return record.At(1+bytes.Count(body, []byte("\n")), err)
	}
	m, err := parseXML(body)
	if err != nil {
		return err
	}
	if m.Kind != Inventory {
		return record.At(m.machine.line, fmt.Errorf("the agent's message is of kind %.60q; only INVENTORY describes a machine", m.Kind))
	}
	r, err := m.Resource(owner)
	if err != nil {
		return sink.Bad(m.machine.line, err.Error())
	}
	if sink.Agent != nil {
		return sink.Agent(m.machine.line, r, m.Instance())
	}
	return sink.Put(m.machine.line, r)
}

func (o Owner) check() error {
	if o.Region == "" || o.Account == "" {
		return errors.New("read an agent's inventory: the region and the account it belongs to are not known")
	}
	return nil
}

// arn names a managed instance of the owner.
func (o Owner) arn(id string) string {
	return "arn:aws:ssm:" + o.Region + ":" + o.Account + ":managed-instance/" + id
}

// resource turns the machine into a report of a managed instance.
func (m *machine) resource(owner Owner) (api.Resource, error) {
	id, err := m.identity()
	if err != nil {
		return api.Resource{}, err
	}
	if n := len(m.programs()); n > maxApplications {
		return api.Resource{}, fmt.Errorf("the machine has %d programs, and %d at most can be kept; leave them out with --no-category=software", n, maxApplications)
	}
	r := api.Resource{
		ResourceArn:     text(owner.arn(id)),
		ResourceType:    text("SYSTEMS_MANAGER_MANAGED_INSTANCE"),
		Status:          text("Online"),
		Name:            text(m.name()),
		Platform:        text(m.platform()),
		PlatformType:    text(platformTypes[m.family()]),
		PlatformVersion: text(m.platformVersion()),
		Virtual:         m.virtual(),
		Applications:    m.applications(),
	}
	m.topology().report(&r)
	return r, record.Check(&r)
}

// text is a member of a report; nothing found leaves it absent.
func text(s string) *string {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return &s
}
