package console

import (
	"strconv"
	"testing"
	"time"
)

var triesEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestWaitsDoubleUpToTheLongest(t *testing.T) {
	for failed, want := range map[int]time.Duration{
		-5: 0, -1: 0, 0: time.Second, 1: 2 * time.Second, 5: 32 * time.Second, 9: 5 * time.Minute, 1 << 40: 5 * time.Minute,
	} {
		if got := waitAfter(failed); got != want {
			t.Errorf("after %d failures too many the wait is %v, want %v", failed, got, want)
		}
	}
}

func TestASuccessForgetsFailuresAndSoDoesAnHour(t *testing.T) {
	var counted tries
	a := guesser{"network b", "key a"}
	fail := func(now time.Time) (wait time.Duration) {
		for range freeTries + 1 {
			wait = counted.begin(now, a)
		}
		return wait
	}
	if fail(triesEpoch) == 0 {
		t.Fatal("nobody is slowed down")
	}
	for _, other := range []guesser{{"network b", "key c"}, {"network d", "key a"}} {
		if wait := counted.begin(triesEpoch, other); wait != 0 {
			t.Errorf("%v waits %v for somebody else's failures", other, wait)
		}
	}
	if wait := counted.begin(triesEpoch.Add(forgetTries), a); wait != 0 {
		t.Errorf("an hour later the wait is %v", wait)
	}
	counted.succeed(a)
	if wait := counted.begin(triesEpoch, a); wait != 0 {
		t.Errorf("after a success the wait is %v", wait)
	}
}

func TestANetworkIsSlowedDownWhenItGuessesManyKeys(t *testing.T) {
	var counted tries
	mine := guesser{"network", "mine"}
	for i := range freeTriesOfAll {
		if wait := counted.begin(triesEpoch, guesser{"network", strconv.Itoa(i)}); wait != 0 {
			t.Fatalf("guess %d waits %v", i, wait)
		}
		if counted.begin(triesEpoch, mine) == 0 {
			counted.succeed(mine)
		}
	}
	if counted.begin(triesEpoch, guesser{"network", "another"}) == 0 {
		t.Error("a known key makes guesses at others forgotten")
	}
	if wait := counted.begin(triesEpoch, guesser{"elsewhere", "another"}); wait != 0 {
		t.Errorf("another network waits %v", wait)
	}
}

func TestWhatIsTakenBackIsNoGuess(t *testing.T) {
	var counted tries
	a := guesser{"network", "key"}
	for range 3 * freeTries {
		if wait := counted.begin(triesEpoch, a); wait != 0 {
			t.Fatalf("the wait is %v", wait)
		}
		counted.takeBack(a)
	}
	if len(counted.seen) != 0 {
		t.Errorf("%v is remembered", counted.seen)
	}
}

func TestManyNamesDoNotPushOutWhoGuessesTheMost(t *testing.T) {
	var counted tries
	guessed := guesser{"network", "guessed"}
	for range freeTries {
		counted.begin(triesEpoch, guessed)
	}
	for i := range maxTries + 100 {
		counted.begin(triesEpoch, guesser{strconv.Itoa(i), "key"})
	}
	if len(counted.seen) > maxTries {
		t.Errorf("%d names are remembered", len(counted.seen))
	}
	if counted.begin(triesEpoch, guessed) == 0 {
		t.Error("many names made the guessed one forgotten")
	}
}

func TestANetworkOfIPv6IsOneGuesser(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64", "no address": "no address",
	} {
		if got := network(address); got != want {
			t.Errorf("network of %s: %s, want %s", address, got, want)
		}
	}
}
