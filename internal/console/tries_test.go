package console

import (
	"strconv"
	"testing"
	"time"
)

var triesEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestWaitsDoubleUpToTheLongest(t *testing.T) {
	for failed, want := range map[int]time.Duration{
		0: 0, 4: 0, 5: time.Second, 6: 2 * time.Second, 10: 32 * time.Second, 14: 5 * time.Minute, 1 << 40: 5 * time.Minute,
	} {
		if got := waitAfter(failed); got != want {
			t.Errorf("after %d failures the wait is %v, want %v", failed, got, want)
		}
	}
}

func TestASuccessForgetsFailuresAndSoDoesAnHour(t *testing.T) {
	var counted tries
	fail := func(now time.Time) (wait time.Duration) {
		for range freeTries + 1 {
			wait = counted.begin(now, "key a", "network b")
		}
		return wait
	}
	if fail(triesEpoch) == 0 {
		t.Fatal("nobody is slowed down")
	}
	if counted.begin(triesEpoch, "key c", "network b") == 0 {
		t.Error("another key from the same network is not slowed down")
	}
	if wait := counted.begin(triesEpoch, "key c", "network d"); wait != 0 {
		t.Errorf("somebody else waits %v", wait)
	}
	if wait := counted.begin(triesEpoch.Add(forgetTries), "key a", "network b"); wait != 0 {
		t.Errorf("an hour later the wait is %v", wait)
	}
	counted.succeed("key a", "network b")
	if wait := counted.begin(triesEpoch, "key a", "network b"); wait != 0 {
		t.Errorf("after a success the wait is %v", wait)
	}
}

func TestManyNamesDoNotPushOutWhoGuessesTheMost(t *testing.T) {
	var counted tries
	for range freeTries {
		counted.begin(triesEpoch, "key guessed")
	}
	for i := range maxTries + 100 {
		counted.begin(triesEpoch, "key "+strconv.Itoa(i))
	}
	if len(counted.seen) > maxTries {
		t.Errorf("%d names are remembered", len(counted.seen))
	}
	if counted.begin(triesEpoch, "key guessed") == 0 {
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
