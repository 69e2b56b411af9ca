package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// writers is the fleet that is written to: enough machines that each client
// has its own.
var writers = shape{Name: "writes", Alive: 40_000}

// writeRow is a measured write path. What it writes is on disk before it is
// answered.
type writeRow struct {
	Database string
	Case     string
	Batch    int // resources a request
	Clients  int
	Changes  float64 // changed resources a second, median of rounds
	Requests float64 // a second
	Millis   float64 // of a request, median
	Appends  float64 // a second: a file of the same disk is given the request's bytes and synced
	Ratio    spread  // requests to appends
}

// writeCase is one write path.
type writeCase struct {
	name           string
	address        string
	batch, clients int
	next           func(client int) ([]byte, error) // the next request
	check          func(answer []byte) error
	size           int // bytes of a request's body
}

// rig is a served fleet that is being written to.
type rig struct {
	*child
	fleet   *fleet
	other   string       // ARN of a configuration that nothing is associated with yet
	changes atomic.Int64 // passes over machines, which make each size another one than the last
}

func (b *bench) measureWrites(kind string) ([]writeRow, error) {
	db, dir, f, err := b.ownFleet(kind, writers)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	server, err := b.startChild(db, b.profileFor(kind+"-writes"))
	if err != nil {
		return nil, err
	}
	defer server.stop()
	r := &rig{child: server, fleet: f}
	if r.other, err = r.create("others"); err != nil {
		return nil, err
	}
	return b.measureWriteCases(kind, dir, r.cases())
}

// cases are the write paths.
func (r *rig) cases() []writeCase {
	var cases []writeCase
	for _, batch := range []int{1000, 100, 1} {
		for _, clients := range []int{1, 8} {
			cases = append(cases, r.put(batch, clients))
		}
	}
	for _, clients := range []int{1, 32} {
		cases = append(cases, r.associate(clients))
	}
	return cases
}

// create makes a configuration and returns its ARN.
func (r *rig) create(name string) (string, error) {
	request, err := encode(r.Reeve, createConfig, map[string]string{"Name": name, "LicenseCountingType": "vCPU"})
	if err != nil {
		return "", err
	}
	answer, err := once(r.Reeve, request)
	if err != nil {
		return "", err
	}
	var created struct{ LicenseConfigurationArn string }
	return created.LicenseConfigurationArn, json.Unmarshal(answer, &created)
}

// put is PutResources of a batch of machines whose size has changed; each is
// associated, so each is counted again. Clients have machines of their own.
func (r *rig) put(batch, clients int) writeCase {
	own := r.fleet.Shape.Alive / clients / batch * batch
	at := make([]int, clients)
	size := make([]int64, clients)
	return writeCase{
		name: "PutResources", address: r.Reeve, batch: batch, clients: clients,
		size: len(putBody(0, batch, 1)),
		next: func(client int) ([]byte, error) {
			if at[client]%own == 0 {
				size[client] = 3 + r.changes.Add(1)%1000
			}
			from := client*own + at[client]%own
			at[client] += batch
			return sign(r.Reeve, "license-manager", putResources, putBody(from, from+batch, size[client]))
		},
		check: mustHold(fmt.Sprintf(`"Changed":%d`, batch)),
	}
}

func putBody(from, to int, vcpus int64) string {
	b := []byte(`{"Resources":[`)
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, ',')
		}
		b = append(b, `{"ResourceArn":"`...)
		b = append(b, machineARN(i)...)
		b = append(b, `","VCpus":`...)
		b = append(strconv.AppendInt(b, vcpus, 10), '}')
	}
	return string(append(b, `]}`...))
}

// mustHold checks that an answer has a text.
func mustHold(text string) func([]byte) error {
	return func(answer []byte) error {
		if !bytes.Contains(answer, []byte(text)) {
			return fmt.Errorf("answered %.200s where %s was expected", answer, text)
		}
		return nil
	}
}

// associate is associating a machine with one configuration and dissociating
// it again, a machine a client: with many clients they share commits.
func (r *rig) associate(clients int) writeCase {
	turn := make([]int, clients)
	body := func(client, turn int) map[string]any {
		what := [2]string{"AddLicenseSpecifications", "RemoveLicenseSpecifications"}[turn%2]
		return map[string]any{"ResourceArn": machineARN(client), what: []map[string]string{{"LicenseConfigurationArn": r.other}}}
	}
	text, _ := json.Marshal(body(0, 0))
	return writeCase{
		name: "associate, dissociate", address: r.Reeve, batch: 1, clients: clients, size: len(text),
		next: func(client int) ([]byte, error) {
			turn[client]++
			return encode(r.Reeve, associate, body(client, turn[client]-1))
		},
	}
}

func (b *bench) measureWriteCases(kind, dir string, cases []writeCase) ([]writeRow, error) {
	rows := make([]writeRow, len(cases))
	type rounds struct{ requests, millis, appends, ratios []float64 }
	results := make([]rounds, len(cases))
	for round := range b.rounds {
		for i, c := range cases {
			say("%s, round %d of %d: %s of %d by %d", kind, round+1, b.rounds, c.name, c.batch, c.clients)
			d, appends, err := b.measureWrite(dir, c)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			s := &results[i]
			s.requests, s.millis = append(s.requests, d.rate()), append(s.millis, float64(d.median())/float64(time.Millisecond))
			s.appends, s.ratios = append(s.appends, appends), append(s.ratios, d.rate()/appends)
		}
	}
	for i, c := range cases {
		s := &results[i]
		requests := median(s.requests)
		rows[i] = writeRow{Database: kind, Case: c.name, Batch: c.batch, Clients: c.clients, Requests: requests,
			Changes: requests * float64(c.batch), Millis: median(s.millis), Appends: median(s.appends), Ratio: spreadOf(s.ratios)}
	}
	return rows, nil
}

// writeFactor is how much longer a write case runs than a list: it is slower.
const writeFactor = 5

// measureWrite runs one case between two halves of its floor.
func (b *bench) measureWrite(dir string, c writeCase) (d driven, appends float64, err error) {
	before, err := appendsASecond(dir, c.size, b.slice)
	if err != nil {
		return d, 0, err
	}
	if d, err = drive(c.address, c.clients, writeFactor*b.slice, c.next, c.check); err != nil {
		return d, 0, err
	}
	after, err := appendsASecond(dir, c.size, b.slice)
	return d, (before + after) / 2, err
}

// appendsASecond is how often a second a file takes that many bytes at its end
// and is synced: what one client that waits for the disk could do at best.
func appendsASecond(dir string, size int, length time.Duration) (float64, error) {
	f, err := os.CreateTemp(dir, "floor-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	data := make([]byte, size)
	start, n := time.Now(), 0
	for ; time.Since(start) < length; n++ {
		if _, err := f.Write(data); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}
