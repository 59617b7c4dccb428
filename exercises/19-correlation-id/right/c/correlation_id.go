// Package correlationid gives every request a name that its answer, its logs and its calls carry.
// This answer keeps a small state per request, counts ids up from a random start,
// and gives the log handler's groups back to the standard library through a tree of two handlers.
package correlationid

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
)

// Header carries the id in requests and in answers.
const Header = "X-Request-ID"

type request struct{ id string }

type where struct{}

// Wrap gives each request an id: the client's if it is valid, else a new one.
func Wrap(next http.Handler) http.Handler {
	var start [12]byte
	rand.Read(start[:])
	prefix := fmt.Sprintf("%x", start[:8])
	var n atomic.Uint32
	n.Store(binary.BigEndian.Uint32(start[8:]))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := accept(r.Header.Values(Header))
		if !ok {
			id = fmt.Sprintf("%s-%08x", prefix, n.Add(1))
		}
		w.Header().Set(Header, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), where{}, &request{id})))
	})
}

func accept(given []string) (string, bool) {
	if len(given) != 1 || given[0] == "" || len(given[0]) > 64 {
		return "", false
	}
	bad := strings.IndexFunc(given[0], func(c rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", c)
	})
	return given[0], bad < 0
}

// ID returns the id in ctx; empty if there is none.
func ID(ctx context.Context) string {
	r, _ := ctx.Value(where{}).(*request)
	if r == nil {
		return ""
	}
	return r.id
}

// Handler returns a log handler that adds request_id to each record whose context has an id.
func Handler(next slog.Handler) slog.Handler {
	return logger{make: func(first ...slog.Attr) slog.Handler {
		if len(first) == 0 {
			return next
		}
		return next.WithAttrs(first)
	}, bare: next}
}

// logger can make its handler anew with attributes in front of everything else.
type logger struct {
	make func(first ...slog.Attr) slog.Handler
	bare slog.Handler
}

func (l logger) then(step func(slog.Handler) slog.Handler) slog.Handler {
	return logger{
		make: func(first ...slog.Attr) slog.Handler { return step(l.make(first...)) },
		bare: step(l.bare),
	}
}

func (l logger) Enabled(ctx context.Context, level slog.Level) bool {
	return l.bare.Enabled(ctx, level)
}

func (l logger) WithAttrs(attrs []slog.Attr) slog.Handler {
	return l.then(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

func (l logger) WithGroup(name string) slog.Handler {
	return l.then(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (l logger) Handle(ctx context.Context, r slog.Record) error {
	if id := ID(ctx); id != "" {
		return l.make(slog.String("request_id", id)).Handle(ctx, r)
	}
	return l.bare.Handle(ctx, r)
}

// Transport returns a round tripper that sends the id of the request's context along.
func Transport(next http.RoundTripper) http.RoundTripper { return carrier{next} }

type carrier struct{ http.RoundTripper }

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	if id := ID(out.Context()); id != "" {
		out.Header.Set(Header, id)
	}
	return c.RoundTripper.RoundTrip(out)
}
