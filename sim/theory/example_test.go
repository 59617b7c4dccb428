package theory_test

import (
	"fmt"
	"time"

	"workbench/sim/theory"
)

// How much slower a dependency of 20 slots of 20 ms gets as it fills up: at half
// its capacity hardly anybody waits, at 95 % three requests in four do.
func ExampleNewMMC() {
	for _, rate := range []float64{500, 800, 950, 990} {
		q, err := theory.NewMMC(rate, 20, 20*time.Millisecond)
		if err != nil {
			fmt.Println(err)
			return
		}
		p99, err := q.ResponseQuantile(.99)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.0f/s: %2.0f %% wait, mean %3d ms, p99 %3d ms\n", rate, 100*q.WaitShare(), q.MeanResponse().Milliseconds(), p99.Milliseconds())
	}
	_, err := theory.NewMMC(1000, 20, 20*time.Millisecond)
	fmt.Println(err)
	// Output:
	// 500/s:  0 % wait, mean  20 ms, p99  92 ms
	// 800/s: 26 % wait, mean  21 ms, p99  93 ms
	// 950/s: 76 % wait, mean  35 ms, p99 127 ms
	// 990/s: 95 % wait, mean 114 ms, p99 477 ms
	// theory: NewMMC: rate is 1000, want less than servers / service: else the queue grows without end
}

// Eight thousand late calls, and a budget that leaves room for 40 more a second.
func ExampleClients_Drain() {
	for _, budget := range []float64{.1, .2} {
		clients := theory.Clients{Rate: 800, Attempts: 4, Budget: budget}
		late, err := clients.Drain(8000, 1000, 500*time.Millisecond)
		fmt.Println(late.Round(time.Second), err)
	}
	// Output:
	// 1m3s <nil>
	// 3m8s <nil>
}

// What asking two servers in place of one does at a load of 90 %.
func ExampleSupermarket() {
	for d := range 4 {
		response, err := theory.Supermarket(.9, d)
		fmt.Printf("%d: %.2f %v\n", d, response, err)
	}
	// Output:
	// 0: 0.00 theory: Supermarket: choices is 0, want 1 to 1000
	// 1: 10.00 <nil>
	// 2: 2.61 <nil>
	// 3: 2.03 <nil>
}
