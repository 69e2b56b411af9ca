package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"golang.org/x/sys/unix"

	"reeve/internal/api"
	"reeve/internal/client"
)

// The ends of the cable.
const (
	serverEnd = "10.209.47.1"
	clientEnd = "10.209.47.2"
)

// cable joins two namespaces of the network: the server is in one, its clients
// in the other, and nothing else in either.
type cable struct {
	t              *testing.T
	server, client string // names of the namespaces
}

// lay makes the namespaces and the cable, which end with the test, or says why
// it cannot.
func lay(t *testing.T) (c *cable, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil, "NOT TESTED: the network is cut in namespaces of its own, which takes root"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		missingPart(t, "ip is not installed: install iproute2")
	}
	c = &cable{t, fmt.Sprintf("reeve-server-%d", os.Getpid()), fmt.Sprintf("reeve-client-%d", os.Getpid())}
	if out, err := exec.Command("ip", "netns", "add", c.server).CombinedOutput(); err != nil {
		return nil, fmt.Sprintf("NOT TESTED: this root may make no namespaces of the network: %v %s", err, out)
	}
	t.Cleanup(func() { c.ip("netns", "delete", c.server) })
	c.ip("netns", "add", c.client)
	t.Cleanup(func() { c.ip("netns", "delete", c.client) })
	c.ip("link", "add", "name", "cable", "netns", c.server, "type", "veth", "peer", "name", "cable", "netns", c.client)
	for namespace, address := range map[string]string{c.server: serverEnd, c.client: clientEnd} {
		c.ip("-n", namespace, "address", "add", address+"/24", "dev", "cable")
		c.ip("-n", namespace, "link", "set", "lo", "up")
		c.ip("-n", namespace, "link", "set", "cable", "up")
	}
	return c, ""
}

func missingPart(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REEVE_REQUIRE_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func (c *cable) ip(args ...string) {
	c.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		c.t.Fatalf("ip %s: %v %s", strings.Join(args, " "), err, out)
	}
}

// cut and mend are what somebody does to the plug: nobody is told.
func (c *cable) cut()  { c.ip("-n", c.server, "link", "set", "cable", "down") }
func (c *cable) mend() { c.ip("-n", c.server, "link", "set", "cable", "up") }

// start starts a server at its end of the cable.
func (c *cable) start(data string, environment ...string) *process {
	c.t.Helper()
	cmd := command(environment, "serve", "--data", data, "--listen", serverEnd+":4750")
	inside := exec.Command("ip", append([]string{"netns", "exec", c.server}, cmd.Args...)...)
	inside.Env = cmd.Env
	s := launchAs(c.t, data, inside)
	s.waitReady()
	return s
}

// plugIn lets this process's HTTP go through the other end until the test's
// end. A socket stays in the namespace where it was made, so only making it has
// to happen there, on a thread that nobody uses afterwards.
func (c *cable) plugIn() {
	c.t.Helper()
	transport := http.DefaultTransport.(*http.Transport)
	before := transport.DialContext
	transport.CloseIdleConnections()
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		type dialled struct {
			conn net.Conn
			err  error
		}
		done := make(chan dialled, 1)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			if err := enter(c.client); err != nil {
				done <- dialled{nil, err}
				return
			}
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				// What was given up must not arrive when the cable is mended: by then
				// the machine may be in another state.
				err = conn.(*net.TCPConn).SetLinger(0)
			}
			done <- dialled{conn, err}
		}()
		d := <-done
		return d.conn, d.err
	}
	c.t.Cleanup(func() {
		transport.CloseIdleConnections()
		transport.DialContext = before
	})
}

