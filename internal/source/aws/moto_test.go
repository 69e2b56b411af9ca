package aws_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"reeve/internal/license"
	"reeve/internal/licensetest"
	"reeve/internal/source/aws"
)

// findMoto fails where moto's server or what it is made of is not installed.
const findMoto = `import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, ("moto", "flask", "moto.server"))))`

// moto starts a moto_server, which keeps the state of several accounts as AWS
// does, and returns its address. No distribution has a package of it, so these
// tests run where it happens to be; the recorded answers cover every call.
func moto(t *testing.T) string {
	t.Helper()
	if out, err := exec.Command("python3", "-c", findMoto).CombinedOutput(); err != nil {
		t.Skipf("python3 has no moto.server (pip install 'moto[server]'): %v\n%s", err, out)
	}
	setKeys(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().(*net.TCPAddr)
	_ = free.Close()
	command := exec.Command("python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", fmt.Sprint(address.Port))
	command.Env = append(os.Environ(), "MOTO_ALLOW_NONEXISTENT_REGION=false")
	if err := command.Start(); err != nil {
		t.Fatalf("start moto: %v", err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	url := "http://" + address.String()
	waitFor(t, url+"/moto-api/data.json")
	return url
}

func waitFor(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if answer, err := http.Get(url); err == nil {
			answer.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer", url)
		case <-tick.C:
		}
	}
}

// at is a configuration of AWS's own clients for an account that moto keeps;
// "" is the one that the access key is of.
func at(t *testing.T, url, account string) sdk.Config {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(region), config.WithBaseEndpoint(url))
	if err != nil {
		t.Fatal(err)
	}
	if account != "" {
		cfg.Credentials = sdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), roleOf(account)))
	}
	return cfg
}

func roleOf(account string) string { return "arn:aws:iam::" + account + ":role/reeve" }

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// launch runs one instance.
func launch(t *testing.T, client *ec2.Client, image string, in ec2.RunInstancesInput) string {
	t.Helper()
	in.ImageId, in.MinCount, in.MaxCount, in.InstanceType = &image, sdk.Int32(1), sdk.Int32(1), types.InstanceTypeM5Large
	out := must[*ec2.RunInstancesOutput](t)(client.RunInstances(t.Context(), &in))
	return *out.Instances[0].InstanceId
}

func TestMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("moto takes a while to start")
	}
	address := moto(t)
	t.Run("one of each", func(t *testing.T) { testOneOfEach(t, address) })
	t.Run("roles", func(t *testing.T) { testRoles(t, address) })
}

// testOneOfEach reads what AWS's own client made in moto, and follows an
// instance to its end in a ledger.
func testOneOfEach(t *testing.T, address string) {
	ctx, cfg := t.Context(), at(t, address, "")
	client := ec2.NewFromConfig(cfg)
	images := must[*ec2.DescribeImagesOutput](t)(client.DescribeImages(ctx, &ec2.DescribeImagesInput{}))
	image := *images.Images[0].ImageId
	hosts := must[*ec2.AllocateHostsOutput](t)(client.AllocateHosts(ctx, &ec2.AllocateHostsInput{AvailabilityZone: sdk.String(region + "a"), InstanceType: sdk.String("m5.large"), Quantity: sdk.Int32(1)}))
	id := launch(t, client, image, ec2.RunInstancesInput{TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: sdk.String("Name"), Value: sdk.String("web 1")}}}}})
	own := must[*ec2.CreateImageOutput](t)(client.CreateImage(ctx, &ec2.CreateImageInput{InstanceId: &id, Name: sdk.String("golden")}))
	must[*rds.CreateDBInstanceOutput](t)(rds.NewFromConfig(cfg).CreateDBInstance(ctx, &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: sdk.String("orders"), DBInstanceClass: sdk.String("db.m5.large"), Engine: sdk.String("sqlserver-se"), LicenseModel: sdk.String("license-included"),
		AllocatedStorage: sdk.Int32(20), MasterUsername: sdk.String("admin"), MasterUserPassword: sdk.String("long enough"),
	}))

	src := open(t, aws.Settings{Regions: []string{region}, Endpoint: address, Read: []string{"ec2", "hosts", "images", "rds"}, MaxRequestsPerSecond: 1000})
	found, _ := mustPull(t, src, nil)
	owner := *must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)).Account
	instance := "arn:aws:ec2:" + region + ":" + owner + ":instance/" + id
	for _, arn := range []string{
		"arn:aws:ec2:" + region + ":" + owner + ":dedicated-host/" + hosts.HostIds[0],
		"arn:aws:ec2:" + region + "::image/" + image, "arn:aws:ec2:" + region + "::image/" + *own.ImageId,
	} {
		if found[arn].ARN == "" {
			t.Errorf("%s is missing among %v", arn, names(found))
		}
	}
	if r := found[instance]; sdk.ToString(r.Name) != "web 1" || sdk.ToInt64(r.VCPUs) != 2 || sdk.ToString(r.Status) != "running" || sdk.ToString(r.AMI) != image {
		t.Errorf("instance %+v", r)
	}
	if r := found["arn:aws:rds:"+region+":"+owner+":db:orders"]; sdk.ToString(r.EngineEdition) != "sqlserver-se" || sdk.ToInt64(r.VCPUs) != 2 {
		t.Errorf("database %+v", r)
	}
	terminates(t, src, client, id, instance)
}

