package interview_test

import (
	"testing"

	"workbench/exercises/interview"
)

// A run bears out what names its metric with a figure of the same kind, in whatever
// unit, and nothing else that happens to have the same digits.
func TestEvidenceIsOfOneKind(t *testing.T) {
	c := load(t)
	cited := []interview.Citation{
		{Run: 4, Metric: "goodput_share", Value: 0.0166}, {Run: 4, Metric: "p50_ms", Value: 16.6}, {Run: 4, Metric: "p95_ms", Value: 478}, {Run: 4, Metric: "p99_ms", Value: 2312},
		{Run: 4, Metric: "offered_rate", Value: 493}, {Run: 4, Metric: "tries_per_user", Value: 1.195}, {Run: 4, Metric: "sent", Value: 35_400},
		{Run: 4, Metric: "users get answers again within ten seconds of the spike", Value: 7.5},
	}
	for _, x := range []struct{ name, text, metric string }{
		{"a time set, not a factor", "We give each call a timeout of 1.2 seconds, because longer waits only fill the queue.", ""},
		{"a rate, not a time", "Our retries come in at 493 requests a second from the mobile app.", ""},
		{"a rate of the size of p95", "The gateway passes on 478 requests a second to users.", "offered_rate"},
		{"a share of something else", "The disk is 1.65 % full.", ""},
		{"a time between tries", "A budget keeps retries at 16.6 ms apart.", ""},
		{"another quantile", "The p99 latency was 478 ms.", ""},
		{"a timeout of the same length", "The p95 suggests a timeout of 478 ms.", ""},
		{"a time of the same digits as a claim", "The proxy holds each one for 7.5 seconds.", ""},
		{"p95", "The p95 was 478 ms.", "p95_ms"},
		{"in seconds", "With three tries p99 went up to 2.3 s.", "p99_ms"},
		{"in words of latency", "Half of the answers took 17 ms.", "p50_ms"},
		{"goodput in per cent", "Goodput fell to 1.7 % of the users.", "goodput_share"},
		{"goodput as a part of one", "The goodput was 0.0166 in the end.", "goodput_share"},
		{"a rate", "About 500 users a second arrived.", "offered_rate"},
		{"a rate a minute", "About 29,600 requests a minute arrived.", "offered_rate"},
		{"tries for each user", "The client sent 1.2 tries for each user.", "tries_per_user"},
		{"a factor", "Retries multiplied the load 1.2 times.", "tries_per_user"},
		{"a count", "In all 35,000 requests were sent.", "sent"},
		{"a claim of the run", "After the spike users were served again within 7.5 seconds.", "users get answers again within ten seconds of the spike"},
	} {
		r, err := c.Score("retries-worse", interview.Answer{Text: x.text, Evidence: cited})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, claim := range r.Claims {
			if claim.Backed != nil {
				got = claim.Backed.Metric
			}
		}
		if got != x.metric {
			t.Errorf("%s: %q is borne out by %q, want %q", x.name, x.text, got, x.metric)
		}
	}
}