// enter brings this thread into a namespace.
func enter(namespace string) error {
	f, err := os.Open("/var/run/netns/" + namespace)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// counted is what writers have been told is done.
type counted struct {
	machines, licences, revisions atomic.Int64
	again                         atomic.Int64 // attempts that had no answer
}

// untilAnswered makes a change again and again until it has an answer, as
// clients do, but without their patience: an attempt has half a second, and each
// after it twice as long, for a machine on which everything takes longer.
func (n *counted) untilAnswered(ctx context.Context, change func(context.Context) error) error {
	for attempt := 500 * time.Millisecond; ; attempt = min(2*attempt, time.Minute) {
		one, end := context.WithTimeout(ctx, attempt)
		err := change(one)
		end()
		var refused *client.Error
		switch {
		case err == nil, errors.As(err, &refused) && refused.Status < 500, ctx.Err() != nil:
			return err
		}
		n.again.Add(1)
	}
}

// write reports machines and associates them until told to end; every third is
// stopped again.
func (n *counted) write(ctx context.Context, a *account, writer int, arn string, end <-chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-end:
			return nil
		default:
		}
		machine := a.machine(fmt.Sprintf("%d-%d", writer, i))
		vcpus := int64(1 + i%8)
		if err := n.untilAnswered(ctx, func(ctx context.Context) error { return a.put(ctx, "admit", running(machine, vcpus)) }); err != nil {
			return fmt.Errorf("report %s: %w", machine, err)
		}
		if err := n.untilAnswered(ctx, func(ctx context.Context) error { return a.associate(ctx, machine, arn) }); err != nil {
			return fmt.Errorf("associate %s: %w", machine, err)
		}
		n.revisions.Add(1)
		if i%3 == 2 {
			stopped := api.Resource{ResourceArn: &machine, Status: new("stopped")}
			if err := n.untilAnswered(ctx, func(ctx context.Context) error { return a.put(ctx, "admit", stopped) }); err != nil {
				return fmt.Errorf("stop %s: %w", machine, err)
			}
			n.revisions.Add(1)
			continue
		}
		n.machines.Add(1)
		n.licences.Add(vcpus)
	}
}

// associate is specify through Reeve's own client.
func (a *account) associate(ctx context.Context, machine, arn string) error {
	_, err := client.Call[api.UpdateLicenseSpecificationsForResourceInput, api.UpdateLicenseSpecificationsForResourceOutput](ctx, a.reeve,
		"AWSLicenseManager.UpdateLicenseSpecificationsForResource", &api.UpdateLicenseSpecificationsForResourceInput{
			ResourceArn: &machine, AddLicenseSpecifications: []api.LicenseSpecification{{LicenseConfigurationArn: &arn}}})
	return err
}

// TestACableThatIsCutLosesNothing cuts the cable again and again in the middle
// of changes. Requests get lost on their way and answers on theirs; clients try
// again, and in the end everything that was acknowledged is there, once.
func TestACableThatIsCutLosesNothing(t *testing.T) {
	dice := chance(t)
	c, why := lay(t)
	if c == nil {
		t.Skip(why)
	}
	s := c.start(t.TempDir(), rootEnvironment()...)
	c.plugIn()
	a := s.root()
	arn, err := a.configure(t.Context(), "cut", types.LicenseCountingTypeVcpu, 1_000_000)
	must(t, "create configuration", err)
	var n counted
	end := make(chan struct{})
	errs := make([]error, writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() { errs[i] = n.write(t.Context(), a, i, arn, end) })
	}
	for range shorter(20, 4) {
		more := n.revisions.Load() + 20 + dice.Int64N(50)
		eventually(t, "writers write", func() bool { return n.revisions.Load() >= more })
		c.cut()
		<-time.After(100*time.Millisecond + time.Duration(dice.Int64N(int64(1500*time.Millisecond)))) // how long the plug is out
		eventually(t, "an attempt is lost", func() bool { return n.again.Load() > 0 })
		c.mend()
	}
	close(end)
	all.Wait()
	must(t, "write through a cable that is cut", errors.Join(errs...))
	rows, err := a.usage(t.Context(), arn, "", 1000)
	must(t, "list usage", err)
	if int64(len(rows)) != n.machines.Load() || total(rows) != n.licences.Load() {
		t.Errorf("%d machines with %d licences are counted, and %d with %d were acknowledged", len(rows), total(rows), n.machines.Load(), n.licences.Load())
	}
	if revisions := countRevisions(t, a, arn); revisions != 1+n.revisions.Load() {
		t.Errorf("the ledger has %d revisions after %d changes: some were made twice, or not at all", revisions, n.revisions.Load())
	}
	t.Logf("%d changes, and %d attempts without an answer", n.revisions.Load(), n.again.Load())
	s.checkLedgers()
}

func countRevisions(t *testing.T, a *account, arn string) (n int64) {
	t.Helper()
	must(t, "list revisions", pages(func(token *string) (*string, error) {
		out, err := client.Call[api.ListRevisionsInput, api.ListRevisionsOutput](t.Context(), a.reeve, "Reeve.ListRevisions",
			&api.ListRevisionsInput{LicenseConfigurationArn: &arn, NextToken: token})
		if err != nil {
			return nil, err
		}
		n += int64(len(out.Revisions))
		return out.NextToken, nil
	}))
	return n
}
