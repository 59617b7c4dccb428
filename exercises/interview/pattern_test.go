package interview_test

import (
	"slices"
	"testing"

	"workbench/exercises"
	"workbench/exercises/interview"
	"workbench/exercises/shelf"
	"workbench/lab"
	"workbench/lab/scenario"
	"workbench/lab/system/kind"
)

// teaching returns the names of the scenarios that teach a pattern.
func teaching(t *testing.T, pattern string) []string {
	t.Helper()
	specs, err := scenario.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range specs {
		if s.Teaches == pattern {
			out = append(out, s.Name)
		}
	}
	return out
}

// Each pattern of the lab is what some question is about: one that names it, or
// whose scenario or exercise is the pattern's. Otherwise nobody could ever have
// explained it.
func TestEachPatternIsAskedAbout(t *testing.T) {
	unasked := map[string]string{} // by pattern, the reason why no question is about it
	s, err := shelf.Open(exercises.Files)
	if err != nil {
		t.Fatal(err)
	}
	all, patterns := load(t).List(interview.Filter{}), kind.AllPatterns()
	for _, p := range patterns {
		taught := teaching(t, p.Name)
		about := slices.ContainsFunc(all, func(q interview.Question) bool {
			return slices.Contains(taught, q.Links.Scenario) || slices.Contains(q.Links.Patterns, p.Name) || slices.ContainsFunc(s.All(), func(e shelf.Exercise) bool {
				return e.Pattern == p.Name && e.Slug == q.Links.Exercise
			})
		})
		if why := unasked[p.Name]; about == (why != "") {
			t.Errorf("%s: a question is about it: %v; and the reason why none is: %q", p.Name, about, why)
		}
	}
	for _, q := range all {
		for _, name := range q.Links.Patterns {
			if !slices.ContainsFunc(patterns, func(p lab.Pattern) bool { return p.Name == name }) {
				t.Errorf("question %s: links.patterns: there is no pattern %q", q.ID, name)
			}
		}
	}
}

// A claim with a figure that no run bears out is sent to the scenario that shows
// it: each pattern that a scenario teaches has a concept there, or a reason.
func TestEachTaughtPatternCanBearOutAClaim(t *testing.T) {
	unseen := map[string]string{} // by pattern, the reason why no concept is shown by its scenarios
	c := load(t)
	shown, entries := interview.ShownBy()
	if len(shown) != entries {
		t.Errorf("%d entries for %d concepts, want each concept once", entries, len(shown))
	}
	seen := map[string]bool{}
	for concept, name := range shown {
		if _, ok := c.Explain(concept); !ok {
			t.Errorf("%s is said to show %q, which is no concept", name, concept)
		}
		if !slices.Contains(scenario.Names(), name) {
			t.Errorf("%s is said to be shown by %q, which is no scenario", concept, name)
		}
		seen[name] = true
	}
	for _, p := range kind.AllPatterns() {
		taught := teaching(t, p.Name)
		if len(taught) == 0 {
			continue
		}
		here := slices.ContainsFunc(taught, func(name string) bool { return seen[name] })
		if why := unseen[p.Name]; here == (why != "") {
			t.Errorf("%s: a scenario of %v shows a concept: %v; and the reason why none does: %q", p.Name, taught, here, why)
		}
	}
}

// The four patterns around a call that cannot be answered are known as such: what
// is said of them leads to their own scenarios.
func TestClaimsLeadToTheirScenario(t *testing.T) {
	c := load(t)
	for _, x := range []struct{ question, text, want string }{
		{"hedge-or-not", "A hedged second request after p95 cuts the p99 from 200 ms to 70 ms.", "slow-by-chance"},
		{"turned-down", "With adaptive throttling each instance refuses 80 % of the requests before any work is done.", "costly-refusals"},
		{"leave-out", "A dimmer lets 40 % of the pages be whole.", "optional-work"},
		{"what-instead", "First a copy that is young enough, up to 5 minutes, before the default.", "nothing-to-show"},
	} {
		r := score(t, c, x.question, x.text)
		if len(r.Claims) != 1 || r.Claims[0].Scenario != x.want {
			t.Errorf("%q makes the claims %+v, want one that leads to %s", x.text, r.Claims, x.want)
		}
	}
}

// The questions about them tell an answer that knows the thing from one that only
// knows the words around it.
func TestCallPatternsAreHeardInOtherWords(t *testing.T) {
	c := load(t)
	for _, x := range []struct {
		name, question, text string
		min, max             int
	}{
		{"knows it", "turned-down", "We do a lot of work for each person before the database says no, and that work is wasted. So every instance looks at how many of its calls were accepted in the last ten seconds compared to how many requests came, and it turns away the rest itself, at the door, before doing anything. If only a fifth gets through we let in about twice that, so that we still see when it gets better. If I set the factor lower, we waste less but we notice the recovery late. Unlike a breaker it does not cut off everything.", 60, 100},
		{"other patterns", "turned-down", "I would add a circuit breaker and retries with exponential backoff and jitter. Then I would scale out the database and put a cache in front of it. Kubernetes can add instances automatically.", 0, 40},
		{"knows it", "leave-out", "They came for the feed, so everyone gets the feed. The suggestions I leave out, but only for as many pages as necessary: a feedback loop measures the latency and when p95 is above the target it lowers the share of pages that get suggestions, and raises it again later. The page is marked as reduced and we have a graph of that share, since otherwise nobody notices that it is off. If even the plain pages are too much we still must shed, and leaving out suggestions costs revenue.", 60, 100},
		{"refuses half", "leave-out", "Half of the users get an error 503 with Retry-After and the others get the page. I would scale the database and add read replicas.", 0, 40},
		{"knows it", "what-instead", "If the copy is only a few minutes old I show it, with its age. Without one I give a default, which needs no call, and it is marked so that nobody takes it as fresh. If the only copy is older it comes after the default, and then there is the error. For a balance or permissions I never give a default because it would be a lie, so there it is an error. We count how often each fallback is given and alert on it, since it hides the outage, and we test it every month.", 60, 100},
		{"retries", "what-instead", "I would retry three times with exponential backoff, then fail over to the standby database. Users see a spinner until it is back. A load balancer helps.", 0, 40},
	} {
		if got := score(t, c, x.question, x.text).Total; got < x.min || got > x.max {
			t.Errorf("%s to %s: %d points, want %d to %d:%s", x.name, x.question, got, x.min, x.max, explain(score(t, c, x.question, x.text)))
		}
	}
}
