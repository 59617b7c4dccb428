package arrival_test

import (
	"fmt"
	"strings"
	"time"

	"workbench/sim/arrival"
	"workbench/sim/dist"
)

// A flash crowd on top of a steady load, as a user sees it: every two seconds
// the number of requests, drawn from seed 1.
func ExampleProcess_Next() {
	s := arrival.Schedule{{For: 20 * time.Second, Shape: arrival.Shape{
		Kind: arrival.Flash, Rate: 20, Factor: 10, At: 4 * time.Second, Rise: 4 * time.Second, HalfLife: 3 * time.Second,
	}}}
	p, err := arrival.New(arrival.Poisson, dist.New(1, "example"), s)
	if err != nil {
		fmt.Println(err)
		return
	}
	var count [10]int
	for at := p.Next(0); at < 20*time.Second; at = p.Next(at) {
		count[at/(2*time.Second)]++
	}
	for i, n := range count {
		fmt.Printf("%02d s %3.0f/s %s\n", 2*i, s.At(time.Duration(2*i)*time.Second), strings.Repeat("▪", n/10))
	}
	// Output:
	// 00 s  20/s ▪▪▪▪
	// 02 s  20/s ▪▪▪▪▪
	// 04 s  20/s ▪▪▪▪▪▪▪
	// 06 s  63/s ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪
	// 08 s 200/s ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪
	// 10 s 133/s ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪
	// 12 s  91/s ▪▪▪▪▪▪▪▪▪▪▪▪▪▪
	// 14 s  65/s ▪▪▪▪▪▪▪▪▪▪▪▪▪
	// 16 s  48/s ▪▪▪▪▪▪▪
	// 18 s  38/s ▪▪▪▪▪▪
}