// terminates follows an instance in a ledger: running it holds its vCPUs,
// stopped it holds none, terminated it is associated no more.
func terminates(t *testing.T, src *aws.Source, client *ec2.Client, id, arn string) {
	t.Helper()
	s := licensetest.Start(t, licensetest.Options{})
	who := s.Caller(licensetest.Root)
	consumed := func() int64 {
		t.Helper()
		_, err := src.Pull(t.Context(), nil, func(reports []license.Report) error {
			_, err := s.Manager.PutResources(t.Context(), who, license.Put{Reports: reports})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		all, _, err := s.Manager.ListConfigurations(t.Context(), who, license.ConfigurationFilter{}, nil, 10)
		if err != nil || len(all) == 0 {
			return 0
		}
		return all[0].Counters.Consumed
	}
	consumed()
	configuration := must[string](t)(s.Manager.CreateConfiguration(t.Context(), who, license.ConfigurationSpec{Terms: license.Terms{Name: "os", CountingType: license.VCPU}}))
	if err := s.Manager.UpdateSpecifications(t.Context(), who, arn, []license.Specification{{ConfigurationARN: configuration}}, nil); err != nil {
		t.Fatal(err)
	}
	if n := consumed(); n != 2 {
		t.Errorf("running, it holds %d", n)
	}
	must[*ec2.StopInstancesOutput](t)(client.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}}))
	if n := consumed(); n != 0 {
		t.Errorf("stopped, it holds %d", n)
	}
	must[*ec2.TerminateInstancesOutput](t)(client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	consumed()
	left, _, err := s.Manager.ListAssociations(t.Context(), who, configuration, nil, 10)
	if err != nil || len(left) != 0 {
		t.Errorf("terminated, it is still associated: %v, %v", left, err)
	}
}

// testRoles reads two accounts through roles, in two regions, together.
func testRoles(t *testing.T, address string) {
	var want []string
	for _, id := range []string{account, other} {
		client := ec2.NewFromConfig(at(t, address, id))
		images := must[*ec2.DescribeImagesOutput](t)(client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{}))
		want = append(want, "arn:aws:ec2:"+region+":"+id+":instance/"+launch(t, client, *images.Images[0].ImageId, ec2.RunInstancesInput{}))
	}
	found, _ := mustPull(t, open(t, aws.Settings{
		Regions: []string{region, "eu-west-1"}, RoleARNs: []string{roleOf(account), roleOf(other)}, ExternalID: "reeve-1", SessionName: "inventory",
		Endpoint: address, Read: []string{"ec2"}, MaxRequestsPerSecond: 1000,
	}), nil)
	if len(found) != len(want) || found[want[0]].ARN == "" || found[want[1]].ARN == "" {
		t.Errorf("found %v, want %v", names(found), want)
	}
}

// TestARoleThatCannotBeAssumed leaves the other account going.
func TestARoleThatCannotBeAssumed(t *testing.T) {
	assumed := `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>` +
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`
	c := start(t, everything)
	c.set("AssumeRole", func(form url.Values) (int, string) {
		if strings.Contains(form["RoleArn"][0], other) {
			return http.StatusForbidden, failure("sts", "AccessDenied")
		}
		if form["ExternalId"][0] != "reeve-1" || form["RoleSessionName"][0] != "reeve" {
			t.Errorf("the role is assumed with %v", form)
		}
		return http.StatusOK, assumed
	})
	s := c.settings()
	s.RoleARNs, s.ExternalID = []string{roleOf(account), roleOf(other)}, "reeve-1"
	found, next, err := pull(t, open(t, s), nil)
	for _, want := range []string{"account " + other, "sts AssumeRole: AccessDenied", "sts:AssumeRole on " + roleOf(other), "external_id"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if found[instanceARN].ARN == "" || next != nil {
		t.Errorf("of the other account came %v, remembered %d bytes", names(found), len(next))
	}
}
