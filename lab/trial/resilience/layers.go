// Package resilience holds the trials of the guide's chapter on resilience.
package resilience

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"workbench/lab/trial"
)

// layerKnobs are the settings of Layers.
type layerKnobs struct {
	Retry  string `knob:"retry" options:"one,every" help:"which layers ask again: the outermost one alone, or every layer"`
	Layers int    `knob:"layers" min:"1" max:"4" help:"services between the user and the one that fails"`
	Tries  int    `knob:"tries" min:"2" max:"5" help:"how often a layer that asks again asks in all"`
	Users  int    `knob:"users" min:"1" max:"200" help:"requests of users"`
}

// Layers counts the calls that reach a service that fails, when the layers
// above it ask again.
func Layers() trial.Trial {
	return trial.Trial{
		Name: "layered-retries", Title: "Retries in every layer", Chapter: 7,
		Question: "Three services stand in a row before a database that is down, and each of them tries four times. How many calls does one click cause?",
		Lesson:   "Tries multiply: with r tries in each of n layers the last one gets r to the power of n. Let one layer ask again, and give it a budget.",
		Knobs:    func() any { return &layerKnobs{Retry: "one", Layers: 3, Tries: 4, Users: 10} },
		Wrong:    map[string]any{"retry": "every"}, Right: map[string]any{"retry": "one"},
		Run: layers,
	}
}

func layers(ctx context.Context, _ trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*layerKnobs)
	calls := make([]atomic.Int64, k.Layers+1) // by layer; the last is the database
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	below := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls[k.Layers].Add(1)
		http.Error(w, "down", http.StatusServiceUnavailable)
	}))
	defer below.Close()
	next := below.URL
	for i := k.Layers - 1; i >= 0; i-- {
		tries := 1
		if k.Retry == "every" || i == 0 {
			tries = k.Tries
		}
		s := httptest.NewServer(layer(client, next, tries, &calls[i]))
		defer s.Close() // the layers are few, and all of them are needed to the end
		next = s.URL
	}
	for i := range k.Users {
		tell(trial.Step{Text: "users ask", Done: i, Total: k.Users})
		if err := get(ctx, client, next); !errors.Is(err, errDown) {
			return trial.Result{}, fmt.Errorf("the first service answered %w, want what the database says", err)
		}
	}
	return layersResult(k, calls), nil
}

func layersResult(k *layerKnobs, calls []atomic.Int64) trial.Result {
	res := trial.Result{
		Component: fmt.Sprintf("%d HTTP services on loopback", k.Layers+1),
		Columns:   []trial.Column{{Title: "service"}, {Title: "calls received"}, {Title: "for each click"}},
	}
	for i := range calls {
		name := fmt.Sprintf("layer %d", i+1)
		if i == k.Layers {
			name = "database, down"
		}
		n := int(calls[i].Load())
		res.Rows = append(res.Rows, []string{name, trial.Count(n), trial.Number(float64(n)/float64(k.Users), "")})
	}
	each := float64(calls[k.Layers].Load()) / float64(k.Users)
	res.Claims = []trial.Claim{trial.AtMost("calls to the database for each click", each, float64(k.Tries), "")}
	return res
}

// errDown is what a service says that is down.
var errDown = errors.New("503")

// layer is a service that asks the next one, so many times at most.
func layer(client *http.Client, next string, tries int, calls *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var err error
		for range tries {
			if err = get(r.Context(), client, next); err == nil || r.Context().Err() != nil {
				break
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if res.StatusCode != http.StatusOK {
		return errDown
	}
	return nil
}
