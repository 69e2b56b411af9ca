package glpi

import (
	"math"
	"strconv"
	"strings"

	"reeve/internal/api"
)

// cpu is one CPUS element. On x86 it is one socket.
type cpu struct {
	core   string // enabled cores of this CPU
	thread string // threads of this CPU or of each of its cores, see threads
	ocs    bool   // OCS Inventory wrote it, where thread is always of the CPU
}

// topology is what CPUS says in all; 0 where it does not say.
type topology struct{ sockets, cores, threadsPerCore, vcpus int64 }

// report sets the members that are known.
func (t topology) report(r *api.Resource) {
	set := func(member **int64, n int64) {
		if n > 0 {
			*member = &n
		}
	}
	set(&r.Sockets, t.sockets)
	set(&r.Cores, t.cores)
	set(&r.ThreadsPerCore, t.threadsPerCore)
	set(&r.VCpus, t.vcpus)
}

// topology adds the CPUs up. On Linux for ARM, POWER and others the agents
// write one element without CORE for each logical processor, from which
// neither sockets nor cores can be told.
func (m *machine) topology() topology {
	cores, told := m.cores()
	switch {
	case told == 0 && m.family() == linux:
		return topology{vcpus: int64(len(m.cpus))}
	case told == 0 || told < len(m.cpus):
		return topology{}
	}
	t := topology{sockets: int64(len(m.cpus)), cores: cores, vcpus: m.threads(cores)}
	if m.threadsTold() && t.vcpus%cores == 0 {
		t.threadsPerCore = t.vcpus / cores
	}
	return t
}

// cores is the sum of the cores, and how many of the CPUs tell theirs.
func (m *machine) cores() (sum int64, told int) {
	for _, c := range m.cpus {
		if n := whole(number(c.core)); n > 0 {
			sum += n
			told++
		}
	}
	return sum, told
}

func (m *machine) threadsTold() bool {
	for _, c := range m.cpus {
		if number(c.thread) <= 0 {
			return false
		}
	}
	return true
}

// threads is the number of threads in all, 0 when it cannot be told; where no
// CPU tells its threads, a core has one.
//
// What THREAD means depends on how the agent came by it. From /proc/cpuinfo of
// Linux, sysctl of macOS and the firmware's table (dmidecode) it is the threads
// of the CPU; on AIX, on Solaris and from Windows' own interface (WMI) it is
// the threads of each core, there sometimes a fraction, 1.5 where half of the
// cores run two.
func (m *machine) threads(cores int64) int64 {
	if !m.threadsTold() {
		return cores
	}
	ofCPUs, ofCores := m.threadSums()
	system := m.family()
	switch {
	case m.cpus[0].ocs:
		return ofCPUs
	case ofCPUs == ofCores, system == aix, system == solaris, ofCPUs < cores:
		return ofCores
	case system != windows:
		return ofCPUs
	case m.logical == ofCPUs || m.logical == ofCores:
		return m.logical
	case m.ambiguous():
		return 0
	}
	return ofCPUs
}

// threadSums adds the threads up in both readings; a sum that is no whole
// number is 0.
func (m *machine) threadSums() (ofCPUs, ofCores int64) {
	var perCPU, perCore float64
	for _, c := range m.cpus {
		threads := number(c.thread)
		perCPU += threads
		perCore += threads * number(c.core)
	}
	return whole(perCPU), whole(perCore)
}

// ambiguous: two cores and THREAD 2 are two threads in one reading and four in
// the other. More cores cannot be mistaken, as no such CPU runs more than two
// threads on a core.
func (m *machine) ambiguous() bool {
	for _, c := range m.cpus {
		if number(c.core) == 2 && number(c.thread) == 2 {
			return true
		}
	}
	return false
}

// number reads what an agent writes for a number; anything else is 0.
func number(s string) float64 {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > 1<<20 {
		return 0
	}
	return n
}

// whole is n when it is a whole number, but for the rounding of fractions that
// were written in decimals; else 0.
func whole(n float64) int64 {
	const rounding = 1e-6
	if near := math.Round(n); math.Abs(n-near) < rounding {
		return int64(near)
	}
	return 0
}
