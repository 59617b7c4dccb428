package concurrency_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/concurrency"
)

// Two places, and a wait of 50 ms for one more request.
func Example() {
	k := concurrency.Defaults()
	k.Limit, k.MaxWaiting, k.Wait = 2, 1, 50*time.Millisecond
	gate, err := concurrency.New(k)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 4 {
		now := time.Duration(i) * time.Millisecond
		e := gate.Enter(now, 0)
		fmt.Printf("%v: place %v, may wait %v until %v\n", now, e.OK, e.Wait, e.Until)
	}
	gate.Leave(20*time.Millisecond, 0, lab.OK)
	ticket, ok := gate.Next()
	fmt.Printf("20ms: place for ticket %d: %v\n", ticket, ok)
	// Output:
	// 0s: place true, may wait false until 0s
	// 1ms: place true, may wait false until 0s
	// 2ms: place false, may wait true until 52ms
	// 3ms: place false, may wait false until 0s
	// 20ms: place for ticket 1: true
}
