package preset

import (
	"time"

	"workbench/sim/arrival"
	"workbench/sim/load"
	"workbench/sim/population"
)

const generically = "generic"

// generic returns the shapes that are not a measurement of one service. Their
// rates suit a service that can do 1,000 requests a second.
func generic() []Preset {
	return append(shapes(), behaviours()...)
}

// shapes returns one preset for each kind of shape.
func shapes() []Preset {
	crowd := population.Spec{KeySkew: 0.99}
	shape := func(name, title, story string, s arrival.Schedule) Preset {
		return Preset{
			Name: name, Title: title, Story: story, Source: generically,
			Schedule: s, Population: crowd, Client: patient(),
		}
	}
	return []Preset{
		shape("steady", "Steady load",
			"600 independent users a second: the baseline. Even so the gaps are uneven, and that alone makes queues.",
			one(time.Minute, arrival.Shape{Kind: arrival.Steady, Rate: 600})),
		shape("ramp", "Ramp to overload",
			"From 100 to 1,500 requests a second in a minute. Watch where latency leaves the ground: well before the service is full.",
			one(time.Minute, arrival.Shape{Kind: arrival.Ramp, Rate: 100, To: 1500})),
		shape("step", "Step",
			"Twice the load from one second to the next, for good: a neighbour region failed over.",
			one(time.Minute, arrival.Shape{Kind: arrival.Step, Rate: 600, Factor: 2, At: 20 * time.Second})),
		shape("spike", "Spike",
			"Three times the load for ten seconds, then as before. The question is how long the service takes to recover.",
			one(time.Minute, arrival.Shape{Kind: arrival.Spike, Rate: 500, Factor: 3, At: 15 * time.Second, Hold: 10 * time.Second})),
		shape("flash-crowd", "Flash crowd",
			"A link goes round: the load grows exponentially to eight times in 30 s and fades by half every 20 s.",
			one(3*time.Minute, arrival.Shape{
				Kind: arrival.Flash, Rate: 300, Factor: 8,
				At: 15 * time.Second, Rise: 30 * time.Second, HalfLife: 20 * time.Second,
			})),
		shape("diurnal", "Day and night",
			"One day in two minutes, the peak four times the trough: capacity for the peak idles at night.",
			one(4*time.Minute, arrival.Shape{Kind: arrival.Diurnal, Rate: 500, Amplitude: 0.6, Period: 2 * time.Minute})),
		shape("sawtooth", "Sawtooth",
			"The load climbs to three times and falls back at once, every 20 s: scheduled jobs, polling clients.",
			one(2*time.Minute, arrival.Shape{Kind: arrival.Sawtooth, Rate: 300, Factor: 3, Period: 20 * time.Second})),
		shape("trace-replay", "Trace replay",
			"Counts per bin of a recorded minute (made up here; load your own as CSV), replayed as independent arrivals.",
			one(time.Minute, arrival.Shape{
				Kind: arrival.Trace, Bin: 5 * time.Second,
				Bins: []float64{2000, 2150, 2400, 2300, 3900, 5600, 5100, 4200, 3300, 2700, 2350, 2100},
			})),
		{
			Name: "bursts", Title: "Bursts", Source: generically,
			Story:    "The mean of steady, in bursts of three times the rate for about half a second (a Markov-modulated Poisson process).",
			Arrivals: arrival.MMPP,
			Schedule: one(time.Minute, arrival.Shape{Kind: arrival.Steady, Rate: 600}), Population: crowd, Client: patient(),
		},
	}
}

// behaviours returns loads that are defined by who asks and how, more than by
// how many.
func behaviours() []Preset {
	steady := func(rate float64) arrival.Schedule {
		return one(2*time.Minute, arrival.Shape{Kind: arrival.Steady, Rate: rate})
	}
	impatient := load.Client{Timeout: 500 * time.Millisecond, Retries: 2}
	full := impatient
	full.Backoff, full.BackoffCap, full.Jitter = 100*time.Millisecond, 10*time.Second, true
	budget := full
	budget.Budget = 0.1
	const storm = "Users wait 500 ms and try three times. Let the dependency fail for 8 s (brownout or hang) and see whether the service comes back when the dependency does. "
	return []Preset{
		{
			Name: "retry-storm", Title: "Retry storm", Source: "generic; amplification = tries to the power of layers, Site Reliability Engineering, ch. 22",
			Story:    storm + "They retry at once: the load triples just when nothing gets through.",
			Schedule: steady(700), Population: population.Spec{KeySkew: 0.99}, Client: impatient,
		},
		{
			Name: "retry-storm-jitter", Title: "Retry storm with backoff and jitter", Source: "generic; M. Brooker, Exponential backoff and jitter, AWS Architecture Blog, 2015",
			Story:    storm + "They back off with full jitter: the tries are spread out, and are still as many.",
			Schedule: steady(700), Population: population.Spec{KeySkew: 0.99}, Client: full,
		},
		{
			Name: "retry-storm-budget", Title: "Retry storm with a budget", Source: "generic; Site Reliability Engineering, ch. 21: a retry budget of 10 %",
			Story:    storm + "They also retry no more than one in ten first tries: the storm cannot feed itself.",
			Schedule: steady(700), Population: population.Spec{KeySkew: 0.99}, Client: budget,
		},
		{
			Name: "hot-key", Title: "Hot key", Source: generically,
			Story:    "One item draws 40 % of all requests. The total is ordinary; the lock, shard or cache line of that item is not.",
			Schedule: steady(600), Population: population.Spec{KeySkew: 0.99, Hot: population.Hot{Share: 0.4, Key: 1}}, Client: patient(),
		},
		{
			Name: "abusive-user", Title: "Abusive user", Source: generically,
			Story:    "One user makes half of all requests. A global limit starves everybody; a limit for each user does not.",
			Schedule: steady(1400), Population: population.Spec{KeySkew: 0.99, Abuser: population.Abuser{Share: 0.5, User: 1}}, Client: patient(),
		},
		{
			Name: "missing-items", Title: "Items that do not exist", Source: generically,
			Story:    "A crawler guesses addresses: a third of the requests are for items that do not exist, each a different one, so that no cache holds them.",
			Schedule: steady(700), Population: population.Spec{KeySkew: 0.99, Fresh: 0.33}, Client: patient(),
		},
		{
			Name: "ttl-herd", Title: "Expiry herd", Source: generically,
			Story:    "All items were cached in the same second and live for 30 s: they expire in the same second too. Jitter is the cure.",
			Schedule: steady(1000), Population: population.Spec{Keys: 10_000, KeySkew: 0.6}, Client: patient(),
			Lifetimes: []Lifetime{{For: 30 * time.Second, Share: 1}},
		},
		{
			Name: "slow-clients", Title: "Slow clients", Source: generically,
			Story:    "Users on a poor network read 2,000 bytes a second: each answer holds its connection, and whatever the server keeps with it, for long.",
			Schedule: steady(50), Population: population.Spec{KeySkew: 0.99}, Client: load.Client{Timeout: 30 * time.Second, ReadBps: 2000},
		},
	}
}
