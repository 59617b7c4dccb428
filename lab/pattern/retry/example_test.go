package retry_test

import (
	"fmt"

	"workbench/lab"
	"workbench/lab/pattern/retry"
)

// A dependency is down and 1000 requests fail. Three tries each would send it
// 3000 calls; a budget of 10 % sends 1110 at most.
func Example() {
	for _, budget := range []float64{0, 0.1} {
		k := retry.Defaults()
		k.Budget = budget
		core, err := retry.New(k)
		if err != nil {
			fmt.Println(err)
			return
		}
		calls := 0
		for range 1000 {
			r := lab.Request{Read: true}
			core.First(&r)
			for try := 1; ; try++ {
				calls++
				down := lab.Refuse(lab.Failed, lab.ReasonDown, 0)
				if verdict, _ := core.Next(0, &r, try, down, 0.5); verdict != retry.Again {
					break
				}
			}
		}
		fmt.Printf("budget %.1f: %d calls\n", budget, calls)
	}
	// Output:
	// budget 0.0: 3000 calls
	// budget 0.1: 1109 calls
}
