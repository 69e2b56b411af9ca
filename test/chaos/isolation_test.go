package chaos_test

import (
	order "cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"
	"github.com/google/go-cmp/cmp"

	"reeve/internal/api"
	"reeve/internal/client"
)

// The accounts of the isolation test. The numbers stand in the order that
// makes lists of the thief and of the twin come in the same order.
const (
	thiefAccount  = "222222222222"
	twinAccount   = "222222222223"
	victimAccount = "333333333333"
	memberAccount = "444444444444"
	nobodyAccount = "555555555555"
)

// mostMade bounds the configurations of each: as many as one page of
// VerifyLedgers has, whose pages are in a random order.
const mostMade = 20

// TestAnotherAccountCannotBeTouched lets a thief call every operation with the
// names, the resources and the page tokens of a victim, in hundreds of chance
// combinations, and a twin do the same with names that nobody has. Whatever
// the thief is told, the twin must be told too: then the answers cannot depend
// on anything of the victim's. And the victim must have all it had. A third
// account uses what the victim shares with it.
func TestAnotherAccountCannotBeTouched(t *testing.T) {
	dice := chance(t)
	s := start(t, t.TempDir(), rootEnvironment()...)
	v := newVictim(t, s)
	v.lend(t, s.newAccount(memberAccount))
	before := v.everything(t)
	thief := newPlayer(t, s.newAccount(thiefAccount), v.real(t))
	twin := newPlayer(t, s.newAccount(twinAccount), v.invented())
	tally := map[int]int{}
	for range shorter(1500, 300) {
		target, body := randomRequest(dice)
		if thief.made == mostMade && strings.HasSuffix(target, ".CreateLicenseConfiguration") {
			continue
		}
		if tellsOfOneself(target) {
			continue
		}
		status := playBoth(t, thief, twin, target, body)
		tally[status]++
		if t.Failed() {
			return
		}
	}
	if diff := cmp.Diff(before, v.everything(t)); diff != "" {
		t.Errorf("the victim has lost or won something (-before +after):\n%s", diff)
	}
	if most := shorter(1500, 300); tally[200] < most/4 || tally[400] < most/4 {
		t.Errorf("the answers by status are %v: the requests are too tame or too wild to tell much", tally)
	}
	s.checkLedgers()
}

// tellsOfOneself says whether an operation answers with hashes, times or requests
// of the caller's own, which differ between two players who do the same.
func tellsOfOneself(target string) bool {
	return strings.HasSuffix(target, "Events") || strings.Contains(target, "Checkpoint") || strings.HasSuffix(target, ".ListRevisions") || strings.HasSuffix(target, ".ExportLedger")
}

// victim is an account with something of everything.
type victim struct {
	*account
	s    *process
	arns []string // of configurations
}

// secrets are texts that only the victim's things hold.
var secrets = []string{victimAccount, memberAccount, "secret"}

// hostARN is the dedicated host that the victim's machines run on.
func (v *victim) hostARN() string {
	return "arn:aws:ec2:" + region + ":" + v.id + ":dedicated-host/h-secret"
}

func newVictim(t *testing.T, s *process) *victim {
	t.Helper()
	v := &victim{account: s.newAccount(victimAccount), s: s}
	ctx := t.Context()
	for i, count := range []int64{8, 3, 0} {
		counting := []types.LicenseCountingType{"vCPU", "Instance", "Core"}[i]
		arn, err := v.configure(ctx, fmt.Sprintf("secret-name-%d", i), counting, count)
		must(t, "create configuration", err)
		v.arns = append(v.arns, arn)
	}
	_, err := v.TagResource(ctx, &licensemanager.TagResourceInput{ResourceArn: &v.arns[0], Tags: []types.Tag{{Key: aws.String("secret-key"), Value: aws.String("secret-value")}}})
	must(t, "tag", err)
	must(t, "report the host", v.put(ctx, "observe", api.Resource{ResourceArn: new(v.hostARN()), Status: new("available"), Cores: new(int64(8)), Sockets: new(int64(2))}))
	for n := range 6 {
		r := running(v.machine(fmt.Sprintf("secret%d", n)), 2)
		r.Name, r.Platform = new("secret-machine"), new("secret-platform")
		r.Applications = []api.Application{{Name: new("secret-application")}}
		r.HostId = new("h-secret")
		must(t, "report", v.put(ctx, "observe", r))
	}
	for n := range 3 {
		must(t, "associate", v.specify(ctx, v.machine(fmt.Sprintf("secret%d", n)), v.arns, nil))
	}
	_, err = v.UpdateLicenseSpecificationsForResource(ctx, &licensemanager.UpdateLicenseSpecificationsForResourceInput{
		ResourceArn: aws.String(imageARN("ami-secret")),
		AddLicenseSpecifications: []types.LicenseSpecification{
			{LicenseConfigurationArn: &v.arns[1], AmiAssociationScope: aws.String("cross-account")}},
	})
	must(t, "associate the image", err)
	fail := running(v.machine("secretfail"), 2)
	fail.AmiId = new("ami-secret")
	if err := v.put(ctx, "observe", fail); err == nil {
		t.Fatal("the victim has no failure to hide")
	}
	_, err = v.UpdateServiceSettings(ctx, &licensemanager.UpdateServiceSettingsInput{S3BucketArn: aws.String("arn:aws:s3:::aws-license-manager-service-secret")})
	must(t, "update settings", err)
	return v
}

