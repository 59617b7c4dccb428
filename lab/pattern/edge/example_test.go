package edge_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/edge"
)

// The service is away from second 15 on. The copy answers while it is fresh, then
// while it may be renewed, then because nothing else can.
func Example() {
	copies := edge.New[struct{}](edge.Knobs{Capacity: 10, Life: 10 * time.Second, While: 10 * time.Second, IfError: time.Minute})
	page := &lab.Request{Key: 7, Read: true}
	for _, now := range []time.Duration{0, 5 * time.Second, 15 * time.Second, 40 * time.Second, 2 * time.Minute} {
		res, offer, lease := copies.Look(now, page)
		if offer == edge.Miss {
			res = lab.Response{Body: []byte("page")}
			if now >= 15*time.Second {
				res = lab.Refuse(lab.Failed, lab.ReasonDown, 0)
			}
			copies.Keep(now, page, lease, res)
			if copied, ok := copies.OnError(now, page, &res); ok {
				res = copied
			}
		}
		fmt.Printf("at %v: %v %q, age %v\n", now, res.Outcome, res.Body, res.Age)
	}
	// Output:
	// at 0s: ok "page", age 0s
	// at 5s: ok "page", age 5s
	// at 15s: stale "page", age 15s
	// at 40s: stale "page", age 40s
	// at 2m0s: failed "", age 0s
}
