package httpcache

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"workbench/lab/trial"
)

type validatorKnobs struct {
	Condition bool `knob:"condition" help:"clients send the ETag that they remember"`
	Items     int  `knob:"items" min:"1" max:"500" help:"pages that a client looks at again and again"`
	Rounds    int  `knob:"rounds" min:"1" max:"100" help:"how often it comes back"`
	Size      int  `knob:"size" unit:"bytes" min:"100" max:"200000" help:"of a page"`
}

// Validators compares what coming back costs with a condition and without.
func Validators() trial.Trial {
	return trial.Trial{
		Name: "etag-bytes", Title: "304 in place of the page", Chapter: 4,
		Question: "A client comes back to a page of 20 kB that has not changed. How many bytes does it cost if it sends the ETag along?",
		Lesson:   "A validator turns the second visit into a few hundred bytes of fields, whoever answers it.",
		Knobs:    func() any { return &validatorKnobs{Condition: true, Items: 20, Rounds: 10, Size: 20_000} },
		Wrong:    map[string]any{"condition": false}, Right: map[string]any{"condition": true},
		Run: validators,
	}
}

func validators(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*validatorKnobs)
	page := strings.Repeat("x", k.Size)
	s, err := build(env.Clock, page200(page, "max-age=60"), nil)
	if err != nil {
		return trial.Result{}, err
	}
	defer s.close()
	tags := make([]string, k.Items)
	unmodified := int64(0)
	var first int64
	for round := range k.Rounds + 1 {
		tell(trial.Step{Text: "visits", Done: round, Total: k.Rounds + 1})
		if round == 1 {
			first = s.read.Load()
		}
		for i := range k.Items {
			var fields []string
			if k.Condition && tags[i] != "" {
				fields = []string{"If-None-Match", tags[i]}
			}
			got, err := s.get(ctx, fmt.Sprintf("/page/%d", i), fields...)
			if err != nil {
				return trial.Result{}, err
			}
			if tags[i] = got.head.Get("Etag"); got.status == http.StatusNotModified {
				unmodified++
			}
		}
	}
	visits := int64(k.Items * k.Rounds)
	each := (s.read.Load() - first) / visits
	return trial.Result{
		Component: component,
		Columns:   []trial.Column{{Title: "visits after the first"}, {Title: "answered 304"}, {Title: "bytes a first visit", Unit: "B"}, {Title: "bytes a later visit", Unit: "B"}, {Title: "requests to the origin"}},
		Rows:      [][]string{{count(visits), count(unmodified), count(first / int64(k.Items)), count(each), count(s.asked.Load())}},
		Claims: []trial.Claim{
			atMost("bytes a later visit costs, of a page of "+count(int64(k.Size)), each, max(500, int64(k.Size)/20)),
			atMost("requests to the origin", s.asked.Load(), int64(k.Items)),
		},
	}, nil
}

// page200 answers with a page, or 304 to who has it.
func page200(page, control string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", control)
		tag := fmt.Sprintf("%q", r.URL.Path)
		w.Header().Set("Etag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(page)) // an error means that the cache has left
	}
}

type stormKnobs struct {
	Lifetime time.Duration `knob:"lifetime" min:"0s" max:"1h" help:"for which a page is fresh; 0: it is validated at every use"`
	Items    int           `knob:"items" min:"1" max:"200" help:"pages"`
	Readers  int           `knob:"readers" min:"1" max:"100" help:"who read at once"`
	Rounds   int           `knob:"rounds" min:"1" max:"100" help:"pages that each reads"`
}

// Storm counts what validating at every use costs the origin.
func Storm() trial.Trial {
	return trial.Trial{
		Name: "conditional-storm", Title: "A lifetime of nothing", Chapter: 4,
		Question: "Pages have an ETag and max-age=0, so that a cache validates them at every use. 1,000 reads of 10 pages: how many requests does the origin see?",
		Lesson:   "A 304 saves bytes and no requests: only a lifetime, even a short one, takes load off the origin.",
		Knobs:    func() any { return &stormKnobs{Lifetime: time.Minute, Items: 10, Readers: 20, Rounds: 50} },
		Wrong:    map[string]any{"lifetime": "0s"}, Right: map[string]any{"lifetime": "1m"},
		Run: storm,
	}
}

