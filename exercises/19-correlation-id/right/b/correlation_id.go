// Package correlationid gives every request a name that its answer, its logs and its calls carry.
// This answer validates with a regular expression and builds groups itself, from inside out.
package correlationid

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"regexp"
)

// Header carries the id in requests and in answers.
const Header = "X-Request-ID"

type contextKey int

const idKey contextKey = 1

// Wrap gives each request an id: the client's if it is valid, else a new one.
func Wrap(next http.Handler) http.Handler {
	valid := regexp.MustCompile(`\A[A-Za-z0-9._-]{1,64}\z`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()
		if all := r.Header[http.CanonicalHeaderKey(Header)]; len(all) == 1 && valid.MatchString(all[0]) {
			id = all[0]
		}
		w.Header().Set(Header, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), idKey, id)))
	})
}

// ID returns the id in ctx; empty if there is none.
func ID(ctx context.Context) string {
	if id, ok := ctx.Value(idKey).(string); ok {
		return id
	}
	return ""
}

// Handler returns a log handler that adds request_id to each record whose context has an id.
func Handler(next slog.Handler) slog.Handler { return nest{next: next} }

// nest is one group, or the top when outer is nil. Attributes of groups are kept
// here and put together for each record; next is never told of groups at all.
type nest struct {
	next  slog.Handler
	outer *nest
	name  string
	attrs []slog.Attr
}

func (n nest) Enabled(ctx context.Context, l slog.Level) bool { return n.next.Enabled(ctx, l) }

func (n nest) WithAttrs(attrs []slog.Attr) slog.Handler {
	all := make([]slog.Attr, 0, len(n.attrs)+len(attrs))
	n.attrs = append(append(all, n.attrs...), attrs...)
	return n
}

func (n nest) WithGroup(name string) slog.Handler {
	if name == "" {
		return n
	}
	return nest{next: n.next, outer: &n, name: name}
}

func (n nest) Handle(ctx context.Context, r slog.Record) error {
	var own []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		own = append(own, a)
		return true
	})
	at := &n
	for {
		own = append(append([]slog.Attr{}, at.attrs...), own...)
		if at.outer == nil {
			break
		}
		if len(own) > 0 { // an empty group is left out
			own = []slog.Attr{{Key: at.name, Value: slog.GroupValue(own...)}}
		}
		at = at.outer
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	if id := ID(ctx); id != "" {
		out.AddAttrs(slog.String("request_id", id))
	}
	out.AddAttrs(own...)
	return n.next.Handle(ctx, out)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Transport returns a round tripper that sends the id of the request's context along.
func Transport(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		id := ID(r.Context())
		if id == "" {
			return next.RoundTrip(r)
		}
		out := *r
		out.Header = r.Header.Clone()
		if out.Header == nil {
			out.Header = http.Header{}
		}
		out.Header.Set(Header, id)
		return next.RoundTrip(&out)
	})
}
