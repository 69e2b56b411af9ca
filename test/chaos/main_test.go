package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "reeve-chaos")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "reeve.exe") // Windows asks for the ending, nobody else minds
	build := exec.Command("go", "build", "-o", binary, "reeve/cmd/reeve")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	// Every caller keeps its connection, as processes of their own would.
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 256
	return m.Run()
}

// chance is what decides in one test. A test that failed says how to have the
// same again: the choices are then the same, the timing never quite.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("REEVE_CHAOS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("REEVE_CHAOS_SEED: %v", err)
		}
		seed = n
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to have the same choices again: REEVE_CHAOS_SEED=%d go test -run '^%s$' ./test/chaos/", seed, t.Name())
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// fork gives a goroutine a chance of its own.
func fork(r *rand.Rand) *rand.Rand { return rand.New(rand.NewPCG(r.Uint64(), r.Uint64())) }

// shorter is a number of rounds, or fewer for go test -short.
func shorter(whole, short int) int {
	if testing.Short() {
		return short
	}
	return whole
}
