package cache_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/cache"
)

// A slow load races with a write. The lease that Get gave out at the miss is
// void after Drop, so the old answer is not kept.
func Example() {
	c := cache.New(1000, 0)
	const user, profile = 42, 0
	look := func(now time.Duration) cache.Lease {
		res, found, lease := c.Get(now, user, profile, 0)
		fmt.Printf("%5v  %-7s %-4s age %v\n", now, [...]string{"miss", "expired", "early", "hit"}[found], res.Body, res.Age)
		return lease
	}
	keep := func(now time.Duration, lease cache.Lease, text string) {
		stored := c.Put(now, user, profile, lease, lab.Response{Body: []byte(text)}, 30*time.Second, 0)
		fmt.Printf("%5v  %s %q\n", now, [...]string{"refused", "kept", "kept for another"}[stored], text)
	}
	first := look(0)
	keep(1*time.Second, first, "Ann")
	look(10 * time.Second)
	slow := look(31 * time.Second) // begins to load "Ann" again …
	c.Drop(user)                   // … the user is renamed …
	keep(32*time.Second, slow, "Ann")
	keep(33*time.Second, look(33*time.Second), "Bea")
	look(34 * time.Second)
	// Output:
	//    0s  miss         age 0s
	//    1s  kept "Ann"
	//   10s  hit     Ann  age 9s
	//   31s  expired      age 0s
	//   32s  refused "Ann"
	//   33s  miss         age 0s
	//   33s  kept "Bea"
	//   34s  hit     Bea  age 1s
}
