package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager"
	"github.com/aws/aws-sdk-go-v2/service/licensemanager/types"

	"reeve/internal/api"
	"reeve/internal/client"
)

const racers = 64

// race is one run for the licences of one configuration.
type race struct {
	*account
	name     string
	limit    int64
	counting types.LicenseCountingType
	arn      string
	ami      string // an image that is associated with the configuration

	granted atomic.Int64 // licences of acknowledged grants
	refused atomic.Int64 // requests
}

// newRace makes the configuration and the image of a race.
func newRace(t *testing.T, a *account, name string, counting types.LicenseCountingType, limit int64) *race {
	t.Helper()
	r := &race{account: a, name: name, limit: limit, counting: counting, ami: "ami-" + name}
	var err error
	r.arn, err = a.configure(t.Context(), name, counting, limit)
	must(t, "create configuration", err)
	must(t, "associate the image", a.specify(t.Context(), imageARN(r.ami), []string{r.arn}, nil))
	return r
}

// TestRacersGetExactlyWhatIsThere lets 64 callers ask for 500 licences until
// each has been refused one single licence. Odd ones report their machines
// first and then ask for the association; even ones ask to launch machines
// from an associated image.
func TestRacersGetExactlyWhatIsThere(t *testing.T) {
	dice := chance(t)
	s := start(t, t.TempDir(), rootEnvironment()...)
	limit := int64(shorter(500, 100))
	for round := range shorter(10, 2) {
		counting := []types.LicenseCountingType{types.LicenseCountingTypeVcpu, types.LicenseCountingTypeInstance}[round%2]
		t.Run(fmt.Sprintf("%d %s", round, counting), func(t *testing.T) {
			r := newRace(t, s.newAccount(fmt.Sprintf("2%011d", round)), fmt.Sprintf("race%d", round), counting, limit)
			r.run(t, func(ctx context.Context, racer int, dice *rand.Rand) error { return r.takeAll(ctx, racer, dice) }, dice)
			r.checkResult(t)
		})
	}
	s.checkLedgers()
	verifyCommand(t, "--endpoint", s.endpoint)
}

// run lets all racers start at once and waits for them.
func (r *race) run(t *testing.T, racer func(ctx context.Context, number int, dice *rand.Rand) error, dice *rand.Rand) {
	t.Helper()
	var all sync.WaitGroup
	gun := make(chan struct{})
	for n := range racers {
		own := fork(dice)
		all.Go(func() {
			<-gun
			if err := racer(t.Context(), n, own); err != nil {
				t.Errorf("racer %d: %v", n, err)
			}
		})
	}
	close(gun)
	all.Wait()
}

// takeAll takes licences until not even one is left.
func (r *race) takeAll(ctx context.Context, racer int, dice *rand.Rand) error {
	most := int64(1)
	if r.counting == types.LicenseCountingTypeVcpu {
		most = 4
	}
	for n := range int(r.limit) + 10 {
		size := 1 + dice.Int64N(most)
		err := r.take(ctx, racer, fmt.Sprintf("%s-%d-%d", r.name, racer, n), size)
		switch {
		case err == nil:
			r.granted.Add(r.cost(size))
		case !isRefusedForLicenses(err):
			return err
		case most > 1:
			most = 1 // a smaller one may still fit
			r.refused.Add(1)
		default:
			r.refused.Add(1)
			return nil
		}
	}
	return fmt.Errorf("was never refused")
}

// cost is how many licences a machine of a size takes.
func (r *race) cost(vcpus int64) int64 {
	if r.counting == types.LicenseCountingTypeVcpu {
		return vcpus
	}
	return 1
}

// take asks for the licences of one new machine, in the racer's way.
func (r *race) take(ctx context.Context, racer int, id string, vcpus int64) error {
	report := running(r.machine(id), vcpus)
	if racer%2 == 0 {
		report.AmiId = &r.ami
		return r.put(ctx, "admit", report)
	}
	if err := r.put(ctx, "observe", report); err != nil {
		return err
	}
	return r.specify(ctx, *report.ResourceArn, []string{r.arn}, nil)
}

// checkResult holds the counter, the usage and the acknowledged grants against
// each other and against the limit.
func (r *race) checkResult(t *testing.T) {
	t.Helper()
	if r.granted.Load() != r.limit {
		t.Errorf("%d licences were granted, want exactly %d", r.granted.Load(), r.limit)
	}
	if r.refused.Load() < racers {
		t.Errorf("%d requests were refused, want one of every racer at least", r.refused.Load())
	}
	r.checkSums(t, r.granted.Load())
}

// checkSums wants the counter and the sum of the usage to be a number, and
// nothing to have failed.
func (r *race) checkSums(t *testing.T, want int64) {
	t.Helper()
	c, err := r.GetLicenseConfiguration(t.Context(), &licensemanager.GetLicenseConfigurationInput{LicenseConfigurationArn: &r.arn})
	must(t, "get configuration", err)
	rows, err := r.usage(t.Context(), r.arn, "", 100)
	must(t, "list usage", err)
	if *c.ConsumedLicenses != want || total(rows) != want {
		t.Errorf("the counter says %d, the usage adds up to %d, want %d", *c.ConsumedLicenses, total(rows), want)
	}
	failures, err := r.ListFailuresForLicenseConfigurationOperations(t.Context(), &licensemanager.ListFailuresForLicenseConfigurationOperationsInput{LicenseConfigurationArn: &r.arn})
	must(t, "list failures", err)
	if n := len(failures.LicenseOperationFailureList); n > 0 {
		t.Errorf("%d failures are listed: refused requests leave nothing behind", n)
	}
}

