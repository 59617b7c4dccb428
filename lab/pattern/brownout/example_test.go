package brownout_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/brownout"
)

// A service that takes 100 ms for a request and 400 ms more for its optional
// part, in proportion to how many get it. The dimmer finds the share that keeps
// the target.
func Example() {
	k := brownout.Defaults()
	d, err := brownout.New(k)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 4000 {
		now := time.Duration(i) * 10 * time.Millisecond
		share, _ := d.Share()
		d.Enter(now, 0)
		d.Leave(now, now-100*time.Millisecond-time.Duration(share*float64(400*time.Millisecond)), lab.OK)
	}
	share, measured := d.Share()
	fmt.Printf("target %v: %v at a share of %.1f\n", k.Target, measured.Round(10*time.Millisecond), share)
	// Output:
	// target 300ms: 300ms at a share of 0.5
}
