package queue_test

import (
	"fmt"
	"time"

	"workbench/lab/pattern/queue"
)

// One worker, a room for two, newest first: the third to wait pushes out the
// first, and the newest is served next.
func Example() {
	k := queue.Defaults()
	k.Workers, k.Length, k.Order = 1, 2, "lifo"
	q, err := queue.New(k)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 4 {
		e := q.Enter(time.Duration(i)*time.Millisecond, 0)
		fmt.Printf("request %d: served at once %v, ticket %d, evicts %d\n", i+1, e.Fate == queue.Serve, e.Ticket, e.Evicted)
	}
	q.Leave()
	ticket, fate, _ := q.Next(20 * time.Millisecond)
	fmt.Printf("next: ticket %d, served %v; still waiting: %d\n", ticket, fate == queue.Serve, q.Depth())
	// Output:
	// request 1: served at once true, ticket 0, evicts 0
	// request 2: served at once false, ticket 1, evicts 0
	// request 3: served at once false, ticket 2, evicts 0
	// request 4: served at once false, ticket 3, evicts 1
	// next: ticket 3, served true; still waiting: 1
}
