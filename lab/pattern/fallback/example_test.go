package fallback_test

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/fallback"
)

// The database is gone. What a reader gets depends on what there is for them.
func Example() {
	core, err := fallback.New(fallback.Defaults())
	if err != nil {
		fmt.Println(err)
		return
	}
	down := lab.Refuse(lab.Failed, lab.ReasonDown, 0)
	for _, c := range []struct {
		what   string
		below  lab.Response
		simple bool
	}{
		{"a copy of a minute ago", lab.Response{Outcome: lab.Stale, Age: time.Minute}, true},
		{"a copy of an hour ago", lab.Response{Outcome: lab.Stale, Age: time.Hour}, true},
		{"no copy", down, true},
		{"no copy, no default", down, false},
	} {
		step := core.Decide(0, &lab.Request{Read: true}, &c.below, c.simple)
		out := fallback.Answer(step, c.below, []byte("simpler"))
		fmt.Printf("%s: %v, default %v\n", c.what, out.Outcome, out.Default)
	}
	// Output:
	// a copy of a minute ago: stale, default false
	// a copy of an hour ago: stale, default true
	// no copy: stale, default true
	// no copy, no default: failed, default false
}
