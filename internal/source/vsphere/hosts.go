package vsphere

import (
	"cmp"
	"context"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"reeve/internal/license"
)

// hostProperties are read of each host. The summary stays readable while the
// host is disconnected.
var hostProperties = []string{"name", "hardware.cpuInfo", "hardware.systemInfo.uuid", "summary.hardware",
	"summary.config.product", "runtime.connectionState", "customValue"}

func (p *pull) readHosts(ctx context.Context, roots []types.ManagedObjectReference) error {
	if err := p.objects(ctx, roots, "HostSystem", hostProperties, p.passHosts(ctx)); err != nil {
		return err
	}
	if len(p.hosts) == 0 {
		return errNoHost
	}
	return nil
}

// passHosts hands a page of hosts over.
func (p *pull) passHosts(ctx context.Context) func([]types.ObjectContent) error {
	return func(page []types.ObjectContent) error {
		var hosts []mo.HostSystem
		if err := mo.LoadObjectContent(page, &hosts); err != nil {
			return err
		}
		tags, err := p.tags.of(ctx, page)
		if err != nil {
			return err
		}
		reports := make([]license.Report, 0, len(hosts))
		for i := range hosts {
			h := &hosts[i]
			if r, ok := p.host(h); ok {
				r.Tags = p.allTags(h.CustomValue, tags[h.Self])
				reports = append(reports, r)
			}
		}
		return p.handOver(reports)
	}
}

// host is the report of a host. One that is disconnected, does not respond or
// is in maintenance is still there and keeps its licences.
func (p *pull) host(h *mo.HostSystem) (license.Report, bool) {
	hw := hardwareOf(h)
	id, ok := p.identify(h.Self, h.Name, hw.uuid, "")
	p.hosts[h.Self] = id
	if !ok {
		return license.Report{}, false
	}
	status, physical := "ConnectionLost", false
	if h.Runtime.ConnectionState == types.HostSystemConnectionStateConnected {
		status = "Online"
	}
	r := license.Report{
		ARN: p.source.settings.arn(id), Status: &status, Virtual: &physical,
		Sockets: hw.sockets, Cores: hw.cores, VCPUs: hw.threads,
	}
	if hw.cores != nil && hw.threads != nil && *hw.threads%*hw.cores == 0 {
		perCore := *hw.threads / *hw.cores
		r.ThreadsPerCore = &perCore
	}
	var product types.AboutInfo
	if h.Summary.Config.Product != nil {
		product = *h.Summary.Config.Product
	}
	p.describe(&r, h.Self, id, description{name: h.Name, platform: product.FullName, version: product.Version})
	return r, true
}

// hardware is a host's size; nil is not known.
type hardware struct {
	uuid                    string
	sockets, cores, threads *int64
}

func hardwareOf(h *mo.HostSystem) hardware {
	var hw hardware
	if s := h.Summary.Hardware; s != nil {
		hw = hardware{s.Uuid, number(s.NumCpuPkgs), number(s.NumCpuCores), number(s.NumCpuThreads)}
	}
	if h.Hardware == nil {
		return hw
	}
	cpu := h.Hardware.CpuInfo
	return hardware{
		uuid:    cmp.Or(h.Hardware.SystemInfo.Uuid, hw.uuid),
		sockets: cmp.Or(number(cpu.NumCpuPackages), hw.sockets),
		cores:   cmp.Or(number(cpu.NumCpuCores), hw.cores),
		threads: cmp.Or(number(cpu.NumCpuThreads), hw.threads),
	}
}

// number is nil where nothing is known.
func number[N int16 | int32](n N) *int64 {
	if n <= 0 {
		return nil
	}
	whole := int64(n)
	return &whole
}
