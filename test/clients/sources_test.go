package clients_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	lm "github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/google/go-cmp/cmp"
	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator" // tags
	vtypes "github.com/vmware/govmomi/vim25/types"
)

// Places that a live server pulls machines from: a simulated vCenter, and AWS
// as moto plays it.

// runSource runs a source to its end and returns what "show" says of it.
func (s *server) runSource(t *testing.T, name string) string {
	t.Helper()
	s.reeve(t, rootKey, "source", "run", name, "--wait")
	shown := s.reeve(t, rootKey, "source", "show", name)
	if !strings.Contains(shown, "SUCCEEDED") {
		t.Errorf("reeve source show %s:\n%s", name, shown)
	}
	return shown
}

// TestVSphere: licences by core are counted on the hosts, once for all of
// their machines.
func TestVSphere(t *testing.T) {
	t.Parallel()
	const platform, cores = "Microsoft Windows Server 2022 Datacenter", 32
	model := simulator.VPX()
	must(t, "make vCenter", model.Create())
	t.Cleanup(model.Remove)
	hosts := map[string]bool{} // that run machines
	for _, e := range model.Map().All("VirtualMachine") {
		vm := model.Map().Get(e.Reference()).(*simulator.VirtualMachine)
		model.Service.Context.WithLock(vm, func() { vm.Guest.GuestFullName = platform })
		hosts[vm.Runtime.Host.Value] = true
	}
	for _, e := range model.Map().All("HostSystem") {
		host := model.Map().Get(e.Reference()).(*simulator.HostSystem)
		model.Service.Context.WithLock(host, func() {
			host.Hardware.CpuInfo = vtypes.HostCpuInfo{NumCpuPackages: 2, NumCpuCores: cores, NumCpuThreads: 2 * cores}
		})
	}
	address, password := serveVCenter(t, model)

	s := start(t)
	client := goClient(s, rootKey)
	made, err := client.CreateLicenseConfiguration(t.Context(), &lm.CreateLicenseConfigurationInput{
		Name: new("Windows"), LicenseCountingType: types.LicenseCountingTypeCore,
		ProductInformationList: []types.ProductInformation{{ResourceType: new("SSM_MANAGED"), ProductInformationFilterList: []types.ProductInformationFilter{
			{ProductInformationFilterName: new("Platform Name"), ProductInformationFilterComparator: new("EQUALS"), ProductInformationFilterValue: []string{platform}},
		}}},
	})
	must(t, "create configuration", err)
	s.reeve(t, rootKey, "source", "add", "vsphere", "--name", "dc1", "--url", address, "--user", "reeve", "--password-file", password, "--insecure", "--paused")
	shown := s.runSource(t, "dc1")
	if !strings.Contains(shown, "vsphere") || strings.Contains(shown, "a password") {
		t.Errorf("reeve source show:\n%s", shown)
	}
	usage, err := client.ListUsageForLicenseConfiguration(t.Context(), &lm.ListUsageForLicenseConfigurationInput{LicenseConfigurationArn: made.LicenseConfigurationArn})
	must(t, "list usage", err)
	var got []int64
	for _, u := range usage.LicenseConfigurationUsageList {
		got = append(got, *u.ConsumedLicenses)
	}
	var want []int64
	for range hosts {
		want = append(want, cores)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cores of the hosts (-want +got)\n%s", diff)
	}
}

// serveVCenter serves a simulated vCenter on the loopback interface, and
// returns its address and the file with its password.
func serveVCenter(t *testing.T, model *simulator.Model) (address, passwordFile string) {
	t.Helper()
	model.Service.TLS = new(tls.Config)
	model.Service.RegisterEndpoints = true
	model.Service.Listen = &url.URL{User: url.UserPassword("reeve", "a password")}
	server := model.Service.NewServer()
	t.Cleanup(server.Close)
	passwordFile = filepath.Join(t.TempDir(), "password")
	must(t, "write password", os.WriteFile(passwordFile, []byte("a password\n"), 0o600))
	at := *server.URL
	at.User = nil
	return at.String(), passwordFile
}

// TestAWS: an instance comes from AWS and its software from the agent on it.
// It is one machine, and released when AWS has ended it.
func TestAWS(t *testing.T) {
	t.Parallel()
	const program = "oracle-database-ee-19c"
	endpoint := moto(t)
	keys := []string{"AWS_ACCESS_KEY_ID=testing", "AWS_SECRET_ACCESS_KEY=testing", "AWS_EC2_METADATA_DISABLED=true", "HOME=" + t.TempDir()}
	s := startWith(t, keys...)
	cloud := ec2.New(ec2.Options{Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("testing", "testing", "")})
	id := launchIn(t, cloud)
	s.reeve(t, rootKey, "source", "add", "aws", "--name", "prod", "--aws-endpoint", endpoint, "--aws-region", region, "--read", "ec2", "--paused")
	s.runSource(t, "prod")

	f := s.findBy(t, "Application Name", program)
	post(t, s.agentToken(t, rootKey).Url, []byte("<REQUEST><CONTENT><HARDWARE><NAME>db1</NAME><UUID>EC2E1916-9099-7CAF-FD21-012345ABCDEF</UUID></HARDWARE>"+
		"<ACCOUNTINFO><KEYNAME>TAG</KEYNAME><KEYVALUE>"+id+"</KEYVALUE></ACCOUNTINFO><SOFTWARES><NAME>"+program+"</NAME></SOFTWARES></CONTENT></REQUEST>"))
	f.wantUsers("after the agent's report", id)
	s.runSource(t, "prod")
	f.wantUsers("after another look at AWS", id)

	_, err := cloud.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	must(t, "terminate instance", err)
	s.runSource(t, "prod")
	f.wantUsers("after its end", "")
}

// launchIn runs one instance.
func launchIn(t *testing.T, cloud *ec2.Client) string {
	t.Helper()
	images, err := cloud.DescribeImages(t.Context(), &ec2.DescribeImagesInput{})
	must(t, "list images", err)
	out, err := cloud.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: images.Images[0].ImageId, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: ec2types.InstanceTypeM5Large,
	})
	must(t, "run instance", err)
	return *out.Instances[0].InstanceId
}

// findMoto fails where moto's server or what it is made of is not installed.
const findMoto = `import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, ("moto", "flask", "moto.server"))))`

// moto starts moto's server, which plays AWS, and returns its address. No
// distribution has a package of it, so it is not required.
func moto(t *testing.T) string {
	t.Helper()
	if out, err := exec.Command("python3", "-c", findMoto).CombinedOutput(); err != nil {
		t.Skipf("python3 has no moto.server (pip install 'moto[server]'): %v\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "find a free port", err)
	address := free.Addr().(*net.TCPAddr)
	_ = free.Close()
	command := exec.Command("python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", fmt.Sprint(address.Port))
	must(t, "start moto", command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	awaitMoto(t, "http://"+address.String())
	return "http://" + address.String()
}

func awaitMoto(t *testing.T, endpoint string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		if answer, err := http.Get(endpoint + "/moto-api/data.json"); err == nil {
			_ = answer.Body.Close()
			return
		}
		<-tick.C
	}
	t.Fatal("moto did not come up")
}
