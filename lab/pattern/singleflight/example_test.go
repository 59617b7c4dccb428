package singleflight_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/singleflight"
)

// A hot entry has expired and its load takes 200 ms. Requests come every 50 ms;
// a write at 120 ms ends the joining, since the load may have read too early.
func Example() {
	g := singleflight.New[string](singleflight.Defaults())
	read := func(at time.Duration, name string) *singleflight.Flight[string] {
		f, leads := g.Join(at, &lab.Request{Key: 42, Read: true})
		if leads {
			f.Of = name
			fmt.Printf("%5v  %s asks the database\n", at, name)
		} else {
			fmt.Printf("%5v  %s waits for %s\n", at, name, f.Of)
		}
		return f
	}
	first := read(0, "Ann")
	read(50*time.Millisecond, "Bob")
	read(100*time.Millisecond, "Cleo")
	g.Forget(42)
	fmt.Println("120ms  item 42 is written")
	read(150*time.Millisecond, "Dan")
	g.Land(first)
	fmt.Println("200ms  the first answer goes to Ann, Bob and Cleo")
	read(250*time.Millisecond, "Eve")
	// Output:
	//    0s  Ann asks the database
	//  50ms  Bob waits for Ann
	// 100ms  Cleo waits for Ann
	// 120ms  item 42 is written
	// 150ms  Dan asks the database
	// 200ms  the first answer goes to Ann, Bob and Cleo
	// 250ms  Eve waits for Dan
}
