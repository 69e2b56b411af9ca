//go:build unix

package cluster_test

import (
	"fmt"
	"math"
	"math/bits"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// call is what a client asked for.
type call struct {
	kind    string // take, give, count or list
	machine int    // of take and give
}

// answer is what became of it.
type answer struct {
	unknown bool   // there was none, so it may have happened or not, and may yet
	refused bool   // of a take
	count   int64  // of a count
	set     uint64 // of a list: a bit for each machine
}

// poolModel is a pool of licences as a simple machine: a set of machines with
// a limit.
func poolModel(limit int) porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{uint64(0)} },
		Step: func(state, input, output any) []any {
			var next []any
			for _, s := range step(limit, state.(uint64), input.(call), output.(answer)) {
				next = append(next, s)
			}
			return next
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v -> %+v", input, output) },
	}
	return model.ToModel()
}

// step lists the states after a call with an answer, none when the answer
// cannot be.
func step(limit int, state uint64, c call, a answer) []uint64 {
	bit := uint64(1) << c.machine
	fits := state&bit != 0 || bits.OnesCount64(state) < limit
	switch {
	case c.kind == "count" && (a.unknown || a.count == int64(bits.OnesCount64(state))),
		c.kind == "list" && (a.unknown || a.set == state),
		c.kind == "take" && a.refused && !fits,
		c.kind == "take" && a.unknown && !fits:
		return []uint64{state}
	case c.kind == "take" && a.unknown:
		return []uint64{state, state | bit}
	case c.kind == "take" && !a.refused && fits:
		return []uint64{state | bit}
	case c.kind == "give" && a.unknown:
		return []uint64{state, state &^ bit}
	case c.kind == "give":
		return []uint64{state &^ bit}
	}
	return nil
}

// checkLinearizable looks for one order of the calls that explains every
// answer. A call without an answer may take effect at any later time.
func checkLinearizable(t *testing.T, limit int, history []porcupine.Operation) {
	t.Helper()
	unknown := 0
	for i := range history {
		if history[i].Output.(answer).unknown {
			history[i].Return = math.MaxInt64
			unknown++
		}
	}
	result := porcupine.CheckOperationsTimeout(poolModel(limit), history, 10*time.Minute)
	if result != porcupine.Ok {
		t.Errorf("a history of %d calls, %d of them without an answer, is not linearizable: %s", len(history), unknown, result)
	}
	t.Logf("%d calls, %d of them without an answer: %s", len(history), unknown, result)
}

// TestTheModelFindsMistakes: a model that accepts everything proves nothing.
func TestTheModelFindsMistakes(t *testing.T) {
	op := func(from, to int64, c call, a answer) porcupine.Operation {
		return porcupine.Operation{Call: from, Return: to, Input: c, Output: a}
	}
	take, give := func(m int) call { return call{"take", m} }, func(m int) call { return call{"give", m} }
	count, list := call{kind: "count"}, call{kind: "list"}
	const never = math.MaxInt64
	for name, test := range map[string]struct {
		history []porcupine.Operation
		want    bool
	}{
		"OverTheLimit":    {[]porcupine.Operation{op(1, 4, take(0), answer{}), op(2, 3, take(1), answer{})}, false},
		"OneOfTwo":        {[]porcupine.Operation{op(1, 4, take(0), answer{}), op(2, 3, take(1), answer{refused: true})}, true},
		"RefusedForNone":  {[]porcupine.Operation{op(1, 2, take(0), answer{refused: true})}, false},
		"Lost":            {[]porcupine.Operation{op(1, 2, take(0), answer{}), op(3, 4, count, answer{count: 0})}, false},
		"UnknownDone":     {[]porcupine.Operation{op(1, never, take(0), answer{unknown: true}), op(3, 4, list, answer{set: 1})}, true},
		"UnknownNot":      {[]porcupine.Operation{op(1, never, take(0), answer{unknown: true}), op(3, 4, list, answer{set: 0})}, true},
		"UnknownThenGone": {[]porcupine.Operation{op(1, never, take(0), answer{unknown: true}), op(3, 4, list, answer{set: 1}), op(5, 6, count, answer{})}, false},
		"Returned":        {[]porcupine.Operation{op(1, 2, take(0), answer{}), op(3, 4, give(0), answer{}), op(5, 6, take(1), answer{})}, true},
	} {
		if got := porcupine.CheckOperations(poolModel(1), test.history); got != test.want {
			t.Errorf("%s: linearizable is %v, want %v", name, got, test.want)
		}
	}
}