// TestALaunchThatNeedsTwoLicencesGetsBothOrNone races for the machines of one
// image that is associated with two configurations, of which now the one and
// now the other runs out first.
func TestALaunchThatNeedsTwoLicencesGetsBothOrNone(t *testing.T) {
	dice := chance(t)
	s := start(t, t.TempDir(), rootEnvironment()...)
	for round := range 6 { // which of the two is decided first is chance
		limits := [][2]int64{{60, 40}, {200, 40}}[round%2]
		a := s.newAccount(fmt.Sprintf("2%011d", round))
		vcpus := newRace(t, a, "both", types.LicenseCountingTypeVcpu, limits[0])
		instances := newRace(t, a, "both", types.LicenseCountingTypeInstance, limits[1])
		vcpus.run(t, func(ctx context.Context, racer int, dice *rand.Rand) error {
			return launchForBoth(ctx, vcpus, instances, racer, dice)
		}, dice)
		for i, r := range []*race{vcpus, instances} {
			r.checkSums(t, r.granted.Load())
			if r.granted.Load() > limits[i] {
				t.Errorf("%d licences of %d by %s were granted", r.granted.Load(), limits[i], r.counting)
			}
		}
		list, err := a.inventory(t.Context())
		must(t, "list inventory", err)
		if machines := int64(len(list)) - 1; machines != instances.granted.Load() { // one is the image
			t.Errorf("%d machines are in the inventory, and %d were granted", machines, instances.granted.Load())
		}
	}
	s.checkLedgers()
}

// launchForBoth asks to launch three machines of the image, one by one.
func launchForBoth(ctx context.Context, vcpus, instances *race, racer int, dice *rand.Rand) error {
	for n := range 3 {
		report := running(vcpus.machine(fmt.Sprintf("%d-%d", racer, n)), 1+dice.Int64N(4))
		report.AmiId = &vcpus.ami
		err := vcpus.put(ctx, "admit", report)
		switch {
		case err == nil:
			instances.granted.Add(1)
			vcpus.granted.Add(*report.VCpus)
		case !isRefusedForLicenses(err):
			return err
		}
	}
	return nil
}

// TestRacersThatGiveBackNeverExceedTheLimit lets racers take, give back and
// take again. The limit must hold after every single revision, which the peaks
// of the history tell.
func TestRacersThatGiveBackNeverExceedTheLimit(t *testing.T) {
	dice := chance(t)
	s := start(t, t.TempDir(), rootEnvironment()...)
	for round, counting := range []types.LicenseCountingType{types.LicenseCountingTypeVcpu, types.LicenseCountingTypeInstance} {
		t.Run(string(counting), func(t *testing.T) {
			r := newRace(t, s.newAccount(fmt.Sprintf("2%011d", round)), fmt.Sprintf("again%d", round), counting, 40)
			r.run(t, func(ctx context.Context, racer int, dice *rand.Rand) error { return r.comeAndGo(ctx, racer, dice) }, dice)
			r.checkSums(t, r.granted.Load())
			r.checkPeaks(t)
			if r.refused.Load() == 0 {
				t.Error("nobody was refused: there was no race")
			}
		})
	}
	s.checkLedgers()
}

// comeAndGo takes licences for two machines again and again, and gives back
// what it got by every way there is.
func (r *race) comeAndGo(ctx context.Context, racer int, dice *rand.Rand) error {
	rounds := shorter(12, 4)
	for n := range rounds {
		id := fmt.Sprintf("%s-%d-%d", r.name, racer, n%2)
		size := 1 + dice.Int64N(4)
		err := r.take(ctx, racer, id, size)
		if isRefusedForLicenses(err) {
			r.refused.Add(1)
			continue
		}
		if err != nil {
			return err
		}
		r.granted.Add(r.cost(size))
		if n >= rounds-2 {
			continue // the last of either machine stay
		}
		if err := r.giveBack(ctx, r.machine(id), dice); err != nil {
			return err
		}
		r.granted.Add(-r.cost(size))
	}
	return nil
}

// giveBack frees a machine's licences: it is gone, taken out of the inventory,
// or dissociated and gone.
func (r *race) giveBack(ctx context.Context, arn string, dice *rand.Rand) error {
	gone := api.Resource{ResourceArn: &arn, Status: aws.String("terminated")}
	switch dice.IntN(3) {
	case 0:
		return r.put(ctx, "observe", gone)
	case 1:
		return r.remove(ctx, arn)
	}
	if err := r.specify(ctx, arn, nil, []string{r.arn}); err != nil {
		return err
	}
	return r.put(ctx, "observe", gone)
}

// checkPeaks reads the whole history and wants no moment above the limit, and
// some moment at it.
func (r *race) checkPeaks(t *testing.T) {
	t.Helper()
	h, err := client.Call[api.GetUsageHistoryInput, api.GetUsageHistoryOutput](t.Context(), r.reeve, "Reeve.GetUsageHistory",
		&api.GetUsageHistoryInput{LicenseConfigurationArn: &r.arn})
	must(t, "get history", err)
	var highest int64
	for _, p := range h.Points {
		highest = max(highest, *p.PeakLicenses)
	}
	if highest > r.limit || highest < r.limit-3 {
		t.Errorf("at most %d licences were in use at a time, want up to %d and no more", highest, r.limit)
	}
}
