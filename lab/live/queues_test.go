package live_test

import (
	"slices"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/lab/remote"
)

// keysOf lists what a Redis holds under a prefix, in order.
func keysOf(t *testing.T, r *remote.Redis, prefix string) []string {
	t.Helper()
	keys, err := r.Client().Keys(t.Context(), prefix+"*").Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

// On a Redis that others use too, the fault that empties caches empties caches,
// a start takes back what the last run has left, a run removes its own queue at
// its end, and nothing touches what is another's.
func TestASharedRedisKeepsWhatIsNotTheRuns(t *testing.T) {
	server, err := remote.Open(t.Context(), remote.Options{Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	c := server.Client()
	const copied, quota, theirs, plain, queues = "workbench:cache:entry:by-hand", "workbench:ratelimit:by-hand", "workbench-queue:{workbench-orders-theirs}", "somebody-elses", "workbench-queue:"
	seed := func() {
		for _, k := range []string{copied, quota, plain} {
			if err := c.Set(t.Context(), k, "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 { // the queue of a product on the same server
		if err := c.Do(t.Context(), "XADD", theirs, "*", "id", "a").Err(); err != nil {
			t.Fatal(err)
		}
	}
	// check wants these of the keys by hand to be there, and the queue of the others whole.
	check := func(when string, want ...string) {
		t.Helper()
		for _, k := range []string{copied, quota, plain} {
			n, err := c.Exists(t.Context(), k).Result()
			if there := slices.Contains(want, k); err != nil || (n == 1) != there {
				t.Errorf("%s: key %s is there: %d, %v; want %v", when, k, n, err, there)
			}
		}
		if n, err := c.XLen(t.Context(), theirs).Result(); n != 2 || err != nil {
			t.Errorf("%s: %d events in the queue of others, %v; want 2", when, n, err)
		}
	}

	r := open(t, func(c *live.Config) { c.RedisURL = server.URL() })
	seed()
	r.load(trading)
	check("after a start", plain)
	seed()
	r.set("broker", lab.On, map[string]any{"kind": "redis"})
	r.until("the queue in Redis carries", func(s live.State) bool { return strings.Contains(node(s, "broker").Title, "Redis Streams") })
	mine := keysOf(t, server, queues)
	if len(mine) != 2 || !slices.Contains(mine, theirs) {
		t.Fatalf("the queues are %v, want the run's and that of others", mine)
	}
	if _, err := r.SetFault(t.Context(), "cache-flush", live.FaultChange{On: true}); err != nil {
		t.Fatal(err)
	}
	check("after the caches were emptied", quota, plain)
	if got := keysOf(t, server, queues); !slices.Equal(got, mine) {
		t.Errorf("the queues are %v after the caches were emptied, want %v", got, mine)
	}
	seed()
	if _, err := r.SetFault(t.Context(), "cache-down", live.FaultChange{On: true}); err != nil { // the run ends while it is away
		t.Fatal(err)
	}
	r.load(trading)
	check("after the next start", plain)
	if got := keysOf(t, server, queues); !slices.Equal(got, []string{theirs}) {
		t.Errorf("the queues are %v after the run has ended, want that of others alone", got)
	}
}
