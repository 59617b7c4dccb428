// kills: TestRefusesBadIDs — An id of a megabyte is a megabyte in every line.

package correlationid

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"slices"
)

// Header carries the id in requests and in answers.
const Header = "X-Request-ID"

type key struct{}

// Wrap gives each request an id: the client's if it is valid, else a new one.
func Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := ""
		if given := r.Header.Values(Header); len(given) == 1 && valid(given[0]) {
			id = given[0]
		} else {
			id = fresh()
		}
		w.Header().Set(Header, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, id)))
	})
}

// valid says whether an id may stand in a log line: bounded, and of harmless letters.
func valid(id string) bool {
	if len(id) < 1 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

func fresh() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// ID returns the id in ctx; empty if there is none.
func ID(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// Handler returns a log handler that adds request_id to each record whose context has an id.
func Handler(next slog.Handler) slog.Handler {
	return &handler{root: next, next: next}
}

// handler keeps what With and WithGroup asked for, because the id must stand before
// any group, and a handler cannot leave a group that it has entered.
type handler struct {
	root  slog.Handler // without any of the steps
	next  slog.Handler // with all of them
	steps []func(slog.Handler) slog.Handler
	group bool // one of the steps is a group
}

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	id := ID(ctx)
	if id == "" {
		return h.next.Handle(ctx, r)
	}
	attr := slog.String("request_id", id)
	if !h.group {
		r = r.Clone()
		r.AddAttrs(attr)
		return h.next.Handle(ctx, r)
	}
	to := h.root.WithAttrs([]slog.Attr{attr})
	for _, step := range h.steps {
		to = step(to)
	}
	return to.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) }, h.group)
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(func(to slog.Handler) slog.Handler { return to.WithGroup(name) }, true)
}

func (h *handler) with(step func(slog.Handler) slog.Handler, group bool) slog.Handler {
	return &handler{root: h.root, next: step(h.next), steps: append(slices.Clip(h.steps), step), group: group}
}

// Transport returns a round tripper that sends the id of the request's context along.
func Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

// RoundTrip changes a clone: a round tripper must leave the caller's request alone.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if id := ID(r.Context()); id != "" {
		r = r.Clone(r.Context())
		r.Header.Set(Header, id)
	}
	return t.next.RoundTrip(r)
}