// lend shares a configuration with a member of the victim's organization, which
// has a machine in it.
func (v *victim) lend(t *testing.T, member *account) {
	t.Helper()
	ctx := t.Context()
	root := v.s.root().reeve
	_, err := client.Call[api.CreateOrganizationInput, api.CreateOrganizationOutput](ctx, root, "Reeve.CreateOrganization", &api.CreateOrganizationInput{ManagementAccountId: &v.id})
	must(t, "create organization", err)
	_, err = client.Call[api.AddAccountToOrganizationInput, api.AddAccountToOrganizationOutput](ctx, root, "Reeve.AddAccountToOrganization", &api.AddAccountToOrganizationInput{AccountId: &member.id})
	must(t, "add account", err)
	_, err = client.Call[api.ShareLicenseConfigurationInput, api.ShareLicenseConfigurationOutput](ctx, v.reeve, "Reeve.ShareLicenseConfiguration",
		&api.ShareLicenseConfigurationInput{LicenseConfigurationArn: &v.arns[0], Principal: &member.id})
	must(t, "share", err)
	must(t, "report", member.put(ctx, "observe", running(member.machine("secretlent"), 1)))
	must(t, "associate", member.specify(ctx, member.machine("secretlent"), v.arns[:1], nil))
}

// reading are requests that together show all that an account has. {conf0} and
// the like stand for names; see real.
var reading = []struct{ target, body string }{
	{"AWSLicenseManager.ListLicenseConfigurations", `{"MaxResults":1}`},
	{"AWSLicenseManager.ListUsageForLicenseConfiguration", `{"LicenseConfigurationArn":"{conf0}","MaxResults":1}`},
	{"AWSLicenseManager.ListUsageForLicenseConfiguration", `{"LicenseConfigurationArn":"{conf1}","MaxResults":1}`},
	{"AWSLicenseManager.ListUsageForLicenseConfiguration", `{"LicenseConfigurationArn":"{conf2}","MaxResults":1}`},
	{"AWSLicenseManager.ListAssociationsForLicenseConfiguration", `{"LicenseConfigurationArn":"{conf0}","MaxResults":1}`},
	{"AWSLicenseManager.ListAssociationsForLicenseConfiguration", `{"LicenseConfigurationArn":"{conf1}","MaxResults":1}`},
	{"AWSLicenseManager.ListFailuresForLicenseConfigurationOperations", `{"LicenseConfigurationArn":"{conf1}"}`},
	{"AWSLicenseManager.ListLicenseSpecificationsForResource", `{"ResourceArn":"{machine0}","MaxResults":1}`},
	{"AWSLicenseManager.ListResourceInventory", `{"MaxResults":1}`},
	{"AWSLicenseManager.ListTagsForResource", `{"ResourceArn":"{conf0}"}`},
	{"AWSLicenseManager.GetServiceSettings", `{}`},
	{"Reeve.VerifyLedgers", `{"MaxResults":1}`},
	{"Reeve.ExplainUsage", `{"LicenseConfigurationArn":"{conf0}","ResourceArn":"{machine0}"}`},
	{"Reeve.ExplainUsage", `{"LicenseConfigurationArn":"{conf1}","ResourceArn":"{machine0}"}`},
	{"Reeve.ExplainUsage", `{"LicenseConfigurationArn":"{conf2}","ResourceArn":"{machine0}"}`},
}

