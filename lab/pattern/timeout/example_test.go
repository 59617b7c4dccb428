package timeout_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/timeout"
)

// Three callers arrive 2 s after the start. The service allows 1 s; one caller
// gives up earlier, and one already has.
func Example() {
	core, err := timeout.New(timeout.Defaults())
	if err != nil {
		fmt.Println(err)
		return
	}
	now := 2 * time.Second
	for _, patience := range []time.Duration{0, 2300 * time.Millisecond, 1900 * time.Millisecond} {
		deadline := core.Deadline(now, &lab.Request{Patience: patience})
		fmt.Printf("caller waits until %4v: deadline %4v, begin: %v\n", patience, deadline, !timeout.Late(now, deadline))
	}
	// Output:
	// caller waits until   0s: deadline   3s, begin: true
	// caller waits until 2.3s: deadline 2.3s, begin: true
	// caller waits until 1.9s: deadline 1.9s, begin: false
}
