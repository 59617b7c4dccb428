package breaker_test

import (
	"fmt"
	"time"

	"workbench/lab/pattern/breaker"
)

// A dependency answers every call correctly, but takes 600 ms from 1 s to 4 s.
// The breaker opens on slowness alone, pauses, and closes after two good probes.
func Example() {
	b, err := breaker.New(breaker.Knobs{
		FailureShare: 0.5, MinCalls: 2, Window: time.Second,
		Slow: 400 * time.Millisecond, OpenFor: time.Second, Probes: 2,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	now, refused := time.Duration(0), 0
	b.OnChange = func(to breaker.State) { fmt.Println(now, to) }
	for now < 6*time.Second {
		d := b.Allow(now)
		if d.Reason != "" {
			refused++
			now += 100 * time.Millisecond // the caller comes back
			continue
		}
		if now < time.Second || now >= 4*time.Second {
			now += 100 * time.Millisecond
		} else {
			now += 600 * time.Millisecond
		}
		b.Done(now, d.Pass, breaker.Success)
	}
	fmt.Println("refused at once:", refused)
	// Output:
	// 2.2s open
	// 3.2s half-open
	// 3.8s open
	// 4.8s half-open
	// 5s closed
	// refused at once: 20
}
