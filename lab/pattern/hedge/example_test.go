package hedge_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/hedge"
)

// A dependency is overloaded and all of 1000 calls are late. Without a bound it
// would get 1000 more; a budget of 10 % sends it 109.
func Example() {
	for _, budget := range []float64{1, 0.1} {
		k := hedge.Defaults()
		k.Budget = budget
		core, err := hedge.New(k)
		if err != nil {
			fmt.Println(err)
			return
		}
		second := 0
		for range 1000 {
			core.First(0)
			if core.Second(time.Second, &lab.Request{Read: true}) == hedge.Ask {
				second++
			}
		}
		fmt.Printf("budget %.1f: %d second calls\n", budget, second)
	}
	// Output:
	// budget 1.0: 1000 second calls
	// budget 0.1: 109 second calls
}
