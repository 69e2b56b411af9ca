package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// items is how many rows the lists have that are compared with others'.
const items = 100

// peerRow is a list of a hundred items in AWS's JSON protocol.
type peerRow struct {
	Server string
	List   string
	Bytes  int     // of an answer
	Rate   float64 // answers a second, median of rounds
	Micros float64 // of an answer over one connection, median
	Ratio  spread  // Reeve's ListUsage answers for each of these
}

// peerCase is one list of one server.
type peerCase struct {
	server, list string
	question
}

// measurePeers compares Reeve over SQLite with whichever other servers with
// AWS's protocol are on the machine.
func (b *bench) measurePeers() ([]peerRow, error) {
	server, cases, err := b.reevePeer()
	if err != nil {
		return nil, err
	}
	defer server.stop()
	moto, stop, err := b.startMoto()
	if err != nil {
		b.note("not compared with moto_server: %v", err)
	} else {
		defer stop()
		cases = append(cases, moto)
	}
	results := make([]samples, len(cases))
	for round := range b.rounds {
		for i, c := range cases {
			say("round %d of %d: %s, %s", round+1, b.rounds, c.server, c.list)
			if err := b.measurePeer(c, cases[0].question, &results[i]); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", c.server, c.list, err)
			}
		}
	}
	rows := make([]peerRow, len(cases))
	for i, c := range cases {
		s := &results[i]
		rows[i] = peerRow{c.server, c.list, s.bytes, median(s.rates), median(s.micros), spreadOf(s.ratios)}
	}
	return rows, nil
}

func (b *bench) measurePeer(c peerCase, base question, s *samples) error {
	answer, err := once(c.address, c.requests[0])
	if err != nil {
		return err
	}
	got, against, err := b.duel(c.question, base)
	if err != nil {
		return err
	}
	took, err := c.latency(b.slice)
	s.bytes = len(answer)
	s.rates, s.ratios = append(s.rates, got), append(s.ratios, against/got)
	s.micros = append(s.micros, float64(took)/float64(time.Microsecond))
	return err
}

// reevePeer serves a hundred configurations, the first of which has records.
func (b *bench) reevePeer() (server *child, cases []peerCase, err error) {
	s := shape{Name: "peers", Alive: 1000, Changes: 1}
	dir, err := os.MkdirTemp(b.scratch, "peers-")
	if err != nil {
		return nil, nil, err
	}
	db := database(filepath.Join(dir, "reeve.db"))
	f, err := openFleet(b.ctx, db, dir, s)
	if err != nil {
		return nil, nil, err
	}
	if server, err = b.startChild(db, ""); err != nil {
		return nil, nil, err
	}
	r := &rig{child: server, fleet: f}
	for i := range items {
		if _, err := r.create(fmt.Sprintf("configuration %d", i)); err != nil {
			server.stop()
			return nil, nil, err
		}
	}
	usage, err := encode(server.Cold, listUsage, request{LicenseConfigurationArn: f.ARN, MaxResults: items})
	if err != nil {
		return nil, nil, err
	}
	all, err := encode(server.Cold, listConfigurations, request{MaxResults: items})
	return server, []peerCase{
		{"Reeve", "ListUsageForLicenseConfiguration", question{server.Cold, [][]byte{usage}}},
		{"Reeve", "ListLicenseConfigurations", question{server.Cold, [][]byte{all}}},
	}, err
}

// startMoto starts moto_server with a hundred secrets, whose list is in the
// same protocol and has rows of about the same size.
func (b *bench) startMoto() (c peerCase, stop func(), err error) {
	if err := exec.CommandContext(b.ctx, "python3", "-c", "import moto.server").Run(); err != nil {
		return c, nil, fmt.Errorf("python3 cannot import moto.server: %w", err)
	}
	address, err := freeAddress()
	if err != nil {
		return c, nil, err
	}
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(b.ctx, "python3", "-m", "moto.server", "-H", host, "-p", port)
	if err := cmd.Start(); err != nil {
		return c, nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	list, err := fillMoto(b, address)
	if err != nil {
		stop()
		return c, nil, err
	}
	return peerCase{"moto_server", "Secrets Manager ListSecrets", question{address, [][]byte{list}}}, stop, nil
}

// fillMoto makes the secrets and returns the signed request that lists them.
func fillMoto(b *bench, address string) ([]byte, error) {
	list, err := sign(address, "secretsmanager", "secretsmanager.ListSecrets", fmt.Sprintf(`{"MaxResults":%d}`, items))
	if err != nil {
		return nil, err
	}
	p := program{address: address}
	if err := p.await(b.ctx, list); err != nil {
		return nil, err
	}
	for i := range items {
		body := fmt.Sprintf(`{"Name":"secret-%03d","SecretString":"text","ClientRequestToken":"%036d"}`, i, i)
		create, err := sign(address, "secretsmanager", "secretsmanager.CreateSecret", body)
		if err != nil {
			return nil, err
		}
		if _, err := once(address, create); err != nil {
			return nil, err
		}
	}
	return list, nil
}
