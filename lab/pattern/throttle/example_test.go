package throttle_test

import (
	"fmt"
	"time"

	"workbench/lab/pattern/throttle"
	"workbench/sim/dist"
)

// A thousand requests a second come for a dependency that accepts a hundred. It
// gets K times as many as it accepts, and not ten times.
func Example() {
	for _, k := range []float64{2, 1.1} {
		core, err := throttle.New(throttle.Knobs{K: k, Window: 10 * time.Second, Most: 1, Per: "all"})
		if err != nil {
			fmt.Println(err)
			return
		}
		draws := dist.New(1, "example")
		room, calls, accepted := 0, 0, 0
		for range 1000 { // until now all went well
			core.Called(0, 0, true)
		}
		for ms := range 400_000 {
			now := time.Duration(ms) * time.Millisecond
			if ms%10 == 0 {
				room = 1
			}
			if draws.Float64() < core.Share(now, 0) {
				core.Refused(now, 0)
				continue
			}
			core.Called(now, 0, room > 0)
			if ms >= 100_000 { // once it has settled
				calls++
				accepted += room
			}
			room = 0
		}
		fmt.Printf("K %.1f: %.2f calls for each one accepted\n", k, float64(calls)/float64(accepted))
	}
	// Output:
	// K 2.0: 2.00 calls for each one accepted
	// K 1.1: 1.12 calls for each one accepted
}