// everything is all pages of all that the victim has, the numbers of the
// newest revisions included.
func (v *victim) everything(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, r := range reading {
		v.eachPage(t, r.target, r.body, func(page, _ string) { all = append(all, nextToken.ReplaceAllString(page, "")) })
	}
	return all
}

// eachPage asks for all pages of a list.
func (v *victim) eachPage(t *testing.T, target, body string, each func(page, token string)) {
	t.Helper()
	body = v.names().Replace(body)
	err := pages(func(token *string) (*string, error) {
		page := body
		if token != nil {
			page = strings.TrimSuffix(body, "}") + `,"NextToken":"` + *token + `"}`
		}
		status, text, err := v.send(t.Context(), target, page)
		if err != nil || status != 200 {
			return nil, fmt.Errorf("%s %s answers %d %s, %v", target, page, status, text, err)
		}
		found := nextToken.FindStringSubmatch(text)
		if found == nil {
			each(text, "")
			return nil, nil
		}
		each(text, found[1])
		return &found[1], nil
	})
	must(t, "list", err)
}

func (v *victim) names() *strings.Replacer {
	return strings.NewReplacer("{conf0}", v.arns[0], "{conf1}", v.arns[1], "{conf2}", v.arns[2], "{machine0}", v.machine("secret0"))
}

// real are the victim's names and tokens, by the words that requests are
// written with.
func (v *victim) real(t *testing.T) map[string]string {
	t.Helper()
	words := map[string]string{
		"{account}": victimAccount,
		"{conf0}":   v.arns[0], "{conf1}": v.arns[1], "{conf2}": v.arns[2],
		"{machine0}": v.machine("secret0"), "{machine1}": v.machine("secretfail"),
		"{image}": imageARN("ami-secret"), "{ami}": "ami-secret", "{host}": "h-secret", "{hostarn}": v.hostARN(),
		"{key}": "secret-key", "{value}": "secret-value", "{platform}": "secret-platform",
	}
	for i, r := range reading {
		v.eachPage(t, r.target, r.body, func(_, token string) {
			if token != "" {
				words[fmt.Sprintf("{token%d}", i)] = token
			}
		})
	}
	return words
}

// invented are names that look the same and that nobody has.
func (v *victim) invented() map[string]string {
	words := map[string]string{
		"{account}": nobodyAccount,
		"{image}":   imageARN("ami-nobody"), "{ami}": "ami-nobody", "{host}": "h-nobody",
		"{hostarn}": "arn:aws:ec2:" + region + ":" + nobodyAccount + ":dedicated-host/h-nobody",
		"{key}":     "nobody-key", "{value}": "nobody-value", "{platform}": "nobody-platform",
	}
	for i := range 3 {
		words[fmt.Sprintf("{conf%d}", i)] = "arn:aws:license-manager:" + region + ":" + nobodyAccount + ":license-configuration:lic-" + strings.Repeat(fmt.Sprint(i), 32)
		words[fmt.Sprintf("{machine%d}", i)] = "arn:aws:ec2:" + region + ":" + nobodyAccount + ":instance/i-nobody" + fmt.Sprint(i)
	}
	for i := range reading {
		words[fmt.Sprintf("{token%d}", i)] = "AWNobodyWroteThisToken" + fmt.Sprint(i)
	}
	return words
}

// player is the thief or the twin: an account with the words that it puts
// into requests, its own things among them.
type player struct {
	*account
	words map[string]string
	made  int // configurations
}

func newPlayer(t *testing.T, a *account, words map[string]string) *player {
	t.Helper()
	p := &player{account: a, words: words}
	words["{me}"] = a.id
	words["{mine}"] = a.machine("mine")
	must(t, "report", p.put(t.Context(), "observe", running(words["{mine}"], 4)))
	for i := range 2 {
		arn, err := p.configure(t.Context(), fmt.Sprintf("mine-%d", i), types.LicenseCountingTypeVcpu, 9)
		must(t, "create configuration", err)
		p.keep(arn)
	}
	return p
}

