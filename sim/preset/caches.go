package preset

import (
	"time"

	"workbench/sim/arrival"
	"workbench/sim/population"
)

const (
	twitter = "twitter/cache-trace, stat/2020Mar.md"
	ycsb    = "YCSB, core workloads"
)

const day = 24 * time.Hour

// caches returns loads of key-value stores and caches.
func caches() []Preset {
	return append(append([]Preset{facebook()}, benchmarks()...), clusters()...)
}

// facebook is the ETC pool. Its inter-arrival law is the process gpareto.
func facebook() Preset {
	return Preset{
		Name: "facebook-etc", Title: "A large cache pool",
		Story: "Gaps between requests follow a generalised Pareto law of scale 16.03 µs and shape 0.155: 52,700 requests a second with a coefficient of variation of 1.20, " +
			"burstier than independent users. Key sizes follow GEV(30.80, 8.20, 0.0787), value sizes GPareto(0, 214.5, 0.348) bytes.",
		Source:     "help text of mutilate, citing Atikoglu and others, SIGMETRICS 2012",
		Arrivals:   arrival.GPareto,
		Schedule:   one(time.Minute, arrival.Shape{Kind: arrival.Steady, Rate: 52_700}),
		Population: population.Spec{Users: 1_000_000, Keys: 1_000_000, KeySkew: 0.99, Mix: split("get", 30, "set", 1)},
		Client:     patient(), Unverified: true, Doubt: "the law of the value sizes; the skew and the mix of 30 reads to a write are assumed",
	}
}

// benchmarks returns the six core workloads of YCSB. YCSB names no rate.
func benchmarks() []Preset {
	workload := func(letter, title, story string, mix []population.Weight) Preset {
		return Preset{
			Name: "ycsb-" + letter, Title: "YCSB " + letter + ": " + title, Story: story + " The rate is ours: the benchmark is a closed loop.", Source: ycsb,
			Schedule:   one(time.Minute, arrival.Shape{Kind: arrival.Steady, Rate: 600}),
			Population: population.Spec{Users: 10_000, Keys: 1_000_000, KeySkew: 0.99, Mix: mix},
			Client:     patient(),
		}
	}
	return []Preset{
		workload("a", "update heavy", "Half reads, half updates: a session store.", split("read", 50, "update", 50)),
		workload("b", "read mostly", "95 % reads, 5 % updates: tags on photographs.", split("read", 95, "update", 5)),
		workload("c", "read only", "Reads only: profiles made elsewhere.", []population.Weight{{Op: "read", Weight: 100}}),
		workload("d", "read latest", "95 % reads, 5 % inserts; the newest items are the popular ones (here: the popular ones are fixed).", split("read", 95, "insert", 5)),
		workload("e", "short ranges", "95 % short scans, 5 % inserts: threads of a discussion.", split("scan", 95, "insert", 5)),
		workload("f", "read, change, write", "Half reads, half read-modify-writes: a user database.", split("read", 50, "rmw", 50)),
	}
}

// clusters returns rows of Twitter's table of cache clusters. Its exponents
// have quartiles 0.63, 1.21 and 1.51, so the textbook's 0.99 is milder than
// most.
func clusters() []Preset {
	cluster := func(number, title, story string, rate, skew float64, mix []population.Weight, lives ...Lifetime) Preset {
		return Preset{
			Name: "twitter-c" + number, Title: title, Story: story, Source: twitter,
			Schedule:   one(time.Minute, arrival.Shape{Kind: arrival.Steady, Rate: rate}),
			Population: population.Spec{Users: 100_000, Keys: 1_000_000, KeySkew: skew, Mix: mix},
			Client:     patient(), Lifetimes: lives, Unverified: true,
			Doubt: "the number of keys is assumed",
		}
	}
	unrated := func(p Preset) Preset {
		p.Doubt = "the number of keys and the rate are assumed"
		return p
	}
	assumed := func(p Preset, more string) Preset {
		p.Doubt += "; " + more
		return p
	}
	return []Preset{
		cluster("52", "A typical cache", "Skew 1.21, keys of 20 bytes, values of 273, misses 2.1 %.",
			24_300, 1.21, split("get", 91, "set", 9), Lifetime{For: day, Share: .65}, Lifetime{For: 14 * day, Share: .27}, Lifetime{For: 12 * time.Hour, Share: .07}),
		cluster("18", "A very hot cache", "Skew 2.10: a handful of items is nearly all traffic; misses 0.2 %.",
			26_400, 2.10, split("get", 96, "set", 4), Lifetime{For: 12 * time.Hour, Share: 1}),
		assumed(cluster("1", "Expiry herd, as found", "Skew 2.68 and every item lives for exactly 240 s: what was loaded together expires together.",
			11_400, 2.68, split("get", 90, "set", 10), Lifetime{For: 240 * time.Second, Share: 1}), "the mix is assumed"),
		assumed(cluster("6", "Expiry spread, as found", "Skew 1.88 and lifetimes spread over about 490 to 596 s: the cure, beside cluster 1.",
			12_600, 1.88, split("get", 90, "set", 10), Lifetime{For: 490 * time.Second, Until: 596 * time.Second, Share: 1}), "the mix is assumed"),
		unrated(cluster("4", "Short lives, many misses", "Skew 1.10; items live a minute to an hour and 39 % of the reads miss.",
			1000, 1.10, split("get", 93, "set", 7), Lifetime{For: time.Minute, Share: .39}, Lifetime{For: 5 * time.Minute, Share: .24}, Lifetime{For: time.Hour, Share: .13})),
		unrated(cluster("12", "Written and never read", "80 % writes, skew 0.30, 81 % of the items are touched once: a cache that costs more than it saves.",
			1000, 0.30, split("set", 80, "get", 20), Lifetime{For: 5 * time.Minute, Share: 1})),
		unrated(cluster("23", "Counters", "Reads 36 %, writes 31 %, increments 30 %, skew 0.27: a rate limiter's counters.",
			1000, 0.27, append(split("get", 36, "set", 31), population.Weight{Op: "incr", Weight: 30}), Lifetime{For: 2 * time.Minute, Share: 1})),
		unrated(cluster("10", "A useless cache", "Half adds, half reads, no skew, 99 % misses.",
			1000, 0, split("add", 50, "get", 50))),
	}
}

// split is a mix of two operations in percent.
func split(op string, percent float64, other string, rest float64) []population.Weight {
	return []population.Weight{{Op: op, Weight: percent}, {Op: other, Weight: rest}}
}
