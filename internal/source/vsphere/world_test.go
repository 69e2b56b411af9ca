package vsphere_test

import (
	"crypto/tls"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator" // tags
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"reeve/internal/license"
	"reeve/internal/licensetest"
	"reeve/internal/source"
	"reeve/internal/source/glpi"
	"reeve/internal/source/vsphere"
)

var _ source.Puller = (*vsphere.Source)(nil)
var _ source.Failing = (*vsphere.Source)(nil)

const password = "a password"

// world is a simulated vCenter, and settings that read it.
type world struct {
	*vsphere.Settings
	t     *testing.T
	model *simulator.Model
}

// start makes a vCenter with a cluster of three hosts and one host alone, two
// machines in each.
func start(t *testing.T) *world {
	t.Helper()
	return startModel(t, simulator.VPX(), new(tls.Config))
}

func startModel(t *testing.T, model *simulator.Model, certificate *tls.Config) *world {
	t.Helper()
	if err := model.Create(); err != nil {
		t.Fatalf("make simulated vCenter: %v", err)
	}
	t.Cleanup(model.Remove)
	model.Service.TLS = certificate
	model.Service.RegisterEndpoints = true
	model.Service.Listen = &url.URL{User: url.UserPassword("reeve", password)}
	server := model.Service.NewServer()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := *server.URL
	address.User = nil
	return &world{
		t: t, model: model,
		Settings: &vsphere.Settings{URL: address.String(), User: "reeve", PasswordFile: file, Insecure: true, Region: licensetest.Region, Account: licensetest.Root},
	}
}

func (w *world) open() *vsphere.Source {
	w.t.Helper()
	src, err := vsphere.Open(*w.Settings)
	if err != nil {
		w.t.Fatalf("open source: %v", err)
	}
	return src
}

// pull runs one pull and returns the reports by ARN.
func (w *world) pull(last []byte) (map[string]license.Report, []byte, error) {
	w.t.Helper()
	return collect(w.t, w.open(), last)
}

func collect(t *testing.T, src *vsphere.Source, last []byte) (map[string]license.Report, []byte, error) {
	t.Helper()
	found := map[string]license.Report{}
	next, err := src.Pull(t.Context(), last, func(reports []license.Report) error {
		for _, r := range reports {
			if _, twice := found[r.ARN]; twice {
				t.Errorf("%s is handed over twice", r.ARN)
			}
			found[r.ARN] = r
		}
		return nil
	})
	return found, next, err
}

func (w *world) mustPull(last []byte) (map[string]license.Report, []byte) {
	w.t.Helper()
	found, next, err := w.pull(last)
	if err != nil {
		w.t.Fatalf("pull: %v", err)
	}
	return found, next
}

// hosts and machines are the simulated ones by name.
func (w *world) hosts() map[string]*simulator.HostSystem {
	found := map[string]*simulator.HostSystem{}
	for _, e := range w.model.Map().All("HostSystem") {
		h := w.model.Map().Get(e.Reference()).(*simulator.HostSystem)
		found[h.Name] = h
	}
	return found
}

func (w *world) machines() map[string]*simulator.VirtualMachine {
	found := map[string]*simulator.VirtualMachine{}
	for _, e := range w.model.Map().All("VirtualMachine") {
		m := w.model.Map().Get(e.Reference()).(*simulator.VirtualMachine)
		found[m.Name] = m
	}
	return found
}

// change changes an object as the vCenter would.
func (w *world) change(object mo.Reference, do func()) {
	w.model.Service.Context.WithLock(object, do)
}

// hostARN and machineARN are the ARNs of the simulated ones.
func (w *world) hostARN(h *simulator.HostSystem) string { return w.arn(h.Hardware.SystemInfo.Uuid) }

func (w *world) machineARN(m *simulator.VirtualMachine) string { return w.arn(m.Config.Uuid) }

func (w *world) arn(uuid string) string {
	id, ok := glpi.InstanceID(uuid)
	if !ok {
		w.t.Fatalf("the UUID %q tells nothing", uuid)
	}
	return "arn:aws:ssm:" + w.Region + ":" + w.Account + ":managed-instance/" + id
}

// carrier is the host that a machine runs on.
func (w *world) carrier(m *simulator.VirtualMachine) *simulator.HostSystem {
	return w.model.Map().Get(*m.Runtime.Host).(*simulator.HostSystem)
}

// size gives a host sockets, cores and threads.
func (w *world) size(h *simulator.HostSystem, sockets, cores, threads int16) {
	w.change(h, func() {
		h.Hardware.CpuInfo = types.HostCpuInfo{NumCpuPackages: sockets, NumCpuCores: cores, NumCpuThreads: threads}
	})
}

// ledger is a Reeve that takes what is pulled.
type ledger struct {
	*licensetest.Server
	w    *world
	who  license.Caller
	last []byte
}

func (w *world) ledger() *ledger {
	s := licensetest.Start(w.t, licensetest.Options{})
	return &ledger{Server: s, w: w, who: s.Caller(licensetest.Root)}
}

// pull takes a whole pull.
func (l *ledger) pull() license.PutResult {
	l.w.t.Helper()
	var sum license.PutResult
	next, err := l.w.open().Pull(l.w.t.Context(), l.last, func(reports []license.Report) error {
		result, err := l.Manager.PutResources(l.w.t.Context(), l.who, license.Put{Reports: reports})
		sum.Created, sum.Changed, sum.Unchanged = sum.Created+result.Created, sum.Changed+result.Changed, sum.Unchanged+result.Unchanged
		return err
	})
	if err != nil {
		l.w.t.Fatalf("pull: %v", err)
	}
	l.last = next
	return sum
}

// inventory is how many machines there are.
func (l *ledger) inventory() int {
	l.w.t.Helper()
	list, _, err := l.Manager.ListInventory(l.w.t.Context(), l.who, nil, 0, 1000)
	if err != nil {
		l.w.t.Fatalf("list inventory: %v", err)
	}
	return len(list)
}

// create makes a configuration that all machines are associated with.
func (l *ledger) create(kind license.CountingType, arns ...string) string {
	l.w.t.Helper()
	configuration, err := l.Manager.CreateConfiguration(l.w.t.Context(), l.who, license.ConfigurationSpec{Terms: license.Terms{Name: string(kind), CountingType: kind}})
	if err != nil {
		l.w.t.Fatalf("create configuration: %v", err)
	}
	for _, arn := range arns {
		err := l.Manager.UpdateSpecifications(l.w.t.Context(), l.who, arn, []license.Specification{{ConfigurationARN: configuration}}, nil)
		if err != nil {
			l.w.t.Fatalf("associate %s: %v", arn, err)
		}
	}
	return configuration
}

// usage is what each resource consumes, and the newest revision.
func (l *ledger) usage(configuration string) (map[string]int64, int64) {
	l.w.t.Helper()
	page, err := l.Manager.ListUsage(l.w.t.Context(), l.who, configuration, license.UsageFilter{}, nil, 1000)
	if err != nil {
		l.w.t.Fatalf("list usage: %v", err)
	}
	rows := map[string]int64{}
	for _, u := range page.Usage {
		rows[u.ResourceARN] = u.Consumed
	}
	c, err := l.Manager.Configuration(l.w.t.Context(), l.who, configuration)
	if err != nil {
		l.w.t.Fatalf("read configuration: %v", err)
	}
	return rows, c.Head
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v does not say %q", err, text)
		}
	}
}