func storm(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*stormKnobs)
	s, err := build(env.Clock, page200(strings.Repeat("x", 2000), fmt.Sprintf("max-age=%d", int64(k.Lifetime/time.Second))), nil)
	if err != nil {
		return trial.Result{}, err
	}
	defer s.close()
	for i := range k.Items { // every page has its copy before the storm begins
		if _, err := s.get(ctx, fmt.Sprintf("/page/%d", i)); err != nil {
			return trial.Result{}, err
		}
	}
	warm := s.asked.Load()
	tell(trial.Step{Text: "reads", Total: k.Readers * k.Rounds})
	err = together(k.Readers, func(reader int) error {
		for round := range k.Rounds {
			if _, err := s.get(ctx, fmt.Sprintf("/page/%d", (reader+round)%k.Items)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return trial.Result{}, err
	}
	reads, more := int64(k.Readers*k.Rounds), s.asked.Load()-warm
	stats := s.cache.Stats()
	return trial.Result{
		Component: component,
		Columns:   []trial.Column{{Title: "reads"}, {Title: "requests to the origin"}, {Title: "of those answered 304"}, {Title: "bytes saved", Unit: "B"}},
		Rows:      [][]string{{count(reads), count(more), count(int64(stats.Revalidated)), count(int64(stats.BytesSaved))}},
		Claims:    []trial.Claim{atMost("requests to the origin in the storm", more, reads/100)},
	}, nil
}

type varyKnobs struct {
	Vary    string `knob:"vary" options:"User-Agent,Accept-Encoding" help:"the field on which the origin says that its answer depends"`
	Clients int    `knob:"clients" min:"1" max:"2000" help:"each with a User-Agent of its own and one of two sets of encodings"`
}

// Variants counts the copies that a field makes of one page.
func Variants() trial.Trial {
	return trial.Trial{
		Name: "vary-variants", Title: "A copy for every browser", Chapter: 4,
		Question: "An origin says Vary: User-Agent. 500 clients with as many versions of their browsers read one page. How many of them does the cache answer?",
		Lesson:   "Vary on a field with many values is a cache that misses; vary on what the answer depends on, in few, normalised forms.",
		Knobs:    func() any { return &varyKnobs{Vary: "Accept-Encoding", Clients: 500} },
		Wrong:    map[string]any{"vary": "User-Agent"}, Right: map[string]any{"vary": "Accept-Encoding"},
		Run: variants,
	}
}

func variants(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*varyKnobs)
	var bodies atomic.Int64
	s, err := build(env.Clock, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", k.Vary)
		fmt.Fprintf(w, "page %d", bodies.Add(1))
	}, nil)
	if err != nil {
		return trial.Result{}, err
	}
	defer s.close()
	// The same encodings as browsers spell them, and a client that knows none.
	spelled := []string{"gzip, deflate, br", "gzip,deflate,br", "br, gzip, deflate", "GZIP, deflate, br", "identity"}
	for i := range k.Clients {
		if i%100 == 0 {
			tell(trial.Step{Text: "clients", Done: i, Total: k.Clients})
		}
		if _, err := s.get(ctx, "/page", "User-Agent", fmt.Sprintf("Browser/1.%d", i), "Accept-Encoding", spelled[i%len(spelled)]); err != nil {
			return trial.Result{}, err
		}
	}
	s.cache.Close() // copies on their way are counted too
	stats := s.cache.Stats()
	return trial.Result{
		Component: component,
		Columns:   []trial.Column{{Title: "clients"}, {Title: "requests to the origin"}, {Title: "copies kept of the one page"}, {Title: "copies dropped for want of room"}, {Title: "hits"}},
		Rows:      [][]string{{count(int64(k.Clients)), count(s.asked.Load()), count(int64(stats.Entries)), count(int64(stats.Evicted)), count(int64(stats.Hits))}},
		Claims:    []trial.Claim{atMost("requests to the origin for one page", s.asked.Load(), 2)},
	}, nil
}
