package bulkhead_test

import (
	"fmt"

	"workbench/lab/pattern/bulkhead"
)

// A report hangs. It fills its own compartment, and checkout goes on.
func Example() {
	const report, checkout = 0, 1
	b, err := bulkhead.New(bulkhead.Knobs{Limit: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	served := [2]int{}
	for range 100 { // requests of each operation
		if b.Enter(0, report, 0).OK {
			served[report]++ // and never leaves
		}
		if b.Enter(0, checkout, 0).OK {
			served[checkout]++
			b.Leave(checkout)
		}
	}
	fmt.Printf("report:   %3d of 100 admitted, %d inside\n", served[report], b.Inside(report))
	fmt.Printf("checkout: %3d of 100 admitted, %d inside\n", served[checkout], b.Inside(checkout))
	// Output:
	// report:     4 of 100 admitted, 4 inside
	// checkout: 100 of 100 admitted, 0 inside
}
