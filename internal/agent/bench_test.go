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
// are on every machine and some on few, as in real fleets. The first upgraded
// ones have another version, and so has the operating system when all have.
func fleetReport(n, upgraded int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8" ?><REQUEST><CONTENT><HARDWARE><NAME>host%d</NAME><UUID>4C4C4544-0042-4810-8051-%012X</UUID><VMSYSTEM>VMware</VMSYSTEM></HARDWARE>
<CPUS><CORE>4</CORE><THREAD>8</THREAD></CPUS><OPERATINGSYSTEM><FULL_NAME>Debian GNU/Linux 12</FULL_NAME><KERNEL_NAME>linux</KERNEL_NAME><VERSION>12.%d</VERSION></OPERATINGSYSTEM>`, n, n+1, upgraded/200)
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
    </SOFTWARES>`, name, i, upgradedBit(i < upgraded))
	}
	b.WriteString("</CONTENT><DEVICEID>x-2026-01-01-00-00-00</DEVICEID><QUERY>INVENTORY</QUERY></REQUEST>")
	return deflate(b.Bytes())
}

func upgradedBit(upgraded bool) int {
	if upgraded {
		return 2
	}
	return 1
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

func prepared(n, upgraded int) func(int) []byte {
	reports := make([][]byte, n)
	for i := range reports {
		reports[i] = fleetReport(i, upgraded)
	}
	return func(i int) []byte { return reports[i] }
}

// BenchmarkNewMachines: each report is of a machine that was not known.
func BenchmarkNewMachines(b *testing.B) {
	s := start(b, licensetest.Options{})
	send := prepared(b.N, 0)
	b.ResetTimer()
	fleet(b, s.url(), b.N, send)
}

// BenchmarkUnchanged: nothing is new.
func BenchmarkUnchanged(b *testing.B) {
	s := start(b, licensetest.Options{})
	known := min(b.N, 500)
	send := prepared(known, 0)
	fleet(b, s.url(), known, send)
	b.ResetTimer()
	fleet(b, s.url(), b.N, func(i int) []byte { return send(i % known) })
}

// BenchmarkOneUpgraded: one program of every machine has another version.
func BenchmarkOneUpgraded(b *testing.B) {
	s := start(b, licensetest.Options{})
	fleet(b, s.url(), b.N, prepared(b.N, 0))
	send := prepared(b.N, 1)
	b.ResetTimer()
	fleet(b, s.url(), b.N, send)
}

// BenchmarkUpgraded: every program of every machine has another version.
func BenchmarkUpgraded(b *testing.B) {
	s := start(b, licensetest.Options{})
	fleet(b, s.url(), b.N, prepared(b.N, 0))
	send := prepared(b.N, 200)
	b.ResetTimer()
	fleet(b, s.url(), b.N, send)
}

// BenchmarkCrowd: 10,000 machines that nobody knew report within a minute, each
// at a moment of its own, and come again when they are told to. It fails when
// one of them is not there afterwards. It is the same whatever -benchtime says.
func BenchmarkCrowd(b *testing.B) {
	const crowd, within = 10_000, time.Minute
	s := start(b, licensetest.Options{})
	send := prepared(crowd, 0)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: agents, MaxConnsPerHost: 4000}}
	b.ResetTimer()
	began, cpu := time.Now(), cpuTime(b)
	var all sync.WaitGroup
	var again, failed atomic.Int64
	var slowest atomic.Int64
	for i := range crowd {
		all.Go(func() {
			<-time.After(time.Until(began.Add(within * time.Duration(i) / crowd))) // its turn
			asked := time.Now()
			for try := 0; !posted(client, s.url(), send(i)); try++ {
				if again.Add(1); try == 10 {
					failed.Add(1)
					return
				}
				<-time.After(time.Second)
			}
			for took := int64(time.Since(asked)); took > slowest.Load(); {
				slowest.Store(took)
			}
		})
	}
	all.Wait()
	b.ReportMetric(crowd/time.Since(began).Seconds(), "reports/s")
	b.ReportMetric((cpuTime(b)-cpu).Seconds()*1e3/crowd, "cpu-ms/report")
	b.ReportMetric(float64(again.Load()), "again")
	b.ReportMetric(float64(slowest.Load())/1e6, "slowest-ms")
	b.ReportMetric(0, "ns/op")
	list, _, err := s.Manager.ListInventory(b.Context(), s.Caller(account), nil, 0, 2*crowd)
	if err != nil || len(list) != crowd || failed.Load() > 0 {
		b.Fatalf("%d of %d machines are there (%v), %d gave up", len(list), crowd, err, failed.Load())
	}
}

func posted(client *http.Client, url string, report []byte) bool {
	answer, err := client.Post(url, "application/x-compress-zlib", bytes.NewReader(report))
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
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
