package stale_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/stale"
)

// The database is away from second 10 on. Copies carry the readers through, up
// to max_age.
func Example() {
	copies, err := stale.New(stale.Knobs{Capacity: 100, MaxAge: time.Minute, Background: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, now := range []time.Duration{5 * time.Second, 20 * time.Second, 65 * time.Second, 66 * time.Second} {
		_, _, lease := copies.Look(now, 42, 0)
		res := lab.Response{Body: []byte("feed")}
		if now >= 10*time.Second {
			res = lab.Refuse(lab.Failed, lab.ReasonDown, 0)
		}
		if stale.Keepable(&res) {
			copies.Keep(now, 42, 0, lease, res)
		}
		if copied, ok, _ := copies.Last(now, 42, 0); ok && stale.Covers(&res) {
			res = copied
		}
		fmt.Printf("at %v: %v %q, age %v\n", now, res.Outcome, res.Body, res.Age)
	}
	// Output:
	// at 5s: ok "feed", age 0s
	// at 20s: stale "feed", age 15s
	// at 1m5s: stale "feed", age 1m0s
	// at 1m6s: failed "", age 0s
}
