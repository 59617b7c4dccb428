package preset

import (
	"time"

	"workbench/sim/arrival"
	"workbench/sim/population"
)

// crowds returns loads of whole sites. Where the source gives a total over a
// long time, a minute of the lab stands for it and the story says so.
func crowds() []Preset {
	const wikiRate = 10.4e6 / 3600 // all page views in the hour of the event
	return []Preset{
		{
			Name: "wiki-hot-key", Title: "One page of an encyclopedia",
			Story: "One page went from 6,400 views a day to 1.0 million in an hour, about 3,750 times its mean hour and 9.6 % of all traffic; " +
				"the total rose by only 10 %, to 10.4 million views an hour. Volume was not the problem, the key was.",
			Source: "dom.as, 2009-08-20; wikien-l, June 2009",
			Schedule: arrival.Schedule{
				{Name: "before", For: 20 * time.Second, Shape: arrival.Shape{Kind: arrival.Steady, Rate: wikiRate / 1.1}},
				{Name: "news", For: 40 * time.Second, Shape: arrival.Shape{Kind: arrival.Steady, Rate: wikiRate}},
			},
			Population: population.Spec{Users: 1_000_000, Keys: 3_000_000, KeySkew: 0.85, Hot: population.Hot{Share: 0.096, Key: 1}},
			Client:     patient(), Unverified: true,
			Doubt: "the skew of the other pages and their number are assumed; the hot share applies to both phases",
		},
		{
			Name: "wiki-long-tail", Title: "The long tail of an encyclopedia",
			Story: "20 million views in an hour went to 5 million different pages, 3.5 million of which were seen once: " +
				"a cache must not give a place to everything that is asked for once.",
			Source:     "dom.as, 2009-08-20",
			Schedule:   one(time.Minute, arrival.Shape{Kind: arrival.Steady, Rate: 20e6 / 3600}),
			Population: population.Spec{Users: 1_000_000, Keys: 10_000_000, KeySkew: 0.85},
			Client:     patient(), Unverified: true, Doubt: "the skew and the number of pages that could be asked for are chosen to resemble the tail",
		},
		{
			Name: "starr-report", Title: "The Starr report",
			Story:      "A document of public interest drew over 3 million requests an hour (833 a second), 50 times the average of the site.",
			Source:     "HTTP book excerpt, underpop.online.fr",
			Schedule:   one(time.Minute, arrival.Shape{Kind: arrival.Step, Rate: 3e6 / 3600 / 50, Factor: 50, At: 15 * time.Second}),
			Population: population.Spec{Users: 1_000_000, Keys: 1000, KeySkew: 1, Hot: population.Hot{Share: 0.8, Key: 1}},
			Client:     patient(), Unverified: true, Doubt: "the share of the one document (80 %) is assumed",
		},
		{
			Name: "ticket-drop", Title: "A thousand tickets",
			Story:  "10 million visitors came in 20 minutes, about 8,300 a second, for 1,000 tickets: nearly everybody must be told no, cheaply and at once.",
			Source: "China Daily / Reuters, 2011-02-25",
			Schedule: arrival.Schedule{
				{Name: "waiting", For: 10 * time.Second, Shape: arrival.Shape{Kind: arrival.Steady, Rate: 80}},
				{Name: "sale", For: 50 * time.Second, Shape: arrival.Shape{Kind: arrival.Steady, Rate: 10e6 / 1200}},
			},
			Population: population.Spec{Users: 10_000_000, Keys: 1000},
			Client:     patient(), Unverified: true, Doubt: "the load before the sale is assumed",
		},
		{
			Name: "worldcup98", Title: "World Cup 1998",
			Story: "1.35 thousand million requests in about 88 days, 175 a second on average; at a match the load is many times that. " +
				"Here half a minute is a quiet hour and a minute is a match, at its peak 200,000 requests a minute.",
			Source: "M. Arlitt and T. Jin, IEEE Network 14(3), 2000",
			Schedule: arrival.Schedule{
				{Name: "quiet", For: 30 * time.Second, Shape: arrival.Shape{Kind: arrival.Steady, Rate: 175}},
				{Name: "match", For: time.Minute, Shape: arrival.Shape{
					Kind: arrival.Flash, Rate: 175, Factor: 200_000.0 / 60 / 175, Rise: 20 * time.Second, HalfLife: 10 * time.Second,
				}},
			},
			Population: population.Spec{Users: 1_000_000, Keys: 20_000, KeySkew: 1},
			Client:     patient(), Unverified: true, Doubt: "the peak (over 200,000 a minute, 73 million on the busiest day); the skew and the shape of a match are assumed",
		},
		{
			Name: "wikimedia-diurnal", Title: "A day of an encyclopedia",
			Story:      "The peak lies between 14 and 21 UTC and is about twice the trough; weekdays are above weekends. One day in two minutes.",
			Source:     "thoughtsfordeletion, April 2007; wikien-l, April 2007",
			Schedule:   one(4*time.Minute, arrival.Shape{Kind: arrival.Diurnal, Rate: 2800, Amplitude: 1.0 / 3, Period: 2 * time.Minute}),
			Population: population.Spec{Users: 1_000_000, Keys: 3_000_000, KeySkew: 0.85},
			Client:     patient(), Unverified: true, Doubt: "peak to trough of 2 to 1; the mean rate and the skew are assumed",
		},
		azure(),
	}
}

// azure is the mix of what starts functions in a public cloud.
func azure() Preset {
	return Preset{
		Name: "azure-functions", Title: "Functions in a public cloud",
		Story: "What starts a function: HTTP 36 % of the invocations, queues 34, events 25, timers 2, orchestration 2 (of the functions themselves 55, 15, 2, 16 and 7 %). " +
			"The data set has 14 files of 1,440 per-minute columns: convert a row to CSV and load it as a trace. The rate here is only a carrier for the mix.",
		Source:   "mikhail.io, May 2020; AzurePublicDataset, AzureFunctionsDataset2019 (CC-BY)",
		Schedule: one(time.Minute, arrival.Shape{Kind: arrival.Steady, Rate: 500}),
		Population: population.Spec{Users: 10_000, UserSkew: 1, Keys: 50_000, KeySkew: 1.2, Mix: []population.Weight{
			{Op: "http", Weight: 36}, {Op: "queue", Weight: 34}, {Op: "event", Weight: 25}, {Op: "timer", Weight: 2}, {Op: "orchestration", Weight: 2},
		}},
		Client: patient(), Unverified: true, Doubt: "the rate and the skews are assumed",
	}
}
