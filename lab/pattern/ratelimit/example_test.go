package ratelimit_test

import (
	"fmt"
	"time"

	"workbench/lab/pattern/ratelimit"
)

// Ten requests a second each for two users, bursts of three. The greedy one is
// told when to come back; the modest one never notices.
func Example() {
	k := ratelimit.Defaults()
	k.Algorithm, k.Per, k.Rate, k.Burst = "gcra", "user", 10, 3
	limiter, err := ratelimit.New(k)
	if err != nil {
		fmt.Println(err)
		return
	}
	const greedy, modest = 1, 2
	for i := range 6 {
		now := time.Duration(i) * 20 * time.Millisecond
		v := limiter.Take(now, greedy)
		fmt.Printf("%5v greedy ok=%-5v retry after %v\n", now, v.OK, v.Retry)
	}
	fmt.Printf("100ms modest ok=%v\n", limiter.Take(100*time.Millisecond, modest).OK)
	// Output:
	//    0s greedy ok=true  retry after 0s
	//  20ms greedy ok=true  retry after 0s
	//  40ms greedy ok=true  retry after 0s
	//  60ms greedy ok=false retry after 40ms
	//  80ms greedy ok=false retry after 20ms
	// 100ms greedy ok=true  retry after 0s
	// 100ms modest ok=true
}