// play sends a request with the player's words in it, and returns the answer
// with all of them taken out again.
func (p *player) play(t *testing.T, target, body string) (status int, told string) {
	t.Helper()
	sent := p.fill(body)
	status, text, err := p.send(t.Context(), target, sent)
	must(t, "send "+target, err)
	p.keepNew(text)
	return status, p.blank(text)
}

func (p *player) fill(body string) string {
	var pairs []string
	for word, value := range p.words {
		pairs = append(pairs, word, value)
	}
	return strings.NewReplacer(append(pairs, "{now}", moment(time.Now()))...).Replace(body)
}

var created = regexp.MustCompile(`^\{"LicenseConfigurationArn":"([^"]+)"\}$`)

// keepNew gives a configuration that was made, and the token of a page, words
// of their own.
func (p *player) keepNew(text string) {
	if found := created.FindStringSubmatch(text); found != nil {
		p.keep(found[1])
	}
	if found := nextToken.FindStringSubmatch(text); found != nil {
		p.words["{mytoken}"] = found[1]
	}
}

func (p *player) keep(arn string) {
	p.words[fmt.Sprintf("{own%d}", p.made)] = arn
	p.made++
}

var (
	nextToken = regexp.MustCompile(`,?"NextToken":"([^"]*)"`)
	anyTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z|("(?:AssociationTime|FailureTime|CreationTime|LastUsedTime|LastRunTime|UntilTime|EndTime|StartTime)":)[\d.]+`)
)

// blank puts the words back in place of their values, longest first, and
// blanks what two accounts never have in common.
func (p *player) blank(text string) string {
	words := map[string]string{} // by value
	for _, word := range slices.Sorted(maps.Keys(p.words)) {
		value := p.words[word]
		id := value[strings.LastIndexAny(value, ":/")+1:]
		words[id], words[value] = word, word
	}
	values := slices.SortedFunc(maps.Keys(words), func(a, b string) int {
		return order.Or(len(b)-len(a), strings.Compare(a, b))
	})
	for _, value := range values {
		text = strings.ReplaceAll(text, value, words[value])
	}
	text = nextToken.ReplaceAllString(text, "")
	return sorted(anyTime.ReplaceAllString(text, "${1}0"))
}

// sorted brings the lists of an answer into an order that depends on nothing
// but what is in them.
func sorted(text string) string {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return text
	}
	sortLists(value)
	again, _ := json.MarshalIndent(value, "", " ")
	return string(again)
}

// byChance are members that differ without meaning anything: the points of a
// history are as many as seconds have passed, and software is counted some time
// after its report.
var byChance = []string{"AccessKeyId", "SecretAccessKey", "AgentTokenId", "Token", "Url", "Points", "Software", "NextToken"}

func sortLists(value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, chance := range byChance {
			delete(value, chance)
		}
		for _, v := range value {
			sortLists(v)
		}
	case []any:
		for _, v := range value {
			sortLists(v)
		}
		slices.SortFunc(value, func(a, b any) int {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			return strings.Compare(string(x), string(y))
		})
	}
}

// sameKindOfRefusal tells refusals that may differ: where several of the
// player's own configurations forbid a change, which of them is named depends
// on their random numbers.
func sameKindOfRefusal(a, b string) bool {
	own := func(s string) bool { return strings.Contains(s, `"__type"`) && strings.Contains(s, "{own") }
	return own(a) && own(b)
}

// playBoth lets both players send the same request, each with its own words.
func playBoth(t *testing.T, thief, twin *player, target, body string) (status int) {
	t.Helper()
	status, told := thief.play(t, target, body)
	twinStatus, twinTold := twin.play(t, target, body)
	if status != twinStatus || told != twinTold && !sameKindOfRefusal(told, twinTold) {
		t.Errorf("%s %s\nsent with a victim's names answers %d\n%s\nand with names that nobody has %d\n%s", target, body, status, told, twinStatus, twinTold)
	}
	for _, secret := range secrets {
		if strings.Contains(told, secret) {
			t.Errorf("%s %s\nanswers with a victim's own words:\n%s", target, body, told)
		}
	}
	if status >= 500 {
		t.Errorf("%s %s answers %d %s", target, body, status, told)
	}
	return status
}
