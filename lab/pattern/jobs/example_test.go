package jobs_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/jobs"
)

// Orders come at 8 a second and one worker finishes 5: the queue of 200 hides
// the deficit for 67 seconds. By then the oldest order has waited for 25.
func Example() {
	k := jobs.Defaults()
	k.Length, k.Workers = 200, 1
	q, err := jobs.New[int](k, 200*time.Millisecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	const step = 25 * time.Millisecond
	var job *jobs.Job[int]
	for i := 0; ; i++ {
		now := time.Duration(i) * step
		if i%8 == 0 && job != nil {
			q.Finish(now, job, lab.Response{})
		}
		if i%5 == 0 {
			if wait, full := q.Full(); full {
				fmt.Printf("full at %v with an age of %v; ask again in %v\n",
					now.Round(time.Second), q.Age(now).Round(time.Second), wait.Round(time.Second))
				return
			}
			q.Add(now, uint64(i), i)
		}
		if next, ok := q.Take(now); ok {
			job = next
		}
		if i%800 == 0 {
			fmt.Printf("%3v: depth %3d, age %v\n", now, q.Depth(), q.Age(now))
		}
	}
	// Output:
	//  0s: depth   0, age 0s
	// 20s: depth  60, age 7.375s
	// 40s: depth 120, age 14.875s
	// 1m0s: depth 180, age 22.375s
	// full at 1m7s with an age of 25s; ask again in 20s
}
