package host

import (
	"context"
	"errors"
)

// refusal is the error of a load that brought no value to keep. What the lab
// answers instead travels in it, so that all who waited for that load get it.
type refusal struct{ text string }

// Error implements error.
func (r *refusal) Error() string { return "the load brought no value that may be kept" }

// errLoads is what a solution gets that loads twice for one question.
var errLoads = errors.New("this question has been loaded for already")

// loaded is how a load has ended.
type loaded struct {
	value string
	err   error
}

// fetch has a solution answer one question.
func (h *host) fetch(ctx context.Context, id uint32, key string) Tell {
	value, err := h.solution.Fetch(ctx, key, func(ctx context.Context) (string, error) { return h.load(ctx, id) })
	var why *refusal
	switch {
	case err == nil && len(value) <= MaxText:
		return Tell{ID: id, OK: true, Text: []byte(value)}
	case errors.As(err, &why):
		return Tell{ID: id, Text: []byte(why.text)}
	}
	return Tell{ID: id}
}

// load asks the lab to load and waits for the end of it, or of ctx.
func (h *host) load(ctx context.Context, id uint32) (string, error) {
	end := make(chan loaded, 1)
	h.mu.Lock()
	if h.loads[id] != nil {
		h.mu.Unlock()
		return "", errLoads
	}
	h.loads[id] = end
	h.mu.Unlock()
	h.say(Tell{ID: id, Word: Call})
	select {
	case l := <-end:
		return l.value, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// bring hands the end of a load to who waits for it.
func (h *host) bring(a Ask) {
	h.mu.Lock()
	end := h.loads[a.ID]
	delete(h.loads, a.ID)
	h.mu.Unlock()
	if end == nil {
		return
	}
	if a.End == 0 {
		end <- loaded{value: string(a.Text)}
		return
	}
	end <- loaded{err: &refusal{string(a.Text)}}
}
