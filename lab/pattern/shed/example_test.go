package shed_test

import (
	"fmt"

	"workbench/lab"
	"workbench/lab/pattern/shed"
)

// A service that is full at 60 requests in flight, as it fills up.
func Example() {
	shedder, err := shed.New(shed.Defaults())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, inflight := range []int64{20, 30, 50, 60} {
		fmt.Printf("%d in flight: low %-5v normal %-5v high %v\n", inflight,
			shedder.Admits(inflight, lab.Low), shedder.Admits(inflight, lab.Normal), shedder.Admits(inflight, lab.High))
	}
	// Output:
	// 20 in flight: low true  normal true  high true
	// 30 in flight: low false normal true  high true
	// 50 in flight: low false normal false high true
	// 60 in flight: low false normal false high false
}
