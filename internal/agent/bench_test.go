package agent_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"reeve/internal/licensetest"
)

// agents is how many report at once in the benchmarks.
const agents = 200

// fleetReport is what the agent of machine n sends: 200 programs, of which most
// are on every machine and some on few, as in real fleets.
func fleetReport(n, version int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8" ?><REQUEST><CONTENT><HARDWARE><NAME>host%d</NAME><UUID>4C4C4544-0042-4810-8051-%012X</UUID><VMSYSTEM>VMware</VMSYSTEM></HARDWARE>
<CPUS><CORE>4</CORE><THREAD>8</THREAD></CPUS><OPERATINGSYSTEM><FULL_NAME>Debian GNU/Linux 12</FULL_NAME><KERNEL_NAME>linux</KERNEL_NAME><VERSION>12.%d</VERSION></OPERATINGSYSTEM>`, n, n+1, version)
	for i := range 200 {
		name := i
		if i >= 150 {
			name = 150 + (n*7+i*13)%2000
		}
		fmt.Fprintf(&b, `
    <SOFTWARES>
      <ARCH>amd64</ARCH>
      <COMMENTS>What package number %[1]d of the distribution is for, in a line</COMMENTS>
      <FILESIZE>%[1]d1024</FILESIZE>
      <FROM>deb</FROM>
      <NAME>package-%[1]d-%[2]d</NAME>
      <PUBLISHER>Debian Maintainers &lt;all@example.org&gt;</PUBLISHER>
      <VERSION>1.%[3]d-1</VERSION>
    </SOFTWARES>`, name, i, version)
	}
	b.WriteString("</CONTENT><DEVICEID>x-2026-01-01-00-00-00</DEVICEID><QUERY>INVENTORY</QUERY></REQUEST>")
	return deflate(b.Bytes())
}

func deflate(body []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(body)
	_ = w.Close()
	return z.Bytes()
}

// fleet sends reports(0) to reports(n-1), each from one of many agents.
func fleet(b *testing.B, url string, n int, report func(int) []byte) {
	b.Helper()
	began := cpuTime(b)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: agents}}
	var next, failed atomic.Int64
	var all sync.WaitGroup
	for range agents {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				answer, err := client.Post(url, "application/x-compress-zlib", bytes.NewReader(report(i)))
				if err != nil || answer.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				if err == nil {
					_ = answer.Body.Close()
				}
			}
		})
	}
	all.Wait()
	if n := failed.Load(); n > 0 {
		b.Fatalf("%d reports failed", n)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "reports/s")
	b.ReportMetric((cpuTime(b)-began).Seconds()*1e3/float64(n), "cpu-ms/report")
}

func prepared(n, version int) func(int) []byte {
	reports := make([][]byte, n)
	for i := range reports {
		reports[i] = fleetReport(i, version)
	}
	return func(i int) []byte { return reports[i] }
}

// BenchmarkNewMachines: each report is of a machine that was not known.
func BenchmarkNewMachines(b *testing.B) {
	s := start(b, licensetest.Options{})
	send := prepared(b.N, 1)
	b.ResetTimer()
	fleet(b, s.url(), b.N, send)
}

// BenchmarkUnchanged: nothing is new.
func BenchmarkUnchanged(b *testing.B) {
	s := start(b, licensetest.Options{})
	known := min(b.N, 500)
	send := prepared(known, 1)
	fleet(b, s.url(), known, send)
	b.ResetTimer()
	fleet(b, s.url(), b.N, func(i int) []byte { return send(i % known) })
}

// BenchmarkUpgraded: every program of every machine has another version.
func BenchmarkUpgraded(b *testing.B) {
	s := start(b, licensetest.Options{})
	fleet(b, s.url(), b.N, prepared(b.N, 1))
	send := prepared(b.N, 2)
	b.ResetTimer()
	fleet(b, s.url(), b.N, send)
}

// cpuTime is what the process has used of all processors: on a machine that
// others use too, the better measure.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
